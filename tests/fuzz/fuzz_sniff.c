/* fuzz_sniff.c - what the first bytes of a connection are, heard byte for byte: told by the 24th at the latest, and what
 * is told stands. The first byte of the input says whether the port speaks HTTP/2. */
#include <stdint.h>

#include "sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static void check_told(enum ses_sniff kind, struct ses_slice first, bool http2)
{
    bool tls = first.len >= 2 && first.data[0] == 0x16 && first.data[1] == 3;
    bool preface = ses_slice_starts(first, SES_STR(PREFACE));

    SES_REQUIRE((kind == SES_SNIFF_TLS) == tls);
    SES_REQUIRE((kind == SES_SNIFF_HTTP2) == (http2 && preface));
    SES_REQUIRE(kind != SES_SNIFF_MORE || first.len < strlen(PREFACE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum ses_sniff kind = SES_SNIFF_MORE;
    bool http2 = size > 0 && data[0] % 2 == 0;

    for (size_t len = 0; size > 0 && len < size; len++) {
        struct ses_slice first = ses_slice(data + 1, len);
        enum ses_sniff next = ses_sniff_check(first, http2);

        check_told(next, first, http2);
        SES_REQUIRE(kind == SES_SNIFF_MORE || next == kind);
        kind = next;
    }
    return 0;
}
