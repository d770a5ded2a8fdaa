#include "config_fixture.h"

static void check_defaults(const struct ses_config *config)
{
    assert_string_equal(config->listen.text, "127.0.0.1:8080");
    assert_string_equal(config->admin.text, "127.0.0.1:9090");
    assert_string_equal(config->data_dir, "./data");
    assert_in_range(config->workers, 1, SES_CONFIG_WORKERS_MAX);
    assert_int_equal(config->drain_seconds, 10);
    assert_int_equal(config->log_level, SES_LOG_INFO);
    assert_int_equal(config->durability, SES_DURABILITY_DISK);
    assert_int_equal(config->token_purpose, SES_TOKEN_PUBLIC);
    assert_string_equal(config->issuer, "sessiond");
    assert_string_equal(config->audience, "sessiond");
    assert_int_equal(config->hosts_count, 0);
#define CHECK_DEFAULT(section_, key_, low_, high_, usual_)                                                   \
    assert_int_equal(config->section_##_##key_, usual_);
    SES_CONFIG_NUMBERS(CHECK_DEFAULT)
#undef CHECK_DEFAULT
}

static void nothing_gives_the_defaults(void **state)
{
    struct ses_options options = {.action = SES_ACTION_RUN};
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_OK);
    check_defaults(&config);
}

static void empty_files_give_the_defaults(void **state)
{
    static const char *const texts[] = {"", "\n\n", "# only a comment\n"};
    struct ses_config config;
    struct ses_fault fault;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (load(texts[i], &config, &fault) != SES_OK)
            fail_msg("'%s': %s", texts[i], fault.text);
        check_defaults(&config);
    }
}

