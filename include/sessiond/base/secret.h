/* secret.h - guarded memory for keys: locked, not dumped, wiped when freed (libsodium's sodium_malloc).
 * No log or encoder accepts a struct ses_secret. */
#ifndef SESSIOND_BASE_SECRET_H
#define SESSIOND_BASE_SECRET_H

#include <sessiond/base/slice.h>

struct ses_secret {
    uint8_t *bytes;
    size_t len;
};

/* One of several keys that seal the same kind of thing (records, step handles); the id stands in the clear in
 * what it sealed. Of a list the first one seals, all of them open. */
struct ses_seal_key {
    uint16_t id;
    const struct ses_secret *key; /* borrowed */
};

/* [any] Allocates len guarded bytes, zeroed. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_secret_new(size_t len, struct ses_secret *ret_secret);
/* [any] Whether every secret of this process could be locked: false once RLIMIT_MEMLOCK was too small, and what was
 * allocated then may reach swap. Inherited over fork. */
bool ses_secrets_locked(void);
/* [any] Wipes and frees; an empty secret is fine. */
void ses_secret_free(struct ses_secret *secret);
/* [any] Wipes ordinary memory; the compiler does not remove it. */
void ses_wipe(void *bytes, size_t len);

#endif
