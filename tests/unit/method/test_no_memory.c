/* Every method with too little memory: an exchange or a scratch arena with a ceiling of some bytes, then of
 * some more, until the call goes through; and each single allocation failing once. A call that fails says
 * RESOURCE_EXHAUSTED, a shopper is told to come back, and the same call with memory enough goes through
 * afterwards: nothing is left claimed, nothing half done. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "method/memory_subjects.h"

#include "service_core.h"

#define ATTEMPTS_MAX 1000

/* ---- running them ---------------------------------------------------------------------------- */

static void run_call(const struct subject *subject, struct call *call)
{
    call_start(call);
    WAIT_DOING(core_turn(call->core),
               call->door.ended + call->door.raws != 0 || (subject->stream && call->door.sent != 0));
    core_settle(call->core);
}

/* A page has no status of ours. */
static bool is_refused(const struct subject *subject, const struct call *call)
{
    return subject->step ? call->door.http_status == 503 : call->door.failed;
}

/* Exactly one answer, and the right one; or one refusal for want of memory. True: an answer. */
static bool answered(const struct subject *subject, const struct call *call)
{
    const struct door *door = &call->door;
    bool refused = is_refused(subject, call);

    if (refused && !subject->step && door->error.status != SES_NO_MEMORY &&
        door->error.status != SES_RESOURCE_EXHAUSTED)
        fail_msg("%s: %s %s", subject->name, ses_status_name(door->error.status), door->error_message);
    assert_int_equal(door->ended + door->raws, !refused && subject->stream ? 0 : 1);
    assert_int_equal(door->sent, refused || subject->step ? 0 : 1);
    if (!refused)
        subject->expect(call);
    return !refused;
}

static void end_call(const struct subject *subject, struct call *call)
{
    if (subject->stream && call->door.ended == 0)
        ses_exchange_cancel(call->x, SES_CANCELLED);
    call_free(call);
}

/* A session that its early event has closed is not replayed. */
static bool closed(const struct subject *subject, const struct call *call)
{
    return subject->early && call->door.failed && call->door.error.reason == SES_REASON_SESSION_CLOSED;
}

/* With memory enough. */
static void run_freely(const struct subject *subject, struct core *core, const struct stage *stage)
{
    struct call *call = subject->make(core, stage);

    run_call(subject, call);
    if (!closed(subject, call) && !answered(subject, call))
        fail_msg("%s: refused: %s", subject->name, call->door.error_message);
    end_call(subject, call);
}

static void set_up(struct core *core, const struct subject *subject, unsigned number, struct stage *ret_stage)
{
    struct stage *stage = ret_stage;
    struct call *call;

    *stage = (struct stage){.token = NULL};
    (void)snprintf(stage->merchant, sizeof(stage->merchant), "m%u", number);
    if (subject->early)
        run_freely(&subject_keep, core, stage);
    if (subject->session)
        stage->token = create(core, (struct order){.merchant = stage->merchant});
    if (subject->step) {
        call = (subject->frame ? make_begin_frame : make_begin)(core, stage);
        call_start(call);
        stage->handle = begun_path(call);
    }
    core_settle(core);
}

/* ---- too little memory ----------------------------------------------------------------------- */

/* One way of it: begin with ever more, before the call is started; end lifts it again. True: the call
 * has had enough. */
struct shortage {
    const char *unit;
    size_t step; /* units from one attempt to the next */
    void (*begin)(struct call *call, size_t units);
    bool (*end)(struct call *call, bool well);
};

/* What is left of the chunk at hand is taken first: the room is exact. */
static void bound_exchange(struct call *call, size_t bytes)
{
    struct ses_arena *arena = &call->x->arena;

    arena->bytes_max = arena->total;
    while (ses_arena_alloc(arena, 16) != NULL)
        ;
    arena->bytes_max = arena->total + bytes;
}

static bool lift_exchange(struct call *call, bool well)
{
    call->x->arena.bytes_max = ROOM_MAX; /* the exchange is used again */
    return well;
}

static size_t scratch_max;

static void bound_scratch(struct call *call, size_t bytes)
{
    struct ses_arena *scratch = &call->core->service->scratch;

    scratch_max = scratch->bytes_max;
    ses_arena_done(scratch);
    scratch->bytes_max = bytes;
}

static bool lift_scratch(struct call *call, bool well)
{
    call->core->service->scratch.bytes_max = scratch_max;
    return well;
}

/* One allocation of all arenas fails, those after it do not. 0: none, or it has failed. */
static size_t until_failure;

static bool fails_now(void)
{
    return until_failure != 0 && --until_failure == 0;
}

void *__real_ses_arena_alloc(struct ses_arena *arena, size_t bytes);
void *__real_ses_arena_zalloc(struct ses_arena *arena, size_t bytes);
enum ses_status __real_ses_arena_copy(struct ses_arena *arena, struct ses_slice bytes,
                                      struct ses_slice *ret_copy);
