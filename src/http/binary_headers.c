/* In place: a method that reads a header gets bytes, whatever door the call came by. */
#include "binary_headers.h"

#include <sessiond/codec/grpc_metadata.h>

/* One "-bin" header in place; further values after commas become headers of their own. gRPC allows
 * several values in one field, joined by commas. */
static enum ses_status decode_binary(struct ses_exchange *x, size_t index)
{
    struct ses_slice rest = x->headers[index].value, name = x->headers[index].name, bytes;
    size_t comma = ses_slice_find(rest, ',');

    SES_TRY(ses_grpc_binary_decode(ses_slice_trim(ses_slice_cut(rest, 0, comma)), &x->arena, &bytes));
    x->headers[index].value = bytes;
    while (comma < rest.len) {
        rest = ses_slice_cut(rest, comma + 1, rest.len);
        comma = ses_slice_find(rest, ',');
        SES_TRY(ses_grpc_binary_decode(ses_slice_trim(ses_slice_cut(rest, 0, comma)), &x->arena, &bytes));
        SES_TRY(ses_exchange_add_header(x, name, bytes));
    }
    return SES_OK;
}

enum ses_status ses_binary_headers_decode(struct ses_exchange *x)
{
    size_t count = x->headers_count; /* what is appended is decoded already */

    for (size_t i = 0; i < count; i++) {
        if (ses_grpc_metadata_is_binary(x->headers[i].name))
            SES_TRY(decode_binary(x, i));
    }
    return SES_OK;
}
