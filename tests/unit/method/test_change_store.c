/* The loop of change_loop.h under each of its users on a store that fails at each of the loop's steps, inside
 * the call or later, or loses each race. */
#include "change_loop.h"

#include "method/change_users.h"

/* ---- a store that fails: what is told -------------------------------------------------------- */

struct row {
    enum toy_call at;
    struct toy_fate fate;
    enum ses_status told;
    const char *reason;
};

static const struct row rows[] = {
    {TOY_GET, {SES_DATA_LOSS, TOY_NEVER}, SES_DATA_LOSS, "SESSION_UNREADABLE"},
    {TOY_GET, {SES_IO, TOY_NEVER}, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {TOY_GET, {SES_ABORTED, TOY_NEVER}, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {TOY_GET, {SES_UNAVAILABLE, TOY_NEVER}, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {TOY_GET, {SES_NO_MEMORY, TOY_NEVER}, SES_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY"},
    {TOY_PUT, {SES_FULL, TOY_NEVER}, SES_RESOURCE_EXHAUSTED, "STORE_FULL"},
    {TOY_PUT, {SES_OVER_SHARE, TOY_NEVER}, SES_RESOURCE_EXHAUSTED, "MERCHANT_SHARE_FULL"},
    {TOY_PUT, {SES_RESOURCE_EXHAUSTED, TOY_NEVER}, SES_RESOURCE_EXHAUSTED, "STORE_BUSY"},
    {TOY_PUT, {SES_TOO_LARGE, TOY_NEVER}, SES_RESOURCE_EXHAUSTED, "SESSION_TOO_LARGE"},
    {TOY_PUT, {SES_NO_MEMORY, TOY_NEVER}, SES_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY"},
    {TOY_PUT, {SES_UNAVAILABLE, TOY_NEVER}, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {TOY_PUT, {SES_IO, TOY_NEVER}, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {TOY_PUT, {SES_UNKNOWN, TOY_NEVER}, SES_UNAVAILABLE, "OUTCOME_UNKNOWN"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void fail_once(struct core *core, const struct user *user, const struct stage *stage,
                      const struct row *row)
{
    print_message("%s, %s: %s\n", user->name, row->at == TOY_GET ? "get" : "put",
                  ses_status_name(row->fate.status));
    toy_plan(core->store, row->at, 0, row->fate);
    expect_refusal(core, user, user->start(core, stage), row->told, row->reason);
}

/* Nothing is left of the calls that failed: the last one succeeds. A blind put reads only what it lost to. */
static void fails_with_the_store(struct core *core, const struct user *user, const struct stage *stage)
{
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        if (row->at == TOY_GET && user->blind)
            toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){SES_CONFLICT, TOY_NEVER});
        fail_once(core, user, stage, row);
    }
    expect_success(core, user, user->start(core, stage));
}

/* ---- an outcome that nobody knows: the same call again settles it ------------------------------- */

static uint32_t revision_of(struct core *core)
{
    struct ses_store_key key = core_key(core, "DefaultMerchantId", "session_001");
    struct ses_store_op read;

    return core_read(core, &key, &read) == SES_OK ? read.record.revision : 0;
}

static void is_settled(struct core *core, const struct user *user, const struct stage *stage,
                       enum toy_effect effect)
{
    uint32_t revision = revision_of(core);
    const struct row row = {TOY_PUT, {SES_UNKNOWN, effect}, SES_UNAVAILABLE, "OUTCOME_UNKNOWN"};
    struct call *call;

    fail_once(core, user, stage, &row);
    call = user->start(core, stage);
    expect_success(core, user, call);
    WAIT_DOING(core_turn(core), toy_cloud_abandoned(core->cloud) == 0);
    assert_int_equal(revision_of(core), revision + 1);
}

static void settled_if_it_was_written(struct core *core, const struct user *user, const struct stage *stage)
{
    is_settled(core, user, stage, TOY_DONE);
}

static void settled_if_it_was_not(struct core *core, const struct user *user, const struct stage *stage)
{
    is_settled(core, user, stage, TOY_NEVER);
}

/* The abandoned write can only lose its compare-and-set, or win it from the repeated one, which then finds
 * that what it wants is there. */
static void settled_if_it_comes_later(struct core *core, const struct user *user, const struct stage *stage)
{
    is_settled(core, user, stage, TOY_LATER);
}

/* ---- the connector has acted: what it made is not lost, the next call settles it ------------------ */

static struct call *start_asking(struct core *core, const struct stage *stage)
{
    (void)stage;
    return core_call(core, (struct order){.connector = "stripe"});
}

static enum ses_record_kind stored_kind(struct core *core)
{
    struct ses_store_op read;
    struct ses_session session;

    assert_ok(core_stored(core, "session_001", &read, &session));
    return read.record.kind;
}

static void test_a_session_that_the_connector_made_is_settled_after_a_failure(void **state)
{
    struct core *core = *state;
    const struct user user = {.name = "create with a call", .start = start_asking};
    const struct stage stage = {.token = NULL};
    unsigned calls = 0;

    for (const struct row *row = rows; row < rows + ROWS; row++) {
        struct row leased = *row;

        if (row->at != TOY_PUT)
            continue;
        leased.at = TOY_PUT_LEASED;
        fail_once(core, &user, &stage, &leased);
        toy_cloud_end_leases(core->cloud); /* of a put whose outcome is not known it may go on */
        assert_int_equal(stored_kind(core), SES_RECORD_INTENT);
        assert_int_equal(atomic_load(&core->stub.calls), ++calls);
        assert_string_equal(core->stub.last_key, core->stub.first_key);
    }
    expect_success(core, &user, user.start(core, &stage));
    assert_string_equal(core->stub.last_key, core->stub.first_key);
}

/* Though its intent was stored inside the call, so that nothing was waited for until then. */
static void test_a_client_that_leaves_does_not_end_the_call(void **state)
{
    struct core *core = *state;
    struct call *call;

    atomic_store(&core->stub.held, true);
    call = start_asking(core, NULL);
    WAIT_DOING(core_turn(core), atomic_load(&core->stub.calls) == 1);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    call_free(call);
    atomic_store(&core->stub.held, false);
    core_settle(core);
    assert_int_equal(stored_kind(core), SES_RECORD_SESSION);
}

/* No connector is asked without an intent. */
static void test_without_a_lease_nobody_is_asked(void **state)
{
    struct core *core = *state;
    const struct user user = {.name = "create with a call", .start = start_asking};
    const struct stage stage = {.token = NULL};

    for (const struct row *row = rows; row < rows + ROWS; row++) {
        struct row leased = *row;

        if (row->at == TOY_PUT)
            leased.at = TOY_LEASE;
        fail_once(core, &user, &stage, &leased);
        assert_int_equal(atomic_load(&core->stub.calls), 0);
    }
    expect_success(core, &user, user.start(core, &stage));
    assert_int_equal(atomic_load(&core->stub.calls), 1);
}

/* A webhook that comes while the connector is asked waits for what comes of that. */
static void test_an_event_waits_for_the_lease(void **state)
{
    struct core *core = *state;
    struct call *asking, *event;
    struct ses_store_op read;
    struct ses_session session;

    atomic_store(&core->stub.held, true);
    asking = start_asking(core, NULL);
    WAIT_DOING(core_turn(core), atomic_load(&core->stub.calls) == 1);
    event = advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1"});
    WAIT_DOING(core_turn(core), core->service->waiting_count == 1);
    atomic_store(&core->stub.held, false);
    (void)call_response(asking);
    assert_int_equal(advanced(event)->outcome, SES_EVENT_APPLIED);
    assert_int_equal(atomic_load(&core->stub.calls), 1);
    assert_ok(core_stored(core, "session_001", &read, &session));
    assert_int_equal(session.status, SES_SESSION_COMPLETED);
    call_free(asking);
    call_free(event);
}

/* What the connector has made is put again until it is stored. */
static void test_a_busy_put_under_the_lease_is_put_again(void **state)
{
    struct core *core = *state;
    struct call *call;

    toy_plan(core->store, TOY_PUT_LEASED, 0, (struct toy_fate){SES_BUSY, TOY_NEVER});
    call = start_asking(core, NULL);
    (void)call_claims(call);
    assert_int_equal(atomic_load(&core->stub.calls), 1);
    assert_int_equal(stored_kind(core), SES_RECORD_SESSION);
    call_free(call);
}

static void tell_early(struct core *core, int event, const char *id)
{
    struct call *call = advance(core, (struct advance){.event = event, .id = id});

    assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
    call_free(call);
}

/* The third late event is not recorded: behind the last one, a second time, it would be none that is late. */
static void test_what_waited_is_taken_in_once(void **state)
{
    struct core *core = *state;
    struct ses_store_op read;
    struct ses_session session;
    struct call *call;

    tell_early(core, SES_EVENT_ATTEMPT_FAILED, "w1");
    tell_early(core, SES_EVENT_ATTEMPT_FAILED, "w2");
    tell_early(core, SES_EVENT_ATTEMPT_FAILED, "w3");
    tell_early(core, SES_EVENT_PROCESSING_STARTED, "w4");
    toy_plan(core->store, TOY_PUT_LEASED, 0, (struct toy_fate){SES_BUSY, TOY_NEVER});
    call = start_asking(core, NULL);
    (void)call_claims(call);
    call_free(call);
    assert_ok(core_stored(core, "session_001", &read, &session));
    assert_int_equal(session.status, SES_SESSION_PROCESSING);
    assert_int_equal(session.attempts, 0);
    assert_int_equal(session.version, 2);
    assert_int_equal(session.events_count, 3);
}

/* A lease that ran out, and whose key somebody else has made a session of: theirs is what is told. */
static void test_a_lease_that_was_lost_is_decided_again(void **state)
{
    struct core *core = *state;
    struct call *first, *second;
    struct ses_claims a, b;

    atomic_store(&core->stub.held, true);
    first = start_asking(core, NULL);
    WAIT_DOING(core_turn(core), atomic_load(&core->stub.calls) == 1);
    toy_cloud_end_leases(core->cloud);
    atomic_store(&core->stub.held, false);
    second = start_asking(core, NULL);
    b = call_claims(second);
    a = call_claims(first);
    assert_memory_equal(a.session_id, b.session_id, sizeof(a.session_id));
    assert_string_equal(core->stub.last_key, core->stub.first_key);
    call_free(first);
    call_free(second);
}

/* ---- a store that is busy: lost races are decided again -------------------------------------- */

static void once_more(struct core *core, const struct user *user, const struct stage *stage,
                      enum ses_status status)
{
    toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){status, TOY_NEVER});
    expect_success(core, user, user->start(core, stage));
}

static void lost_once(struct core *core, const struct user *user, const struct stage *stage)
{
    once_more(core, user, stage, SES_CONFLICT);
}

static void leased_by_another(struct core *core, const struct user *user, const struct stage *stage)
{
    once_more(core, user, stage, SES_BUSY);
}

/* More than are tried at once. */
static void lost_again_and_again(struct core *core, const struct user *user, const struct stage *stage)
{
    toy_faults(core->store)->conflict = 1000;
    struct call *call = user->start(core, stage);

    WAIT_DOING(core_turn(core), core->service->waiting_count == 1);
    toy_faults(core->store)->conflict = 0;
    expect_success(core, user, call);
}

/* ---- a caller that goes away ------------------------------------------------------------------ */

/* What the store has still to answer needs the call; then there is nobody left who wanted the change. */
static void cancelled_while_it_reads(struct core *core, const struct user *user, const struct stage *stage)
{
    uint32_t revision = revision_of(core);
    struct call *call;

    if (user->blind)
        toy_plan(core->store, TOY_PUT, 0, (struct toy_fate){SES_CONFLICT, TOY_NEVER});
    toy_hold(core->store, TOY_GET, TOY_BEFORE);
    call = user->start(core, stage);
    core_turn(core);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    assert_int_equal(call->door.ended + call->door.raws, 0);
    call_free(call);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    toy_hold(core->store, TOY_GET, TOY_OPEN);
    core_settle(core);
    assert_int_equal(ses_exchange_pool_open(core->pool), 0);
    assert_int_equal(revision_of(core), revision);
}

FOR_ALL(fails_with_the_store, core_setup_toy)
FOR_ALL(settled_if_it_was_written, core_setup_toy)
FOR_ALL(settled_if_it_was_not, core_setup_toy)
FOR_ALL(settled_if_it_comes_later, core_setup_toy)
FOR_ALL(lost_once, core_setup_toy)
FOR_ALL(leased_by_another, core_setup_toy)
FOR_ALL(lost_again_and_again, core_setup_toy)
FOR_ALL(cancelled_while_it_reads, core_setup_toy)

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup_toy, core_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fails_with_the_store),
        cmocka_unit_test(test_settled_if_it_was_written),
        cmocka_unit_test(test_settled_if_it_was_not),
        cmocka_unit_test(test_settled_if_it_comes_later),
        cmocka_unit_test(test_lost_once),
        cmocka_unit_test(test_leased_by_another),
        cmocka_unit_test(test_lost_again_and_again),
        cmocka_unit_test(test_cancelled_while_it_reads),
        T(test_a_session_that_the_connector_made_is_settled_after_a_failure),
        T(test_a_client_that_leaves_does_not_end_the_call),
        T(test_without_a_lease_nobody_is_asked),
        T(test_an_event_waits_for_the_lease),
        T(test_a_busy_put_under_the_lease_is_put_again),
        T(test_what_waited_is_taken_in_once),
        T(test_a_lease_that_was_lost_is_decided_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
