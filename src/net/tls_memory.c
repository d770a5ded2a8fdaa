/* Where OpenSSL keeps private keys: measured with 3.0 by a search through a process's memory (test_tls_memory.c).
 * Without this file a key lies in the ordinary heap, in several copies: its numbers, and what parsing it has left
 * behind in blocks that were freed. OpenSSL takes the numbers from its secure heap where there is one, and wipes what
 * it takes from there; what it forgets to wipe while it parses is wiped here.
 *
 * What stays: of an RSA key the two primes, which the Montgomery form of each signature's moduli copies into the
 * ordinary heap (it has no other for that) until the key goes. Of a P-256 or Ed25519 key nothing, and P-384 goes
 * the same way.
 */
#include "tls_impl.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include <sessiond/base/units.h>
#include <sessiond/base/wiping.h>

#define UNIT_BYTES 16 /* smallest block */
/* Keys and what one signature needs, 4 KiB at most; the rest is room. */
#define KEYS_BYTES (128 * SES_KIB)
/* The ephemeral key of a handshake that waits for its peer is 64 bytes at most (P-384). Twice that, since a heap of
 * powers of two has gaps, and what is full refuses handshakes. */
#define HANDSHAKE_BYTES 128

/* Of this thread only: another one's blocks are not a key's. */
static _Thread_local bool wiping;

static bool is_wiped(void)
{
    return wiping || ses_wiping_is_on();
}

static void *take(size_t bytes, const char *file, int line)
{
    (void)file;
    (void)line;
    return bytes == 0 ? NULL : malloc(bytes);
}

static void give(void *block, const char *file, int line)
{
    (void)file;
    (void)line;
    if (is_wiped() && block != NULL)
        OPENSSL_cleanse(block, malloc_usable_size(block));
    free(block);
}

/* realloc would leave what it moves. */
static void *resize(void *block, size_t bytes, const char *file, int line)
{
    size_t had;
    void *moved;

    if (!is_wiped() || block == NULL)
        return realloc(block, bytes);
    had = malloc_usable_size(block);
    moved = take(bytes, file, line);
    if (moved != NULL)
        memcpy(moved, block, had < bytes ? had : bytes);
    if (moved != NULL || bytes == 0)
        give(block, file, line);
    return moved;
}

void ses_tls_memory_init(void)
{
    (void)CRYPTO_set_mem_functions(take, resize, give);
}

void ses_tls_memory_wipe(bool on)
{
    wiping = on;
}

enum ses_status ses_tls_memory_guard(size_t handshakes_max, bool *ret_locked)
{
    size_t wanted = KEYS_BYTES + handshakes_max * HANDSHAKE_BYTES;
    size_t bytes = KEYS_BYTES;
    int made;

    while (bytes < wanted) /* a power of two */
        bytes *= 2;
    made = CRYPTO_secure_malloc_init(bytes, UNIT_BYTES);
    if (made == 0)
        return SES_NO_MEMORY;
    *ret_locked = made == 1;
    return SES_OK;
}
