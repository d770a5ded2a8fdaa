/* json_text.h - the inside of a JSON string (RFC 8259 section 7).
 *
 * What must be escaped is the same for all who write one; what they escape beyond it is theirs: terminals act
 * on DEL (answers), a reader of a log must see every character (log lines).
 */
#ifndef SESSIOND_BASE_JSON_TEXT_H
#define SESSIOND_BASE_JSON_TEXT_H

#include <sessiond/base/slice.h>

#define SES_JSON_ESCAPE_MAX 12 /* bytes of one character's escape: two halves of a pair */

/* [any] Does not stand for itself in a string: quotation mark, reverse solidus, below U+0020. */
static inline bool ses_json_must_escape(uint8_t byte)
{
    return byte < 0x20 || byte == '"' || byte == '\\';
}

/* [any] How many bytes at the begin of text stand for themselves; eight at a time, where nearly all do. */
size_t ses_json_plain_run(struct ses_slice text);

/* [any] A backslash and the character for the two marks; \uXXXX with lower-case digits for any other, two of
 * them beyond U+FFFF. Returns the length, no NUL. */
size_t ses_json_escape(uint32_t code_point, char ret_escape[SES_JSON_ESCAPE_MAX]);
/* [any] The same, but the five controls that have a letter (\b \f \n \r \t) get it. */
size_t ses_json_escape_short(uint8_t byte, char ret_escape[SES_JSON_ESCAPE_MAX]);
/* [any] Undoes the escape that text begins with, if it is one that ses_json_escape writes for a byte that must
 * be escaped: no other spelling, no other character. Returns its length; 0: it begins with none. */
size_t ses_json_unescape(struct ses_slice text, uint8_t *ret_byte);

#endif
