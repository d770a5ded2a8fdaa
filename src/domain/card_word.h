/* card_word.h - words that are no card number whatever digits they hold. */
#ifndef SESSIOND_SRC_DOMAIN_CARD_WORD_H
#define SESSIOND_SRC_DOMAIN_CARD_WORD_H

#include <sessiond/base/slice.h>

/* Characters of an IBAN before its first four digits in a row, at most: "GB29 NWBK 6016". */
#define SES_CARD_WORD_BEGIN 12

/* [any] Bytes of the UUID or IBAN that begins at text[at], where a word begins; 0: there is none. */
size_t ses_card_word_length(struct ses_slice text, size_t at);

#endif
