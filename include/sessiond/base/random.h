/* random.h - unpredictable bytes and the identifiers made of them. */
#ifndef SESSIOND_BASE_RANDOM_H
#define SESSIOND_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* [any] Call once per process before anything else here: initialises libsodium; ends the process if
 * it can't. */
void ses_random_init(void);
/* [any] From the kernel, by libsodium. */
void ses_random_bytes(void *ret_bytes, size_t len);

#define SES_UUID_SIZE 37
/* [any] UUID version 4 (RFC 9562 section 5.4), lower case, plus NUL, into ret_text[SES_UUID_SIZE]. */
void ses_uuid_v4(char *ret_text);

#endif
