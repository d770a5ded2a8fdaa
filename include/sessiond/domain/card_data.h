/* card_data.h - finds card data in text that must not hold any: a card number (PAN), or a key that announces
 * a card verification value. PCI DSS 4.0, 3.3: the latter may never be stored, and a session store is a
 * store.
 *
 * What counts as a PAN: 13 to 19 digits that start as the cards of a known network do and have that network's
 * length and a right check digit (Luhn, ISO/IEC 7812-1). The digits may be grouped by single spaces or
 * dashes. What does not, lest every tenth id be refused: digits inside a longer run of digits, digits with
 * letters on both sides (hashes, base64), the fraction of a decimal number, numbers that start like no card
 * (times and dates do).
 *
 * What counts as a CVV key: a word before ':' or '=' such as cvv, cvc2, card_cvc, SecurityCode,
 * card-verification-value in any case and with any of '_', '-' or nothing between; any longer word that ends
 * so if its value has 3 or 4 digits.
 *
 * JSON's \u00XX escapes are looked through. One pass, no memory, 2 to 3.5 ns a byte.
 */
#ifndef SESSIOND_DOMAIN_CARD_DATA_H
#define SESSIOND_DOMAIN_CARD_DATA_H

#include <sessiond/base/slice.h>

enum ses_card_data { SES_CARD_DATA_NONE, SES_CARD_DATA_PAN, SES_CARD_DATA_CVV };

/* [any] The first of them found in text. */
enum ses_card_data ses_card_data_find(struct ses_slice text);

#endif
