/* The section upstream. */
#include "config_fixture.h"

static void absent_means_none(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load("", &config, &fault));
    assert_string_equal(config.upstream.grpc, "");
    assert_int_equal(config.upstream.port, 0);
    assert_ok(load("upstream:\n  grpc: \"\"\n  connections: 3\n", &config, &fault));
    assert_string_equal(config.upstream.grpc, "");
}

static void the_server_is_named(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load("upstream:\n  grpc: payments.internal:8000\n", &config, &fault));
    assert_string_equal(config.upstream.grpc, "payments.internal:8000");
    assert_string_equal(config.upstream.host, "payments.internal");
    assert_string_equal(config.upstream.server_name, "payments.internal");
    assert_int_equal(config.upstream.port, 8000);
    assert_int_equal(config.upstream_connections, 2);
    assert_int_equal(config.upstream_answer_bytes_max, 4194304);
    assert_ok(load("upstream:\n  grpc: \"[::1]:8000\"\n  tls:\n    server_name: payments.example\n", &config,
                   &fault));
    assert_string_equal(config.upstream.host, "::1");
    assert_string_equal(config.upstream.server_name, "payments.example");
}

static void tls_is_chosen(void **state)
{
    static const struct {
        const char *text;
        bool tls;
    } rows[] = {
        {"upstream:\n  grpc: payments.internal:8000\n", true},
        {"upstream:\n  grpc: 10.0.0.1:8000\n", true},
        {"upstream:\n  grpc: payments.internal:8000\n  plaintext: refuse\n", true},
        {"upstream:\n  grpc: payments.internal:8000\n  plaintext: allow\n", false},
        {"upstream:\n  grpc: 127.0.0.1:8000\n", false},
        {"upstream:\n  grpc: localhost:8000\n", false},
        {"upstream:\n  grpc: \"[::1]:8000\"\n", false},
        {"upstream:\n  grpc: 127.0.0.1:8000\n  plaintext: refuse\n", true},
        {"upstream:\n  grpc: 127.0.0.1:8000\n  tls:\n    server_name: payments.example\n", true},
        {"upstream:\n  grpc: 127.0.0.1:8000\n  tls:\n    ca_file: /etc/ca.pem\n", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct ses_config config;
        struct ses_fault fault;

        assert_ok(load(rows[i].text, &config, &fault));
        assert_int_equal(config.upstream.tls, rows[i].tls);
    }
}

#define SERVER                                                                                               \
    "2: upstream.grpc: must be the host and port of a gRPC server, without a scheme, e.g. "                  \
    "payments.internal:8000 or [::1]:8000"

static void mistakes_are_named(void **state)
{
    static const char *const servers[] = {"payments.internal",
                                          "payments.internal:0",
                                          "https://payments.internal:8000",
                                          "payments.internal:8000/x",
                                          "a b:8000",
                                          ":8000",
                                          "payments.internal:99999"};

    (void)state;
    for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
        char text[128];

        (void)snprintf(text, sizeof(text), "upstream:\n  grpc: \"%s\"\n", servers[i]);
        expect_fault(text, SERVER);
    }
    expect_fault("upstream:\n  plaintext: maybe\n", "2: upstream.plaintext: must be refuse or allow");
    expect_fault("upstream:\n  grpc: a:1\n  plaintext: allow\n  tls:\n    ca_file: /etc/ca.pem\n",
                 "3: upstream.plaintext: takes plain text, and upstream.tls says how TLS is spoken: take one "
                 "of them out");
    expect_fault("upstream:\n  grpc: a:1\n  tls:\n    cert_file: /etc/own.pem\n",
                 "4: upstream.tls.cert_file: needs its private key: add upstream.tls.key_file");
    expect_fault("upstream:\n  grpc: a:1\n  tls:\n    key_file: /etc/own.key\n",
                 "4: upstream.tls.key_file: needs its certificate: add upstream.tls.cert_file");
    expect_fault("upstream:\n  connections: 0\n",
                 "2: upstream.connections: must be a whole number from 1 to 64");
    expect_fault("upstream:\n  deadline_ms: 1000\n  connect_timeout_ms: 2000\n",
                 "2: upstream.deadline_ms: must not be below upstream.connect_timeout_ms");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_means_none),
        cmocka_unit_test(the_server_is_named),
        cmocka_unit_test(tls_is_chosen),
        cmocka_unit_test(mistakes_are_named),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
