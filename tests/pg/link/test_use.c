/* A pair that is well: what a link opens, takes, refuses, and says of it. SES_TEST_CASE: one case alone. */
#include "rig.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <sessiond/base/boot_clock.h>
#include <sessiond/base/clock.h>

#include "link_impl.h"

static int64_t *clock_file; /* of SESSIOND_TEST_CLOCK: what our clock is set by, and what has passed */

static void open_usual(struct rig *rig)
{
    rig_init(rig);
    rig_open(rig);
    RIG_UNTIL_OPEN(rig);
}

static void test_opens_and_answers(void **state)
{
    struct rig rig;
    struct ask ask;

    (void)state;
    rig_init(&rig);
    rig_open(&rig);
    assert_int_equal(ses_pg_link_state(rig.link), PG_STATE_SEARCHING);
    assert_false(ses_pg_link_may_read(rig.link));
    RIG_UNTIL_OPEN(&rig);
    assert_true(ses_pg_link_may_read(rig.link));
    assert_int_equal(ses_pg_link_epoch(rig.link), 1);
    assert_int_equal(ses_pg_link_durability(rig.link), SES_DURABILITY_REPLICA);
    for (int i = 0; i < 3; i++) { /* with its text, then by name */
        assert_int_equal(rig_do(&rig, PG_USE_WRITE, &rig_put_sql, 1, &ask), PG_END_DONE);
        assert_int_equal(ask.rows, i == 0);
        assert_int_equal(rig_do(&rig, PG_USE_READ, &rig_get_sql, 1, &ask), PG_END_DONE);
        assert_int_equal(ask.rows, 1);
        assert_int_equal(rig_do(&rig, PG_USE_SETTLE, &rig_put_sql, 1, &ask), PG_END_DONE);
        assert_int_equal(ask.rows, 0);
    }
    assert_true(rig.ready[PG_USE_WRITE] > 0 && rig.ready[PG_USE_READ] > 0 && rig.ready[PG_USE_SETTLE] > 0);
    RIG_UNTIL(&rig, order_connections() == 4);
    RIG_UNTIL(&rig, rig_counter(&rig, SES_S_CONNECTIONS) == 4); /* the standby's is given up */
    assert_int_equal(rig_counter(&rig, SES_S_CONNECTS), 5);
    assert_int_equal(rig_log_count(&rig, "shard_open", "\"durability\":\"replica\""), 1);
    assert_int_equal(rig_log_count(&rig, "tests-only", ""), 0);
    rig_close(&rig);
    assert_int_equal(strtol(order("sql primary SELECT count(*) FROM pg_prepared_statements"), NULL, 10), 0);
}

static void test_what_the_server_refuses(void **state)
{
    static const Oid bytea[] = {17};
    static const struct pg_statement twice = {
        "twice", "INSERT INTO session (key, revision, write_id, retain_ms) VALUES ($1, 1, $1, 0)", 1, bytea};
    static const struct pg_statement nonsense = {"nonsense", "SELECT none FROM session WHERE key = $1", 1,
                                                 bytea};
    struct rig rig;
    struct ask ask;

    (void)state;
    open_usual(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &twice, 2, &ask), PG_END_DONE);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_do(&rig, PG_USE_WRITE, &twice, 2, &ask), PG_END_REFUSED);
        assert_string_equal(ask.sqlstate, "23505");
        assert_int_equal(rig_do(&rig, PG_USE_SETTLE, &twice, 2, &ask), PG_END_REFUSED);
        assert_int_equal(rig_do(&rig, PG_USE_READ, &nonsense, 2, &ask), PG_END_REFUSED);
        assert_string_equal(ask.sqlstate, "42703");
    }
    assert_int_equal(ses_pg_link_state(rig.link), PG_STATE_OPEN);
    assert_int_equal(rig.states, 1);
    rig_close(&rig);
}

