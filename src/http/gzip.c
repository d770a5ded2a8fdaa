/* zlib, once for a whole message: no state is kept between messages or calls. */
#include "gzip.h"

#include <limits.h>
#include <stddef.h>
#include <stdlib.h>

#include <zlib.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/wiping.h>

/* windowBits of zlib: 15 + 16 reads gzip only, with any window. */
#define INFLATE_WINDOW (15 + 16)
/* Writing: a 4 KiB window and memLevel 6 make deflate's state 48 KiB instead of 264 KiB; replies are a few
 * KiB. */
#define DEFLATE_WINDOW (12 + 16)
#define DEFLATE_MEMORY 6

/* Output grows by at least this much, and by as much as the input suggests. */
#define INFLATE_STEP 4096u

static enum ses_status status_of(int code)
{
    return code == Z_MEM_ERROR ? SES_NO_MEMORY : SES_MALFORMED;
}

/* Room for more output: one byte above the limit, so that "exactly max" and "more than max" differ. */
static enum ses_status make_room(struct ses_buf *out, size_t max, size_t in_len)
{
    size_t step = in_len * 4 > INFLATE_STEP ? in_len * 4 : INFLATE_STEP;
    size_t left = max + 1 - out->len;

    if (out->len > max)
        return SES_TOO_LARGE;
    return ses_buf_reserve(out, step < left ? step : left);
}

/* One call of inflate into the free room of out. ret_ended: a member is complete. */
static enum ses_status inflate_step(z_stream *z, struct ses_buf *out, bool *ret_ended)
{
    size_t room = out->room < out->max ? out->room : out->max;
    size_t before;
    int code;

    before = room - out->len;
    z->next_out = out->data + out->len;
    z->avail_out = (uInt)before;
    code = inflate(z, Z_NO_FLUSH);
    out->len += before - z->avail_out;
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return status_of(code);
    /* No progress although there was room: the input ends too early. */
    if (code == Z_BUF_ERROR && z->avail_in == 0)
        return SES_MALFORMED;
    if (code == Z_OK && z->avail_in == 0 && z->avail_out > 0)
        return SES_MALFORMED;
    *ret_ended = code == Z_STREAM_END;
    return SES_OK;
}

static enum ses_status inflate_all(z_stream *z, size_t max, size_t in_len, struct ses_buf *out)
{
    for (;;) {
        bool ended = false;

        SES_TRY(make_room(out, max, in_len));
        SES_TRY(inflate_step(z, out, &ended));
        if (out->len > max)
            return SES_TOO_LARGE;
        if (!ended)
            continue;
        if (z->avail_in == 0)
            return SES_OK;
        /* RFC 1952 section 2.2: a file may be several members. */
        if (inflateReset(z) != Z_OK)
            return SES_MALFORMED;
    }
}

/* What zlib has inflated lies in its window too. Its blocks say how large they are. */
static voidpf take_block(voidpf opaque, uInt items, uInt size)
{
    size_t bytes = (size_t)items * size;
    size_t *block = malloc(sizeof(max_align_t) + bytes);

    (void)opaque;
    if (block == NULL)
        return Z_NULL;
    *block = bytes;
    return (char *)block + sizeof(max_align_t);
}

static void give_block(voidpf opaque, voidpf address)
{
    size_t *block = (size_t *)(void *)((char *)address - sizeof(max_align_t));

    (void)opaque;
    ses_wiping_wipe(address, *block);
    free(block);
}

/* Into a buffer that grows, then into the arena: the arena cannot grow what it has given out, and the
 * size is known only at the end. */
enum ses_status ses_gzip_inflate(struct ses_slice in, size_t max, struct ses_arena *arena,
                                 struct ses_slice *ret_bytes)
{
    z_stream z = {0};
    struct ses_buf out;
    enum ses_status status;

    if (in.len == 0 || in.len > UINT_MAX)
        return SES_MALFORMED;
    SES_REQUIRE(max < UINT_MAX);
    if (ses_wiping_is_on()) {
        z.zalloc = take_block;
        z.zfree = give_block;
    }
    if (inflateInit2(&z, INFLATE_WINDOW) != Z_OK)
        return SES_NO_MEMORY;
    ses_buf_init(&out, max + 1);
    z.next_in = (z_const Bytef *)(uintptr_t)in.data;
    z.avail_in = (uInt)in.len;
    status = inflate_all(&z, max, in.len, &out);
    inflateEnd(&z);
    if (status == SES_OK)
        status = ses_arena_copy(arena, ses_buf_view(&out), ret_bytes);
    ses_buf_done(&out);
    return status;
}

enum ses_status ses_gzip_deflate(struct ses_slice in, struct ses_arena *arena, struct ses_slice *ret_bytes)
{
    z_stream z = {0};
    uLong bound;
    uint8_t *bytes;
    int code;

    if (in.len > UINT_MAX / 2)
        return SES_TOO_LARGE;
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, DEFLATE_WINDOW, DEFLATE_MEMORY, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return SES_NO_MEMORY;
    bound = deflateBound(&z, (uLong)in.len);
    bytes = ses_arena_alloc(arena, bound);
    if (bytes == NULL) {
        deflateEnd(&z);
        return SES_NO_MEMORY;
    }
    z.next_in = (z_const Bytef *)(uintptr_t)in.data;
    z.avail_in = (uInt)in.len;
    z.next_out = bytes;
    z.avail_out = (uInt)bound;
    code = deflate(&z, Z_FINISH);
    SES_REQUIRE(code == Z_STREAM_END); /* deflateBound promises room */
    *ret_bytes = ses_slice(bytes, z.total_out);
    deflateEnd(&z);
    return SES_OK;
}
