/* OpenSSL does not tell whether it has part of a record: with the five bytes of a header alone it says that
 * nothing waits. */
#include "tls_impl.h"

#include <string.h>

#define HEADER_BYTES sizeof(((struct ses_tls_record *)NULL)->header)

static size_t pass_header(struct ses_tls_record *record, struct ses_slice bytes)
{
    size_t want = HEADER_BYTES - record->header_len;
    size_t take = want < bytes.len ? want : bytes.len;

    memcpy(record->header + record->header_len, bytes.data, take);
    record->header_len += (unsigned)take;
    if (record->header_len == HEADER_BYTES)
        record->left = (uint32_t)record->header[3] << 8 | record->header[4];
    return take;
}

static size_t pass_body(struct ses_tls_record *record, size_t bytes)
{
    size_t take = record->left < bytes ? record->left : bytes;

    record->left -= (uint32_t)take;
    return take;
}

void ses_tls_record_pass(struct ses_tls_record *record, struct ses_slice bytes)
{
    size_t at = 0;

    while (at < bytes.len) {
        struct ses_slice rest = ses_slice_cut(bytes, at, bytes.len);

        at += record->header_len < HEADER_BYTES ? pass_header(record, rest) : pass_body(record, rest.len);
        if (record->header_len == HEADER_BYTES && record->left == 0)
            record->header_len = 0;
    }
}

bool ses_tls_record_inside(const struct ses_tls_record *record)
{
    return record->header_len > 0;
}