char *__real_ses_arena_str(struct ses_arena *arena, struct ses_slice bytes);
char *__real_ses_arena_printf(struct ses_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void *__wrap_ses_arena_alloc(struct ses_arena *arena, size_t bytes);
void *__wrap_ses_arena_zalloc(struct ses_arena *arena, size_t bytes);
enum ses_status __wrap_ses_arena_copy(struct ses_arena *arena, struct ses_slice bytes,
                                      struct ses_slice *ret_copy);
char *__wrap_ses_arena_str(struct ses_arena *arena, struct ses_slice bytes);
char *__wrap_ses_arena_printf(struct ses_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void *__wrap_ses_arena_alloc(struct ses_arena *arena, size_t bytes)
{
    return fails_now() ? NULL : __real_ses_arena_alloc(arena, bytes);
}

void *__wrap_ses_arena_zalloc(struct ses_arena *arena, size_t bytes)
{
    return fails_now() ? NULL : __real_ses_arena_zalloc(arena, bytes);
}

enum ses_status __wrap_ses_arena_copy(struct ses_arena *arena, struct ses_slice bytes,
                                      struct ses_slice *ret_copy)
{
    return fails_now() ? SES_NO_MEMORY : __real_ses_arena_copy(arena, bytes, ret_copy);
}

char *__wrap_ses_arena_str(struct ses_arena *arena, struct ses_slice bytes)
{
    return fails_now() ? NULL : __real_ses_arena_str(arena, bytes);
}

char *__wrap_ses_arena_printf(struct ses_arena *arena, const char *format, ...)
{
    char text[4096];
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(len >= 0 && (size_t)len < sizeof(text));
    return fails_now() ? NULL : __real_ses_arena_str(arena, ses_slice(text, (size_t)len));
}

static void fail_one(struct call *call, size_t number)
{
    (void)call;
    until_failure = number + 1;
}

/* Some failures are made good; it is over when the call has ended before its turn came. */
static bool fail_none(struct call *call, bool well)
{
    bool over = until_failure != 0;

    (void)call;
    until_failure = 0;
    return well && over;
}

static const struct shortage exchange_bound = {"bytes", 208, bound_exchange, lift_exchange};
static const struct shortage scratch_bound = {"bytes", 96, bound_scratch, lift_scratch};
static const struct shortage one_failure = {"allocations", 1, fail_one, fail_none};

/* ---- the sweep ------------------------------------------------------------------------------- */

struct outcome {
    bool well; /* answered, not refused */
    bool last; /* it had all that it wanted */
};

static struct outcome attempt(struct core *core, const struct subject *subject, const struct stage *stage,
                              const struct shortage *shortage, size_t units)
{
    struct call *call = subject->make(core, stage);
    struct outcome outcome;

    shortage->begin(call, units);
    run_call(subject, call);
    outcome.last = shortage->end(call, !is_refused(subject, call));
    outcome.well = answered(subject, call);
    end_call(subject, call);
    return outcome;
}

static void sweep(const struct subject *subject, const struct shortage *shortage)
{
    struct outcome outcome = {.last = false};
    struct core *core;
    void *state = NULL;
    unsigned number = 0;

    assert_int_equal(core_setup(&state), 0);
    core = state;
    for (; !outcome.last; number++) {
        struct stage stage;

        assert_true(number < ATTEMPTS_MAX);
        set_up(core, subject, number, &stage);
        outcome = attempt(core, subject, &stage, shortage, number * shortage->step);
        if (!outcome.well || !subject->once)
            run_freely(subject, core, &stage);
        if (subject->kept)
            run_freely(&subject_taken, core, &stage);
        if (subject->early || subject->kept)
            run_freely(&subject_applied, core, &stage);
        if (subject->step)
            run_freely(&subject_returned, core, &stage);
        free(stage.token);
        free(stage.handle);
    }
    print_message("%s: %zu %s\n", subject->name, (number - 1) * shortage->step, shortage->unit);
    (void)core_teardown(&state);
}

static void sweep_all(const struct shortage *shortage)
{
    for (size_t i = 0; i < SUBJECTS; i++)
        sweep(&subjects[i], shortage);
}

static bool is_subject(const char *name)
{
    for (size_t i = 0; i < SUBJECTS; i++) {
        if (strcmp(subjects[i].name, name) == 0)
            return true;
    }
    return false;
}

static void test_every_method_is_a_subject(void **state)
{
    const ProtobufCServiceDescriptor *service = &sessiond__v1__session_service__descriptor;

    (void)state;
    for (unsigned i = 0; i < service->n_methods; i++) {
        if (!is_subject(service->methods[i].name))
            fail_msg("%s has no row in memory_subjects.c", service->methods[i].name);
    }
}

static void test_a_small_exchange(void **state)
{
    (void)state;
    sweep_all(&exchange_bound);
}

static void test_a_small_scratch(void **state)
{
    (void)state;
    sweep_all(&scratch_bound);
}

static void test_one_allocation_that_fails(void **state)
{
    (void)state;
    sweep_all(&one_failure);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_method_is_a_subject),
        cmocka_unit_test(test_a_small_exchange),
        cmocka_unit_test(test_a_small_scratch),
        cmocka_unit_test(test_one_allocation_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
