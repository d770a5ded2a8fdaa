/* claims_scan.h - the quick way to read claims: in exactly the form that ses_claims_encode writes. */
#ifndef SES_TOKEN_CLAIMS_SCAN_H
#define SES_TOKEN_CLAIMS_SCAN_H

#include <sessiond/token/token.h>

/* [any] One pass, no tree: 1 us where a JSON parser takes 9. False: not in that form to the byte (another
 * order, space, an escape, a bad value), nothing is written; the parser then judges. json outlives
 * ret_claims, whose slices point into it. */
bool ses_claims_scan(struct ses_slice json, struct ses_claims *ret_claims);

#endif