/* What cannot be mended by trying: one line that tells what to do, and no storm. */
static void test_strings_that_do_not_fit(void **state)
{
    static const struct {
        const char *keyword;
        const char *value;
        enum ses_pg_cause cause;
        const char *remedy;
    } cases[] = {
        {"user", "nobody", SES_PG_CAUSE_PASSWORD, "password file"},
        {"dbname", "nowhere", SES_PG_CAUSE_DATABASE, "dbname"},
        {"dbname", "postgres", SES_PG_CAUSE_SCHEMA, "store schema"},
        {"sslrootcert", "/dev/null", SES_PG_CAUSE_TLS, "sslrootcert"},
        {"hostaddr", "127.0.0.1,127.0.0.1", SES_PG_CAUSE_TLS, "host's name"},
        {"host", "name.invalid", SES_PG_CAUSE_UNREACHABLE, "host and port"},
    };

    (void)state;
    for (int i = 0; i < 2; i++)
        (void)order("sql %s COPY (SELECT 'hostssl all sessiond 127.0.0.1/32 scram-sha-256') TO PROGRAM"
                    " 'cat >> pg_hba.conf'; SELECT pg_reload_conf()",
                    i == 0 ? "primary" : "standby");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;

        rig_init(&rig);
        if (strcmp(cases[i].keyword, "host") == 0)
            rig_word(&rig, "port", NULL);
        if (strcmp(cases[i].keyword, "hostaddr") == 0)
            rig_word(&rig, "host", "db1.invalid,db2.invalid"); /* there, and the certificate says who it is */
        rig_word(&rig, cases[i].keyword, cases[i].value);
        rig_open(&rig);
        RIG_UNTIL(&rig, rig_log_count(&rig, "shard_node_unusable", ses_pg_cause_name(cases[i].cause)) != 0 &&
                            rig_cause(&rig) == cases[i].cause);
        assert_true(rig_log_count(&rig, "shard_node_unusable", cases[i].remedy) >= 1);
        assert_int_equal(rig_log_count(&rig, "tests-only", ""), 0);
        assert_int_equal(ses_pg_link_state(rig.link), PG_STATE_SEARCHING);
        rig_close(&rig);
    }
}

static void test_wrong_password(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.password.bytes[0] ^= 1;
    rig_open(&rig);
    RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_PASSWORD);
    assert_true(rig_log_count(&rig, "28P01", "password file") >= 1);
    assert_int_equal(rig_log_count(&rig, "ests-only", ""), 0);
    rig_close(&rig);
}

/* Names are resolved, and the certificate is checked by them. */
static void test_names(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_word(&rig, "host", "localhost,localhost");
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    rig_close(&rig);
}

/* Our clock is set, not the primary's. */
static void test_clocks_that_differ(void **state)
{
    struct ses_pg_shard_status status;
    struct rig rig;

    (void)state;
    if (!ses_clock_is_movable())
        skip();
    open_usual(&rig);
    assert_in_range(ses_pg_link_skew_ms(rig.link) + 200, 0, 400);
    clock_file[0] = 60000;
    RIG_UNTIL(&rig, ses_pg_link_skew_ms(rig.link) < -30000);
    RIG_UNTIL(&rig, (ses_pg_shard_status(rig.shared, 0, &status), status.skew_ms < -30000));
    assert_int_equal(rig_log_count(&rig, "shard_clock_skew", "chrony"), 1);
    assert_true(ses_pg_link_may_read(rig.link)); /* nothing here goes by the world's time */
    clock_file[0] = 0;
    RIG_UNTIL(&rig, ses_pg_link_skew_ms(rig.link) > -30000);
    rig_close(&rig);
}

/* What others see of this process. */
static bool all_read(const struct rig *rig)
{
    struct ses_pg_shard_status status;

    ses_pg_shard_status(rig->shared, 0, &status);
    return ses_pg_shard_reads(&status);
}

/* Time that passed while nothing ran (a machine that was suspended) has passed for the lease. The next beat comes at once. */
static void test_a_machine_that_slept(void **state)
{
    struct rig rig;

    (void)state;
    if (!ses_clock_is_movable())
        skip();
    rig_init(&rig);
    rig.options.beat_ms = 3600000;
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    assert_true(ses_pg_link_may_read(rig.link));
    RIG_UNTIL(&rig, all_read(&rig));
    clock_file[1] += rig.options.read_lease_ms;
    assert_false(ses_pg_link_may_read(rig.link));
    assert_false(all_read(&rig));
    RIG_UNTIL(&rig, ses_pg_link_may_read(rig.link));
    RIG_UNTIL(&rig, all_read(&rig));
    assert_in_range(ses_pg_link_skew_ms(rig.link) + 200, 0, 400); /* it has passed for the primary, too */
    rig_close(&rig);
}

