/* An address as the network it belongs to: a /24 is the smallest block of IPv4 that is routed by itself, a
 * /48 the largest of IPv6 that one site is usually given (RFC 6177). The text is inet_ntop's, so one network
 * has one spelling.
 */
#include <sessiond/domain/binding.h>

#include <arpa/inet.h>
#include <stdio.h>

static bool is_mapped_v4(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(address, mapped, sizeof(mapped)) == 0;
}

static void put_v4(const uint8_t *a, char *ret_prefix)
{
    (void)snprintf(ret_prefix, SES_IP_PREFIX_SIZE, "%u.%u.%u.0/24", a[0], a[1], a[2]);
}

bool ses_ip_prefix(struct ses_slice address, char *ret_prefix)
{
    char text[INET6_ADDRSTRLEN];
    uint8_t bytes[16];

    if (address.len == 0 || address.len >= sizeof(text) || memchr(address.data, 0, address.len) != NULL)
        return false;
    memcpy(text, address.data, address.len);
    text[address.len] = '\0';
    if (inet_pton(AF_INET, text, bytes) == 1) {
        put_v4(bytes, ret_prefix);
        return true;
    }
    if (inet_pton(AF_INET6, text, bytes) != 1)
        return false;
    if (is_mapped_v4(bytes)) {
        put_v4(bytes + 12, ret_prefix);
        return true;
    }
    memset(bytes + 6, 0, sizeof(bytes) - 6);
    SES_REQUIRE(inet_ntop(AF_INET6, bytes, text, sizeof(text)) != NULL);
    (void)snprintf(ret_prefix, SES_IP_PREFIX_SIZE, "%s/48", text);
    return true;
}
