/* text.h - writing request texts (JSON, query, form) into one allocation of known size, and making an
 * answer's text safe to keep.
 *
 * A writer never grows: the caller reserves the worst case (SES_TEXT_*_ROOM), so that no half-written copy
 * with a secret in it stays behind. Overrunning the room is a programmer error.
 */
#ifndef SESSIOND_SRC_CONNECTOR_TEXT_H
#define SESSIOND_SRC_CONNECTOR_TEXT_H

#include <sessiond/base/arena.h>
#include <sessiond/base/slice.h>

/* Worst cases: a control character becomes \u00XX, a byte becomes %XX. */
#define SES_TEXT_JSON_ROOM(n)    (6 * (n) + 2)
#define SES_TEXT_PERCENT_ROOM(n) (3 * (n))

struct ses_text {
    uint8_t *data;
    size_t len;
    size_t room;
};

/* SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_text_init(struct ses_text *text, struct ses_arena *arena, size_t room);
void ses_text_add(struct ses_text *text, struct ses_slice bytes);
void ses_text_str(struct ses_text *text, const char *str);
/* A JSON string with its quotes. Escapes as serde_json does (the shortest form, lower-case hex, no escaping
 * of '/' or of bytes above 0x7f), because signatures are computed over this text. */
void ses_text_json(struct ses_text *text, struct ses_slice bytes);
/* RFC 3986: all but unreserved characters as %XX. */
void ses_text_percent(struct ses_text *text, struct ses_slice bytes);
/* application/x-www-form-urlencoded: all but alphanumerics and "*-._" as %XX, a space as '+'. */
void ses_text_form(struct ses_text *text, struct ses_slice bytes);

static inline struct ses_slice ses_text_view(const struct ses_text *text)
{
    return ses_slice(text->data, text->len);
}

/* At most chars_max characters of bytes in the arena; what is not UTF-8 becomes U+FFFD, since the text goes
 * into a protobuf string. */
SES_MUST_CHECK enum ses_status ses_text_lossy(struct ses_arena *arena, struct ses_slice bytes,
                                              size_t chars_max, struct ses_slice *ret_text);

#endif
