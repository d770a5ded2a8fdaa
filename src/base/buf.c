/* Growth by doubling, cut at the ceiling: the last step may be small, and no memory beyond max is ever
 * held. */
#include <sessiond/base/buf.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/secret.h>
#include <sessiond/base/wiping.h>

#define ROOM_MIN 256

void ses_buf_init(struct ses_buf *buf, size_t max)
{
    *buf = (struct ses_buf){.max = max};
}

void ses_buf_init_wiped(struct ses_buf *buf, size_t max)
{
    *buf = (struct ses_buf){.max = max, .wiped = true};
}

static bool is_wiped(const struct ses_buf *buf)
{
    return buf->wiped || ses_wiping_is_on();
}

void ses_buf_done(struct ses_buf *buf)
{
    if (is_wiped(buf) && buf->data != NULL)
        ses_wipe(buf->data, buf->room);
    free(buf->data);
    *buf = (struct ses_buf){0};
}

/* realloc would leave what it moves. */
static uint8_t *resize(struct ses_buf *buf, size_t room)
{
    uint8_t *data;

    if (!is_wiped(buf))
        return realloc(buf->data, room);
    data = malloc(room);
    if (data == NULL || buf->data == NULL)
        return data;
    memcpy(data, buf->data, buf->len);
    ses_wipe(buf->data, buf->room);
    free(buf->data);
    return data;
}

enum ses_status ses_buf_reserve(struct ses_buf *buf, size_t more)
{
    size_t need, room;
    uint8_t *data;

    if (more > buf->max - buf->len) /* len is never above max: no sum that could wrap */
        return SES_TOO_LARGE;
    need = buf->len + more;
    if (need <= buf->room)
        return SES_OK;
    room = buf->room == 0 ? ROOM_MIN : buf->room;
    while (room < need)
        room *= 2;
    if (room > buf->max)
        room = buf->max;
    data = resize(buf, room);
    if (data == NULL)
        return SES_NO_MEMORY;
    buf->data = data;
    buf->room = room;
    return SES_OK;
}

enum ses_status ses_buf_append(struct ses_buf *buf, struct ses_slice bytes)
{
    if (bytes.len == 0)
        return SES_OK;
    SES_TRY(ses_buf_reserve(buf, bytes.len));
    memcpy(buf->data + buf->len, bytes.data, bytes.len);
    buf->len += bytes.len;
    return SES_OK;
}

enum ses_status ses_buf_append_byte(struct ses_buf *buf, uint8_t byte)
{
    return ses_buf_append(buf, ses_slice(&byte, 1));
}

enum ses_status ses_buf_append_str(struct ses_buf *buf, const char *str)
{
    return ses_buf_append(buf, ses_slice_str(str));
}

enum ses_status ses_buf_appendf(struct ses_buf *buf, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    SES_REQUIRE(len >= 0);
    /* vsnprintf writes a NUL behind the text: room for it, though it is not part of the content. */
    SES_TRY(ses_buf_reserve(buf, (size_t)len + 1));
    va_start(args, format);
    (void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
    return SES_OK;
}

/* Moves what is left to the begin. Callers take off large parts or all, so the bytes moved stay few. */
void ses_buf_consume(struct ses_buf *buf, size_t n)
{
    SES_REQUIRE(n <= buf->len);
    buf->len -= n;
    if (buf->len > 0 && n > 0)
        memmove(buf->data, buf->data + n, buf->len);
}