/* The documented defaults are the real ones, and the example names every number there is. */
static void example_file_equals_the_defaults(void **state)
{
    const char *source = getenv("SES_SOURCE_DIR");
    static char text[64 * 1024];
    char path[1024];
    struct ses_options options = {.config = path};
    struct ses_config config;
    struct ses_fault fault = {""};
    FILE *in;

    (void)state;
    (void)snprintf(path, sizeof(path), "%s/deploy/sessiond.example.yaml", source == NULL ? "." : source);
    if (ses_config_load(&options, &config, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    check_defaults(&config);
    in = fopen(path, "r");
    assert_non_null(in);
    text[fread(text, 1, sizeof(text) - 1, in)] = '\0';
    assert_int_equal(fclose(in), 0);
#define CHECK_NAMED(section_, key_, low_, high_, usual_) assert_non_null(strstr(text, "\n  " #key_ ": "));
    SES_CONFIG_NUMBERS(CHECK_NAMED)
#undef CHECK_NAMED
#define CHECK_NAMED(section_, key_, low_, high_, usual_) assert_non_null(strstr(text, "\n    " #key_ ": "));
    SES_CONFIG_STORE_PG(CHECK_NAMED)
#undef CHECK_NAMED
}

static void values_are_taken(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    if (load("listen: \"[::1]:1234\"\nadmin_listen: 127.0.0.2:1\ndata_dir: /x/y\nworkers: 7\ndrain_seconds: "
             "3\n"
             "log:\n  level: debug\nstore:\n  durability: process\n  sessions_max: 5000\ntoken:\n  issuer: "
             "me\n  purpose: local\n"
             "connector:\n  base_url_hosts: [a.example, \"b.example:444\"]\n  calls_max: 9\n"
             "connectors:\n  nuvei:\n    sandbox_url: https://n.example/v1\n  stripe:\n    production_url: "
             "https://s.example/\n",
             &config, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    assert_string_equal(config.listen.text, "[::1]:1234");
    assert_string_equal(config.admin.text, "127.0.0.2:1");
    assert_string_equal(config.data_dir, "/x/y");
    assert_int_equal(config.workers, 7);
    assert_int_equal(config.drain_seconds, 3);
    assert_int_equal(config.log_level, SES_LOG_DEBUG);
    assert_int_equal(config.durability, SES_DURABILITY_PROCESS);
    assert_int_equal(config.store_sessions_max, 5000);
    assert_int_equal(config.connector_calls_max, 9);
    assert_string_equal(config.issuer, "me");
    assert_string_equal(config.audience, "sessiond");
    assert_int_equal(config.token_purpose, SES_TOKEN_LOCAL);
    assert_int_equal(config.hosts_count, 2);
    assert_string_equal(config.hosts[1], "b.example:444");
    assert_int_equal(config.urls_count, SES_CONFIG_URLS_MAX);
    assert_string_equal(config.urls[SES_CONFIG_URL_nuvei].connector, "nuvei");
    assert_string_equal(config.urls[SES_CONFIG_URL_nuvei].sandbox, "https://n.example/v1");
    assert_string_equal(config.urls[SES_CONFIG_URL_nuvei].production, "");
    assert_string_equal(config.urls[SES_CONFIG_URL_stripe].connector, "stripe");
    assert_string_equal(config.urls[SES_CONFIG_URL_stripe].production, "https://s.example/");
}

static void tokens_without_a_tag_are_public(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load("token:\n  tag: off\n", &config, &fault));
    assert_int_equal(config.token_purpose, SES_TOKEN_PLAIN);
    assert_ok(load("token:\n  tag: on\n", &config, &fault));
    assert_int_equal(config.token_purpose, SES_TOKEN_PUBLIC);
    assert_ok(load("token:\n  tag: off\n  purpose: local\n", &config, &fault));
    assert_int_equal(config.token_purpose, SES_TOKEN_LOCAL);
    expect_fault("token:\n  tag: maybe\n", "2: token.tag: must be on or off");
}

/* Files of versions before go on. */
static void what_is_needed_no_more_is_taken(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load("session:\n  token_cache_entries: 16384\n  ttl_seconds: 60\n", &config, &fault));
    assert_int_equal(config.session_ttl_seconds, 60);
}

static void callers_lie_beside_the_data_unless_said_otherwise(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load("workers: 1\n", &config, &fault));
    assert_string_equal(config.callers, "");
    assert_ok(load("callers: who.yaml\ndata_dir: /x/y\n", &config, &fault));
    assert_string_equal(config.callers, "/x/y/who.yaml");
    assert_ok(load("callers: /etc/who.yaml\n", &config, &fault));
    assert_string_equal(config.callers, "/etc/who.yaml");
    expect_fault("callers: \"\"\n", "1: callers: must not be empty");
}

static void yaml_mistakes_name_line_and_key(void **state)
{
    (void)state;
    expect_fault("listen: 127.0.0.1:1\nstore:\n  quota_mib: 12\n  foo: 1\n", "4: store.foo: unknown key");
    expect_fault("\nnope: 1\n", "2: nope: unknown key");
    expect_fault("connectors:\n  noon:\n    sandbox_url: https://a/\n", "2: connectors.noon: unknown key");
    expect_fault("connectors:\n  nuvei:\n    url: https://a\n", "3: connectors.nuvei.url: unknown key");
    expect_fault("listen: 127.0.0.1:1\n\nlisten: 127.0.0.1:2\n", "3: listen: is given twice");
    expect_fault("store:\n  quota_mib: 1\nlog:\n  level: info\nstore:\n  map_gib: 1\n",
                 "5: store: is given twice");
    expect_fault("listen: [127.0.0.1]\n", "1: listen: must be a single value");
    expect_fault("log:\n  level: {a: b}\n", "2: log.level: must be a single value");
    expect_fault("\nstore: 5\n", "2: store: must be a mapping (key: value)");
    expect_fault("connector:\n  base_url_hosts: a.example\n", "2: connector.base_url_hosts: must be a list");
    expect_fault("---\n", "1: must be a mapping (key: value)");
    expect_fault("- a\n", "1: must be a mapping (key: value)");
    expect_fault("listen: 127.0.0.1:1\n---\nlisten: 127.0.0.1:2\n", "2: a second document in one file");
    expect_fault("listen: &x 127.0.0.1:1\nadmin_listen: *x\n", "2: admin_listen: aliases are not supported");
    expect_fault("log:\n\tlevel: info\n", "2: found character that cannot start any token");
    expect_fault("listen: \"127.0.0.1:1\n", "2: found unexpected end of stream");
    expect_fault("a: [[[[[[[[[[1]]]]]]]]]]\n", "1: a: is nested too deeply");
}

static void numbers_are_strict(void **state)
{
    (void)state;
    expect_fault("workers: 0\n", "1: workers: must be a whole number from 1 to 64");
    expect_fault("workers: 65\n", "1: workers: must be a whole number from 1 to 64");
    expect_fault("workers: -1\n", "1: workers: must be a whole number from 1 to 64");
    expect_fault("workers:\n", "1: workers: must be a whole number from 1 to 64");
    expect_fault("\n\nstore:\n  quota_mib: 1.5\n",
                 "4: store.quota_mib: must be a whole number from 1 to 16777216");
    expect_fault("store:\n  quota_mib: 0x10\n",
                 "2: store.quota_mib: must be a whole number from 1 to 16777216");
    expect_fault("store:\n  quota_mib: 12 MiB\n",
                 "2: store.quota_mib: must be a whole number from 1 to 16777216");
    expect_fault("store:\n  quota_mib: 99999999999999999999\n",
                 "2: store.quota_mib: must be a whole number from 1 to 16777216");
    expect_fault("drain_seconds: 601\n", "1: drain_seconds: must be a whole number from 1 to 600");
}

/* Every row of the table is read from its own key and held to its own bounds. */
static void every_number_has_its_bounds(void **state)
{
    (void)state;
#define CHECK_BOUNDS(section_, key_, low_, high_, usual_)                                                    \
    {                                                                                                        \
        char text[128];                                                                                      \
        char expected[160];                                                                                  \
        (void)snprintf(text, sizeof(text), #section_ ":\n  " #key_ ": %llu\n", 1ull + (high_));              \
        (void)snprintf(expected, sizeof(expected),                                                           \
                       "2: " #section_ "." #key_ ": must be a whole number from %llu to %llu",               \
                       (unsigned long long)(low_), (unsigned long long)(high_));                             \
        expect_fault(text, expected);                                                                        \
        (void)snprintf(text, sizeof(text), #section_ ":\n  " #key_ ": %llu\n", (low_)-1ull);                 \
        expect_fault(text, expected);                                                                        \
    }
    SES_CONFIG_NUMBERS(CHECK_BOUNDS)
#undef CHECK_BOUNDS
}

static void texts_are_checked(void **state)
{
    char text[512] = "token:\n  issuer: ";

    (void)state;
    memset(text + strlen(text), 'x', 300);
    expect_fault(text, "2: token.issuer: is too long");
    expect_fault("token:\n  issuer: \"\"\n", "2: token.issuer: must not be empty");
    expect_fault("token:\n  audience: \"a\\u0007b\"\n", "2: token.audience: must be printable UTF-8");
    expect_fault("token:\n  purpose: secret\n", "2: token.purpose: must be public or local");
    expect_fault("store:\n  durability: none\n",
                 "2: store.durability: must be disk or process (replica needs store.driver: pg)");
    expect_fault("log:\n  level: loud\n", "2: log.level: must be debug, info, warn or error");
    expect_fault("data_dir: \"\"\n", "1: data_dir: must not be empty");
}

static void expect_taken(const char *text)
{
    struct ses_config config;
    struct ses_fault fault;

    if (load(text, &config, &fault) != SES_OK)
        fail_msg("%s", fault.text);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    expect_fault("listen: localhost:80\n",
                 "1: listen: must be ADDR:PORT with a numeric address, e.g. 127.0.0.1:8080 or "
                 "[::1]:8080");
    expect_fault(
        "listen: 0.0.0.0:8080\n",
        "1: listen: is no loopback address, for which sessiond needs TLS and no plain text "
        "(tls.certificate, tls.key, tls.plaintext: refuse), and to know who calls (sessiondctl callers "
        "add; callers: callers.yaml)");
    expect_fault("\nlisten: 0.0.0.0:8080\ncallers: c\n",
                 "2: listen: is no loopback address, for which sessiond needs TLS and no plain text "
                 "(tls.certificate, tls.key, tls.plaintext: refuse)");
    expect_fault(
        "listen: 0.0.0.0:8080\ntls:\n  certificate: c\n  key: k\n",
        "1: listen: is no loopback address, for which sessiond needs to know who calls (sessiondctl callers add; "
        "callers: callers.yaml)");
    expect_fault("listen: 0.0.0.0:8080\ncallers: c\ntls:\n  certificate: c\n  key: k\n  plaintext: allow\n",
                 "1: listen: is no loopback address, for which sessiond needs TLS and no plain text "
                 "(tls.certificate, tls.key, tls.plaintext: refuse)");
    expect_taken("listen: 0.0.0.0:8080\ncallers: c\ntls:\n  certificate: c\n  key: k\n");
    expect_fault("\nadmin_listen: 10.0.0.1:8080\n",
                 "2: admin_listen: the admin port has no authentication and must be on a loopback address");
    expect_fault("listen: 127.0.0.1:7\nadmin_listen: 127.0.0.1:7\n",
                 "2: admin_listen: clients and admin cannot share one address");
    expect_fault("\nsimulator_listen: 10.0.0.1:8090\n",
                 "2: simulator_listen: the simulator is for this machine and must be on a loopback address");
    expect_fault("listen: 127.0.0.1:7\nsimulator_listen: 127.0.0.1:7\n",
                 "2: simulator_listen: the simulator needs an address of its own");
    expect_fault("admin_listen: 127.0.0.1:7\nsimulator_listen: 127.0.0.1:7\n",
                 "2: simulator_listen: the simulator needs an address of its own");
    expect_fault("simulator_listen: 8090\n",
                 "1: simulator_listen: must be ADDR:PORT with a numeric address, e.g. 127.0.0.1:8080 or "
                 "[::1]:8080");
    expect_taken("simulator_listen: \"[::1]:8090\"\n");
}

static void a_simulator_needs_the_sandbox(void **state)
{
    struct ses_options options = {.simulator = "127.0.0.1:8090"};
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_INVALID_ARGUMENT);
    assert_string_equal(fault.text, "--simulator: there is no simulator without --sandbox: add that");
    options.sandbox = true;
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_OK);
    assert_string_equal(config.simulator.text, "127.0.0.1:8090");
    options.simulator = NULL;
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_OK);
    assert_string_equal(config.simulator.text, "127.0.0.1:0");
}

