/* What was acknowledged, or read, is there after a failover. Each case twice: with the rule that holds it,
 * and without, when a row is lost; what is lost is looked for on the promoted standby. SES_TEST_CASE: one of them alone.
 */
#include "rig.h"

#define ALONE "sql primary SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"

static const struct pg_statement *const put = &rig_put_sql;
static const struct pg_statement *const get = &rig_get_sql;

/* A new row's write, sent and waiting for the standby, which gets nothing any more. */
static void begin_waiting(struct rig *rig, uint8_t key, struct ask *ask)
{
    rig_ask_unanswered(rig, "link stall", "link flow", key, ask);
    RIG_UNTIL(rig, order_waiting() >= 1);
}

/* The primary is lost for good. Whether the row is there then; and a pair again. */
static bool survives(uint8_t key)
{
    struct rig rig;
    struct ask ask;
    bool there;

    ses_pg_rules_off = 0;
    (void)order("fail_over");
    (void)order("link flow");
    rig_init(&rig);
    rig.options.durability = SES_DURABILITY_DISK; /* it is alone for the moment */
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_READ, get, key, &ask), PG_END_DONE);
    there = ask.rows == 1;
    rig_close(&rig);
    (void)order("rejoin");
    return there;
}

static void open_usual(struct rig *rig)
{
    struct ask ask;

    rig_init(rig);
    rig->options.stall_ms = 100;
    rig_open(rig);
    RIG_UNTIL_OPEN(rig);
    assert_int_equal(rig_do(rig, PG_USE_SETTLE, put, 200, &ask), PG_END_DONE);
    RIG_UNTIL(rig, rig->ready[PG_USE_READ] != 0);
}

/* ---- the wait for the standby is cancelled: "INSERT 0 1", and a warning ---- */

static void warned(bool rule)
{
    struct rig rig;
    struct ask ask;
    uint8_t key = rule ? 10 : 11;

    open_usual(&rig);
    ses_pg_rules_off = rule ? 0 : 1U << PG_RULE_WARNING;
    begin_waiting(&rig, key, &ask);
    (void)order(ALONE);
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, rule ? PG_END_UNKNOWN : PG_END_DONE);
    rig_close(&rig);
    assert_false(survives(key)); /* OK was told without the rule */
}

static void test_warning(void **state)
{
    (void)state;
    warned(true);
    warned(false);
}

/* ---- then its row is there for whoever asks whether it is ---- */

static void sealed(bool rule)
{
    struct rig rig;
    struct ask ask;
    uint8_t key = rule ? 20 : 21;

    open_usual(&rig);
    ses_pg_rules_off = rule ? 0 : 1U << PG_RULE_SEAL;
    begin_waiting(&rig, key, &ask);
    (void)order(ALONE);
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, PG_END_UNKNOWN);
    rig_ask(&rig, PG_USE_SETTLE, put, key, &ask);
    if (rule) {
        RIG_UNTIL(&rig, order_waiting() >= 1);
        assert_false(ask.ended);
        (void)order("link flow");
    }
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, PG_END_DONE);
    assert_int_equal(ask.rows, 0); /* it is there, and whose it is could be read: settled */
    rig_close(&rig);
    assert_int_equal(survives(key), rule);
}

static void test_seal(void **state)
{
    (void)state;
    sealed(true);
    sealed(false);
}

/* ---- and for readers ---- */

static void doubted(bool rule)
{
    struct rig rig, beside;
    struct ask ask, read;
    uint8_t key = rule ? 30 : 31;

    open_usual(&rig);
    rig_init_beside(&beside, &rig);
    rig_open(&beside);
    RIG_UNTIL(&beside, ses_pg_link_may_read(beside.link) && beside.ready[PG_USE_READ] != 0);
    ses_pg_rules_off = rule ? 0 : 1U << PG_RULE_DOUBT;
    begin_waiting(&rig, key, &ask);
    (void)order(
        "sql primary SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'");
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, PG_END_UNKNOWN);
    assert_int_equal(rig_do(&beside, PG_USE_READ, get, key, &read), PG_END_DONE);
    assert_int_equal(read.rows, 1);                             /* it is seen .. */
    assert_int_equal(ses_pg_link_may_read(beside.link), !rule); /* .. and told without the rule */
    assert_int_equal(ses_pg_link_may_read(rig.link), !rule);
    rig_close(&beside);
    rig_close(&rig);
    assert_false(survives(key));
}

static void test_doubt(void **state)
{
    (void)state;
    doubted(true);
    doubted(false);
}

/* ---- the server restarts itself while a commit waits: everybody sees its row ---- */

static void restarted(bool rule)
{
    struct rig rig, later;
    struct ask ask;
    uint8_t key = rule ? 40 : 41;

    open_usual(&rig);
    begin_waiting(&rig, key, &ask);
    (void)order("kill_backend");
    RIG_UNTIL(&rig, ask.ended);
    assert_int_equal(ask.end, PG_END_UNKNOWN);
    rig_close(&rig);
    ses_pg_rules_off = rule ? 0 : 1U << PG_RULE_BARRIER;
    rig_init(&later);
    later.options.stall_ms = 100;
    rig_open(&later);
    if (rule) {
        RIG_UNTIL_CAUSE(&later, SES_PG_CAUSE_NO_ANSWER);
        assert_int_equal(ses_pg_link_state(later.link), PG_STATE_SEARCHING);
        assert_false(ses_pg_link_may_read(later.link));
        assert_false(ses_pg_link_send(later.link, PG_USE_READ, &ask.request));
    } else {
        RIG_UNTIL(&later, ses_pg_link_may_read(later.link));
        assert_int_equal(rig_do(&later, PG_USE_READ, get, key, &ask), PG_END_DONE);
        assert_int_equal(ask.rows, 1);
        assert_true(ses_pg_link_may_read(later.link));
    }
    rig_close(&later);
    assert_false(survives(key));
}

