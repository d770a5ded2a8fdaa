/* fuzz_forwarded.c - X-Forwarded-For and Forwarded. The first byte chooses which, the rest are the values of its lines.
 *
 * Lines are one list (RFC 9110 section 5.3): joined by commas they name the same client. Nobody but the last who was
 * trusted is believed: what a client writes before the list changes nothing once somebody not trusted has been found.
 */
#include <stdint.h>
#include <stdlib.h>

#include "proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LINES_MAX 32

static struct ses_network trusted[2];

static bool find(const struct ses_proxies *proxies, struct ses_slice *lines, size_t count,
                 struct ses_peer *ret_peer)
{
    struct ses_slice name =
        proxies->forwarded == SES_FORWARDED_RFC_7239 ? SES_STR("forwarded") : SES_STR("x-forwarded-for");
    struct ses_header headers[LINES_MAX + 2];

    for (size_t i = 0; i < count; i++)
        headers[i] = (struct ses_header){.name = name, .value = lines[i]};
    headers[count] = (struct ses_header){.name = SES_STR("x-other"), .value = SES_STR("192.0.2.99")};
    return ses_forwarded_find(proxies, headers, count + 1, ret_peer);
}

static void check_joined(const struct ses_proxies *proxies, struct ses_slice text, bool found,
                         const struct ses_peer *peer)
{
    uint8_t *joined = malloc(text.len + 1);
    struct ses_slice line;
    struct ses_peer other;

    SES_REQUIRE(joined != NULL);
    for (size_t i = 0; i < text.len; i++)
        joined[i] = text.data[i] == '\n' ? ',' : text.data[i];
    line = ses_slice(joined, text.len);
    SES_REQUIRE(find(proxies, &line, 1, &other) == found);
    SES_REQUIRE(!found || strcmp(other.text, peer->text) == 0);
    free(joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ses_proxies proxies = {.trusted = trusted, .trusted_count = 2};
    struct ses_slice lines[LINES_MAX + 1] = {SES_STR("198.51.100.66")}; /* what a client would like to be */
    struct ses_slice text, rest;
    struct ses_peer peer, more;
    size_t count = 0;
    bool found;

    if (size == 0)
        return 0;
    SES_REQUIRE(ses_network_parse(SES_STR("192.0.2.0/24"), &trusted[0]) == SES_OK);
    SES_REQUIRE(ses_network_parse(SES_STR("2001:db8:1::/48"), &trusted[1]) == SES_OK);
    proxies.forwarded = data[0] % 2 == 0 ? SES_FORWARDED_X_FOR : SES_FORWARDED_RFC_7239;
    text = ses_slice(data + 1, size - 1);
    for (rest = text; rest.len > 0 && count < LINES_MAX; count++)
        lines[count + 1] = ses_slice_take_until(&rest, '\n');
    text = ses_slice_cut(text, 0, text.len - rest.len);
    found = find(&proxies, lines + 1, count, &peer);
    check_joined(&proxies, text, found, &peer);
    if (!found || ses_proxy_is_trusted(&proxies, &peer))
        return 0;
    SES_REQUIRE(peer.known && find(&proxies, lines, count + 1, &more));
    SES_REQUIRE(strcmp(more.text, peer.text) == 0);
    return 0;
}