static void urls_and_hosts_are_checked(void **state)
{
    (void)state;
    expect_fault(
        "connectors:\n  paytm:\n    production_url: http://127.0.0.1:1/\n",
        "3: connectors.paytm.production_url: must begin with https:// (http:// only for loopback hosts "
        "with --sandbox)");
    expect_fault("connectors:\n  paytm:\n    sandbox_url: https://p.example\n",
                 "3: connectors.paytm.sandbox_url: must end in '/': paths are appended as they are");
    expect_fault("connectors:\n  nuvei:\n    production_url: https://n.example/v1/\n",
                 "3: connectors.nuvei.production_url: must not end in '/': paths are appended as they are");
    expect_fault("connectors:\n  nuvei:\n    production_url: https://user@n.example\n",
                 "3: connectors.nuvei.production_url: must be a base URL: host and path, without user, query "
                 "and fragment");
    expect_fault("connectors:\n  stripe:\n    production_url: https:///\n",
                 "3: connectors.stripe.production_url: must be a base URL: host and path, without user, "
                 "query and fragment");
    expect_fault("connectors:\n  stripe:\n    production_url: https://a:70000/\n",
                 "3: connectors.stripe.production_url: must be a base URL: host and path, without user, "
                 "query and fragment");
    expect_fault("connector:\n  base_url_hosts: ['::1']\n",
                 "2: connector.base_url_hosts: each entry must be a plain host or host:port");
    expect_fault("connector:\n  base_url_hosts: ['a:0']\n",
                 "2: connector.base_url_hosts: each entry must be a plain host or host:port");
    expect_fault("connector:\n  base_url_hosts: [https://a]\n",
                 "2: connector.base_url_hosts: each entry must be a plain host or host:port");
}

