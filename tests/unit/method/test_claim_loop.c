/* The loop of claim_loop.h under each of its users: a call that waits is cancelled, is told that the server
 * stops, gives up before its deadline, goes on; what is with the store is committed. */
#include "claim_loop.h"

#include "method/claim_users.h"

/* ---- somebody else has the key --------------------------------------------------------------- */

static struct ses_store_key key_of(const struct core *core, const struct user *user)
{
    struct ses_store_key session = core_key(core, "DefaultMerchantId", "session_001");
    struct ses_store_key key = session;

    if (user->inbox)
        ses_inbox_key(&session, &key);
    return key;
}

/* Of the newest record; 0: none. ret_ref may be NULL. */
static uint32_t revision_of(const struct core *core, const struct user *user, struct ses_store_ref *ret_ref)
{
    struct ses_store_key key = key_of(core, user);
    struct ses_arena arena;
    struct ses_record record = {.revision = 0};
    struct ses_store_ref ref;
    bool claimed = false;
    enum ses_status status;

    ses_arena_init(&arena, 1u << 20);
    status = ses_store_get(core->store, &key, &arena, &record, &ref, &claimed);
    ses_arena_done(&arena);
    if (status != SES_OK)
        return 0;
    if (ret_ref != NULL)
        *ret_ref = ref;
    return record.revision;
}

/* As another worker would. */
static struct ses_claim claim_as_other(struct core *core, const struct user *user)
{
    struct ses_store_key key = key_of(core, user);
    struct ses_store_ref ref;
    struct ses_claim claim;
    uint32_t revision = revision_of(core, user, &ref);

    if (revision > 0)
        assert_ok(ses_store_claim_ref(core->store, &key, &ref, revision, &claim));
    else
        assert_ok(ses_store_claim_new(core->store, &key, SES_OWNER_NOBODY, &claim));
    return claim;
}

/* A call that waits for that claim. */
static struct call *start_waiting(struct core *core, const struct user *user, const struct stage *stage)
{
    struct call *call = user->start(core, stage);

    core_turn(core);
    assert_int_equal(call->door.ended + call->door.raws, 0);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    return call;
}

static void cancelled_while_it_waits(struct core *core, const struct user *user, const struct stage *stage)
{
    struct ses_claim claim = claim_as_other(core, user);
    struct call *call = start_waiting(core, user, stage);
    uint64_t puts = core_count(core, SES_C_STORE_PUTS);

    ses_exchange_cancel(call->x, SES_CANCELLED);
    assert_int_equal(ses_service_in_flight(core->service), 0);
    assert_int_equal(call->door.ended + call->door.raws, 0);
    call_free(call);
    ses_store_release(core->store, &claim);
    core_settle(core);
    assert_int_equal(core_count(core, SES_C_STORE_PUTS), puts);
}

static void stopped_while_it_waits(struct core *core, const struct user *user, const struct stage *stage)
{
    struct ses_claim claim = claim_as_other(core, user);
    struct call *call = start_waiting(core, user, stage);

    ses_service_free(core->service);
    core_open_service(core);
    assert_int_equal(call->door.ended + call->door.raws, 1);
    if (!user->step)
        assert_string_equal(call->door.error_message, "the server is stopping");
    expect_refusal(core, user, call, SES_UNAVAILABLE, "");
    ses_store_release(core->store, &claim);
}

static void turn_later(struct core *core)
{
    unit_clock_pass_ms(5);
    core_turn(core);
}

static void gives_up_before_the_deadline(struct core *core, const struct user *user,
                                         const struct stage *stage)
{
    struct ses_claim claim = claim_as_other(core, user);
    uint64_t deadline_ns;
    struct call *call;

    unit_clock_stop();
    call = start_waiting(core, user, stage);
    deadline_ns = ses_clock_mono_ns() + 150 * MS;
    call->x->deadline_mono_ns = deadline_ns;
    WAIT_DOING(turn_later(core), call->door.ended + call->door.raws != 0);
    assert_true(ses_clock_mono_ns() < deadline_ns); /* before the caller gives up */
    expect_refusal(core, user, call, SES_ABORTED, "SESSION_BUSY");
    unit_clock_run();
    ses_store_release(core->store, &claim);
}

static void goes_on_when_the_claim_is_given_back(struct core *core, const struct user *user,
                                                 const struct stage *stage)
{
    struct ses_claim claim = claim_as_other(core, user);
    struct call *call = start_waiting(core, user, stage);

    ses_store_release(core->store, &claim);
    expect_success(core, user, call);
}

/* The record is with the store: it is committed, whoever goes away. */
static void cancelled_while_it_commits(struct core *core, const struct user *user, const struct stage *stage)
{
    uint32_t revision = revision_of(core, user, NULL);
    struct call *call = user->start(core, stage);

    assert_int_equal(ses_store_pending(core->store), 1);
    ses_exchange_cancel(call->x, SES_CANCELLED);
    call_free(call);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    core_settle(core);
    assert_int_equal(revision_of(core, user, NULL), revision + 1);
}

FOR_ALL(cancelled_while_it_waits)
FOR_ALL(stopped_while_it_waits)
FOR_ALL(gives_up_before_the_deadline)
FOR_ALL(goes_on_when_the_claim_is_given_back)
FOR_ALL(cancelled_while_it_commits)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cancelled_while_it_waits),
        cmocka_unit_test(test_stopped_while_it_waits),
        cmocka_unit_test(test_gives_up_before_the_deadline),
        cmocka_unit_test(test_goes_on_when_the_claim_is_given_back),
        cmocka_unit_test(test_cancelled_while_it_commits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
