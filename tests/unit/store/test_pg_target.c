/* Connection strings of a shard: what is taken out of them, what is refused, and that no refusal quotes them. */
#include "target.h"

#include "unit.h"

static void test_keywords_and_uris(void **state)
{
    static const char *const texts[] = {
        "host=db1,db2.example port=5433,5434 dbname=s user=u sslmode=verify-full sslrootcert=/ca.pem",
        "postgresql://u@db1:5433,db2.example:5434/s?sslmode=verify-full&sslrootcert=/ca.pem",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ses_pg_target target;
        struct ses_fault fault;

        assert_ok(ses_pg_target_parse(texts[i], &target, &fault));
        assert_int_equal(target.nodes, 2);
        assert_string_equal(target.host[0], "db1");
        assert_string_equal(target.host[1], "db2.example");
        assert_int_equal(target.port[0], 5433);
        assert_int_equal(target.port[1], 5434);
        assert_int_equal(target.files, 1);
        assert_string_equal(target.file[0], "/ca.pem");
    }
}

static void test_ports(void **state)
{
    struct ses_pg_target target;
    struct ses_fault fault;

    (void)state;
    assert_ok(ses_pg_target_parse("host=a,b,/run/s dbname=s user=u", &target, &fault));
    assert_int_equal(target.nodes, 3);
    assert_int_equal(target.port[2], 5432);
    assert_ok(ses_pg_target_parse("host=a,b port=6000 dbname=s user=u", &target, &fault));
    assert_int_equal(target.port[0], 6000);
    assert_int_equal(target.port[1], 6000);
    assert_ok(ses_pg_target_parse("host=a,b port=6000, dbname=s user=u", &target, &fault));
    assert_int_equal(target.port[1], 5432);
    assert_ok(ses_pg_target_parse("hostaddr=10.0.0.1,10.0.0.2 dbname=s user=u", &target, &fault));
    assert_string_equal(target.host[1], "10.0.0.2");
}

static void test_one_database_named_twice(void **state)
{
    static const char first[] = "host=a,b port=1,2 dbname=s user=u";
    static const struct {
        const char *text;
        bool same;
    } others[] = {{"host=b port=2 dbname=s user=v", true},
                  {"host=b port=3 dbname=s user=u", false},
                  {"host=a port=1 dbname=t user=u", false},
                  {"host=c,a port=1 dbname=s user=u", true}};
    struct ses_pg_target target;
    struct ses_pg_target other;
    struct ses_fault fault;

    (void)state;
    assert_ok(ses_pg_target_parse(first, &target, &fault));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_ok(ses_pg_target_parse(others[i].text, &other, &fault));
        assert_int_equal(ses_pg_target_is_same(&target, &other), others[i].same);
    }
}

static void test_what_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "host=a dbname=s",
        "host=a user=u",
        "dbname=s user=u",
        "host=a, dbname=s user=u",
        "host=a dbname=s user=u password=hunter2",
        "host=a dbname=s user=u passfile=/hunter2",
        "host=a dbname=s user=u service=hunter2",
        "host=a dbname=s user=u options='-c hunter2=1'",
        "host=a dbname=s user=u replication=database",
        "host=a dbname=s user=u hunter2=1",
        "host=a dbname=s user=u 'hunter2",
        "postgresql://u:hunter2@a/s",
        "host=a port=0 dbname=s user=u",
        "host=a port=65536 dbname=s user=u",
        "host=a port=hunter2 dbname=s user=u",
        "host=a,b port=1,2,3 dbname=s user=u",
        "host=a,b,c port=1,2 dbname=s user=u",
        "host=1,2,3,4,5,6,7,8,9 dbname=s user=u",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ses_pg_target target;
        struct ses_fault fault = {.text = ""};

        if (ses_pg_target_parse(texts[i], &target, &fault) != SES_INVALID_ARGUMENT)
            fail_msg("taken: %s", texts[i]);
        assert_true(strlen(fault.text) > 0);
        assert_null(strstr(fault.text, "hunter2"));
    }
}