/* Any port of this machine, and nothing that only looks like it: credentials are sent there. */
static void a_simulator_of_this_machine_may_be_named(void **state)
{
    static const char *const taken[] = {"127.0.0.1:8090", "127.0.0.1:1", "127.0.0.1:65535", "127.0.0.1",
                                        "127.9.8.7:8090", "[::1]:8090",  "localhost:8090"};
    char refused[] =
        "127.0.0.1.evil.example 127.0.0.1.evil.example:8090 localhost.evil.example localhost. "
        "evil.example 10.0.0.1:8090 192.168.0.1 169.254.169.254 0.0.0.0:8090 128.0.0.1 "
        "2130706433:8090 0x7f000001 0177.0.0.1 127.1:8090 127.0.0.1. [::]:8090 [::2]:8090 "
        "[::ffff:127.0.0.1]:8090 [0:0:0:0:0:0:0:1]:8090 [::1%25lo] user@127.0.0.1:8090 "
        "u:p@127.0.0.1 127.0.0.1:80@evil.example evil.example#@127.0.0.1 127.0.0.1%2eevil.example "
        "127.0.0.1:0 127.0.0.1:65536 127.0.0.1:80:80";
    struct ses_config config;
    struct ses_fault fault;
    char yaml[256], *rest;

    (void)state;
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        (void)snprintf(yaml, sizeof(yaml), "connectors:\n  nuvei:\n    sandbox_url: http://%s/nuvei\n",
                       taken[i]);
        expect_taken(yaml);
    }
    for (char *host = strtok_r(refused, " ", &rest); host != NULL; host = strtok_r(NULL, " ", &rest)) {
        (void)snprintf(yaml, sizeof(yaml), "connectors:\n  paytm:\n    sandbox_url: \"http://%s/\"\n", host);
        assert_int_not_equal(load(yaml, &config, &fault), SES_OK);
        assert_non_null(strstr(
            fault.text, "3: connectors.paytm.sandbox_url: must begin with https:// (http:// only for a "
                        "simulator on this machine: localhost, 127.0.0.1 or [::1])"));
    }
    expect_fault("connectors:\n  paytm:\n    sandbox_url: http://127.0.0.1\\@evil.example/\n",
                 "3: connectors.paytm.sandbox_url: must be a base URL: host and path, without user, query "
                 "and fragment");
    expect_fault(
        "connectors:\n  paytm:\n    sandbox_url: http://127.0.0.1:8090/paytm/?a=\n",
        "3: connectors.paytm.sandbox_url: must be a base URL: host and path, without user, query and fragment");
    expect_fault("connectors:\n  paytm:\n    sandbox_url: http://127.0.0.1:8090/paytm\n",
                 "3: connectors.paytm.sandbox_url: must end in '/': paths are appended as they are");
}

