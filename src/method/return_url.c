/* URLs are compared by their text, not parsed into parts and put together again: what was checked is
 * what is sent in the location header, byte for byte. */
#include "return_url.h"

#include <sessiond/base/ascii.h>
#include <sessiond/base/authority.h>

/* RFC 3986 section 2, without '#': what may stand in a URL that has no fragment. */
static bool url_byte(uint8_t c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}#", c) == NULL;
}

/* Empty: no URL, or one without a host. '@' is in no authority that is one: https://shop.example@evil.example is
 * evil.example to a browser. */
static struct ses_slice host_of(struct ses_slice url)
{
    struct ses_authority authority = {.host = SES_SLICE_EMPTY};
    struct ses_origin origin;

    if (ses_origin_parse(url, &origin) != SES_OK ||
        ses_authority_parse_peer(origin.authority, &authority) != SES_OK)
        return SES_SLICE_EMPTY;
    return authority.host;
}

bool ses_return_url_check(struct ses_slice url, bool sandbox)
{
    struct ses_slice host = host_of(url);

    if (url.len > SES_RETURN_URL_BYTES_MAX || host.len == 0)
        return false;
    for (size_t i = 0; i < url.len; i++) {
        if (!url_byte(url.data[i]))
            return false;
    }
    return ses_slice_starts(url, SES_STR("https://")) || (sandbox && ses_host_is_loopback(host));
}

struct ses_slice ses_return_url_origin(struct ses_slice url)
{
    struct ses_origin origin;

    return ses_origin_parse(url, &origin) == SES_OK ? origin.text : SES_SLICE_EMPTY;
}

/* Labels of letters, digits and '-', dots between them. */
bool ses_return_url_framable(struct ses_slice url)
{
    struct ses_slice host = host_of(url);
    bool inside = false; /* a label */

    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        bool label = ses_ascii_is_letter(c) || ses_ascii_is_digit(c) || c == '-';

        if (!label && (c != '.' || !inside))
            return false;
        inside = label;
    }
    return inside;
}

/* The whole origin, scheme and port included. In sandbox mode loopback needs no list, or nobody could
 * try it out. */
bool ses_return_url_allowed(const struct ses_service_options *options, struct ses_slice merchant,
                            struct ses_slice url)
{
    struct ses_slice origin = ses_return_url_origin(url);

    for (size_t i = 0; i < options->return_urls_count; i++) {
        const struct ses_merchant_origin *row = &options->return_urls[i];

        if ((strcmp(row->merchant, "*") == 0 || ses_slice_eq_str(merchant, row->merchant)) &&
            ses_slice_ieq(origin, ses_slice_str(row->origin)))
            return true;
    }
    return options->policy.sandbox && ses_host_is_loopback(host_of(url));
}
