/* card_data.h - finds card data in text that must not hold any: a card number (PAN), or a key that announces
 * what authenticates a card (verification value, PIN). PCI DSS 4.0, 3.3: the latter may never be stored, and
 * a session store is a store.
 *
 * What counts as a PAN: digits that a card network may have issued (prefix, length and check digit,
 * src/domain/card_network.h), in one row or in the groups that cards are printed in, whatever separates the
 * groups and however digits and separators are spelled: Unicode's digits, blanks and dashes, zero-width
 * characters, JSON's escapes, percent-encoding, HTML's references (src/domain/card_text.h). What does not,
 * lest ordinary numbers be refused: digits that touch a letter or belong to a longer run, UUIDs, IBANs,
 * fractions, telephone numbers, article numbers, times. Ids of 16 digits that look like a card's in all of
 * prefix, length and check digit (about 3 in 100 random ones) cannot be told from one and are refused.
 *
 * What counts as such a key: a word before ':', '=' or '>' such as cvv, cvc2, card_cvc, SecurityCode,
 * card-verification-value in any case and with any of '_', '-' or nothing between; words with other meanings
 * too (csc, pin) and any longer word that ends so if its value has as many digits; and the same as a field's
 * name, {"name": "cvv", "value": "123"}.
 *
 * A text without 4 digits in a row, escapes or bytes above 0x7F is passed over at about 1 ns a byte; another
 * is read in one pass a kind, no memory.
 */
#ifndef SESSIOND_DOMAIN_CARD_DATA_H
#define SESSIOND_DOMAIN_CARD_DATA_H

#include <sessiond/base/slice.h>

enum ses_card_data { SES_CARD_DATA_NONE, SES_CARD_DATA_PAN, SES_CARD_DATA_CVV };

/* [any] The first of them found in text. */
enum ses_card_data ses_card_data_find(struct ses_slice text);

/* [any] Overwrites what it finds by '*', byte for byte: of a card number its digits and what stands between
 * them, behind a key its value. For what cannot be refused. True: there was something. Afterwards no card
 * number is found. */
bool ses_card_data_mask(uint8_t *text, size_t len);

/* [any] Would `name`, as the key of that value, announce what authenticates a card? */
bool ses_card_data_pair(struct ses_slice name, struct ses_slice value);

#endif
