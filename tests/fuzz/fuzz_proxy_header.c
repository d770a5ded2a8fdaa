/* fuzz_proxy_header.c - the PROXY protocol's header, as a connection hears it: byte for byte. What is told once stands,
 * whatever comes behind it, and is told before 2048 bytes have come; a header that is whole names an address. */
#include <stdint.h>

#include "proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_told(enum ses_proxy kind, const struct ses_proxy_header *header, size_t size)
{
    struct ses_peer again;

    if (kind == SES_PROXY_MALFORMED)
        SES_REQUIRE(header->why != NULL);
    if (kind == SES_PROXY_WHOLE)
        SES_REQUIRE(header->len > 0 && header->len <= size && header->len <= SES_PROXY_HEADER_MAX);
    if (kind != SES_PROXY_WHOLE || !header->named)
        return;
    again = ses_peer_of_ip(&header->source.ip, header->source.port);
    SES_REQUIRE(header->source.known && strcmp(again.text, header->source.text) == 0);
}

static void check_same(const struct ses_proxy_header *a, const struct ses_proxy_header *b)
{
    SES_REQUIRE(a->named == b->named && a->why == b->why);
    SES_REQUIRE(strcmp(a->source.text, b->source.text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ses_proxy_header whole, part;
    enum ses_proxy kind = ses_proxy_header_parse(ses_slice(data, size), &whole);

    check_told(kind, &whole, size);
    SES_REQUIRE(kind != SES_PROXY_MORE || size < SES_PROXY_HEADER_MAX);
    for (size_t len = 0; len < size && len <= SES_PROXY_HEADER_MAX; len++) {
        enum ses_proxy first = ses_proxy_header_parse(ses_slice(data, len), &part);

        if (first == SES_PROXY_MORE)
            continue;
        SES_REQUIRE(first == kind);
        check_told(first, &part, len);
        check_same(&part, &whole);
        SES_REQUIRE(kind != SES_PROXY_WHOLE || part.len == whole.len);
        return 0;
    }
    return 0;
}
