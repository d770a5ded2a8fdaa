/* A search through this process's own memory for its private key: no copy of it may lie where a core dump takes it, in
 * blocks in use or freed. The key is made by another process, so that this one knows its PEM text alone. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/ssl.h>

#include <sessiond/net/tls.h>

#include "made_certificate.h"
#include "tls_impl.h"

#define NUMBER_BYTES 32
#define MASK         0x5a /* what is looked for must not be found where it is kept */
#define TEXT_BYTES   4096
#define WAITING      1500

struct texts {
    char certificate[TEXT_BYTES];
    char key[TEXT_BYTES];
    uint8_t number[NUMBER_BYTES]; /* masked: big-endian, as PKCS #8 has it */
};

/* Shared with the process that makes it. PKCS #8 of P-256: 0x04 0x20 before the number (RFC 5915). */
static void make(struct texts *texts)
{
    static const uint8_t before[] = {0x02, 0x01, 0x01, 0x04, 0x20};
    struct made made;
    uint8_t *der = NULL;
    const uint8_t *at = NULL;
    int len;

    made_server(&made);
    (void)snprintf(texts->certificate, TEXT_BYTES, "%s", made.certificate);
    (void)snprintf(texts->key, TEXT_BYTES, "%s", made.key);
    len = i2d_PrivateKey(made.pkey, &der);
    if (len > 0)
        at = memmem(der, (size_t)len, before, sizeof(before));
    for (size_t i = 0; at != NULL && i < NUMBER_BYTES; i++)
        texts->number[i] = at[sizeof(before) + i] ^ MASK;
    _exit(at != NULL ? 0 : 1);
}

static struct texts *made_elsewhere(void)
{
    struct texts *texts =
        mmap(NULL, sizeof(*texts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = -1;
    pid_t pid;

    assert_ptr_not_equal(texts, MAP_FAILED);
    pid = unit_fork();
    if (pid == 0)
        make(texts);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return texts;
}

/* ---- the search --------------------------------------------------------------------------------------- */

struct area {
    unsigned long begin;
    unsigned long end;
};

/* Of the number, either way round: OpenSSL's numbers are little-endian. */
static unsigned count_in(int memory, struct area area, const uint8_t *masked)
{
    size_t size = area.end - area.begin;
    uint8_t *copy = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ssize_t got = pread(memory, copy, size, (off_t)area.begin);
    unsigned count = 0;

    for (ssize_t at = 0; at + NUMBER_BYTES <= got; at++) {
        unsigned forward = 0;
        unsigned backward = 0;

        while (forward < NUMBER_BYTES && (copy[at + forward] ^ MASK) == masked[forward])
            forward++;
        while (backward < NUMBER_BYTES && (copy[at + backward] ^ MASK) == masked[NUMBER_BYTES - 1 - backward])
            backward++;
        count += forward == NUMBER_BYTES || backward == NUMBER_BYTES;
    }
    (void)munmap(copy, size);
    return count;
}

/* *ret_open: where a core dump takes it; *ret_guarded: where it does not (dd of proc(5)'s VmFlags). Only what is
 * written to, and nothing of a sanitizer's terabytes. */
static void search(const uint8_t *masked, unsigned *ret_open, unsigned *ret_guarded)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    struct area area = {0, 0};
    char line[512];
    char mode[8] = "";

    assert_non_null(maps);
    *ret_open = *ret_guarded = 0;
    while (fgets(line, sizeof(line), maps) != NULL) {
        struct area next;
        char next_mode[8];

        if (sscanf(line, "%lx-%lx %7s", &next.begin, &next.end, next_mode) == 3) {
            area = next;
            memcpy(mode, next_mode, sizeof(mode));
        } else if (strncmp(line, "VmFlags:", 8) == 0 && mode[1] == 'w' && area.end - area.begin < 1UL << 30) {
            *(strstr(line, " dd") != NULL ? ret_guarded : ret_open) += count_in(memory, area, masked);
        }
    }
    (void)fclose(maps);
    (void)close(memory);
}

/* ---- tests -------------------------------------------------------------------------------------------- */

static struct ses_tls_context *context_of(const struct texts *texts)
{
    const struct ses_tls_options options = {.certificate = made_text(texts->certificate),
                                            .key = made_text(texts->key)};
    struct ses_tls_context *context = NULL;
    struct ses_fault fault = {.text = ""};
    enum ses_tls_text text;

