/* The connection that listens, and who knows by beats that somebody does. */
#include "rig.h"

#include "audience.h"
#include "hints.h"
#include "listen.h"

#define LISTENERS "FROM pg_stat_activity WHERE usename = 'sessiond' AND query LIKE 'LISTEN%%'"

static int listeners(void)
{
    return (int)strtol(order("sql primary SELECT count(*) " LISTENERS), NULL, 10);
}

static void open_rigs(struct rig *watcher, struct rig *writer)
{
    rig_init(watcher);
    rig_init(writer); /* another machine */
    writer->options.machine[0] = 'w';
    rig_open(watcher);
    rig_open(writer);
    RIG_UNTIL_OPEN(watcher);
    RIG_UNTIL_OPEN(writer);
    RIG_UNTIL(writer, writer->ready[PG_USE_READ] != 0 && order_waiting() == 0);
}

/* Beats go on of both. */
#define BOTH_UNTIL(watcher, writer, condition) WAIT_DOING((rig_turn(watcher), rig_turn(writer)), condition)

static void begin_to_listen(struct rig *watcher)
{
    struct ask ask;

    ses_pg_link_listen(watcher->link, true);
    while (rig_do(watcher, PG_USE_LISTEN, &ses_pg_listen_sql, 0, &ask) != PG_END_DONE)
        assert_int_equal(ask.end, PG_END_UNKNOWN); /* on one that was killed */
}

static void hint(struct rig *writer)
{
    struct ask ask;

    assert_int_equal(rig_do(writer, PG_USE_READ, &ses_pg_hint_sql, 'k', &ask), PG_END_DONE);
}

static void test_what_is_told_is_heard(void **state)
{
    struct rig watcher, writer;

    (void)state;
    open_rigs(&watcher, &writer);
    hint(&writer); /* nobody listens */
    begin_to_listen(&watcher);
    assert_int_equal(watcher.told, 0);
    hint(&writer);
    RIG_UNTIL(&watcher, watcher.told == 1);
    assert_int_equal(strspn(watcher.payload, "k"), 32);
    begin_to_listen(&watcher); /* again: no second time */
    hint(&writer);
    RIG_UNTIL(&watcher, watcher.told == 2);
    assert_int_equal(writer.told, 0);
    ses_pg_link_listen(watcher.link, false);
    RIG_UNTIL(&watcher, listeners() == 0);
    rig_close(&watcher);
    rig_close(&writer);
}

/* It waits for no standby, and is no acknowledgement. */
static void test_a_hint_waits_for_nobody(void **state)
{
    struct rig watcher, writer;
    struct ask put;

    (void)state;
    open_rigs(&watcher, &writer);
    begin_to_listen(&watcher);
    rig_ask_unanswered(&writer, "link stall", "link flow", 7, &put);
    RIG_UNTIL(&writer, order_waiting() > 0);
    hint(&writer);
    RIG_UNTIL(&watcher, watcher.told == 1);
    assert_false(put.ended);
    (void)order("link flow");
    RIG_UNTIL(&writer, put.ended);
    assert_int_equal(put.end, PG_END_DONE);
    rig_close(&watcher);
    rig_close(&writer);
}

/* Its connection is made again, and payments do not wait for that. */
static void test_a_listener_that_was_killed(void **state)
{
    struct rig watcher, writer;
    struct ask ask;

    (void)state;
    open_rigs(&watcher, &writer);
    begin_to_listen(&watcher);
    for (unsigned i = 1; i <= 3; i++) {
        (void)order("sql primary SELECT pg_terminate_backend(pid) " LISTENERS);
        RIG_UNTIL(&watcher, listeners() == 0);
        assert_int_equal(rig_do(&watcher, PG_USE_WRITE, &rig_put_sql, 8, &ask), PG_END_DONE);
        begin_to_listen(&watcher);
        hint(&writer);
        RIG_UNTIL(&watcher, watcher.told == i);
        assert_int_equal(ses_pg_link_state(watcher.link), PG_STATE_OPEN);
    }
    assert_int_equal(rig_log_count(&watcher, "shard_write_in_doubt", ""), 0);
    rig_close(&watcher);
    rig_close(&writer);
}

static void test_all_know_by_beats(void **state)
{
    struct rig watcher, writer;

    (void)state;
    open_rigs(&watcher, &writer);
    BOTH_UNTIL(&watcher, &writer, !ses_pg_link_is_watched(writer.link));
    assert_false(ses_pg_link_is_known(watcher.link));
    ses_pg_link_listen(watcher.link, true);
    BOTH_UNTIL(&watcher, &writer, ses_pg_link_is_known(watcher.link));
    assert_true(ses_pg_link_is_watched(writer.link));
    ses_pg_link_listen(watcher.link, false); /* its row is over in its time */
    BOTH_UNTIL(&watcher, &writer, !ses_pg_link_is_watched(writer.link));
    assert_false(ses_pg_link_is_known(watcher.link));
    rig_close(&watcher);
    rig_close(&writer);
}

/* As an earlier version has made them, until who runs the database adds the column. */
static void test_tables_without_the_column(void **state)
{
    struct rig watcher, writer;
    struct ask ask;

    (void)state;
    (void)order("sql primary ALTER TABLE beat DROP COLUMN watched_until");
    open_rigs(&watcher, &writer);
    ses_pg_link_listen(watcher.link, true);
    assert_int_equal(rig_do(&writer, PG_USE_WRITE, &rig_put_sql, 9, &ask), PG_END_DONE);
    assert_false(ses_pg_link_is_watched(writer.link));
    assert_false(ses_pg_link_is_known(watcher.link));
    (void)order("sql primary ALTER TABLE beat ADD COLUMN IF NOT EXISTS watched_until timestamptz");
    BOTH_UNTIL(&watcher, &writer, ses_pg_link_is_watched(writer.link) && ses_pg_link_is_known(watcher.link));
    assert_int_equal(rig_log_count(&watcher, "shard_node_unusable", ""), 0);
    rig_close(&watcher);
    rig_close(&writer);
}

/* It writes, and tells nobody. */
static void test_a_machine_of_an_earlier_version(void **state)
{
    struct rig watcher, writer;

    (void)state;
    (void)order("sql primary INSERT INTO beat VALUES ('\\x01', 1)");
    open_rigs(&watcher, &writer);
    ses_pg_link_listen(watcher.link, true);
    BOTH_UNTIL(&watcher, &writer, ses_pg_link_is_known(watcher.link)); /* it is gone */
    (void)order("sql primary UPDATE beat SET n = n + 1 WHERE machine = '\\x01'");
    BOTH_UNTIL(&watcher, &writer, !ses_pg_link_is_known(watcher.link));
    BOTH_UNTIL(&watcher, &writer, ses_pg_link_is_known(watcher.link));
    (void)order("sql primary DELETE FROM beat");
    rig_close(&watcher);
    rig_close(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_told_is_heard),
        cmocka_unit_test(test_a_hint_waits_for_nobody),
        cmocka_unit_test(test_a_listener_that_was_killed),
        cmocka_unit_test(test_all_know_by_beats),
        cmocka_unit_test(test_tables_without_the_column),
        cmocka_unit_test(test_a_machine_of_an_earlier_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
