/* URLs are compared by their text, not parsed into parts and put together again: what was checked is
 * what is sent in the location header, byte for byte. */
#include "return_url.h"

#define HTTPS SES_STR("https://")
#define HTTP  SES_STR("http://")

/* RFC 3986 section 2, without '#': what may stand in a URL that has no fragment. */
static bool url_byte(uint8_t c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}#", c) == NULL;
}

/* Ends at '/' or '?' ('#' and '\\' cannot be in it, url_byte refuses them): a browser must not see
 * another end than we do. */
static struct ses_slice authority(struct ses_slice url)
{
    size_t from = ses_slice_starts(url, HTTPS) ? HTTPS.len : HTTP.len;
    size_t to = from;

    while (to < url.len && url.data[to] != '/' && url.data[to] != '?')
        to++;
    return ses_slice_cut(url, from, to);
}

/* By literal forms only: a name that resolves to loopback today may not tomorrow. */
static bool loopback(struct ses_slice host)
{
    static const struct ses_slice hosts[] = {SES_STR_INIT("127.0.0.1"), SES_STR_INIT("localhost"),
                                             SES_STR_INIT("[::1]")};

    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        if (ses_slice_starts(host, hosts[i]) && (host.len == hosts[i].len || host.data[hosts[i].len] == ':'))
            return true;
    }
    return false;
}

static bool port_check(struct ses_slice port)
{
    uint64_t number = 0;

    return ses_parse_u64(port, 65535, &number) == SES_OK && number > 0;
}

/* Host, optional port; brackets only around a whole IPv6 address. '@' anywhere in it is refused:
 * https://shop.example@evil.example is evil.example to a browser. */
static bool authority_check(struct ses_slice text)
{
    size_t end;

    if (text.len == 0 || text.data[0] == ':' || ses_slice_find(text, '@') != text.len)
        return false;
    if (text.data[0] == '[') {
        end = ses_slice_find(text, ']');
        if (end == text.len || end == 1)
            return false;
        end++;
    } else {
        end = ses_slice_find(text, ':');
    }
    return end == text.len || (text.data[end] == ':' && port_check(ses_slice_cut(text, end + 1, text.len)));
}

bool ses_return_url_check(struct ses_slice url, bool sandbox)
{
    bool https = ses_slice_starts(url, HTTPS);

    if (url.len > SES_RETURN_URL_BYTES_MAX || (!https && !ses_slice_starts(url, HTTP)))
        return false;
    for (size_t i = 0; i < url.len; i++) {
        if (!url_byte(url.data[i]))
            return false;
    }
    return authority_check(authority(url)) && (https || (sandbox && loopback(authority(url))));
}

struct ses_slice ses_return_url_origin(struct ses_slice url)
{
    struct ses_slice host = authority(url);

    return ses_slice(url.data, (size_t)(host.data - url.data) + host.len);
}

/* Labels of letters, digits and '-', dots between them, a port. */
bool ses_return_url_framable(struct ses_slice url)
{
    struct ses_slice host = authority(url);
    bool inside = false; /* a label */

    host = ses_slice_cut(host, 0, ses_slice_find(host, ':'));
    for (size_t i = 0; i < host.len; i++) {
        uint8_t c = host.data[i];
        bool label = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';

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
    return options->policy.sandbox && loopback(authority(url));
}
