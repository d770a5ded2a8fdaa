/* Creates whose connector's call leaves nothing behind: one write, nobody to settle anything, and all else as with an
 * intent. nuvei is the one that is so; stripe beside it is not.
 */
#include "create.h"

#include "method/core_fixture.h"

#define NUVEI_OK "{\"sessionToken\":\"nuvei_1\",\"status\":\"SUCCESS\",\"errCode\":0,\"internalRequestId\":7}"

static int setup(void **state)
{
    int rc = core_setup(state);
    struct core *core = *state;

    ses_service_free(core->service);
    core->url.connector = ses_connector_by_name(SES_STR("nuvei"));
    core_open_service(core);
    atomic_store(&core->stub.body, NUVEI_OK);
    return rc;
}

static struct call *nuvei_call(struct core *core, int64_t amount)
{
    return core_call(core, (struct order){.id = "a", .connector = "nuvei", .amount = amount});
}

static void answer_with(struct core *core, int status, const char *body)
{
    atomic_store(&core->stub.status, status);
    atomic_store(&core->stub.body, body);
}

static unsigned calls_of(struct core *core)
{
    return atomic_load(&core->stub.calls);
}

/* What another worker sees: SES_NOT_FOUND, or the record's kind. */
static enum ses_status stored(struct core *core, struct ses_store_op *ret_op)
{
    struct ses_store_key key = core_key(core, "DefaultMerchantId", "a");

    return core_read(core, &key, ret_op);
}

static void assert_nothing_is_stored(struct core *core)
{
    struct ses_store_op read;

    WAIT_DOING(core_turn(core), stored(core, &read) == SES_NOT_FOUND && !read.leased);
}

static void test_it_is_one_write(void **state)
{
    struct core *core = *state;
    uint64_t puts = core_puts(core);
    struct call *call = nuvei_call(core, 0);
    struct ses_store_op read;
    struct ses_session session;

    (void)call_claims(call);
    assert_int_equal(core_puts(core), puts + 1);
    assert_ok(core_stored(core, "a", &read, &session));
    assert_int_equal(read.record.revision, 1);
    assert_true(ses_slice_eq_str(session.connector_session.token, "nuvei_1"));
    call_free(call);
    call = nuvei_call(core, 0);
    (void)call_claims(call);
    assert_true(call_replayed(call));
    assert_int_equal(calls_of(core), 1);
    assert_int_equal(core_puts(core), puts + 1);
    call_free(call);
}

/* Nothing is stored meanwhile, and yet nobody else gets at the key. */
static void test_a_call_in_flight_is_never_doubled(void **state)
{
    struct core *core = *state;
    struct call *first, *second;
    struct ses_store_op read;

    atomic_store(&core->stub.held, true);
    first = nuvei_call(core, 0);
    WAIT_DOING(core_turn(core), calls_of(core) == 1);
    assert_int_equal(stored(core, &read), SES_NOT_FOUND);
    assert_true(read.leased);
    second = nuvei_call(core, 0);
    assert_one_answer(core, first, second);
    assert_int_equal(calls_of(core), 1);
    call_free(first);
    call_free(second);
}

static void expect_status(struct core *core, uint32_t status_code)
{
    struct call *call = nuvei_call(core, 0);

    assert_int_equal(call_response(call)->status_code, status_code);
    call_free(call);
}

/* Whatever the connector has done with the call: the key is free, for another payload too. */
static void test_an_unknown_outcome_leaves_nothing(void **state)
{
    struct core *core = *state;
    uint64_t puts = core_puts(core);
    struct call *call;

    answer_with(core, 500, "{}");
    expect_status(core, 500);
    assert_nothing_is_stored(core);
    answer_with(core, 200, "rubbish");
    expect_status(core, 502);
    assert_nothing_is_stored(core);
    assert_int_equal(core_puts(core), puts);
    answer_with(core, 200, NUVEI_OK);
    call = nuvei_call(core, 777);
    (void)call_claims(call);
    assert_int_equal(calls_of(core), 3);
    assert_int_equal(core_puts(core), puts + 1);
    call_free(call);
}

/* The worker dies while the connector works: driver and service vanish, nobody gives the lease back. Its successor
 * finds nothing, and the next call, whatever it is for, is a first one. */
static void test_a_death_leaves_nothing(void **state)
{
    struct core *core = *state;
    struct ses_service *dead = core->service;
    struct call *call;

    atomic_store(&core->stub.held, true);
    call = nuvei_call(core, 0);
    WAIT_DOING(core_turn(core), calls_of(core) == 1);
    ses_driver_free(core->driver);
    ses_store_close(core->store);
    ses_exchange_release(call->x); /* what the phase held */
    call->x->cancel = NULL;
    call_free(call);
    core_open_driver(core);
    core_open_store(core);
    if (core_has_toy(core)) /* in LMDB's store the lease ends with its process */
        toy_cloud_end_leases(core->cloud);
    atomic_store(&core->stub.held, false);
    core_open_service(core);
    ses_service_free(dead);
    assert_nothing_is_stored(core);
    call = nuvei_call(core, 777);
    (void)call_claims(call);
    assert_false(call_replayed(call));
    assert_int_equal(calls_of(core), 2);
    call_free(call);
}

static void test_a_call_cancelled_in_flight_is_committed(void **state)
{
    struct core *core = *state;
    struct call *call;

    atomic_store(&core->stub.held, true);
    call = nuvei_call(core, 0);
    WAIT_DOING(core_turn(core), calls_of(core) == 1);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    call_free(call);
    atomic_store(&core->stub.held, false);
    core_settle(core);
    call = nuvei_call(core, 0);
    (void)call_claims(call);
    assert_true(call_replayed(call));
    assert_int_equal(calls_of(core), 1);
    call_free(call);
}

/* Of a version that made intents for it: settled by the same call, as ever. */
static void test_a_leftover_intent_is_settled(void **state)
{
    struct core *core = *state;
    struct ses_store_key key = core_key(core, "DefaultMerchantId", "a");
    struct ses_store_op read;
    struct call *call = nuvei_call(core, 0);
    struct ses_session session;
    struct ses_record record;
    struct ses_arena arena;

    (void)call_claims(call);
    call_free(call);
    assert_ok(core_stored(core, "a", &read, &session));
    ses_arena_init(&arena, 1u << 20);
    record = read.record;
    record.key = key;
    record.kind = SES_RECORD_INTENT;
    assert_ok(ses_session_record_encode(
        &session,
        &(struct ses_record_intent){.idempotency_key = SES_STR("k"), .started_ms = session.created_ms}, NULL,
        &arena, &record.body));
    assert_ok(core_put(core, &read.version, &record));
    ses_arena_done(&arena);
    call = nuvei_call(core, 777);
    (void)call_error(call, SES_ALREADY_EXISTS, "SESSION_CONFLICT");
    call_free(call);
    call = nuvei_call(core, 0);
    assert_memory_equal(call_claims(call).session_id, record.session_id, 16);
    assert_false(call_replayed(call));
    assert_int_equal(calls_of(core), 2);
    call_free(call);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_it_is_one_write),
        T(test_a_call_in_flight_is_never_doubled),
        T(test_an_unknown_outcome_leaves_nothing),
        T(test_a_death_leaves_nothing),
        T(test_a_call_cancelled_in_flight_is_committed),
        T(test_a_leftover_intent_is_settled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
