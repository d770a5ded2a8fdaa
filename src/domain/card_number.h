/* card_number.h - finds a card number among the digits of a text.
 *
 * A group is a row of digits. Groups that have only blanks, line ends, dashes, dots, slashes, '_' or '+'
 * between them (at most GAP_MAX of them) form a chain. A card number is one group, or the groups in a row
 * that cards are printed and typed in (card_number.c has the table); zeros before it do not count. Its digits
 * fit a network's (card_network.h). A group that touches a letter or has more digits begins and ends none; a
 * UUID is one word, and so is an IBAN (card_word.h); the fraction of a decimal number is none.
 */
#ifndef SESSIOND_SRC_DOMAIN_CARD_NUMBER_H
#define SESSIOND_SRC_DOMAIN_CARD_NUMBER_H

#include <sessiond/base/slice.h>

/* Bytes of the text. */
struct ses_card_span {
    size_t from;
    size_t to;
};

/* [any] The first card number that begins at `from` or behind it. decode: see card_text.h. */
bool ses_card_number_find(struct ses_slice text, size_t from, bool decode, struct ses_card_span *ret_span);

#endif
