/* A merchant's share of the connector calls in flight: who has more than that is refused before anything is written, and
 * every way out of a call gives its place back. */
#include "create.h"

#include "method/core_fixture.h"

#define HOST_CALLS 8u
#define SHARE      4u /* of them, for one that is alone: half */
#define CALLS      20u

static void open_driver(struct core *core, unsigned host_calls, unsigned percent)
{
    struct ses_driver_options options = usual_driver();

    ses_service_free(core->service);
    ses_driver_free(core->driver);
    options.loop = &core->loop;
    options.connect_timeout_ms = 2 * UNIT_PATIENCE_MS;
    options.total_timeout_ms = 2 * UNIT_PATIENCE_MS;
    options.calls_max = 2 * HOST_CALLS;
    options.host_calls_max = host_calls;
    options.owner_percent = percent;
    assert_ok(ses_driver_new(&options, &core->driver));
    core_open_service(core);
}

static struct call *create(struct core *core, const char *merchant, unsigned number)
{
    char id[16];

    (void)snprintf(id, sizeof(id), "order-%u", number);
    return core_call(core, (struct order){.id = id, .connector = "stripe", .merchant = merchant});
}

static const char *metadata(const struct ses_error *error, const char *key)
{
    static char value[64];

    value[0] = '\0';
    for (size_t i = 0; i < error->metadata_count; i++) {
        if (ses_slice_eq_str(error->metadata[i].key, key))
            (void)snprintf(value, sizeof(value), "%.*s", SES_FMT(error->metadata[i].value));
    }
    return value;
}

static void is_over_share(struct call *call)
{
    const struct ses_error *error = call_error(call, SES_RESOURCE_EXHAUSTED, "CONNECTOR_SHARE_FULL");

    assert_string_equal(metadata(error, "scope"), "merchant");
    assert_string_equal(metadata(error, "limit"), "limits.merchant_share_percent");
    assert_string_equal(metadata(error, "connector"), "stripe");
    assert_true(error->retry_delay_ms > 0);
    call_free(call);
}

static unsigned ended(struct call *const *calls)
{
    unsigned count = 0;

    for (unsigned i = 0; i < CALLS; i++)
        count += calls[i]->door.ended != 0;
    return count;
}

/* Those that have ended, while the others' connector is silent. */
static void refused_are_over_share(struct call **calls)
{
    for (unsigned i = 0; i < CALLS; i++) {
        if (calls[i]->door.ended == 0)
            continue;
        is_over_share(calls[i]);
        calls[i] = NULL;
    }
}

/* All of one turn: with a store that answers at once none of them has its intent on disk yet when the last one asks. */
static void a_burst_is_refused_before_anything_is_written(void **state)
{
    struct core *core = *state;
    struct call *calls[CALLS], *other;
    uint64_t puts = core_puts(core);

    open_driver(core, HOST_CALLS, 50);
    atomic_store(&core->stub.held, true);
    for (unsigned i = 0; i < CALLS; i++)
        calls[i] = create(core, "greedy", i);
    WAIT_DOING(core_turn(core), ended(calls) == CALLS - SHARE && ses_store_pending(core->store) == 0);
    other = create(core, "modest", 0);
    is_over_share(create(core, "greedy", CALLS));
    WAIT_DOING(core_turn(core), core_puts(core) == puts + SHARE + 1); /* an intent each, and no other */
    assert_int_equal(core_count(core, SES_C_CONNECTOR_OVER_SHARE), CALLS - SHARE + 1);
    refused_are_over_share(calls);
    atomic_store(&core->stub.held, false);
    for (unsigned i = 0; i < CALLS; i++) {
        if (calls[i] == NULL)
            continue;
        (void)call_claims(calls[i]);
        call_free(calls[i]);
    }
    (void)call_claims(other);
    call_free(other);
    /* who was refused left nothing: the same id makes a session now, whatever it asks for */
    other = core_call(
        core,
        (struct order){.id = "order-20", .connector = "stripe", .merchant = "greedy", .metadata = "other"});
    (void)call_claims(other);
    assert_false(call_replayed(other));
    call_free(other);
}

/* With one place in all, a call that has not given it back would be the last one. */
static void succeeds(struct core *core, unsigned number)
{
    struct call *call = create(core, "m", number);

    (void)call_claims(call);
    call_free(call);
}

static void every_way_out_gives_the_place_back(void **state)
{
    static const enum ses_status lost[] = {SES_CONFLICT, SES_BUSY};
    static const enum ses_status failed[] = {SES_FULL, SES_OVER_SHARE, SES_NO_MEMORY, SES_UNAVAILABLE,
                                             SES_UNKNOWN};
    struct core *core = *state;
    struct call *call;
    unsigned number = 0;

    open_driver(core, 1, 90);
    for (size_t i = 0; i < sizeof(lost) / sizeof(lost[0]); i++) { /* taken, lost, and taken again */
        toy_plan(core->store, TOY_LEASE, 0, (struct toy_fate){lost[i], TOY_NEVER});
        succeeds(core, number++);
    }
    for (size_t i = 0; i < sizeof(failed) / sizeof(failed[0]); i++) {
        toy_plan(core->store, TOY_LEASE, 0, (struct toy_fate){failed[i], TOY_NEVER});
        call = create(core, "m", number++);
        call_wait(call);
        assert_int_not_equal(call->door.ended, 0);
        call_free(call);
        succeeds(core, number++);
    }
}

static void a_cancelled_call_gives_the_place_back(void **state)
{
    struct core *core = *state;
    struct call *call;

    open_driver(core, 1, 90);
    call = create(core, "m", 0);
    ses_exchange_cancel(call->x, SES_CANCELLED); /* the intent is on its way to the disk */
    call_free(call);
    core_settle(core);
    assert_int_equal(atomic_load(&core->stub.calls), 0);
    succeeds(core, 1);
}

/* The intent took so long that nothing of the caller's time is left for the connector. */
static void a_late_call_gives_the_place_back(void **state)
{
    struct core *core = *state;
    struct call *call;

    open_driver(core, 1, 90);
    unit_clock_stop();
    call = core_call(
        core, (struct order){.id = "late", .connector = "stripe", .merchant = "m", .deadline_ms = 200});
    unit_clock_pass_ms(170);
    call_wait(call);
    assert_true(call->door.failed);
    call_free(call);
    assert_int_equal(atomic_load(&core->stub.calls), 0);
    unit_clock_run();
    succeeds(core, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_is_refused_before_anything_is_written, core_setup,
                                        core_teardown),
        cmocka_unit_test_setup_teardown(every_way_out_gives_the_place_back, core_setup_toy, core_teardown),
        cmocka_unit_test_setup_teardown(a_cancelled_call_gives_the_place_back, core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(a_late_call_gives_the_place_back, core_setup, core_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
