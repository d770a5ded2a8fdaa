/* card_text.h - text as a reader sees it, whatever way it is spelled: one character at a time, folded to
 * ASCII.
 *
 * Looked through: UTF-8, JSON's \uXXXX and its short escapes behind any number of backslashes, \xXX, %XX
 * (also of a '%' that was itself written so), %uXXXX, HTML's references (&#45; &#x2D; &nbsp;), and Unicode's
 * variants: every decimal digit becomes '0' to '9', every blank ' ', line ends '\n', dashes '-', dots '.',
 * slashes '/', connectors '_', full-width forms their ASCII ones. What nobody sees (format characters,
 * variation selectors, combining marks, controls) is told as SKIP. Bytes that are no UTF-8 are read as
 * windows-1252.
 */
#ifndef SESSIOND_SRC_DOMAIN_CARD_TEXT_H
#define SESSIOND_SRC_DOMAIN_CARD_TEXT_H

#include <sessiond/base/slice.h>

#define SES_FOLD_SKIP  0x00 /* not seen */
#define SES_FOLD_OTHER 0x80 /* seen, and nothing of the above */

/* [any] Bytes that the character at text[at] takes, and its folded form. decode: %XX is read as a byte and
 * a reference as its character, else both as they stand. at < text.len. */
size_t ses_card_fold(struct ses_slice text, size_t at, bool decode, uint8_t *ret_folded);

/* [any] The same, quick for what stands for itself. */
static inline size_t ses_card_next(struct ses_slice text, size_t at, bool decode, uint8_t *ret_folded)
{
    uint8_t byte = text.data[at];

    if (byte < 0x20 || byte >= 0x7F || byte == '\\' || ((byte == '%' || byte == '&') && decode))
        return ses_card_fold(text, at, decode, ret_folded);
    *ret_folded = byte;
    return 1;
}

#endif