static void test_barrier(void **state)
{
    (void)state;
    restarted(true);
    restarted(false);
}

/* ---- a primary that is cut off from everything but one machine, and another one that was promoted meanwhile ---- */

static void cut_off(bool rule)
{
    struct rig rig, other;
    struct ask ask;
    uint8_t key = rule ? 50 : 51;

    rig_init(&rig);
    rig.options.stall_ms = 100;
    rig.options.read_lease_ms = 1000;
    rig_word(&rig, "host", "127.0.0.1");
    rig_word(&rig, "port", order("port primary"));
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    RIG_UNTIL(&rig, rig.ready[PG_USE_READ] != 0 && ses_pg_link_may_read(rig.link));
    ses_pg_rules_off = rule ? 0 : 1U << PG_RULE_LEASE;
    (void)order("link stall");
    (void)order("promote");
    rig_init(&other);
    other.options.durability = SES_DURABILITY_DISK;
    rig_word(&other, "host", "127.0.0.1");
    rig_word(&other, "port", order("port primary"));
    rig_open(&other);
    RIG_UNTIL_OPEN(&other);
    assert_int_equal(rig_do(&other, PG_USE_WRITE, put, key, &ask), PG_END_DONE);
    if (rule) {
        RIG_UNTIL(&rig, !ses_pg_link_may_read(rig.link));
    } else {
        RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_STALLED);
        assert_int_equal(rig_do(&rig, PG_USE_READ, get, key, &ask), PG_END_DONE);
        assert_true(ses_pg_link_may_read(rig.link));
        assert_int_equal(ask.rows, 0); /* acknowledged above, and not there */
    }
    rig_close(&rig);
    rig_close(&other);
    (void)order("link flow");
    (void)order("rejoin");
    assert_true(survives(key));
}

static void test_lease(void **state)
{
    (void)state;
    cut_off(true);
    cut_off(false);
}

/* ---- the old primary comes back, alone, when a later one was seen on this machine ---- */

static void comes_back(bool rule)
{
    struct rig rig, beside;
    struct ask ask;
    uint8_t key = rule ? 60 : 61;

    rig_init(&rig);
    rig.options.durability = SES_DURABILITY_DISK;
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    (void)order("fail_over");
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_SEARCHING);
    RIG_UNTIL_OPEN(&rig);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, put, key, &ask), PG_END_DONE);
    (void)order("start standby");
    (void)order("sql standby ALTER SYSTEM SET synchronous_standby_names = ''; SELECT pg_reload_conf()");
    rig_init_beside(&beside, &rig);
    ses_pg_rules_off = rule ? 0 : 1U << PG_RULE_FENCE;
    beside.options.durability = SES_DURABILITY_DISK;
    rig_word(&beside, "host", "127.0.0.1");
    rig_word(&beside, "port", order("port standby"));
    rig_open(&beside);
    if (rule) {
        RIG_UNTIL(&beside, rig_log_count(&beside, "shard_node_unusable", "old_primary") == 1);
        assert_int_equal(ses_pg_link_state(beside.link), PG_STATE_SEARCHING);
    } else {
        RIG_UNTIL_OPEN(&beside);
        assert_int_equal(rig_do(&beside, PG_USE_READ, get, key, &ask), PG_END_DONE);
        assert_true(ses_pg_link_may_read(beside.link));
        assert_int_equal(ask.rows, 0);
    }
    rig_close(&beside);
    rig_close(&rig);
    (void)order("rejoin");
}

static void test_fence(void **state)
{
    (void)state;
    comes_back(true);
    comes_back(false);
}

/* ---- nobody waits for a standby, and `replica` was asked for ---- */

static void not_replicated(bool rule)
{
    struct rig rig;
    struct ask ask;
    uint8_t key = rule ? 70 : 71;

    ses_pg_rules_off = rule ? 0 : 1U << PG_RULE_REPLICA;
    (void)order("alone");
    (void)order("link stall");
    rig_init(&rig);
    rig_open(&rig);
    if (rule) {
        RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_NO_STANDBY);
        assert_int_equal(ses_pg_link_state(rig.link), PG_STATE_SEARCHING);
    } else {
        RIG_UNTIL_OPEN(&rig);
        assert_int_equal(rig_do(&rig, PG_USE_WRITE, put, key, &ask), PG_END_DONE);
        assert_int_equal(ses_pg_link_durability(rig.link), SES_DURABILITY_DISK);
    }
    rig_close(&rig);
    assert_false(survives(key));
}

static void test_replica(void **state)
{
    (void)state;
    not_replicated(true);
    not_replicated(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_warning), cmocka_unit_test(test_seal),  cmocka_unit_test(test_doubt),
        cmocka_unit_test(test_barrier), cmocka_unit_test(test_lease), cmocka_unit_test(test_fence),
        cmocka_unit_test(test_replica),
    };

    cmocka_set_test_filter(getenv("SES_TEST_CASE"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
