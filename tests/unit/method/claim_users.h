/* claim_users.h - every user of claim_loop.h as one row: how its call is started, and what is told when it
 * gets nothing. A scenario is run for each of them, on a worker of its own. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_CLAIM_USERS_H
#define SESSIOND_TESTS_UNIT_METHOD_CLAIM_USERS_H

#include "method/session_calls.h"

#include "natural_key.h"

#define BACK_URL "http://localhost:3000/back"

/* ---- the users ------------------------------------------------------------------------------- */

/* What a user's calls need: made before the store fails or somebody claims. */
struct stage {
    char *token;  /* of the session, which is there then */
    char *handle; /* of its open step */
};

struct user {
    const char *name;
    bool session; /* there is one already */
    bool step;    /* the session is in a step, and the answer a page */
    bool inbox;   /* the loop's key is the inbox's */
    struct call *(*start)(struct core *core, const struct stage *stage);
};

static inline struct call *start_create(struct core *core, const struct stage *stage)
{
    (void)stage;
    return core_call(core, (struct order){.id = NULL});
}

/* Of a session that is there: with more to write. */
static inline struct call *start_continuation(struct core *core, const struct stage *stage)
{
    (void)stage;
    return core_call(core, (struct order){.customer = "cus_1"});
}

static inline struct call *start_advance(struct core *core, const struct stage *stage)
{
    return advance(core, (struct advance){stage->token, SES_EVENT_PROCESSING_STARTED, "e1", 0, NULL, NULL});
}

static inline struct call *start_update(struct core *core, const struct stage *stage)
{
    return update(core, stage->token, "changed");
}

static inline struct call *start_begin(struct core *core, const struct stage *stage)
{
    return begin(core, stage->token, BACK_URL);
}

static inline struct call *start_revoke(struct core *core, const struct stage *stage)
{
    Sessiond__V1__RevokeSessionRequest m;

    sessiond__v1__revoke_session_request__init(&m);
    m.session_token = stage->token;
    m.merchant_session_id = text("session_001");
    m._test_mode_case = 4;
    m.test_mode = true;
    return ask(core, "RevokeSession", &m.base);
}

static inline struct call *start_early(struct core *core, const struct stage *stage)
{
    (void)stage;
    return advance(core, (struct advance){NULL, SES_EVENT_COMPLETED, "w1", 0, NULL, NULL});
}

static inline struct call *start_return(struct core *core, const struct stage *stage)
{
    struct call *call = call_new(core, "/r/", 0);

    call->x->path = ses_slice_str(stage->handle);
    call->x->http_method = SES_STR("GET");
    call->x->query = SES_STR("cres=abc");
    call_start(call);
    return call;
}

static const struct user users[] = {
    {.name = "create", .start = start_create},
    {.name = "continuation", .session = true, .start = start_continuation},
    {.name = "AdvanceSession", .session = true, .start = start_advance},
    {.name = "UpdateSession", .session = true, .start = start_update},
    {.name = "BeginStep", .session = true, .start = start_begin},
    {.name = "RevokeSession", .session = true, .start = start_revoke},
    {.name = "return", .session = true, .step = true, .start = start_return},
    {.name = "early event", .inbox = true, .start = start_early},
};

#define USERS (sizeof(users) / sizeof(users[0]))

/* The path of the return as the browser has it: "/r/<handle>". */
static inline char *handle_path(struct call *call)
{
    Sessiond__V1__BeginStepResponse *response =
        (Sessiond__V1__BeginStepResponse *)answer(call, &sessiond__v1__begin_step_response__descriptor);
    char *path = strdup(strstr(response->return_url, "/r/"));

    call_free(call);
    return path;
}

static inline struct stage set_up(struct core *core, const struct user *user)
{
    struct stage stage = {.token = NULL};

    if (user->session)
        stage.token = create(core, (struct order){.amount = 10000});
    if (user->step)
        stage.handle = handle_path(begin(core, stage.token, BACK_URL));
    return stage;
}

static inline void tear_down(struct core *core, struct stage *stage)
{
    core_settle(core);
    free(stage->token);
    free(stage->handle);
}

/* What a caller is told who gets nothing; a shopper: to try again. */
static inline void expect_refusal(struct core *core, const struct user *user, struct call *call,
                                  enum ses_status status, const char *reason)
{
    WAIT_DOING(core_turn(core), call->door.ended + call->door.raws != 0);
    if (user->step)
        assert_int_equal(call->door.http_status, 503);
    else
        (void)call_error(call, status, reason);
    assert_int_equal(call->door.ended + call->door.raws, 1);
    call_free(call);
    assert_int_equal(ses_service_in_flight(core->service), 0);
}

static inline void expect_success(struct core *core, const struct user *user, struct call *call)
{
    WAIT_DOING(core_turn(core), call->door.ended + call->door.raws != 0);
    if (user->step)
        assert_int_equal(call->door.http_status, 303);
    else if (call->door.failed)
        fail_msg("%s failed: %s", user->name, call->door.error_message);
    call_free(call);
}

/* ---- every user ------------------------------------------------------------------------------ */

typedef void (*scenario_fn)(struct core *core, const struct user *user, const struct stage *stage);

static inline void run(const struct user *user, scenario_fn scenario)
{
    void *state = NULL;
    struct core *core;
    struct stage stage;

    print_message("%s\n", user->name);
    assert_int_equal(core_setup(&state), 0);
    core = state;
    stage = set_up(core, user);
    scenario(core, user, &stage);
    tear_down(core, &stage);
    (void)core_teardown(&state);
}

#define FOR_ALL(scenario)                                                                                    \
    static void test_##scenario(void **state)                                                                \
    {                                                                                                        \
        (void)state;                                                                                         \
        for (size_t i = 0; i < USERS; i++)                                                                   \
            run(&users[i], scenario);                                                                        \
    }

#endif
