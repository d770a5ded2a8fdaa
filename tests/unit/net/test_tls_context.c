/* What is wrong with a certificate, a key or an authority is said before anybody connects. */
#include "unit_clock.h"

#include <openssl/pem.h>

#include <sessiond/net/tls.h>

#include "made_certificate.h"

static struct made server;
static struct ses_tls_options options;

static int setup_server(void **state)
{
    (void)state;
    made_server(&server);
    options =
        (struct ses_tls_options){.certificate = made_text(server.certificate), .key = made_text(server.key)};
    return 0;
}

static int teardown_server(void **state)
{
    (void)state;
    made_done(&server);
    return 0;
}

static void expect(enum ses_tls_text text, const char *says)
{
    struct ses_tls_context *context = NULL;
    struct ses_fault fault = {.text = ""};
    enum ses_tls_text told = SES_TLS_CERTIFICATE;

    if (ses_tls_context_new(&options, &context, &told, &fault) == SES_OK)
        fail_msg("taken, though it should say: %s", says);
    if (strstr(fault.text, says) == NULL)
        fail_msg("says '%s', not '%s'", fault.text, says);
    assert_int_equal(told, text);
}

static struct ses_tls_context *taken(void)
{
    struct ses_tls_context *context = NULL;
    struct ses_fault fault = {.text = ""};
    enum ses_tls_text text;

    if (ses_tls_context_new(&options, &context, &text, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    return context;
}

static void test_right(void **state)
{
    struct ses_tls_context *context = taken();

    (void)state;
    assert_true(ses_tls_context_names(context, SES_STR("localhost")));
    assert_true(ses_tls_context_names(context, SES_STR("127.0.0.1")));
    assert_true(ses_tls_context_names(context, SES_STR("::1")));
    assert_false(ses_tls_context_names(context, SES_STR("localhost.example")));
    assert_false(ses_tls_context_names(context, SES_STR("10.0.0.1")));
    assert_false(ses_tls_context_names(context, SES_SLICE_EMPTY));
    assert_true(ses_tls_context_ends_ms(context) > 0);
    ses_tls_context_free(context);
}

static void test_no_certificate(void **state)
{
    (void)state;
    options.certificate = SES_STR("");
    expect(SES_TLS_CERTIFICATE, "no certificate in it");
    options.certificate = made_text(server.key);
    expect(SES_TLS_CERTIFICATE, "no certificate in it");
    options.certificate = SES_STR("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    expect(SES_TLS_CERTIFICATE, "cannot be read");
}

static void test_keys(void **state)
{
    struct made other;
    BIO *text = BIO_new(BIO_s_mem());
    char *bytes;
    long len;

    (void)state;
    made_server(&other);
    options.key = made_text(other.key);
    expect(SES_TLS_KEY, "not that of the certificate");
    options.key = made_text(server.certificate);
    expect(SES_TLS_KEY, "no private key in it");
    assert_int_equal(
        PEM_write_bio_PKCS8PrivateKey(text, server.pkey, EVP_aes_256_cbc(), "secret", 6, NULL, NULL), 1);
    len = BIO_get_mem_data(text, &bytes);
    options.key = ses_slice(bytes, (size_t)len);
    expect(SES_TLS_KEY, "is encrypted");
    BIO_free(text);
    made_done(&other);
}

static void expect_time(int from_seconds, int to_seconds, const char *says)
{
    const struct made_options when = {
        .san = "DNS:localhost", .from_seconds = from_seconds, .to_seconds = to_seconds};

    made_done(&server);
    made_certificate(&when, &server);
    options.certificate = made_text(server.certificate);
    options.key = made_text(server.key);
    expect(SES_TLS_CERTIFICATE, says);
}

static void test_times(void **state)
{
    (void)state;
    expect_time(-7200, -60, "has expired at 20");
    options.judged = true; /* a worker that is started again serves as its neighbours do */
    ses_tls_context_free(taken());
    options.judged = false;
    expect_time(7200, 86400, "not valid before 20");
}

static void test_chains(void **state)
{
    const struct made_options root = {.common_name = "root", .authority = true};
    struct made authority;
    struct made stranger;
    struct made leaf;
    char *right;
    char *wrong;

    (void)state;
    made_certificate(&root, &authority);
    made_certificate(&root, &stranger);
    const struct made_options below = {.san = "DNS:localhost", .issuer = &authority};

    made_certificate(&below, &leaf);
    options.key = made_text(leaf.key);
    right = made_joined(leaf.certificate, authority.certificate);
    options.certificate = made_text(right);
    ses_tls_context_free(taken());
    free(right);
    wrong = made_joined(authority.certificate, leaf.certificate);
    options.certificate = made_text(wrong);
    expect(SES_TLS_CERTIFICATE, "has not issued the one before it");
    free(wrong);
    made_done(&leaf);
    made_done(&authority);
    made_done(&stranger);
}

static void test_authorities_of_clients(void **state)
{
    const struct made_options old = {
        .common_name = "old", .authority = true, .from_seconds = -7200, .to_seconds = -60};
    struct made authority;

    (void)state;
    options.client_auth = SES_TLS_CLIENT_REQUIRE;
    options.client_ca = made_text(server.key);
    expect(SES_TLS_CLIENT_CA, "no certificate in it");
    made_certificate(&old, &authority);
    options.client_ca = made_text(authority.certificate);
    expect(SES_TLS_CLIENT_CA, "has expired");
    made_done(&authority);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown_server)
    const struct CMUnitTest tests[] = {
        TEST(test_right), TEST(test_no_certificate), TEST(test_keys),
        TEST(test_times), TEST(test_chains),         TEST(test_authorities_of_clients),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