static void test_a_host_that_is_too_long(void **state)
{
    char text[SES_PG_TEXT_SIZE + 64];
    struct ses_pg_target target;
    struct ses_fault fault;

    (void)state;
    for (int extra = -1; extra <= 0; extra++) {
        (void)snprintf(text, sizeof(text), "dbname=s user=u host=%0*d", SES_PG_TEXT_SIZE + extra, 1);
        assert_int_equal(ses_pg_target_parse(text, &target, &fault),
                         extra < 0 ? SES_OK : SES_INVALID_ARGUMENT);
    }
}

/* Whether password and records could go to whoever answers, or in the clear. */
static void test_an_open_network(void **state)
{
    static const struct {
        const char *text;
        bool open;
    } cases[] = {
        {"host=db1", true},
        {"host=db1 sslmode=disable", true},
        {"host=db1 sslmode=allow", true},
        {"host=db1 sslmode=prefer sslrootcert=/ca.pem", true},
        {"host=db1 sslmode=require", true},
        {"host=db1 sslmode=require sslrootcert=/ca.pem", false},
        {"host=db1 sslmode=verify-ca sslrootcert=/ca.pem", false},
        {"host=db1 sslmode=verify-full sslrootcert=/ca.pem", false},
        {"host=127.0.0.1,db1", true},
        {"host=127.0.0.1,localhost,/run/s,::1 sslmode=disable", false},
        {"host=localhost hostaddr=10.0.0.1", true},
        {"host=db1 hostaddr=127.0.0.1", false},
        {"hostaddr=10.0.0.1", true},
        {"host=/run/s", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ses_pg_target target;
        struct ses_fault fault;
        char text[256];

        (void)snprintf(text, sizeof(text), "%s dbname=s user=u", cases[i].text);
        assert_ok(ses_pg_target_parse(text, &target, &fault));
        if (target.open_network != cases[i].open)
            fail_msg("%s", cases[i].text);
    }
}

static const char *parameter(const struct pg_parameters *parameters, const char *keyword)
{
    const char *value = NULL;

    for (unsigned i = 0; parameters->keywords[i] != NULL; i++)
        if (strcmp(parameters->keywords[i], keyword) == 0) {
            assert_null(value); /* once */
            value = parameters->values[i];
        }
    return value;
}

/* One node of them, whichever it is; and what was not said otherwise. */
static void test_parameters(void **state)
{
    struct pg_target target;
    struct pg_parameters parameters;
    struct ses_fault fault;

    (void)state;
    assert_ok(ses_pg_target_init(&target,
                                 "host=a,b port=1,22222 dbname=s user=u tcp_user_timeout=7 connect_timeout=9 "
                                 "target_session_attrs=read-write sslmode=verify-full",
                                 &fault));
    ses_pg_target_parameters(&target, 1, "10.0.0.2", "secret", &parameters);
    assert_string_equal(parameter(&parameters, "host"), "b"); /* by which a certificate is checked */
    assert_string_equal(parameter(&parameters, "hostaddr"), "10.0.0.2");
    assert_string_equal(parameter(&parameters, "port"), "22222");
    assert_string_equal(parameter(&parameters, "password"), "secret");
    assert_string_equal(parameter(&parameters, "sslmode"), "verify-full");
    assert_string_equal(parameter(&parameters, "tcp_user_timeout"), "7");
    assert_string_equal(parameter(&parameters, "application_name"), "sessiond");
    assert_string_equal(parameter(&parameters, "target_session_attrs"), "any");
    assert_null(parameter(&parameters, "connect_timeout"));
    ses_pg_target_parameters(&target, 0, NULL, NULL, &parameters);
    assert_string_equal(parameter(&parameters, "port"), "1");
    assert_null(parameter(&parameters, "hostaddr"));
    assert_null(parameter(&parameters, "password"));
    ses_pg_target_done(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keywords_and_uris),
        cmocka_unit_test(test_ports),
        cmocka_unit_test(test_one_database_named_twice),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_a_host_that_is_too_long),
        cmocka_unit_test(test_an_open_network),
        cmocka_unit_test(test_parameters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
