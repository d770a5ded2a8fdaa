/* rfc3339.h - the one form of time that we write and read, "2026-01-02T03:04:05Z": RFC 3339, UTC, whole
 * seconds. */
#ifndef SESSIOND_BASE_RFC3339_H
#define SESSIOND_BASE_RFC3339_H

#include <sessiond/base/slice.h>

#define SES_RFC3339_LEN         20
#define SES_RFC3339_SIZE        (SES_RFC3339_LEN + 1)
#define SES_RFC3339_SECONDS_MAX 253402300799u /* 9999-12-31T23:59:59Z, the last with four digits of year */

/* [any] With a NUL into ret_text[SES_RFC3339_SIZE]. A time beyond SES_RFC3339_SECONDS_MAX gets the year 9999:
 * whoever must not tell a wrong time asks first. */
void ses_rfc3339_encode(uint64_t wall_ms, char *ret_text);
/* [any] Exactly the text that ses_rfc3339_encode writes: 1970 or later, a day that exists, no leap second, no
 * fraction, no offset. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_rfc3339_decode(struct ses_slice text, uint64_t *ret_seconds);

#endif
