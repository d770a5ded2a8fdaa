/* Random bytes are the kernel's, taken a page at a time: one getrandom(2) for some sixty payments in place of several for
 * each (libsodium asks for 256 bytes at most at once, 0.38 us a call). No generator of ours and none of libsodium's
 * (randombytes_internal asks the kernel for the process's number each time, so that it saves no system call, and a child
 * that forgets to stir it is ended): the kernel's is seeded, mixes in new entropy and forgets its keys by itself.
 *
 * What waits lies in guarded memory and is wiped as it is given out: never twice, never found later. The kernel wipes
 * the page in a child of fork(2), its count of bytes left with it, so that no two processes give out the same.
 */
#include <sessiond/base/random.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/secret.h>

/* left is 0 in a page that was wiped: the next one who asks has it filled. */
struct pool {
    size_t left;
    uint8_t bytes[4096 - sizeof(size_t)];
};

/* What is longer goes to the kernel: a key is no reason to keep more in memory. */
#define POOLED_MAX 64

/* Of the thread that called ses_random_init: no lock. Any other thread asks the kernel. */
static _Thread_local struct pool *own;

/* Without MADV_WIPEONFORK (Linux 4.14) there is no pool. */
static struct pool *pool_new(void)
{
    long page = sysconf(_SC_PAGESIZE);
    struct ses_secret memory;

    if (page < (long)sizeof(struct pool) || ses_secret_new((size_t)page, &memory) != SES_OK)
        return NULL;
    if (madvise(memory.bytes, memory.len, MADV_WIPEONFORK) != 0) {
        ses_secret_free(&memory);
        return NULL;
    }
    return (struct pool *)(void *)memory.bytes;
}

void ses_random_init(void)
{
    SES_REQUIRE(sodium_init() >= 0);
    if (own == NULL)
        own = pool_new();
    else
        (void)mlock(own, sizeof(*own)); /* a child has the page, but not the lock on it */
}

/* False: interrupted, or a kernel that does not say; libsodium knows what to do then. */
static bool fill(struct pool *pool)
{
    ssize_t got = getrandom(pool->bytes, sizeof(pool->bytes), 0);

    pool->left = got == (ssize_t)sizeof(pool->bytes) ? sizeof(pool->bytes) : 0;
    return pool->left > 0;
}

void ses_random_bytes(void *ret_bytes, size_t len)
{
    struct pool *pool = own;
    uint8_t *from;

    if (pool == NULL || len > POOLED_MAX || (pool->left < len && !fill(pool))) {
        randombytes_buf(ret_bytes, len);
        return;
    }
    from = pool->bytes + sizeof(pool->bytes) - pool->left;
    memcpy(ret_bytes, from, len);
    ses_wipe(from, len);
    pool->left -= len;
}

void ses_uuid_v4(char *ret_text)
{
    static const uint8_t group_ends[] = {4, 6, 8, 10, 16}; /* in bytes: 8-4-4-4-12 digits */
    uint8_t bytes[16];
    char hex[SES_HEX_SIZE(sizeof(bytes))];
    size_t from = 0;

    ses_random_bytes(bytes, sizeof(bytes));
    bytes[6] = (uint8_t)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (uint8_t)((bytes[8] & 0x3F) | 0x80); /* variant of RFC 9562 */
    (void)ses_hex_encode(ses_slice(bytes, sizeof(bytes)), hex);
    for (size_t group = 0; group < sizeof(group_ends); group++) {
        size_t to = (size_t)group_ends[group] * 2;

        if (group > 0)
            *ret_text++ = '-';
        memcpy(ret_text, hex + from, to - from);
        ret_text += to - from;
        from = to;
    }
    *ret_text = '\0';
}