/* Is one under way that was sent before then, by the boot clock? */
static bool beats(const struct rig *rig, uint64_t before_ms)
{
    bool beats = false;

    for (unsigned i = 0; i < rig->link->slots_count; i++)
        beats = beats ||
                (rig->link->slots[i].errand == PG_ERRAND_BEAT && rig->link->slots[i].sent_ms < before_ms);
    return beats;
}

/* What an answer proves was so when its beat was sent: one that comes late gives no lease from then on. */
static void test_a_beat_that_is_answered_late(void **state)
{
    struct rig rig;
    uint64_t now_ms;

    (void)state;
    if (!ses_clock_is_movable())
        skip();
    rig_init(&rig);
    rig.options.beat_ms = 1;
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    RIG_UNTIL(&rig, all_read(&rig));
    (void)order("stall primary down");
    RIG_UNTIL(&rig, beats(&rig, UINT64_MAX));
    clock_file[1] += rig.options.read_lease_ms;
    now_ms = ses_clock_boot_ms();
    (void)order("flow primary");
    RIG_UNTIL(&rig, !beats(&rig, now_ms));
    assert_true(ses_pg_link_lease_end_ms(rig.link) < now_ms + rig.options.read_lease_ms);
    rig_close(&rig);
}

/* Whoever begins to serve waits for a connection for reads: writes have theirs, and the lease allows reading. */
static void test_reads_need_a_connection_of_their_own(void **state)
{
    struct ses_pg_shard_status status;
    struct rig rig;

    (void)state;
    (void)order("sql primary ALTER ROLE sessiond CONNECTION LIMIT 1");
    rig_init(&rig);
    rig_open(&rig);
    RIG_UNTIL(&rig, (ses_pg_shard_status(rig.shared, 0, &status), status.open == 1));
    assert_true(ses_pg_link_may_read(rig.link));
    assert_false(all_read(&rig));
    (void)order("sql primary ALTER ROLE sessiond CONNECTION LIMIT 40");
    RIG_UNTIL(&rig, all_read(&rig));
    rig_close(&rig);
}

/* The world's clock is set back, and our time follows it: no lease lasts longer, no doubt is older for that. */
static void test_a_clock_that_is_set_back(void **state)
{
    struct rig rig;
    int64_t by_ms;

    (void)state;
    if (!ses_clock_is_movable())
        skip();
    (void)ses_clock_now_ms(); /* it begins with the first look */
    rig_init(&rig);
    rig.options.beat_ms = 3600000;
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    clock_file[0] = -2 * (int64_t)rig.options.read_lease_ms;
    assert_true(ses_clock_follow(&by_ms));
    assert_true(ses_pg_link_may_read(rig.link));
    clock_file[1] += rig.options.read_lease_ms;
    assert_false(ses_pg_link_may_read(rig.link));
    clock_file[0] = 0;
    assert_true(ses_clock_follow(&by_ms));
    RIG_UNTIL(&rig, ses_pg_link_may_read(rig.link));
    rig_close(&rig);
}

