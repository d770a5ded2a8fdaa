/* Session tickets (RFC 5077, RFC 8446 section 4.6.1): what a client needs to come back without a full handshake
 * lies with the client, sealed by us. Any worker opens what any other has sealed, since all of them derive the
 * same keys from the master and the number of the epoch:
 *
 *   name, AES-256 key, HMAC-SHA256 key = BLAKE2b(master; purpose, epoch)
 *
 * An epoch lasts ticket_seconds of sessiond's own time, which never steps. Tickets of the present epoch and of the
 * one before are taken; a client with one of the latter gets a new one. The master lies in memory that only this
 * server and its children have, and in no core dump.
 */
#include "tls_impl.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/random.h>
#include <sessiond/base/secret.h>

#define MASTER_BYTES 32u
#define NAME_BYTES   16u /* TLSEXT_KEYNAME_LENGTH, which OpenSSL has in no signature */
#define SEALS        (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

struct ses_tls_tickets {
    int fd;
    uint8_t *master; /* MASTER_BYTES, a page of its own */
};

struct ticket_keys {
    uint8_t name[SES_HASH_BYTES];
    uint8_t cipher[SES_HASH_BYTES];
    uint8_t mac[SES_HASH_BYTES];
};

/* ---- the master --------------------------------------------------------------------------------------- */

static enum ses_status map(struct ses_tls_tickets *tickets)
{
    void *page = mmap(NULL, MASTER_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, tickets->fd, 0);

    if (page == MAP_FAILED)
        return SES_IO;
    tickets->master = page;
    /* Where that is not allowed (RLIMIT_MEMLOCK), the master is as safe as the rest of the process. */
    (void)mlock(page, MASTER_BYTES);
    (void)madvise(page, MASTER_BYTES, MADV_DONTDUMP);
    return SES_OK;
}

static enum ses_status open_master(int fd, struct ses_tls_tickets **ret_tickets)
{
    struct ses_tls_tickets *tickets = calloc(1, sizeof(*tickets));

    if (tickets == NULL) {
        (void)close(fd);
        return SES_NO_MEMORY;
    }
    tickets->fd = fd;
    if (map(tickets) != SES_OK) {
        ses_tls_tickets_free(tickets);
        return SES_IO;
    }
    *ret_tickets = tickets;
    return SES_OK;
}

enum ses_status ses_tls_tickets_new(struct ses_tls_tickets **ret_tickets)
{
    int fd = memfd_create("sessiond-tickets", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return SES_IO;
    if (ftruncate(fd, MASTER_BYTES) != 0 || fcntl(fd, F_ADD_SEALS, SEALS) != 0) {
        (void)close(fd);
        return SES_IO;
    }
    SES_TRY(open_master(fd, ret_tickets));
    ses_random_bytes((*ret_tickets)->master, MASTER_BYTES);
    return SES_OK;
}

enum ses_status ses_tls_tickets_adopt(int fd, struct ses_tls_tickets **ret_tickets)
{
    struct stat st;

