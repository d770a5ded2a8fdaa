/* The loop of claim_loop.h under each of its users on a store that fails at each of the loop's steps, or loses
 * each race. The linker puts our functions before the store's (tests/CMakeLists.txt). */
#include "claim_loop.h"

#include "method/claim_users.h"

/* ---- a store that fails ---------------------------------------------------------------------- */

enum store_step { GET, CLAIM, PUT, DONE, STORE_STEPS };

static const char *const step_names[STORE_STEPS] = {"get", "claim", "put", "done"};

/* Calls of a step that end in status: after some that do not, so many. */
static struct {
    enum store_step step;
    enum ses_status status;
    unsigned after;
    unsigned times;
} failing;

/* A put whose end is told as the store tells it: by ses_store_complete. */
static struct {
    ses_store_done_fn done;
    void *arg;
} late;

static bool fails(enum store_step step)
{
    if (failing.times == 0 || failing.step != step)
        return false;
    if (failing.after > 0) {
        failing.after--;
        return false;
    }
    failing.times--;
    return true;
}

enum ses_status __real_ses_store_get(struct ses_store *store, const struct ses_store_key *key,
                                     struct ses_arena *arena, struct ses_record *ret_record,
                                     struct ses_store_ref *ret_ref, bool *ret_claimed);
enum ses_status __wrap_ses_store_get(struct ses_store *store, const struct ses_store_key *key,
                                     struct ses_arena *arena, struct ses_record *ret_record,
                                     struct ses_store_ref *ret_ref, bool *ret_claimed);
enum ses_status __real_ses_store_claim_new(struct ses_store *store, const struct ses_store_key *key,
                                           ses_store_owner owner, struct ses_claim *ret_claim);
enum ses_status __wrap_ses_store_claim_new(struct ses_store *store, const struct ses_store_key *key,
                                           ses_store_owner owner, struct ses_claim *ret_claim);
enum ses_status __real_ses_store_claim_ref(struct ses_store *store, const struct ses_store_key *key,
                                           const struct ses_store_ref *ref, uint32_t revision,
                                           struct ses_claim *ret_claim);
enum ses_status __wrap_ses_store_claim_ref(struct ses_store *store, const struct ses_store_key *key,
                                           const struct ses_store_ref *ref, uint32_t revision,
                                           struct ses_claim *ret_claim);
enum ses_status __real_ses_store_put(struct ses_store *store, struct ses_claim *claim,
                                     const struct ses_record *record, ses_store_done_fn done, void *arg);
enum ses_status __wrap_ses_store_put(struct ses_store *store, struct ses_claim *claim,
                                     const struct ses_record *record, ses_store_done_fn done, void *arg);

void __real_ses_store_complete(struct ses_store *store);
void __wrap_ses_store_complete(struct ses_store *store);

enum ses_status __wrap_ses_store_get(struct ses_store *store, const struct ses_store_key *key,
                                     struct ses_arena *arena, struct ses_record *ret_record,
                                     struct ses_store_ref *ret_ref, bool *ret_claimed)
{
    if (fails(GET))
        return failing.status;
    return __real_ses_store_get(store, key, arena, ret_record, ret_ref, ret_claimed);
}

enum ses_status __wrap_ses_store_claim_new(struct ses_store *store, const struct ses_store_key *key,
                                           ses_store_owner owner, struct ses_claim *ret_claim)
{
    if (fails(CLAIM))
        return failing.status;
    return __real_ses_store_claim_new(store, key, owner, ret_claim);
}

enum ses_status __wrap_ses_store_claim_ref(struct ses_store *store, const struct ses_store_key *key,
                                           const struct ses_store_ref *ref, uint32_t revision,
                                           struct ses_claim *ret_claim)
{
    if (fails(CLAIM))
        return failing.status;
    return __real_ses_store_claim_ref(store, key, ref, revision, ret_claim);
}

/* DONE: taken over, with the claim given back as store.h says. */
enum ses_status __wrap_ses_store_put(struct ses_store *store, struct ses_claim *claim,
                                     const struct ses_record *record, ses_store_done_fn done, void *arg)
{
    if (fails(PUT))
        return failing.status;
    if (!fails(DONE))
        return __real_ses_store_put(store, claim, record, done, arg);
    ses_store_release_to_intent(store, claim);
    late.done = done;
    late.arg = arg;
    return SES_OK;
}

void __wrap_ses_store_complete(struct ses_store *store)
{
    ses_store_done_fn done = late.done;

    late.done = NULL;
    if (done != NULL)
        done(late.arg, failing.status);
    __real_ses_store_complete(store);
}

/* ---- a store that fails: what is told -------------------------------------------------------- */

struct row {
    enum store_step step;
    enum ses_status status;
    enum ses_status told;
    const char *reason;
};