/* What an administrator changes is seen, and so is his changing it back. */
static void test_tables_that_do_not_fit(void **state)
{
    static const struct {
        const char *breaks;
        const char *mends;
        enum ses_pg_cause cause;
    } cases[] = {
        {"UPDATE shard SET format = 2", "UPDATE shard SET format = 1", SES_PG_CAUSE_FORMAT},
        {"UPDATE shard SET shard = 7", "UPDATE shard SET shard = 0", SES_PG_CAUSE_FORMAT},
        {"REVOKE INSERT ON beat FROM sessiond", "GRANT INSERT ON beat TO sessiond", SES_PG_CAUSE_RIGHTS},
        {"ALTER TABLE beat RENAME TO beaten", "ALTER TABLE beaten RENAME TO beat", SES_PG_CAUSE_SCHEMA},
        {"ALTER ROLE sessiond CONNECTION LIMIT 0", "ALTER ROLE sessiond CONNECTION LIMIT 40",
         SES_PG_CAUSE_TOO_MANY},
        {"ALTER ROLE sessiond SET synchronous_commit = local", "ALTER ROLE sessiond RESET synchronous_commit",
         SES_PG_CAUSE_NO_STANDBY},
        {"ALTER ROLE sessiond SET default_transaction_read_only = on",
         "ALTER ROLE sessiond RESET default_transaction_read_only", SES_PG_CAUSE_READ_ONLY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rig rig;

        (void)order("sql primary %s", cases[i].breaks);
        rig_init(&rig);
        rig_open(&rig);
        RIG_UNTIL_CAUSE(&rig, cases[i].cause);
        assert_int_equal(ses_pg_link_state(rig.link), PG_STATE_SEARCHING);
        assert_in_range(rig_log_count(&rig, "shard_node_unusable", ses_pg_cause_name(cases[i].cause)), 1, 2);
        rig_close(&rig);
        (void)order("sql primary %s", cases[i].mends);
    }
}

/* Fewer connections than wanted are used, and the rest are asked for rarely. */
static void test_a_limit_of_connections(void **state)
{
    char at_primary[64]; /* the standby has the limit too, and a look at it may meet the look before */
    struct rig rig;
    struct ask ask;

    (void)state;
    WAIT_UNTIL(order_nobody_is_connected());
    (void)snprintf(at_primary, sizeof(at_primary), "\"port\":%s,\"cause\":\"too_many\"",
                   order("port primary"));
    (void)order("sql primary ALTER ROLE sessiond CONNECTION LIMIT 1");
    rig_init(&rig);
    rig.options.stall_ms = 100;
    rig_open(&rig);
    RIG_UNTIL(&rig, rig_log_count(&rig, "shard_node_unusable", at_primary) != 0);
    RIG_UNTIL_OPEN(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &rig_put_sql, 3, &ask), PG_END_DONE);
    RIG_UNTIL(&rig, !ses_pg_link_may_read(rig.link)); /* nothing could ask */
    assert_int_equal(rig_log_count(&rig, "shard_node_unusable", at_primary), 1);
    (void)order("sql primary ALTER ROLE sessiond CONNECTION LIMIT 40");
    RIG_UNTIL(&rig, rig.ready[PG_USE_READ] != 0 && ses_pg_link_may_read(rig.link));
    rig_close(&rig);
}

/* A primary that stops being what it promised: writes end, reads go on for the lease, and all is well again. */
static void test_promises_that_end(void **state)
{
    struct rig rig;

    (void)state;
    open_usual(&rig);
    (void)order("alone");
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_STALLED);
    RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_NO_STANDBY);
    assert_int_equal(ses_pg_link_durability(rig.link), SES_DURABILITY_DISK);
    assert_true(ses_pg_link_may_read(rig.link));
    (void)order("strict");
    RIG_UNTIL_OPEN(&rig);
    assert_int_equal(ses_pg_link_durability(rig.link), SES_DURABILITY_REPLICA);
    rig_close(&rig);
}

static void test_a_warning_is_no_answer(void **state)
{
    static const Oid bytea[] = {17};
    static const struct pg_statement warns = {"warns", "SELECT warns($1)", 1, bytea};
    struct rig rig;
    struct ask ask;

    (void)state;
    (void)order("sql primary CREATE OR REPLACE FUNCTION warns(bytea) RETURNS int LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE WARNING 'so'; RETURN 1; END $$");
    open_usual(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_READ, &warns, 1, &ask), PG_END_DONE);
    assert_int_equal(ask.rows, 1);
    assert_true(ses_pg_link_may_read(rig.link));
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &warns, 1, &ask), PG_END_UNKNOWN);
    assert_int_equal(rig_counter(&rig, SES_S_UNREPLICATED), 1);
    assert_false(ses_pg_link_may_read(rig.link));
    RIG_UNTIL(&rig, ses_pg_link_may_read(rig.link));
    rig_close(&rig);
}

