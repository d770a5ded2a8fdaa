/* buf.h - owned bytes that grow up to a ceiling. Everything a stranger can grow has one. */
#ifndef SESSIOND_BASE_BUF_H
#define SESSIOND_BASE_BUF_H

#include <sessiond/base/slice.h>

struct ses_buf {
    uint8_t *data;
    size_t len;
    size_t room; /* bytes allocated */
    size_t max;  /* ceiling of len */
    bool wiped;  /* what it gives back, be it in growing, is wiped */
};

/* [any] Empty, nothing allocated yet. */
void ses_buf_init(struct ses_buf *buf, size_t max);
/* [any] The same for what may be a secret. */
void ses_buf_init_wiped(struct ses_buf *buf, size_t max);
/* [any] Frees; the buf may be used again after ses_buf_init. */
void ses_buf_done(struct ses_buf *buf);
/* [any] Forgets the content, keeps the memory. */
static inline void ses_buf_clear(struct ses_buf *buf)
{
    buf->len = 0;
}
/* Makes room for more bytes behind len. SES_TOO_LARGE above the ceiling, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_buf_reserve(struct ses_buf *buf, size_t more);
SES_MUST_CHECK enum ses_status ses_buf_append(struct ses_buf *buf, struct ses_slice bytes);
SES_MUST_CHECK enum ses_status ses_buf_append_byte(struct ses_buf *buf, uint8_t byte);
SES_MUST_CHECK enum ses_status ses_buf_append_str(struct ses_buf *buf, const char *str);
SES_MUST_CHECK enum ses_status ses_buf_appendf(struct ses_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Removes the first n bytes (n <= len). */
void ses_buf_consume(struct ses_buf *buf, size_t n);
/* The content; valid until the next change. */
static inline struct ses_slice ses_buf_view(const struct ses_buf *buf)
{
    return ses_slice(buf->data, buf->len);
}

#endif
