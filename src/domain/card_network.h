/* card_network.h - which numbers card networks issue: prefixes, lengths, the check digit.
 *
 * Sources: ISO/IEC 7812-1 (structure, check digit); the networks' own published ranges as of 2026: Visa Core
 * Rules 1.6 (4; 16, and 19 since 2016; 13 is issued no more), Mastercard BIN notices (51-55, 2221-2720),
 * American Express (34, 37), Discover Network IIN bulletins with Diners Club International (6011, 644-649,
 * 65; 300-305, 3095, 36, 38, 39), JCB (3528-3589), UnionPay (62, 81), NSPK Mir (2200-2204), NPCI RuPay (60,
 * 65, 81, 82, 508, 353, 356), BKM Troy (9792, 65), Interswitch Verve (506099-506198, 507865-507964,
 * 650002-650027), Elo (ranges within 4, 50 and 65), Maestro's and its domestic partners' ranges that are
 * issued (50, 5893, 6304, 639, 67), Dankort (5019), UzCard (8600, 5614), Humo (9860), InterPayment and
 * InstaPayment (636-639), BORICA (2205).
 *
 * Maestro as a whole (50, 56-69, 12 to 19 digits) is not in it: it would take every tenth mobile, parcel and
 * article number. So are prefixes 0, 1, 7 and 9 but for the two above: times and most running numbers begin
 * so.
 */
#ifndef SESSIOND_SRC_DOMAIN_CARD_NETWORK_H
#define SESSIOND_SRC_DOMAIN_CARD_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SES_PAN_DIGITS_MIN 14
#define SES_PAN_DIGITS_MAX 19

/* [any] Is it a number that a network may have issued? digits are 0 to 9, not characters. */
bool ses_card_number_check(const uint8_t *digits, size_t count);

#endif
