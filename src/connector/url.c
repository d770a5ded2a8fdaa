/* libcurl parses, since it is libcurl that will connect; then its reading is compared with the text. Every
 * spelling on which two parsers could disagree (user info, escapes, numeric addresses, odd ports) is refused
 * by that.
 */
#include "url.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include <sessiond/base/ascii.h>
#include <sessiond/base/authority.h>

static void url_cleanup(CURLU **url)
{
    curl_url_cleanup(*url);
}

static void text_free(char **text)
{
    curl_free(*text);
}

/* Visible ASCII. A backslash is a slash to some parsers; a fragment is never sent, so it has no business
 * here. */
static bool bytes_ok(struct ses_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (byte < 0x21 || byte > 0x7e || byte == '\\' || byte == '#')
            return false;
    }
    return text.len > 0 && text.len <= SES_URL_BYTES_MAX;
}

static enum ses_status status_of(CURLUcode code)
{
    return code == CURLUE_OUT_OF_MEMORY ? SES_NO_MEMORY : SES_MALFORMED;
}

/* What libcurl understood must be what stands there, letter case aside. */
static enum ses_status check_authority(CURLU *handle, struct ses_slice authority, struct ses_url *url)
{
    __attribute__((cleanup(text_free))) char *host = NULL;
    __attribute__((cleanup(text_free))) char *port = NULL;
    char seen[SES_URL_HOST_SIZE + 8];
    uint64_t number = url->https ? 443 : 80;
    int len;

    CURLUcode code = curl_url_get(handle, CURLUPART_HOST, &host, 0);

    if (code != CURLUE_OK || strlen(host) >= sizeof(url->host))
        return status_of(code);
    code = curl_url_get(handle, CURLUPART_PORT, &port, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        return SES_NO_MEMORY;
    if (code == CURLUE_OK)
        SES_TRY(ses_parse_u64(ses_slice_str(port), UINT16_MAX, &number));
    len = snprintf(seen, sizeof(seen), "%s%s%s", host, port == NULL ? "" : ":", port == NULL ? "" : port);
    if (len < 0 || (size_t)len >= sizeof(seen) || number == 0 ||
        !ses_slice_ieq(ses_slice_str(seen), authority))
        return SES_MALFORMED;
    for (size_t i = 0; i <= strlen(host); i++)
        url->host[i] = (char)ses_ascii_lower((uint8_t)host[i]);
    url->port = (unsigned)number;
    return SES_OK;
}

enum ses_status ses_url_parse(struct ses_slice text, struct ses_url *ret_url)
{
    __attribute__((cleanup(url_cleanup))) CURLU *handle = NULL;
    struct ses_url url = {0};
    char copy[SES_URL_BYTES_MAX + 1];
    struct ses_origin origin;
    CURLUcode code;

    if (!bytes_ok(text))
        return SES_MALFORMED;
    /* libcurl also takes "http:/host" and upper case; we do not. */
    SES_TRY(ses_origin_parse(text, &origin));
    url.https = origin.https;
    url.origin_bytes = origin.text.len;
    if (origin.authority.len == 0 || ses_slice_find(origin.authority, '@') < origin.authority.len ||
        ses_slice_find(origin.authority, '%') < origin.authority.len)
        return SES_MALFORMED;
    handle = curl_url();
    if (handle == NULL)
        return SES_NO_MEMORY;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    code = curl_url_set(handle, CURLUPART_URL, copy, CURLU_DISALLOW_USER);
    if (code != CURLUE_OK)
        return status_of(code);
    SES_TRY(check_authority(handle, origin.authority, &url));
    *ret_url = url;
    return SES_OK;
}

/* curl_loop.c looks at the address once more. */
bool ses_url_loopback(const struct ses_url *url)
{
    return ses_host_is_loopback(ses_slice_str(url->host));
}

bool ses_url_host_matches(const struct ses_url *url, const char *entry)
{
    char with_port[SES_URL_HOST_SIZE + 8];

    if (url->port == (url->https ? 443u : 80u) && strcasecmp(entry, url->host) == 0)
        return true;
    (void)snprintf(with_port, sizeof(with_port), "%s:%u", url->host, url->port);
    return strcasecmp(entry, with_port) == 0;
}

char *ses_url_join(struct ses_arena *arena, struct ses_slice base, const char *path)
{
    bool slash = base.len > 0 && base.data[base.len - 1] == '/';

    return ses_arena_printf(arena, "%.*s%s%s", SES_FMT(base), slash ? "" : "/", path);
}