/* What is relied upon is set, whatever the role's own settings are. */
static void test_settings(void **state)
{
    static const Oid bytea[] = {17};
    static const struct pg_statement set = {"set",
                                            "SELECT 1 WHERE octet_length($1) > 0"
                                            " AND current_setting('statement_timeout') = '0'"
                                            " AND current_setting('lock_timeout') = '0'"
                                            " AND current_setting('transaction_isolation') = 'read committed'"
                                            " AND current_setting('plan_cache_mode') = 'force_generic_plan'"
                                            " AND current_setting('client_min_messages') = 'warning'"
                                            " AND current_setting('synchronous_commit') = 'remote_apply'",
                                            1, bytea};
    static const char *const names[][2] = {{"statement_timeout", "1min"},
                                           {"lock_timeout", "1min"},
                                           {"default_transaction_isolation", "serializable"},
                                           {"client_min_messages", "error"},
                                           {"synchronous_commit", "remote_apply"}};
    struct rig rig;
    struct ask ask;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)order("sql primary ALTER ROLE sessiond SET %s = '%s'", names[i][0], names[i][1]);
    open_usual(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &set, 1, &ask), PG_END_DONE);
    assert_int_equal(ask.rows, 1);
    assert_int_equal(ses_pg_link_durability(rig.link), SES_DURABILITY_REPLICA);
    rig_close(&rig);
    (void)order("sql primary ALTER ROLE sessiond RESET ALL");
}

/* As a pooler says it whose server went away: nobody knows what became of the statement. */
static void test_a_lost_server_behind_a_pooler(void **state)
{
    static const Oid bytea[] = {17};
    static const struct pg_statement lost = {"lost", "SELECT lost($1)", 1, bytea};
    struct rig rig;
    struct ask ask;

    (void)state;
    (void)order("sql primary CREATE OR REPLACE FUNCTION lost(bytea) RETURNS int LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'so' USING ERRCODE = '08006'; END $$");
    open_usual(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &lost, 1, &ask), PG_END_UNKNOWN);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &rig_put_sql, 6, &ask), PG_END_DONE);
    rig_close(&rig);
}

static void test_without_names(void **state)
{
    struct rig rig;
    struct ask ask;

    (void)state;
    rig_init(&rig);
    rig.options.prepare = false;
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    for (int i = 0; i < 2; i++)
        assert_int_equal(rig_do(&rig, PG_USE_WRITE, &rig_put_sql, 4, &ask), PG_END_DONE);
    rig_close(&rig);
}

static void test_its_end(void **state)
{
    struct rig rig;
    struct ask ask;

    (void)state;
    open_usual(&rig);
    rig_ask(&rig, PG_USE_WRITE, &rig_put_sql, 5, &ask);
    ses_pg_link_free(rig.link);
    assert_true(ask.ended);
    assert_int_equal(ask.end, PG_END_UNKNOWN);
    RIG_UNTIL(&rig, rig.closed);
    rig.link = NULL;
    rig_close(&rig);
    rig_init(&rig);
    rig_open(&rig); /* before it has come to anything */
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_and_answers),
        cmocka_unit_test(test_what_the_server_refuses),
        cmocka_unit_test(test_strings_that_do_not_fit),
        cmocka_unit_test(test_wrong_password),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_clocks_that_differ),
        cmocka_unit_test(test_tables_that_do_not_fit),
        cmocka_unit_test(test_a_limit_of_connections),
        cmocka_unit_test(test_promises_that_end),
        cmocka_unit_test(test_a_warning_is_no_answer),
        cmocka_unit_test(test_a_lost_server_behind_a_pooler),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_without_names),
        cmocka_unit_test(test_its_end),
        cmocka_unit_test(test_a_machine_that_slept),
        cmocka_unit_test(test_a_beat_that_is_answered_late),
        cmocka_unit_test(test_a_clock_that_is_set_back),
        cmocka_unit_test(test_reads_need_a_connection_of_their_own),
    };

    char path[128];
    int fd = mkstemp(unit_temporary("clock", path, sizeof(path)));
    int failed;

    if (fd < 0 || ftruncate(fd, 16) != 0)
        return 1;
    clock_file = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (clock_file == MAP_FAILED || setenv("SESSIOND_TEST_CLOCK", path, 1) != 0)
        return 1;
    cmocka_set_test_filter(getenv("SES_TEST_CASE"));
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)unlink(path);
    return failed;
}