static void contradictions_are_named(void **state)
{
    (void)state;
    expect_fault("restart:\n  delay_max_ms: 20\n  delay_min_ms: 30\n",
                 "2: restart.delay_max_ms: must not be below restart.delay_min_ms");
    expect_fault("limits:\n  exchange_memory_kib: 400\n",
                 "2: limits.exchange_memory_kib: must be at least twice limits.body_kib");
    expect_fault("connector:\n  total_timeout_ms: 2999\n",
                 "2: connector.total_timeout_ms: must not be below connector.connect_timeout_ms");
}

static void options_win_and_are_named(void **state)
{
    struct ses_options options = {
        .config = config_file, .listen = "127.0.0.1:5", .workers = "2", .data = "/d"};
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_int_equal(load("listen: 127.0.0.1:1\nworkers: 9\ndata_dir: /f\n", &config, &fault), SES_OK);
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_OK);
    assert_string_equal(config.listen.text, "127.0.0.1:5");
    assert_int_equal(config.workers, 2);
    assert_string_equal(config.data_dir, "/d");
    options.workers = "many";
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_INVALID_ARGUMENT);
    assert_string_equal(fault.text, "--workers: must be a whole number from 1 to 64");
    options.workers = NULL;
    options.listen = "0.0.0.0:1";
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_INVALID_ARGUMENT);
    assert_memory_equal(fault.text, "--listen: is no loopback address", 32);
}

