/* WatchSession on a whole worker: slow readers, signs of life, cancels, drain, and that nothing is left of a
 * stream that is over. What of a session ends it is test_watch_end.c's; what it tells of other processes is
 * an integration test. */
#include "watch_session.h"

#include "method/watch_streams.h"

/* ---- watches that are left: the store's own functions, counted on their way (tests/CMakeLists.txt) ---- */

static unsigned watches;

enum ses_status __real_ses_store_watch(struct ses_store *store, const struct ses_store_key *key,
                                       struct ses_store_watch *news);
enum ses_status __wrap_ses_store_watch(struct ses_store *store, const struct ses_store_key *key,
                                       struct ses_store_watch *news);
void __real_ses_store_unwatch(struct ses_store *store, struct ses_store_watch *news);
void __wrap_ses_store_unwatch(struct ses_store *store, struct ses_store_watch *news);

enum ses_status __wrap_ses_store_watch(struct ses_store *store, const struct ses_store_key *key,
                                       struct ses_store_watch *news)
{
    enum ses_status status = __real_ses_store_watch(store, key, news);

    watches += status == SES_OK;
    return status;
}

void __wrap_ses_store_unwatch(struct ses_store *store, struct ses_store_watch *news)
{
    watches -= !ses_list_empty(&news->node);
    __real_ses_store_unwatch(store, news);
}

static void begin_and_cancel(struct core *core, const char *token)
{
    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    tell(core, token, SES_EVENT_STEP_CANCELLED, SES_EVENT_APPLIED);
}

static void turn_for(struct core *core, unsigned ms)
{
    for (unsigned i = 0; i < ms; i++) {
        unit_clock_pass_ms(1);
        core_turn(core);
        (void)usleep(100);
    }
}

static uint64_t looks(const struct core *core)
{
    return core_count(core, SES_C_WATCH_LOOKS);
}

/* While it does not read it costs nothing: nobody looks for it, whatever changes and however long it takes.
 */