static const struct row rows[] = {
    {GET, SES_DATA_LOSS, SES_DATA_LOSS, "SESSION_UNREADABLE"},
    {GET, SES_IO, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {GET, SES_ABORTED, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {GET, SES_NO_MEMORY, SES_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY"},
    {CLAIM, SES_FULL, SES_RESOURCE_EXHAUSTED, "STORE_FULL"},
    {CLAIM, SES_OVER_SHARE, SES_RESOURCE_EXHAUSTED, "MERCHANT_SHARE_FULL"},
    {CLAIM, SES_IO, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {PUT, SES_FULL, SES_RESOURCE_EXHAUSTED, "STORE_FULL"},
    {PUT, SES_OVER_SHARE, SES_RESOURCE_EXHAUSTED, "MERCHANT_SHARE_FULL"},
    {PUT, SES_BUSY, SES_RESOURCE_EXHAUSTED, "STORE_BUSY"},
    {PUT, SES_TOO_LARGE, SES_RESOURCE_EXHAUSTED, "SESSION_TOO_LARGE"},
    {PUT, SES_NO_MEMORY, SES_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY"},
    {PUT, SES_UNAVAILABLE, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
    {DONE, SES_FULL, SES_RESOURCE_EXHAUSTED, "STORE_FULL"},
    {DONE, SES_NO_MEMORY, SES_RESOURCE_EXHAUSTED, "OUT_OF_MEMORY"},
    {DONE, SES_UNAVAILABLE, SES_UNAVAILABLE, "STORE_UNAVAILABLE"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void fail_once(struct core *core, const struct user *user, const struct stage *stage,
                      const struct row *row)
{
    print_message("%s, %s: %s\n", user->name, step_names[row->step], ses_status_name(row->status));
    failing.step = row->step;
    failing.status = row->status;
    failing.times = 1;
    expect_refusal(core, user, user->start(core, stage), row->told, row->reason);
    assert_int_equal(failing.times, 0);
}

/* Every claim was given back and nothing is left of the calls that failed: the last one succeeds. */
static void fails_with_the_store(struct core *core, const struct user *user, const struct stage *stage)
{
    for (const struct row *row = rows; row < rows + ROWS; row++) {
        if (row->step != GET || user->session || user->inbox)
            fail_once(core, user, stage, row);
    }
    expect_success(core, user, user->start(core, stage));
}

/* With a connector that is asked: fails with the store when it has answered. */
static struct call *start_asking(struct core *core, const struct stage *stage)
{
    (void)stage;
    return core_call(core, (struct order){.connector = "stripe"});
}

static enum ses_record_kind stored_kind(struct core *core)
{
    struct ses_record record;
    struct ses_session session;
    struct ses_store_ref ref;
    struct ses_arena arena;

    ses_arena_init(&arena, 1u << 20);
    assert_ok(core_stored(core, "session_001", &arena, &record, &session, &ref));
    ses_arena_done(&arena);
    return record.kind;
}

/* The connector has acted: what it made is not lost, the next call settles it. */
static void test_a_session_that_the_connector_made_is_settled_after_a_failure(void **state)
{
    struct core *core = *state;
    const struct user user = {.name = "create with a call", .start = start_asking};
    const struct stage stage = {.token = NULL};
    unsigned calls = 0;

    for (const struct row *row = rows; row < rows + ROWS; row++) {
        if (row->step != PUT && row->step != DONE)
            continue;
        fail_once(core, &user, &stage, row);
        assert_int_equal(stored_kind(core), SES_RECORD_INTENT);
        assert_int_equal(atomic_load(&core->stub.calls), ++calls);
        assert_string_equal(core->stub.last_key, core->stub.first_key);
    }
    expect_success(core, &user, user.start(core, &stage));
    assert_string_equal(core->stub.last_key, core->stub.first_key);
}

/* The inbox's own look is the second one of its call. */
static void test_early_event_fails_at_the_inbox(void **state)
{
    struct core *core = *state;
    const struct user *user = &users[USERS - 1];
    const struct stage stage = {.token = NULL};

    assert_true(user->inbox);
    for (const struct row *row = rows; row < rows + ROWS && row->step == GET; row++) {
        failing.after = 1;
        fail_once(core, user, &stage, row);
    }
    expect_success(core, user, user->start(core, &stage));
}

/* ---- a store that is busy: lost races are decided again -------------------------------------- */

static void once_more(struct core *core, const struct user *user, const struct stage *stage,
                      enum store_step step, enum ses_status status, unsigned times)
{
    failing.step = step;
    failing.status = status;
    failing.times = times;
    expect_success(core, user, user->start(core, stage));
    assert_int_equal(failing.times, 0);
}

static void lost_once(struct core *core, const struct user *user, const struct stage *stage)
{
    once_more(core, user, stage, CLAIM, SES_CONFLICT, 1);
}

static void lost_to_a_removal(struct core *core, const struct user *user, const struct stage *stage)
{
    once_more(core, user, stage, CLAIM, SES_NOT_FOUND, 1);
}

static void lost_to_a_new_one(struct core *core, const struct user *user, const struct stage *stage)
{
    once_more(core, user, stage, CLAIM, SES_ALREADY_EXISTS, 1);
}

static void claimed_by_another(struct core *core, const struct user *user, const struct stage *stage)
{
    once_more(core, user, stage, CLAIM, SES_BUSY, 1);
}

/* More than are tried at once. */
static void lost_again_and_again(struct core *core, const struct user *user, const struct stage *stage)
{
    once_more(core, user, stage, CLAIM, SES_CONFLICT, 6);
}

FOR_ALL(fails_with_the_store)
FOR_ALL(lost_once)
FOR_ALL(lost_to_a_removal)
FOR_ALL(lost_to_a_new_one)
FOR_ALL(claimed_by_another)
FOR_ALL(lost_again_and_again)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fails_with_the_store),
        cmocka_unit_test(test_lost_once),
        cmocka_unit_test(test_lost_to_a_removal),
        cmocka_unit_test(test_lost_to_a_new_one),
        cmocka_unit_test(test_claimed_by_another),
        cmocka_unit_test(test_lost_again_and_again),
        cmocka_unit_test_setup_teardown(test_a_session_that_the_connector_made_is_settled_after_a_failure,
                                        core_setup, core_teardown),
        cmocka_unit_test_setup_teardown(test_early_event_fails_at_the_inbox, core_setup, core_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
