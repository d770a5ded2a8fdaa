/* sodium_malloc puts the bytes against a guard page behind them, a canary before them, and locks the pages
 * (as far as RLIMIT_MEMLOCK allows); each allocation costs four pages or more, so keys only.
 */
#include <sessiond/base/secret.h>

#include <stdatomic.h>
#include <sys/mman.h>

#include <sodium.h>

static atomic_bool unlocked;

enum ses_status ses_secret_new(size_t len, struct ses_secret *ret_secret)
{
    uint8_t *bytes = sodium_malloc(len);

    if (bytes == NULL)
        return SES_NO_MEMORY;
    /* sodium_malloc says nothing when it cannot lock; asked again for what is locked, the kernel says yes. */
    if (mlock(bytes, len) != 0)
        atomic_store_explicit(&unlocked, true, memory_order_relaxed);
    sodium_memzero(bytes, len); /* sodium_malloc fills with 0xdb */
    *ret_secret = (struct ses_secret){bytes, len};
    return SES_OK;
}

bool ses_secrets_locked(void)
{
    return !atomic_load_explicit(&unlocked, memory_order_relaxed);
}

void ses_secret_free(struct ses_secret *secret)
{
    sodium_free(secret->bytes);
    *secret = (struct ses_secret){0};
}

/* memset before a free is a dead store that compilers remove; sodium_memzero is not. */
void ses_wipe(void *bytes, size_t len)
{
    if (len > 0)
        sodium_memzero(bytes, len);
}
