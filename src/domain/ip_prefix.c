/* An address as the network it belongs to: a /24 is the smallest block of IPv4 that is routed by itself, a
 * /48 the largest of IPv6 that one site is usually given (RFC 6177). The text is inet_ntop's, so one network
 * has one spelling.
 */
#include <sessiond/domain/binding.h>

#include <stdio.h>

#include <sessiond/base/ip.h>

#define V4_AT      12u /* in struct ses_ip */
#define SITE_BYTES 6u

bool ses_ip_prefix(struct ses_slice address, char *ret_prefix)
{
    char text[SES_IP_TEXT_SIZE];
    struct ses_ip ip;

    if (ses_ip_parse(address, &ip) != SES_OK)
        return false;
    if (ses_ip_is_v4(&ip)) {
        const uint8_t *a = ip.bytes + V4_AT;

        (void)snprintf(ret_prefix, SES_IP_PREFIX_SIZE, "%u.%u.%u.0/24", a[0], a[1], a[2]);
        return true;
    }
    memset(ip.bytes + SITE_BYTES, 0, sizeof(ip.bytes) - SITE_BYTES);
    ses_ip_text(&ip, text);
    (void)snprintf(ret_prefix, SES_IP_PREFIX_SIZE, "%s/48", text);
    return true;
}
