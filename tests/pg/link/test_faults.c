/* Servers that die, freeze, are cut off: what is on its way ends, another primary is found, and the
 * connections stay as few as they were. SES_TEST_CASE: one case alone.
 */
#include "rig.h"

#define ROUNDS  20
#define REFUSED 50 /* writes of each */

static void open_usual(struct rig *rig)
{
    rig_init(rig);
    rig->options.durability = SES_DURABILITY_DISK;
    rig->options.stall_ms = 100;
    rig_open(rig);
    RIG_UNTIL_OPEN(rig);
    RIG_UNTIL(rig, rig->ready[PG_USE_READ] != 0);
}

static void expect_rows(struct rig *rig, uint8_t first, uint8_t count)
{
    struct ask ask;

    for (uint8_t i = 0; i < count; i++) {
        assert_int_equal(rig_do(rig, PG_USE_READ, &rig_get_sql, (uint8_t)(first + i), &ask), PG_END_DONE);
        assert_int_equal(ask.rows, 1);
        assert_true(ses_pg_link_may_read(rig->link));
    }
}

static void test_killed_and_promoted(void **state)
{
    struct rig rig;
    struct ask ask;

    (void)state;
    open_usual(&rig);
    for (uint8_t i = 0; i < 20; i++)
        assert_int_equal(rig_do(&rig, PG_USE_WRITE, &rig_put_sql, i, &ask), PG_END_DONE);
    rig_ask_unanswered(&rig, "link stall", "link flow", 20, &ask);
    RIG_UNTIL(&rig, order_waiting() >= 1);
    (void)order("fail_over");
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, PG_END_UNKNOWN);
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_OPEN && ses_pg_link_may_read(rig.link));
    assert_true(rig_log_count(&rig, "shard_open", "\"timeline\":") >= 2);
    assert_int_equal(rig_counter(&rig, SES_S_PRIMARIES), 1);
    assert_int_equal(rig_log_count(&rig, "shard_node_unusable", "\"tls\""), 0);
    assert_int_equal(rig_counter(&rig, SES_S_UNREPLICATED), 0);
    expect_rows(&rig, 0, 20);
    assert_int_equal(rig_do(&rig, PG_USE_SETTLE, &rig_put_sql, 20, &ask), PG_END_DONE);
    assert_int_equal(ask.rows, 1); /* it had not got there, and the same again settles it */
    rig_close(&rig);
    (void)order("link flow");
    (void)order("rejoin");
}

/* Its sockets stay open, so that nothing tells but the other node; and when it is thawed it is not believed. */
static void test_frozen_and_thawed(void **state)
{
    struct rig rig;
    struct ask ask, read;

    (void)state;
    open_usual(&rig);
    rig_ask_unanswered(&rig, "freeze primary", "thaw primary", 30, &ask);
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_STALLED);
    assert_true(ses_pg_link_may_read(rig.link));
    rig_ask(&rig, PG_USE_READ, &rig_get_sql, 30, &read);
    (void)order("promote"); /* the frozen one is called standby now */
    RIG_UNTIL(&rig, ask.ended && read.ended);
    assert_int_equal(ask.end, PG_END_UNKNOWN);
    assert_int_equal(read.end, PG_END_UNKNOWN);
    RIG_UNTIL_OPEN(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_SETTLE, &rig_put_sql, 30, &ask), PG_END_DONE);
    (void)order("thaw standby");
    (void)order("sql standby ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()");
    expect_rows(&rig, 30, 1);
    (void)order("stop primary");
    RIG_UNTIL(&rig, rig_log_count(&rig, "shard_node_unusable", "old_primary") != 0);
    assert_int_equal(ses_pg_link_state(rig.link), PG_STATE_SEARCHING);
    (void)order("start primary");
    RIG_UNTIL_OPEN(&rig);
    rig_close(&rig);
    (void)order("rejoin");
}

/* The standby is away: writes are refused, what waits is kept, and nobody reconnects. An administrator gets
 * in (each order is one). */
static void test_no_storm(void **state)
{
    struct rig rig;
    struct ask waiting[2], ask, read;

    (void)state;
    open_usual(&rig);
    RIG_UNTIL(&rig, order_connections() == 3);
    assert_int_equal(rig_do(&rig, PG_USE_SETTLE, &rig_put_sql, 40, &ask), PG_END_DONE);
    rig_ask_unanswered(&rig, "link stall", "link flow", 41, &waiting[0]);
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_STALLED);
    RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_NO_ANSWER);
    assert_true(rig_counter(&rig, SES_S_STALLS) >= 1);
    rig_ask(&rig, PG_USE_SETTLE, &rig_put_sql, 42, &waiting[1]);
    memset(&ask, 0, sizeof(ask));
    for (int i = 0; i < ROUNDS; i++) {
        for (int n = 0; n < REFUSED; n++)
            assert_false(ses_pg_link_send(rig.link, PG_USE_WRITE, &ask.request));
        assert_int_equal(rig_do(&rig, PG_USE_READ, &rig_get_sql, 40, &read), PG_END_DONE);
        assert_int_equal(read.rows, 1);
        assert_true(order_connections() <= 4);
    }
    assert_false(waiting[0].ended || waiting[1].ended);
    (void)order("link flow");
    RIG_UNTIL(&rig, waiting[0].ended && waiting[1].ended);
    assert_int_equal(waiting[0].end, PG_END_DONE);
    assert_int_equal(waiting[1].end, PG_END_DONE);
    RIG_UNTIL_OPEN(&rig);
    assert_true(order_connections() <= 4);
    rig_close(&rig);
}

