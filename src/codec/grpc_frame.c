/* Messages out of bytes that were cut anywhere: a prefix is gathered, then either the message lies
 * whole in the input (no copy) or it is gathered too. */
#include <sessiond/codec/grpc_frame.h>

void ses_grpc_reader_init(struct ses_grpc_reader *reader, size_t message_bytes_max)
{
    reader->prefix_len = 0;
    reader->delivered = false;
    ses_buf_init(&reader->gathered, message_bytes_max);
}

void ses_grpc_reader_init_wiped(struct ses_grpc_reader *reader, size_t message_bytes_max)
{
    reader->prefix_len = 0;
    reader->delivered = false;
    ses_buf_init_wiped(&reader->gathered, message_bytes_max);
}

void ses_grpc_reader_done(struct ses_grpc_reader *reader)
{
    ses_buf_done(&reader->gathered);
}

static struct ses_slice take(struct ses_slice *bytes, size_t n)
{
    struct ses_slice front = ses_slice_cut(*bytes, 0, n);

    *bytes = ses_slice_cut(*bytes, front.len, bytes->len);
    return front;
}

static size_t promised_len(const struct ses_grpc_reader *reader)
{
    const uint8_t *p = reader->prefix;

    return (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
}

/* The flags are judged by the first byte and the length by the fifth: a promise that is too large costs
 * nothing. */
static enum ses_status read_prefix(struct ses_grpc_reader *reader, struct ses_slice *bytes)
{
    struct ses_slice part = take(bytes, SES_GRPC_PREFIX_BYTES - reader->prefix_len);

    if (part.len == 0)
        return SES_OK;
    memcpy(reader->prefix + reader->prefix_len, part.data, part.len);
    reader->prefix_len += (unsigned)part.len;
    if (reader->prefix[0] > 1)
        return SES_MALFORMED;
    if (reader->prefix_len == SES_GRPC_PREFIX_BYTES && promised_len(reader) > reader->gathered.max)
        return SES_TOO_LARGE;
    return SES_OK;
}

static void deliver(struct ses_grpc_reader *reader, struct ses_slice whole,
                    struct ses_grpc_message *ret_message)
{
    *ret_message = (struct ses_grpc_message){.bytes = whole, .compressed = reader->prefix[0] == 1};
    reader->prefix_len = 0;
}

/* A message that was handed out lies in gathered until here: it is cleared at the next step, not at
 * delivery. */
enum ses_status ses_grpc_reader_step(struct ses_grpc_reader *reader, struct ses_slice *bytes, bool *ret_whole,
                                     struct ses_grpc_message *ret_message)
{
    *ret_whole = false;
    if (reader->delivered) {
        ses_buf_clear(&reader->gathered);
        reader->delivered = false;
    }
    if (reader->prefix_len < SES_GRPC_PREFIX_BYTES) {
        SES_TRY(read_prefix(reader, bytes));
        if (reader->prefix_len < SES_GRPC_PREFIX_BYTES)
            return SES_OK;
    }
    size_t len = promised_len(reader);

    /* Nearly every request comes in one DATA frame: no copy then. */
    if (reader->gathered.len == 0 && bytes->len >= len) {
        deliver(reader, take(bytes, len), ret_message);
        *ret_whole = true;
        return SES_OK;
    }
    SES_TRY(ses_buf_append(&reader->gathered, take(bytes, len - reader->gathered.len)));
    if (reader->gathered.len == len) {
        deliver(reader, ses_buf_view(&reader->gathered), ret_message);
        reader->delivered = true;
        *ret_whole = true;
    }
    return SES_OK;
}

bool ses_grpc_reader_inside(const struct ses_grpc_reader *reader)
{
    return reader->prefix_len != 0;
}

size_t ses_grpc_reader_held(const struct ses_grpc_reader *reader)
{
    return reader->gathered.len;
}

void ses_grpc_prefix(bool compressed, size_t len, uint8_t ret_prefix[SES_GRPC_PREFIX_BYTES])
{
    SES_REQUIRE(len <= UINT32_MAX);
    ret_prefix[0] = compressed ? 1 : 0;
    ret_prefix[1] = (uint8_t)(len >> 24);
    ret_prefix[2] = (uint8_t)(len >> 16);
    ret_prefix[3] = (uint8_t)(len >> 8);
    ret_prefix[4] = (uint8_t)len;
}
