/* card_pair.h - finds, in a text of any format, a key that announces what authenticates a card, with its
 * value. */
#ifndef SESSIOND_SRC_DOMAIN_CARD_PAIR_H
#define SESSIOND_SRC_DOMAIN_CARD_PAIR_H

#include "card_number.h"

/* [any] The first such key that begins at `from` or behind it; ret_value is its value's bytes, possibly none.
 * decode: see card_text.h. */
bool ses_card_pair_find(struct ses_slice text, size_t from, bool decode, struct ses_card_span *ret_value);

#endif
