/* The section tls: what goes together, and files that are read and judged. */
#include "config_fixture.h"

#include <sys/stat.h>

#include <sessiond/base/random.h>
#include <sessiond/config/tls_files.h>

#include "made_certificate.h"

static char folder[256];
static struct made server;

static void write_text(const char *name, const char *text, mode_t mode)
{
    char path[512];
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    (void)fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

/* The files as they should be, and the section that names them. */
static const char *section(const char *more)
{
    static char text[2048];

    write_text("server.pem", server.certificate, 0644);
    write_text("server.key", server.key, 0600);
    (void)snprintf(text, sizeof(text), "tls:\n  certificate: %s/server.pem\n  key: %s/server.key\n%s", folder,
                   folder, more);
    return text;
}

static void test_halves(void **state)
{
    (void)state;
    expect_fault("tls:\n  certificate: a.pem\n", "2: tls.certificate: needs its private key: add tls.key");
    expect_fault("tls:\n  key: a.key\n", "2: tls.key: needs its certificate: add tls.certificate");
    expect_fault("tls:\n  client_ca: ca.pem\n",
                 "2: tls.client_ca: needs a certificate of the server: add tls.certificate and tls.key");
    expect_fault(
        section("  client_ca: ca.pem\n"),
        "4: tls.client_ca: is not used while tls.client_auth is none: set that to optional or require");
    expect_fault(section("  client_auth: require\n"),
                 "4: tls.client_auth: needs the authorities that may have issued clients' certificates: add "
                 "tls.client_ca");
    expect_fault(
        "tls:\n  plaintext: refuse\n",
        "2: tls.plaintext: without a certificate nothing would be served: add tls.certificate and tls.key");
    expect_fault("tls:\n  min_version: \"1.1\"\n", "2: tls.min_version: must be \"1.2\" or \"1.3\"");
    expect_fault("tls:\n  client_auth: maybe\n", "2: tls.client_auth: must be none, optional or require");
    expect_fault("tls:\n  plaintext: maybe\n", "2: tls.plaintext: must be allow or refuse");
}

static void test_defaults(void **state)
{
    struct ses_fault fault;
    struct ses_config config;

    (void)state;
    assert_ok(load("", &config, &fault));
    assert_string_equal(config.tls.certificate.path, "");
    assert_false(config.tls.tls_only);
    assert_ok(load(section(""), &config, &fault));
    assert_true(config.tls.tls_only);
    assert_int_equal(config.tls.client_auth, SES_TLS_CLIENT_NONE);
    assert_int_equal(config.tls.certificate.line, 2);
    assert_int_equal(config.tls.key.line, 3);
    assert_memory_equal(config.public_url, "https://", 8);
    assert_ok(load(section("  plaintext: allow\n  min_version: \"1.3\"\n"), &config, &fault));
    assert_false(config.tls.tls_only);
    assert_true(config.tls.tls13_only);
    assert_memory_equal(config.public_url, "http://", 7);
}

/* "FILE:LINE: key: path: what". */
static void expect_files(const char *text, const char *key, const char *says)
{
    struct ses_tls_files *files = NULL;
    struct ses_fault fault = {.text = ""};
    struct ses_config config;
    char begins[600];

    assert_ok(load(text, &config, &fault));
    assert_int_not_equal(ses_tls_files_load(&config, &files, &fault), SES_OK);
    assert_null(files);
    (void)snprintf(begins, sizeof(begins), "%s:", config_file);
    assert_memory_equal(fault.text, begins, strlen(begins));
    if (strstr(fault.text, key) == NULL || strstr(fault.text, says) == NULL)
        fail_msg("says '%s', not '%s' of %s", fault.text, says, key);
}

static void test_files_are_read(void **state)
{
    struct ses_tls_files *files = NULL;
    struct ses_tls_context *context = NULL;
    struct ses_fault fault = {.text = ""};
    struct ses_config config;

    (void)state;
    assert_ok(load("", &config, &fault));
    assert_ok(ses_tls_files_load(&config, &files, &fault));
    assert_null(files);
    assert_ok(load(section(""), &config, &fault));
    if (ses_tls_files_load(&config, &files, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    /* From here on the files may be anything: what was read is what counts. */
    write_text("server.key", "rubbish", 0600);
    assert_ok(ses_tls_files_context(files, &config, NULL, &context, &fault));
    ses_tls_context_free(context);
    ses_tls_files_free(files);
}

static void test_files_that_are_none(void **state)
{
    char longest[300 * 1024];
    const char *text;

    (void)state;
    text = section("");
    write_text("server.key", server.key, geteuid() == 0 ? 0604 : 0640); /* root's may be read by a group */
    expect_files(text, "3: tls.key: ", "others than its owner can read this private key");
    text = section("");
    write_text("server.key", "", 0600);
    expect_files(text, "3: tls.key: ", "is empty");
    text = section("");
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    write_text("server.pem", longest, 0644);
    expect_files(text, "2: tls.certificate: ", "is larger than 256 KiB");
    text = section("");
    expect_files("tls:\n  certificate: /dev/null\n  key: /dev/null\n",
                 "2: tls.certificate: /dev/null: ", "is not a file");
    expect_files("tls:\n  certificate: /nothing/there\n  key: x\n",
                 "2: tls.certificate: /nothing/there: ", "cannot be opened");
}

/* A request for a host that the server is not known by is answered 421, so the certificate must be for one that it
 * is known by. */
static void test_names(void **state)
{
    const struct made_options other = {.san = "DNS:*.pay.example"};
    struct ses_tls_files *files = NULL;
    struct ses_fault fault = {.text = ""};
    struct ses_config config;
    struct made of_other;
    char text[2048];

    (void)state;
    (void)section("");
    made_certificate(&other, &of_other);
    write_text("server.pem", of_other.certificate, 0644);
    write_text("server.key", of_other.key, 0600);
    (void)snprintf(text, sizeof(text), "tls:\n  certificate: %s/server.pem\n  key: %s/server.key\n", folder,
                   folder);
    expect_files(text, "2: tls.certificate: ", "is for none of the names that this server answers to");
    (void)snprintf(
        text, sizeof(text),
        "hosts: [\"sessions.pay.example:8443\"]\ntls:\n  certificate: %s/server.pem\n  key: %s/server.key\n",
        folder, folder);
    assert_ok(load(text, &config, &fault));
    assert_ok(ses_tls_files_load(&config, &files, &fault));
    ses_tls_files_free(files);
    made_done(&of_other);
}

static int make_all(void **state)
{
    ses_random_init();
    made_server(&server);
    unit_temporary("tls", folder, sizeof(folder));
    return mkdtemp(folder) == NULL || make_file(state) != 0;
}

static int remove_all(void **state)
{
    char command[320];

    made_done(&server);
    (void)snprintf(command, sizeof(command), "rm -r %s", folder);
    return system(command) + remove_file(state); /* NOLINT(cert-env33-c): a path of our own */
}

static void test_credentials(void **state)
{
    struct ses_fault fault = {.text = ""};
    struct ses_config config;

    (void)state;
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    expect_fault("tls:\n  certificate: a.pem\n  key: credential:tls.key\n",
                 "3: tls.key: no credentials were given: LoadCredential=NAME:PATH in the "
                 "service manager's unit");
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", "/run/credentials/x", 1), 0);
    if (load("tls:\n  certificate: a.pem\n  key: credential:tls.key\n", &config, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    assert_string_equal(config.tls.key.path, "/run/credentials/x/tls.key");
    assert_string_equal(config.tls.certificate.path, "a.pem");
    expect_fault("tls:\n  certificate: a.pem\n  key: credential:../tls.key\n",
                 "3: tls.key: must name a credential behind credential:, without '/'");
    expect_fault("tls:\n  certificate: a.pem\n  key: 'credential:'\n",
                 "3: tls.key: must name a credential behind credential:, without '/'");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_halves),         cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_files_are_read), cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_credentials),
    };

    return cmocka_run_group_tests(tests, make_all, remove_all);
}