static void test_a_slow_reader_gets_the_newest_only(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *slow = watch_now(core, token);
    struct call *quick = watch_now(core, token);

    slow->door.backlog = 1;
    tell(core, token, SES_EVENT_AUTHENTICATION_STARTED, SES_EVENT_APPLIED);
    wait_version(quick, 2);
    tell(core, token, SES_EVENT_STEP_CANCELLED, SES_EVENT_APPLIED);
    wait_version(quick, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(version_told(quick, i), i + 1);
    stream_cancel(quick);
    uint64_t before = looks(core);

    begin_and_cancel(core, token);
    turn_for(core, 250);
    assert_int_equal(looks(core), before);
    assert_int_equal(slow->door.sent, 1);
    slow->door.backlog = 0;
    slow->x->drained(slow->x, slow->x->cancel_arg);
    wait_sent(slow, 2);
    assert_int_equal(version_told(slow, 1), 5);
    slow->x->drained(slow->x, slow->x->cancel_arg);
    core_settle(core);
    assert_int_equal(slow->door.sent, 2); /* there is nothing new */
    stream_cancel(slow);
    free(token);
}

/* Proxies cut a stream on which nothing moves. */
static void test_a_silent_stream_gives_signs_of_life(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    core->service->options.watch_alive_ms = 20;
    struct call *call = watch_now(core, token);

    wait_sent(call, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(version_told(call, i), 1);
    stream_cancel(call);
    /* Nothing was told of a version that the caller knows, but the stream is not silent either. */
    call = watch(core, token, 1);
    call_start(call);
    assert_int_equal(call->door.sent, 0);
    wait_sent(call, 2);
    assert_int_equal(version_told(call, 0), 1);
    stream_cancel(call);
    free(token);
}

static void test_a_cancelled_stream_leaves_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *one = watch_now(core, token);
    struct call *two = watch_now(core, token);

    assert_int_equal(watches, 2);
    stream_cancel(one);
    assert_int_equal(watches, 1);
    begin_and_cancel(core, token);
    wait_version(two, 3);
    stream_cancel(two);
    assert_int_equal(watches, 0);
    assert_int_equal(ses_exchange_pool_open(core->pool), 0);
    free(token);
}

/* Days of changes must not fill the stream's own memory. */
static void test_memory_does_not_grow_with_what_is_told(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = watch_now(core, token);
    struct ses_arena_mark before = ses_arena_mark(&call->x->arena);
    size_t total = call->x->arena.total;

    for (unsigned i = 0; i < 10; i++)
        begin_and_cancel(core, token);
    wait_version(call, 21);
    assert_int_equal(ses_arena_mark(&call->x->arena).used, before.used);
    assert_int_equal(call->x->arena.total, total);
    stream_cancel(call);
    free(token);
}

/* The door gives its reference back inside the end: nothing may be touched behind it. */
static void test_the_end_may_take_the_exchange_along(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call = watch_now(core, token);

    call->door.drop_on_end = true;
    tell(core, token, SES_EVENT_COMPLETED, SES_EVENT_APPLIED);
    WAIT_DOING(core_turn(core), call->door.ended != 0);
    assert_false(call->door.failed);
    assert_int_equal(call->door.sent, 2);
    assert_int_equal(watches, 0);
    free(call);
    free(token);
}

static void test_an_end_that_is_known_ends_at_once(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    tell(core, token, SES_EVENT_FAILED, SES_EVENT_APPLIED);
    call = watch(core, token, 2);
    call_start(call);
    call_wait(call);
    assert_int_equal(call->door.sent, 0);
    assert_int_equal(call->door.ended, 1);
    assert_false(call->door.failed);
    call_free(call);
    free(token);
}

static void test_drain_ends_all_and_takes_none(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *open = watch_now(core, token);
    struct call *late = watch(core, token, 0);

    ses_service_set_draining(core->service, true);
    assert_true(open->door.failed);
    assert_int_equal(open->door.error.status, SES_UNAVAILABLE);
    call_start(late);
    assert_int_equal(late->door.error.status, SES_UNAVAILABLE);
    assert_int_equal(watches, 0);
    call_free(open);
    call_free(late);
    free(token);
}

/* A store that does not answer any more must not keep the worker from leaving. */
static void test_a_look_has_its_time(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    core->service->options.watch_alive_ms = 5;
    call = watch_now(core, token);
    toy_freeze(core->store);
    WAIT_DOING(core_turn(core), ses_service_in_flight(core->service) == 1);
    unit_clock_pass_ms(20000);
    core_turn(core);
    toy_thaw(core->store);
    assert_int_equal(ses_service_in_flight(core->service), 0);
    (void)call_error(call, SES_UNAVAILABLE, "STORE_UNAVAILABLE");
    assert_int_equal(watches, 0);
    call_free(call);
    free(token);
}

static void test_refused_streams_watch_nothing(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    struct call *call;

    token[strlen(token) - 2] ^= 1;
    call = watch(core, token, 0);
    call_start(call);
    assert_int_equal(call->door.error.status, SES_UNAUTHENTICATED);
    assert_int_equal(watches, 0);
    call_free(call);
    free(token);
}

/* The message names the first of them, as every method's does: many callers show nothing else. */
static void test_a_wrong_field_is_named(void **state)
{
    struct core *core = *state;
    struct call *call = watch(core, "", 0);

    call_start(call);
    assert_int_equal(call->door.error.status, SES_INVALID_ARGUMENT);
    assert_true(ses_slice_starts(call->door.error.message, SES_STR("session_token ")));
    call_free(call);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_slow_reader_gets_the_newest_only),
        T(test_a_silent_stream_gives_signs_of_life),
        T(test_a_cancelled_stream_leaves_nothing),
        T(test_memory_does_not_grow_with_what_is_told),
        T(test_the_end_may_take_the_exchange_along),
        T(test_an_end_that_is_known_ends_at_once),
        T(test_drain_ends_all_and_takes_none),
        cmocka_unit_test_setup_teardown(test_a_look_has_its_time, core_setup_toy, core_teardown),
        T(test_refused_streams_watch_nothing),
        T(test_a_wrong_field_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