static void sandbox_allows_plain_http_to_loopback_only(void **state)
{
    struct ses_options options = {.config = config_file, .sandbox = true};
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    (void)!load("connectors:\n  paytm:\n    sandbox_url: http://127.0.0.1:1/\n", &config, &fault);
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_OK);
    (void)!load("connectors:\n  paytm:\n    sandbox_url: http://127.0.0.1.evil.example/\n", &config, &fault);
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_MALFORMED);
}

static void unreadable_and_oversize_files_are_refused(void **state)
{
    struct ses_options options = {.config = "/proc/none/sessiond.yaml"};
    struct ses_config config;
    struct ses_fault fault;
    FILE *out = fopen(config_file, "w");
    unsigned i;

    (void)state;
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_IO);
    assert_string_equal(
        fault.text,
        "/proc/none/sessiond.yaml: cannot be opened: No such file or directory: correct the path, "
        "or put the file there");
    assert_non_null(out);
    for (i = 0; i <= SES_CONFIG_FILE_MAX; i++)
        assert_int_equal(fputc('#', out), '#');
    assert_int_equal(fclose(out), 0);
    options.config = config_file;
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_TOO_LARGE);
    assert_non_null(strstr(fault.text, "is larger than 256 KiB"));
    options.config = "/";
    assert_int_equal(ses_config_load(&options, &config, &fault), SES_IO);
}

static void too_many_keys_are_refused(void **state)
{
    static char text[64 * 1024];
    size_t len = 0;
    int i;

    (void)state;
    for (i = 0; i < 300; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "k%d: 1\n", i);
    expect_fault(text, "257: k256: too many keys in one file");
}

static void reload_cannot_move_what_is_fixed(void **state)
{
    static const char *const keys[][2] = {{"1: listen", "listen: 127.0.0.1:1\n"},
                                          {"2: admin_listen", "\nadmin_listen: 127.0.0.1:1\n"},
                                          {"1: data_dir", "data_dir: /elsewhere\n"},
                                          {"1: workers", "workers: 63\n"},
                                          {"1: user", "user: somebody\n"},
                                          {"2: store.sessions_max", "store:\n  sessions_max: 1001\n"}};
    char expected[1024];
    struct ses_config old;
    struct ses_config fresh;
    struct ses_fault fault;
    size_t i;

    (void)state;
    assert_int_equal(load("session:\n  ttl_seconds: 5\n", &old, &fault), SES_OK);
    assert_int_equal(load("log:\n  level: warn\n", &fresh, &fault), SES_OK);
    assert_int_equal(ses_config_check_reload(&old, &fresh, &fault), SES_OK);
    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_int_equal(load(keys[i][1], &fresh, &fault), SES_OK);
        assert_int_equal(ses_config_check_reload(&old, &fresh, &fault), SES_FAILED_PRECONDITION);
        (void)snprintf(expected, sizeof(expected),
                       "%s:%s: cannot be changed by a reload: restart sessiond for it, or go back to ",
                       config_file, keys[i][0]);
        assert_memory_equal(fault.text, expected, strlen(expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gives_the_defaults),
        cmocka_unit_test(empty_files_give_the_defaults),
        cmocka_unit_test(example_file_equals_the_defaults),
        cmocka_unit_test(values_are_taken),
        cmocka_unit_test(tokens_without_a_tag_are_public),
        cmocka_unit_test(what_is_needed_no_more_is_taken),
        cmocka_unit_test(callers_lie_beside_the_data_unless_said_otherwise),
        cmocka_unit_test(yaml_mistakes_name_line_and_key),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(every_number_has_its_bounds),
        cmocka_unit_test(texts_are_checked),
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(a_simulator_needs_the_sandbox),
        cmocka_unit_test(urls_and_hosts_are_checked),
        cmocka_unit_test(a_simulator_of_this_machine_may_be_named),
        cmocka_unit_test(contradictions_are_named),
        cmocka_unit_test(options_win_and_are_named),
        cmocka_unit_test(sandbox_allows_plain_http_to_loopback_only),
        cmocka_unit_test(unreadable_and_oversize_files_are_refused),
        cmocka_unit_test(too_many_keys_are_refused),
        cmocka_unit_test(reload_cannot_move_what_is_fixed),
    };

    return cmocka_run_group_tests(tests, make_file, remove_file);
}