/* Who ends while a commit waits for the standby lets it wait: cut short it would be seen, and be nowhere else. The next one's
 * beat waits beside it, so that there was time for whatever the server was told. */
static void test_a_commit_that_waits_is_left_alone(void **state)
{
    struct rig rig, later;
    struct ask ask;

    (void)state;
    open_usual(&rig);
    (void)order("link stall");
    rig_ask(&rig, PG_USE_WRITE, &rig_put_sql, 45, &ask);
    RIG_UNTIL(&rig, strcmp(order("sql primary SELECT count(*) FROM pg_stat_activity WHERE"
                                 " wait_event = 'SyncRep' AND query LIKE 'INSERT INTO session%%'"),
                           "1") == 0);
    rig_close(&rig);
    rig_init(&later);
    later.options.stall_ms = 100;
    rig_open(&later);
    RIG_UNTIL_CAUSE(&later, SES_PG_CAUSE_NO_ANSWER);
    assert_string_equal(order("sql primary SELECT count(*) FROM session WHERE get_byte(key, 0) = 45"), "0");
    (void)order("link flow");
    RIG_UNTIL_OPEN(&later);
    RIG_UNTIL(&later, later.ready[PG_USE_READ] != 0 && ses_pg_link_may_read(later.link));
    expect_rows(&later, 45, 1);
    rig_close(&later);
}

/* Between here and the primary: first nothing passes one way, then what was held comes through. */
static void test_a_stalled_link(void **state)
{
    struct rig rig;
    struct ask ask;

    (void)state;
    open_usual(&rig);
    RIG_UNTIL(&rig, order_connections() == 3); /* one that is on its way would be stopped half there */
    rig_ask_unanswered(&rig, "stall primary down", "flow primary", 50, &ask);
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_STALLED);
    assert_int_equal(order_connections(), 3);
    (void)order("flow primary");
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, PG_END_DONE);
    RIG_UNTIL_OPEN(&rig);
    rig_close(&rig);
}

static void test_a_cut_link(void **state)
{
    struct rig rig;
    struct ask ask;

    (void)state;
    open_usual(&rig);
    RIG_UNTIL(&rig, order_connections() == 3); /* as above */
    rig_ask_unanswered(&rig, "stall primary down", "flow primary", 60, &ask);
    (void)order("cut primary");
    (void)order("flow primary");
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, PG_END_UNKNOWN);
    assert_false(ses_pg_link_may_read(rig.link));
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_OPEN && ses_pg_link_may_read(rig.link));
    assert_int_equal(rig_do(&rig, PG_USE_SETTLE, &rig_put_sql, 60, &ask), PG_END_DONE);
    expect_rows(&rig, 60, 1);
    rig_close(&rig);
}

static void test_nobody_there(void **state)
{
    struct rig rig;

    (void)state;
    (void)order("refuse primary");
    (void)order("refuse standby");
    rig_init(&rig);
    rig_open(&rig);
    RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_UNREACHABLE);
    (void)order("accept standby");
    RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_NO_PRIMARY);
    (void)order("accept primary");
    RIG_UNTIL_OPEN(&rig);
    rig_close(&rig);
}

/* A restart in place: connections are lost and made anew, each behind a barrier. */
static void test_restarted(void **state)
{
    struct rig rig;
    struct ask ask;

    (void)state;
    open_usual(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &rig_put_sql, 70, &ask), PG_END_DONE);
    (void)order("restart primary");
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_SEARCHING);
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_OPEN && ses_pg_link_may_read(rig.link));
    expect_rows(&rig, 70, 1);
    rig_close(&rig);
}

/* What one process of a machine has seen counts for all of them at once. */
static void test_fenced_by_another_process(void **state)
{
    struct rig rig;

    (void)state;
    open_usual(&rig);
    assert_int_equal(ses_pg_fence_raise(rig.shared, 0, 1000), 1000);
    assert_false(ses_pg_link_may_read(rig.link));
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_SEARCHING);
    RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_OLD_PRIMARY);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_storm),
        cmocka_unit_test(test_a_stalled_link),
        cmocka_unit_test(test_a_cut_link),
        cmocka_unit_test(test_nobody_there),
        cmocka_unit_test(test_restarted),
        cmocka_unit_test(test_fenced_by_another_process),
        cmocka_unit_test(test_frozen_and_thawed),
        cmocka_unit_test(test_a_commit_that_waits_is_left_alone),
        cmocka_unit_test(test_killed_and_promoted),
    };

    cmocka_set_test_filter(getenv("SES_TEST_CASE"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