    if (fstat(fd, &st) != 0 || st.st_size != MASTER_BYTES || fcntl(fd, F_GET_SEALS) != SEALS ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        (void)close(fd);
        return SES_MALFORMED;
    }
    return open_master(fd, ret_tickets);
}

int ses_tls_tickets_fd(const struct ses_tls_tickets *tickets)
{
    return tickets->fd;
}

void ses_tls_tickets_free(struct ses_tls_tickets *tickets)
{
    if (tickets == NULL)
        return;
    if (tickets->master != NULL)
        (void)munmap(tickets->master, MASTER_BYTES);
    (void)close(tickets->fd);
    free(tickets);
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static void derive(const struct ses_tls_context *context, uint64_t epoch, const char *purpose,
                   uint8_t ret_key[SES_HASH_BYTES])
{
    const struct ses_slice parts[] = {ses_slice_str(purpose), ses_slice(&epoch, sizeof(epoch))};

    ses_hash_parts(ses_slice(context->tickets->master, MASTER_BYTES), parts, 2, ret_key);
}

static uint64_t present_epoch(const struct ses_tls_context *context)
{
    return ses_clock_now_ms() / (context->ticket_seconds * UINT64_C(1000));
}

/* Three short hashes, 2 us, against a handshake of a hundred: nothing is kept, so nothing has to be renewed. */
static void derive_all(const struct ses_tls_context *context, uint64_t epoch, struct ticket_keys *ret_keys)
{
    derive(context, epoch, "name", ret_keys->name);
    derive(context, epoch, "cipher", ret_keys->cipher);
    derive(context, epoch, "mac", ret_keys->mac);
}

static bool is_of(const struct ses_tls_context *context, uint64_t epoch, const unsigned char *name)
{
    uint8_t own[SES_HASH_BYTES];

    derive(context, epoch, "name", own);
    return memcmp(own, name, NAME_BYTES) == 0;
}

static bool set_mac(EVP_MAC_CTX *mac, struct ticket_keys *keys)
{
    char digest[] = "SHA256"; /* the constructor wants it writable */
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, keys->mac, sizeof(keys->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };

    return EVP_MAC_CTX_set_params(mac, params) == 1;
}

static int seal_with(const struct ses_tls_context *context, unsigned char *name, unsigned char *iv,
                     EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    struct ticket_keys keys;
    bool done;

    derive_all(context, present_epoch(context), &keys);
    memcpy(name, keys.name, NAME_BYTES);
    done = RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 &&
           EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys.cipher, iv) == 1 && set_mac(mac, &keys);
    ses_wipe(&keys, sizeof(keys));
    return done ? 1 : -1;
}

/* 0: a ticket that is not ours or too old, the handshake is a full one. 2: taken, and replaced by a new one. */
static int open_with(const struct ses_tls_context *context, const unsigned char *name,
                     const unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
    uint64_t epoch = present_epoch(context);
    struct ticket_keys keys;
    int verdict = is_of(context, epoch, name) ? 1 : 2;
    bool done;

    if (verdict == 2 && (epoch == 0 || !is_of(context, epoch - 1, name)))
        return 0;
    derive_all(context, verdict == 1 ? epoch : epoch - 1, &keys);
    done = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, keys.cipher, iv) == 1 && set_mac(mac, &keys);
    ses_wipe(&keys, sizeof(keys));
    return done ? verdict : -1;
}

static int on_ticket_key(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                         EVP_MAC_CTX *mac, int sealing)
{
    const struct ses_tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    return sealing ? seal_with(context, name, iv, cipher, mac) : open_with(context, name, iv, cipher, mac);
}

/* A resumed handshake verifies no certificate again: one that has ended meanwhile must be shown anew. */
static SSL_TICKET_RETURN on_opened(SSL *ssl, SSL_SESSION *session, const unsigned char *name, size_t name_len,
                                   SSL_TICKET_STATUS status, void *arg)
{
    const X509 *peer = session == NULL ? NULL : SSL_SESSION_get0_peer(session);
    bool ended = peer != NULL && ses_tls_pem_time(peer) != 0;

    (void)ssl;
    (void)name;
    (void)name_len;
    (void)arg;
    if (status == SSL_TICKET_SUCCESS && !ended)
        return SSL_TICKET_RETURN_USE;
    if (status == SSL_TICKET_SUCCESS_RENEW && !ended)
        return SSL_TICKET_RETURN_USE_RENEW;
    return SSL_TICKET_RETURN_IGNORE_RENEW;
}

enum ses_status ses_tls_tickets_use(struct ses_tls_context *context)
{
    (void)SSL_CTX_set_session_cache_mode(context->ctx, SSL_SESS_CACHE_OFF);
    if (context->tickets == NULL || context->ticket_seconds == 0) {
        (void)SSL_CTX_set_options(context->ctx, SSL_OP_NO_TICKET);
        return SSL_CTX_set_num_tickets(context->ctx, 0) == 1 ? SES_OK : SES_NO_MEMORY;
    }
    SSL_CTX_set_timeout(context->ctx, (long)context->ticket_seconds);
    if (SSL_CTX_set_tlsext_ticket_key_evp_cb(context->ctx, on_ticket_key) != 1 ||
        SSL_CTX_set_session_ticket_cb(context->ctx, NULL, on_opened, NULL) != 1)
        return SES_NO_MEMORY;
    return SES_OK;
}
