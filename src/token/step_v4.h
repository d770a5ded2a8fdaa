/* step_v4.h - step handles of earlier versions: PASETO v4.local, 329 characters. They are accepted as
 * long as their steps live; none is made any more. */
#ifndef SESSIOND_SRC_TOKEN_STEP_V4_H
#define SESSIOND_SRC_TOKEN_STEP_V4_H

#include <sessiond/token/token.h>

/* [any] SES_UNAUTHENTICATED: not ours, altered, oversize. */
SES_MUST_CHECK enum ses_status ses_step_v4_open(const struct ses_secret *key, struct ses_slice handle,
                                                struct ses_step_claims *ret_claims);

#endif
