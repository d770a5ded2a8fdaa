/* json_check.h - is this text one JSON value (RFC 8259)? Answers without building it. */
#ifndef SESSIOND_DOMAIN_JSON_CHECK_H
#define SESSIOND_DOMAIN_JSON_CHECK_H

#include <sessiond/base/slice.h>

/* Arrays and objects inside one another; deeper text is refused. */
#define SES_JSON_CHECK_DEPTH_MAX 64

/* [any] Strict: no comments, trailing commas, leading zeros, NaN, unescaped control characters, lone
 * surrogate escapes. The bytes must be UTF-8 already. Duplicate keys are not looked for. */
bool ses_json_check(struct ses_slice text);

#endif
