/* An authority and certificates for development: made once, kept while they are good. */
#include "unit_clock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <sessiond/base/random.h>
#include <sessiond/net/dev_cert.h>

static char dir[256];
static const char *const loopback[] = {"localhost", "127.0.0.1", "::1"};

static X509 *read_certificate(const char *name)
{
    char path[512];
    BIO *file;
    X509 *certificate;

    (void)snprintf(path, sizeof(path), "%s/%s.pem", dir, name);
    file = BIO_new_file(path, "r");
    assert_non_null(file);
    certificate = PEM_read_bio_X509(file, NULL, NULL, NULL);
    assert_non_null(certificate);
    BIO_free(file);
    return certificate;
}

static bool make(const char *const *names, size_t count)
{
    struct ses_fault fault = {.text = ""};
    bool made = false;

    if (ses_dev_cert_server(dir, names, count, &made, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    return made;
}

static bool is_same(const char *name, X509 *before)
{
    X509 *now = read_certificate(name);
    bool same = X509_cmp(now, before) == 0;

    X509_free(now);
    return same;
}

static mode_t mode_of(const char *name)
{
    char path[512];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void write_rubbish(const char *name)
{
    char path[512];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("rubbish", file);
    (void)fclose(file);
}

static void test_made_once(void **state)
{
    X509 *authority;
    X509 *server;

    (void)state;
    assert_true(make(loopback, 3));
    assert_int_equal(mode_of("ca.key"), 0600);
    assert_int_equal(mode_of("server.key"), 0600);
    authority = read_certificate("ca");
    server = read_certificate("server");
    assert_int_equal(X509_check_host(server, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_ip_asc(server, "::1", 0), 1);
    assert_int_not_equal(X509_check_host(server, "pay.example", 0, 0, NULL), 1);
    assert_false(make(loopback, 3));
    assert_true(is_same("ca", authority));
    assert_true(is_same("server", server));
    X509_free(authority);
    X509_free(server);
}

/* Whatever a crash or somebody's hand has made of the files: what is no good is made again, the authority last. */
static void test_what_is_broken_is_made_again(void **state)
{
    static const char *const of_server[] = {"server.pem", "server.key"};
    static const char *const of_authority[] = {"ca.pem", "ca.key"};
    X509 *authority;

    (void)state;
    assert_true(make(loopback, 3));
    authority = read_certificate("ca");
    for (size_t i = 0; i < 2; i++) {
        write_rubbish(of_server[i]);
        assert_true(make(loopback, 3));
        assert_true(is_same("ca", authority));
        assert_false(make(loopback, 3));
    }
    for (size_t i = 0; i < 2; i++) {
        write_rubbish(of_authority[i]);
        assert_true(make(loopback, 3));
        assert_false(is_same("ca", authority));
        assert_false(make(loopback, 3));
    }
    X509_free(authority);
}

/* The authority is good for the names that it was made for: for others there is another one. */
static void test_other_names(void **state)
{
    static const char *const other[] = {"pay.local", "10.0.0.1"};
    X509 *authority;

    (void)state;
    assert_true(make(loopback, 3));
    authority = read_certificate("ca");
    assert_false(make(loopback, 1)); /* fewer are among them */
    assert_true(make(other, 2));
    assert_false(is_same("ca", authority));
    assert_false(make(other, 2));
    X509_free(authority);
}

static void test_renewed_before_the_end(void **state)
{
    X509 *authority;
    X509 *server;

    (void)state;
    assert_true(make(loopback, 3));
    authority = read_certificate("ca");
    server = read_certificate("server");
    unit_clock_pass_ms(UINT64_C(360) * 86400000);
    assert_false(make(loopback, 3));
    unit_clock_pass_ms(UINT64_C(10) * 86400000);
    assert_true(make(loopback, 3));
    assert_true(is_same("ca", authority));
    assert_false(is_same("server", server));
    unit_clock_pass_ms(UINT64_C(3260) * 86400000);
    assert_true(make(loopback, 3));
    assert_false(is_same("ca", authority));
    X509_free(authority);
    X509_free(server);
}

static void test_clients(void **state)
{
    static const char *const wrong[] = {"", "ca", "server", "../x", "a b", "x.y"};
    struct ses_fault fault = {.text = ""};
    X509 *client;

    (void)state;
    assert_int_equal(ses_dev_cert_client(dir, "shop", &fault), SES_NOT_FOUND);
    assert_true(make(loopback, 3));
    assert_int_equal(ses_dev_cert_client(dir, "shop", &fault), SES_OK);
    assert_int_equal(mode_of("shop.key"), 0600);
    client = read_certificate("shop");
    assert_int_equal(X509_check_purpose(client, X509_PURPOSE_SSL_CLIENT, 0), 1);
    assert_int_equal(X509_check_purpose(client, X509_PURPOSE_SSL_SERVER, 0), 0);
    X509_free(client);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(ses_dev_cert_client(dir, wrong[i], &fault), SES_INVALID_ARGUMENT);
}

/* Nothing of a name may reach OpenSSL's little language of extensions. */
static void test_names_that_are_none(void **state)
{
    static const char *const wrong[] = {"", "a b", "a,DNS:b", "a;b", "*", "a/b", "a\nb"};
    struct ses_fault fault = {.text = ""};
    bool made;

    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(ses_dev_cert_server(dir, &wrong[i], 1, &made, &fault), SES_INVALID_ARGUMENT);
    assert_int_equal(ses_dev_cert_server(dir, wrong, 0, &made, &fault), SES_INVALID_ARGUMENT);
}

static int make_place(void **state)
{
    (void)state;
    ses_random_init();
    (void)umask(022);
    unit_temporary("dev", dir, sizeof(dir));
    return mkdtemp(dir) == NULL;
}

static int remove_place(void **state)
{
    char command[320];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -r %s", dir);
    return system(command); /* NOLINT(cert-env33-c): a path of our own */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        TEST(test_made_once),   TEST(test_what_is_broken_is_made_again),
        TEST(test_other_names), TEST(test_renewed_before_the_end),
        TEST(test_clients),     TEST(test_names_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
