/* A pooler beneath a connection, played: what the connection knows of its server is altered, so that another one seems to
 * answer. Through a real one: pg/pooler. */
#include "rig.h"

#include "link_impl.h"

/* Of that use; there is one. */
static struct pg_slot *slot_of(struct rig *rig, enum pg_use use)
{
    for (unsigned i = 0; i < rig->link->slots_count; i++)
        if (rig->link->slots[i].use == use && rig->link->slots[i].state == PG_SLOT_READY)
            return &rig->link->slots[i];
    fail_msg("no such connection");
    return NULL;
}

static void open_without_names(struct rig *rig)
{
    rig_init(rig);
    rig->options.prepare = false;
    rig->options.write_connections = 1;
    rig->options.beat_ms = 60000; /* what a connection is asked is the test's */
    rig_open(rig);
    RIG_UNTIL_OPEN(rig);
    RIG_UNTIL(rig, rig->ready[PG_USE_READ] != 0);
}

static void test_each_statement_says_whom_it_is_for(void **state)
{
    static const enum pg_use uses[] = {PG_USE_WRITE, PG_USE_READ};
    static const struct pg_statement *const statements[] = {&rig_put_sql, &rig_get_sql};
    struct rig rig;
    struct ask ask;

    (void)state;
    open_without_names(&rig);
    for (unsigned i = 0; i < 2; i++) {
        struct pg_slot *slot = slot_of(&rig, uses[i]);
        uint64_t connects = rig_counter(&rig, SES_S_CONNECTS);

        slot->server[0] ^= 1;
        assert_int_equal(rig_do(&rig, uses[i], statements[i], (uint8_t)(80 + i), &ask), PG_END_REFUSED);
        assert_string_equal(ask.sqlstate, "57P01");
        RIG_UNTIL(&rig, rig_counter(&rig, SES_S_CONNECTS) > connects);
        RIG_UNTIL_OPEN(&rig);
        RIG_UNTIL(&rig, ses_pg_link_may_read(rig.link));
    }
    /* Nothing was written by what was refused. */
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &rig_put_sql, 80, &ask), PG_END_DONE);
    assert_int_equal(ask.rows, 1);
    assert_true(rig_log_count(&rig, "another server", "") >= 1);
    rig_close(&rig);
}

/* A refusal of the statement itself is no word about the server. */
static void test_what_is_refused_behind_the_guard(void **state)
{
    static const Oid bytea[] = {17};
    static const struct pg_statement twice = {
        "twice", "INSERT INTO session (key, revision, write_id, retain_ms) VALUES ($1, 1, $1, 0)", 1, bytea};
    struct rig rig;
    struct ask ask;
    uint64_t connects;

    (void)state;
    open_without_names(&rig);
    connects = rig_counter(&rig, SES_S_CONNECTS);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &twice, 90, &ask), PG_END_DONE);
    assert_int_equal(rig_do(&rig, PG_USE_WRITE, &twice, 90, &ask), PG_END_REFUSED);
    assert_string_equal(ask.sqlstate, "23505");
    assert_int_equal(rig_do(&rig, PG_USE_SETTLE, &rig_get_sql, 90, &ask), PG_END_DONE);
    assert_int_equal(ask.rows, 1);
    assert_int_equal(rig_counter(&rig, SES_S_CONNECTS), connects + 1); /* the one that settles */
    rig_close(&rig);
}

/* Statements with names, and another session than the one that was greeted: it is said, and nothing is served. */
static void test_names_need_sessions(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig_open(&rig);
    RIG_UNTIL_OPEN(&rig);
    RIG_UNTIL(&rig, rig.ready[PG_USE_WRITE] != 0);
    for (unsigned s = 0; s < rig.link->slots_count; s++)
        rig.link->slots[s].mark[0] ^= 1;
    RIG_UNTIL_CAUSE(&rig, SES_PG_CAUSE_POOLER);
    RIG_UNTIL(&rig, ses_pg_link_state(rig.link) == PG_STATE_SEARCHING);
    assert_false(ses_pg_link_may_read(rig.link));
    assert_int_equal(rig_log_count(&rig, "shard_node_unusable", "pool_mode"), 1);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_statement_says_whom_it_is_for),
        cmocka_unit_test(test_what_is_refused_behind_the_guard),
        cmocka_unit_test(test_names_need_sessions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
