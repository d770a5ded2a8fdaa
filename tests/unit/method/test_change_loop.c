/* The loop of change_loop.h under each of its users: a call that waits is cancelled, is told that the server
 * stops, gives up before its deadline, goes on; what is with the store is committed. */
#include "change_loop.h"

#include "method/change_users.h"

/* ---- somebody else has the key --------------------------------------------------------------- */

static struct ses_store_key session_key(const struct core *core)
{
    return core_key(core, "DefaultMerchantId", "session_001");
}

/* Of the newest record; 0: none. */
static uint32_t revision_of(struct core *core)
{
    struct ses_store_key key = session_key(core);
    struct ses_store_op read;

    return core_read(core, &key, &read) == SES_OK ? read.record.revision : 0;
}

/* A call that waits for the key, which another worker has. */
static struct call *start_waiting(struct core *core, const struct user *user, const struct stage *stage,
                                  struct ses_store_lease *lease)
{
    struct ses_store_key key = session_key(core);
    struct call *call;

    core_lease(core, &key, lease);
    call = user->start(core, stage);
    WAIT_DOING(core_turn(core), core->service->waiting_count == 1);
    assert_int_equal(call->door.ended + call->door.raws, 0);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    return call;
}

static void cancelled_while_it_waits(struct core *core, const struct user *user, const struct stage *stage)
{
    struct ses_store_lease lease;
    uint32_t revision = revision_of(core);
    struct call *call = start_waiting(core, user, stage, &lease);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    assert_int_equal(ses_service_in_flight(core->service), 0);
    assert_int_equal(call->door.ended + call->door.raws, 0);
    call_free(call);
    core_give_back(core, &lease);
    core_settle(core);
    assert_int_equal(revision_of(core), revision);
}

static void stopped_while_it_waits(struct core *core, const struct user *user, const struct stage *stage)
{
    struct ses_store_lease lease;
    struct call *call = start_waiting(core, user, stage, &lease);

    ses_service_free(core->service);
    core_open_service(core);
    assert_int_equal(call->door.ended + call->door.raws, 1);
    if (!user->step)
        assert_string_equal(call->door.error_message, "the server is stopping");
    expect_refusal(core, user, call, SES_UNAVAILABLE, "");
    core_give_back(core, &lease);
}

static void turn_later(struct core *core)
{
    unit_clock_pass_ms(5);
    core_turn(core);
}

static void gives_up_before_the_deadline(struct core *core, const struct user *user,
                                         const struct stage *stage)
{
    struct ses_store_lease lease;
    struct call *call = start_waiting(core, user, stage, &lease);
    uint64_t deadline_ns;

    unit_clock_stop();
    deadline_ns = ses_clock_mono_ns() + 150 * MS;
    call->x->deadline_mono_ns = deadline_ns;
    WAIT_DOING(turn_later(core), call->door.ended + call->door.raws != 0);
    assert_true(ses_clock_mono_ns() < deadline_ns); /* before the caller gives up */
    expect_refusal(core, user, call, SES_ABORTED, "SESSION_BUSY");
    unit_clock_run();
    core_give_back(core, &lease);
}

static void goes_on_when_the_key_is_given_back(struct core *core, const struct user *user,
                                               const struct stage *stage)
{
    struct ses_store_lease lease;
    struct call *call = start_waiting(core, user, stage, &lease);

    core_give_back(core, &lease);
    expect_success(core, user, call);
}

/* The store alone, so that what it has been told goes no further. */
static void complete(struct core *core)
{
    ses_store_flush(core->store);
    ses_store_complete(core->store);
}

static bool is_putting(const struct call *call)
{
    const struct ses_change_loop *loop = call->x->cancel_arg;

    return loop != NULL && loop->pause == SES_CHANGE_PUTS;
}

/* The record is with the store: it is committed, whoever goes away. */
static void cancelled_while_it_commits(struct core *core, const struct user *user, const struct stage *stage)
{
    uint32_t revision = revision_of(core);
    struct call *call;

    if (user->blind && user->session && core_has_toy(core)) /* its first put only finds the session */
        return;
    call = user->start(core, stage);
    WAIT_DOING(complete(core), is_putting(call));
    assert_int_equal(ses_store_pending(core->store), 1);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    call_free(call);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    core_settle(core);
    assert_int_equal(revision_of(core), revision + 1);
}

FOR_ALL(cancelled_while_it_waits, core_setup)
FOR_ALL(stopped_while_it_waits, core_setup)
FOR_ALL(gives_up_before_the_deadline, core_setup)
FOR_ALL(goes_on_when_the_key_is_given_back, core_setup)
FOR_ALL(cancelled_while_it_commits, core_setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancelled_while_it_waits),
        cmocka_unit_test(test_stopped_while_it_waits),
        cmocka_unit_test(test_gives_up_before_the_deadline),
        cmocka_unit_test(test_goes_on_when_the_key_is_given_back),
        cmocka_unit_test(test_cancelled_while_it_commits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
