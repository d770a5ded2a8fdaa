/* The table of users, and a worker of its own for each scenario. */
#include "method/change_users.h"

static struct call *start_create(struct core *core, const struct stage *stage)
{
    (void)stage;
    return core_call(core, (struct order){.id = NULL});
}

static struct call *start_continuation(struct core *core, const struct stage *stage)
{
    (void)stage;
    return core_call(core, (struct order){.customer = "cus_1"});
}

static struct call *start_advance(struct core *core, const struct stage *stage)
{
    return advance(
        core, (struct advance){.token = stage->token, .event = SES_EVENT_PROCESSING_STARTED, .id = "e1"});
}

static struct call *start_update(struct core *core, const struct stage *stage)
{
    return update(core, (struct update){.token = stage->token, .metadata = "changed"});
}

/* With a name of its own, by which it is known when it comes again: without one a second step is begun. */
static struct call *start_begin(struct core *core, const struct stage *stage)
{
    return begin(core, (struct begin){.token = stage->token, .id = "b1"});
}

static struct call *start_revoke(struct core *core, const struct stage *stage)
{
    return revoke_session(core, stage->token, 0);
}

static struct call *start_early(struct core *core, const struct stage *stage)
{
    (void)stage;
    return advance(core, (struct advance){.event = SES_EVENT_COMPLETED, .id = "w1"});
}

static struct call *start_return(struct core *core, const struct stage *stage)
{
    struct call *call = call_new(core, "/r/", 0);

    call->x->path = ses_slice_str(stage->handle);
    call->x->http_method = SES_STR("GET");
    call->x->query = SES_STR("cres=abc");
    call_start(call);
    return call;
}

const struct user users[USERS] = {
    {.name = "create", .blind = true, .start = start_create},
    {.name = "continuation", .session = true, .blind = true, .start = start_continuation},
    {.name = "AdvanceSession", .session = true, .start = start_advance},
    {.name = "UpdateSession", .session = true, .start = start_update},
    {.name = "BeginStep", .session = true, .start = start_begin},
    {.name = "RevokeSession", .session = true, .start = start_revoke},
    {.name = "return", .session = true, .step = true, .start = start_return},
    {.name = "early event", .start = start_early},
};

static struct stage set_up(struct core *core, const struct user *user)
{
    struct stage stage = {.token = NULL};

    if (user->session)
        stage.token = create(core, (struct order){.amount = 10000});
    if (user->step)
        stage.handle = begun_path(begin(core, (struct begin){.token = stage.token}));
    return stage;
}

static void tear_down(struct core *core, struct stage *stage)
{
    core_settle(core);
    free(stage->token);
    free(stage->handle);
}

void expect_refusal(struct core *core, const struct user *user, struct call *call, enum ses_status status,
                    const char *reason)
{
    WAIT_DOING(core_turn(core), call->door.ended + call->door.raws != 0);
    if (user->step)
        assert_int_equal(call->door.http_status, 503);
    else
        (void)call_error(call, status, reason);
    assert_int_equal(call->door.ended + call->door.raws, 1);
    call_free(call);
    WAIT_DOING(core_turn(core), ses_service_in_flight(core->service) == 0);
}

void expect_success(struct core *core, const struct user *user, struct call *call)
{
    WAIT_DOING(core_turn(core), call->door.ended + call->door.raws != 0);
    if (user->step)
        assert_int_equal(call->door.http_status, 303);
    else if (call->door.failed)
        fail_msg("%s failed: %s", user->name, call->door.error_message);
    call_free(call);
}

void run(const struct user *user, int (*setup)(void **state), scenario_fn scenario)
{
    void *state = NULL;
    struct core *core;
    struct stage stage;

    print_message("%s\n", user->name);
    assert_int_equal(setup(&state), 0);
    core = state;
    stage = set_up(core, user);
    scenario(core, user, &stage);
    tear_down(core, &stage);
    (void)core_teardown(&state);
}