    if (ses_tls_context_new(&options, &context, &text, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    return context;
}

static void sign(const struct ses_tls_context *context)
{
    EVP_PKEY *key = SSL_CTX_get0_privatekey(context->ctx);
    EVP_MD_CTX *digest = EVP_MD_CTX_new();
    uint8_t signature[256];
    size_t len = sizeof(signature);

    assert_int_equal(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key), 1);
    assert_int_equal(EVP_DigestSign(digest, signature, &len, (const uint8_t *)"x", 1), 1);
    EVP_MD_CTX_free(digest);
}

static void the_key_lies_in_guarded_memory_alone(void **state)
{
    const struct texts *texts = made_elsewhere();
    struct ses_tls_context *context = context_of(texts);
    unsigned open_count;
    unsigned guarded;

    (void)state;
    search(texts->number, &open_count, &guarded);
    assert_int_equal(open_count, 0);
    assert_int_equal(guarded, 1);
    for (int i = 0; i < 10; i++)
        sign(context);
    search(texts->number, &open_count, &guarded);
    assert_int_equal(open_count, 0);
    assert_int_equal(guarded, 1);
    ses_tls_context_free(context);
    search(texts->number, &open_count, &guarded);
    assert_int_equal(open_count + guarded, 0);
}

struct pair {
    SSL *server;
    SSL *client;
};

/* The server has answered the first flight of a client that says no more. */
static struct pair begin_handshake(SSL_CTX *server, SSL_CTX *client)
{
    struct pair pair = {SSL_new(server), SSL_new(client)};
    BIO *one;
    BIO *other;

    assert_int_equal(BIO_new_bio_pair(&one, 1 << 14, &other, 1 << 14), 1);
    SSL_set_bio(pair.server, one, one);
    SSL_set_bio(pair.client, other, other);
    SSL_set_accept_state(pair.server);
    SSL_set_connect_state(pair.client);
    assert_int_equal(SSL_get_error(pair.client, SSL_do_handshake(pair.client)), SSL_ERROR_WANT_READ);
    assert_int_equal(SSL_get_error(pair.server, SSL_do_handshake(pair.server)), SSL_ERROR_WANT_READ);
    return pair;
}

/* As many as were announced, of the kind that needs most, and each with a client in this process, whose ephemeral keys
 * lie there too. */
static void handshakes_that_wait_leave_room_for_others(void **state)
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    struct ses_tls_context *context = context_of(made_elsewhere());
    struct pair *pairs = calloc(WAITING, sizeof(*pairs));

    (void)state;
    for (int v = 0; v < 2; v++) {
        SSL_CTX *clients = SSL_CTX_new(TLS_client_method());

        assert_int_equal(SSL_CTX_set1_groups_list(clients, (char[]){"P-384:P-256"}), 1);
        assert_int_equal(SSL_CTX_set_max_proto_version(clients, versions[v]), 1);
        for (unsigned i = 0; i < WAITING; i++)
            pairs[i] = begin_handshake(context->ctx, clients);
        assert_true(CRYPTO_secure_used() > 0);
        sign(context);
        for (unsigned i = 0; i < WAITING; i++) {
            SSL_free(pairs[i].server);
            SSL_free(pairs[i].client);
        }
        SSL_CTX_free(clients);
    }
    free(pairs);
    ses_tls_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_key_lies_in_guarded_memory_alone),
        cmocka_unit_test(handshakes_that_wait_leave_room_for_others),
    };
    bool locked;

    ses_tls_memory_init();
    if (ses_tls_memory_guard(WAITING, &locked) != SES_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
