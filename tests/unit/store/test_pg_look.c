/* What is thought of a server by what it says, and of its errors. */
#include "look.h"

#include "schema.h"
#include "sqlstate.h"
#include "unit.h"

static struct pg_look well(void)
{
    return (struct pg_look){.timeline = 5,
                            .has_shard = true,
                            .format = PG_SCHEMA_FORMAT,
                            .shard = 3,
                            .epoch = 1,
                            .replica = true};
}

static enum ses_pg_cause judge(const struct pg_look *look)
{
    return ses_pg_look_judge(look, 3, 5, SES_DURABILITY_REPLICA);
}

static void test_judge(void **state)
{
    struct pg_look look = well();

    (void)state;
    assert_int_equal(judge(&look), SES_PG_CAUSE_NONE);
    look.replica = false;
    assert_int_equal(judge(&look), SES_PG_CAUSE_NO_STANDBY);
    assert_int_equal(ses_pg_look_judge(&look, 3, 5, SES_DURABILITY_DISK), SES_PG_CAUSE_NONE);
    look = well();
    look.timeline = 6;
    assert_int_equal(judge(&look), SES_PG_CAUSE_NONE);
    look.timeline = 4;
    assert_int_equal(judge(&look), SES_PG_CAUSE_OLD_PRIMARY);
    look.standby = true;
    assert_int_equal(judge(&look), SES_PG_CAUSE_NO_PRIMARY);
    look = well();
    look.read_only = true;
    assert_int_equal(judge(&look), SES_PG_CAUSE_READ_ONLY);
    look = well();
    look.shard = 2;
    assert_int_equal(judge(&look), SES_PG_CAUSE_FORMAT);
    look = well();
    look.format++;
    assert_int_equal(judge(&look), SES_PG_CAUSE_FORMAT);
    look = well();
    look.has_shard = false;
    assert_int_equal(judge(&look), SES_PG_CAUSE_FORMAT);
}

/* An answer that waited for the standby says little, and never more than it knows. */
static void test_skew(void **state)
{
    (void)state;
    assert_int_equal(ses_pg_look_skew_ms(1000, 1000, 1000), 0);
    assert_int_equal(ses_pg_look_skew_ms(1300, 1000, 1003), 297);
    assert_int_equal(ses_pg_look_skew_ms(700, 1000, 1003), -300);
    assert_int_equal(ses_pg_look_skew_ms(1300, 1000, 9000), 0);
}

static void test_errors(void **state)
{
    static const struct {
        const char *sqlstate;
        enum pg_error error;
    } rows[] = {
        {"23505", PG_ERROR_POISON}, {"42703", PG_ERROR_POISON}, {"22021", PG_ERROR_POISON},
        {"XX000", PG_ERROR_POISON}, {"", PG_ERROR_POISON},      {"40001", PG_ERROR_AGAIN},
        {"40P01", PG_ERROR_AGAIN},  {"55P03", PG_ERROR_AGAIN},  {"57P01", PG_ERROR_SEARCH},
        {"57P03", PG_ERROR_SEARCH}, {"25006", PG_ERROR_SEARCH}, {"08006", PG_ERROR_SEARCH},
        {"53300", PG_ERROR_SLOW},   {"53200", PG_ERROR_SLOW},   {"53100", PG_ERROR_FULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ses_pg_error_of(rows[i].sqlstate), rows[i].error);
}

static void test_causes(void **state)
{
    static const struct {
        const char *sqlstate;
        const char *text;
        enum ses_pg_cause cause;
    } rows[] = {
        {"28P01", "", SES_PG_CAUSE_PASSWORD},
        {"28000", "", SES_PG_CAUSE_PASSWORD},
        {"3D000", "", SES_PG_CAUSE_DATABASE},
        {"42P01", "", SES_PG_CAUSE_SCHEMA},
        {"42501", "", SES_PG_CAUSE_RIGHTS},
        {"53300", "", SES_PG_CAUSE_TOO_MANY},
        {"57P03", "", SES_PG_CAUSE_NO_PRIMARY},
        {"25006", "", SES_PG_CAUSE_READ_ONLY},
        {"53100", "", SES_PG_CAUSE_DISK_FULL},
        {"XX000", "", SES_PG_CAUSE_REFUSED},
        {"", "connection to server at \"10.0.0.1\", port 5432 failed: Connection refused",
         SES_PG_CAUSE_UNREACHABLE},
        {"", "SSL SYSCALL error: EOF detected", SES_PG_CAUSE_UNREACHABLE},
        {"", "SSL connection has been closed unexpectedly", SES_PG_CAUSE_UNREACHABLE},
        {"", "SSL error: unexpected eof while reading", SES_PG_CAUSE_UNREACHABLE},
        {"", "SSL error: certificate verify failed", SES_PG_CAUSE_TLS},
        {"", "server certificate for \"a\" does not match host name \"b\"", SES_PG_CAUSE_TLS},
        {"", "fe_sendauth: no password supplied", SES_PG_CAUSE_PASSWORD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ses_pg_cause_of(rows[i].sqlstate, rows[i].text), rows[i].cause);
    for (int cause = 0; cause < SES_PG_CAUSE_COUNT; cause++)
        assert_non_null(ses_pg_cause_name((enum ses_pg_cause)cause));
    for (int view = 0; view < SES_PG_VIEW_COUNT; view++)
        assert_non_null(ses_pg_view_name((enum ses_pg_view)view));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_judge),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_causes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
