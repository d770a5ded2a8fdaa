/* random.h - unpredictable bytes and the identifiers made of them. */
#ifndef SESSIOND_BASE_RANDOM_H
#define SESSIOND_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* [any] Call in each process before anything else here, a child of fork(2) too: initialises libsodium; ends the process if
 * it can't. The thread that calls it has bytes in stock from then on. */
void ses_random_init(void);
/* [any] From the kernel, a page in advance: short ones (64 bytes) cost no system call, in the thread of ses_random_init. No
 * byte is given out twice, in this process or in a child. */
void ses_random_bytes(void *ret_bytes, size_t len);

#define SES_UUID_SIZE 37
/* [any] UUID version 4 (RFC 9562 section 5.4), lower case, plus NUL, into ret_text[SES_UUID_SIZE]. */
void ses_uuid_v4(char *ret_text);

#endif
