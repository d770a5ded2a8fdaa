/* The wheel against a clock that the test moves: never early, late by one tick at most, whatever callbacks do
 * to it. */
#include "unit_clock.h"

#include <sessiond/base/clock.h>
#include <sessiond/net/timer.h>

/* A tick, and the millisecond in which the test moves the clock. */
#define LATE_MS_MAX 3

struct fixture {
    uv_loop_t loop;
    struct ses_timers *timers;
};

struct probe {
    struct fixture *fixture;
    struct ses_timer timer;
    uint64_t started_ns;
    uint64_t delay_ms;
    unsigned fired;
    unsigned again; /* restarts itself so many times */
    struct probe *victim;
    uint64_t late_ns;
    bool stalled; /* may be late */
};

/* Time passes until no timer waits any more. */
static void run_all(struct fixture *f)
{
    while (uv_run(&f->loop, UV_RUN_NOWAIT) != 0)
        unit_clock_pass_ms(1);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    unit_clock_stop();
    assert_int_equal(uv_loop_init(&f->loop), 0);
    assert_int_equal(ses_timers_new(&f->loop, &f->timers), SES_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    ses_timers_free(f->timers);
    run_all(f);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    free(f);
    return 0;
}

static void start(struct probe *p, uint64_t delay_ms);

static void on_fire(void *arg)
{
    struct probe *p = arg;
    uint64_t passed_ns = ses_clock_mono_ns() - p->started_ns;

    p->fired++;
    assert_true(passed_ns >= p->delay_ms * 1000000);
    p->late_ns = passed_ns - p->delay_ms * 1000000;
    assert_true(p->stalled || p->late_ns <= (uint64_t)LATE_MS_MAX * 1000000);
    if (p->victim != NULL)
        ses_timer_stop(&p->victim->timer);
    if (p->again > 0) {
        p->again--;
        start(p, p->delay_ms);
    }
}

static void start(struct probe *p, uint64_t delay_ms)
{
    p->started_ns = ses_clock_mono_ns();
    p->delay_ms = delay_ms;
    ses_timer_start(p->fixture->timers, &p->timer, delay_ms, on_fire, p);
}

static void test_never_early_and_soon(void **state)
{
    enum { COUNT = 300 };
    struct fixture *f = *state;
    struct probe *probes = calloc(COUNT, sizeof(*probes));

    for (unsigned i = 0; i < COUNT; i++) {
        probes[i].fixture = f;
        start(&probes[i], (i * 7919) % 500);
    }
    run_all(f);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(probes[i].fired, 1);
    free(probes);
}

/* The loop's cached time is stale by then; a wheel that trusts it fires 50 ms early. */
static void test_not_early_with_a_stale_loop_time(void **state)
{
    struct fixture *f = *state;
    struct probe p = {.fixture = f};

    uv_update_time(&f->loop);
    unit_clock_pass_ms(50);
    start(&p, 20);
    run_all(f);
    assert_int_equal(p.fired, 1);
}

static void test_stop(void **state)
{
    struct fixture *f = *state;
    struct probe a = {.fixture = f}, b = {.fixture = f};
    struct ses_timer zeroed = {0};

    start(&a, 10);
    start(&b, 30);
    ses_timer_stop(&a.timer);
    ses_timer_stop(&a.timer);
    ses_timer_stop(&zeroed);
    run_all(f);
    assert_int_equal(a.fired, 0);
    assert_int_equal(b.fired, 1);
}

static void test_restart_moves_it(void **state)
{
    struct fixture *f = *state;
    struct probe later = {.fixture = f}, sooner = {.fixture = f};

    start(&later, 5);
    start(&later, 60);
    start(&sooner, 3600000);
    start(&sooner, 10);
    run_all(f);
    assert_int_equal(later.fired, 1);
    assert_int_equal(sooner.fired, 1);
}

static void test_restart_itself_in_callback(void **state)
{
    struct fixture *f = *state;
    struct probe zero = {.fixture = f, .again = 5}, some = {.fixture = f, .again = 3};

    start(&zero, 0);
    start(&some, 7);
    run_all(f);
    assert_int_equal(zero.fired, 6);
    assert_int_equal(some.fired, 4);
}

/* Both are due in the same tick: whichever runs first takes the other out of the list being walked. */
static void test_stop_another_due_at_once(void **state)
{
    struct fixture *f = *state;
    struct probe a = {.fixture = f, .stalled = true}, b = {.fixture = f}, c = {.fixture = f, .stalled = true};

    a.victim = &b;
    do { /* until no tick has passed between the first and the last */
        start(&a, 20);
        start(&b, 20);
        start(&c, 20);
    } while (a.timer.due_tick != c.timer.due_tick);
    unit_clock_pass_ms(40);
    run_all(f);
    assert_int_equal(a.fired, 1);
    assert_int_equal(b.fired, 0);
    assert_int_equal(c.fired, 1);
}

/* One turn of the wheel is 8.2 s: the slot of this one passes once before its time. */
static void test_longer_than_a_turn(void **state)
{
    struct fixture *f = *state;
    struct probe p = {.fixture = f}, q = {.fixture = f};

    start(&p, 8200);
    start(&q, 9);
    run_all(f);
    assert_int_equal(p.fired, 1);
    assert_int_equal(q.fired, 1);
}

/* A callback that blocks must not lose what became due meanwhile. */
static void on_block(void *arg)
{
    (void)arg;
    unit_clock_pass_ms(80);
}

static void test_survives_a_stall(void **state)
{
    struct fixture *f = *state;
    struct ses_timer blocker;
    struct probe p[3] = {
        {.fixture = f, .stalled = true}, {.fixture = f, .stalled = true}, {.fixture = f, .stalled = true}};

    ses_timer_init(&blocker);
    ses_timer_start(f->timers, &blocker, 5, on_block, NULL);
    for (unsigned i = 0; i < 3; i++)
        start(&p[i], 10 + 20 * i);
    run_all(f);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(p[i].fired, 1);
}

/* A stopped wheel holds the loop no longer, and an idle one wakes it only for its occupied slots. */
static void test_sleeps_between(void **state)
{
    struct fixture *f = *state;
    struct probe p = {.fixture = f};

    start(&p, 300);
    (void)uv_run(&f->loop, UV_RUN_NOWAIT);
    assert_in_range(uv_backend_timeout(&f->loop), 299, 303); /* asleep until then */
    run_all(f);
    assert_int_equal(p.fired, 1);
    start(&p, 60000);
    ses_timer_stop(&p.timer);
    assert_int_equal(uv_run(&f->loop, UV_RUN_NOWAIT), 0);
}

static void test_free_stops_all(void **state)
{
    struct fixture *f = *state;
    struct ses_timers *other;
    struct ses_timer timer;

    ses_timer_init(&timer);
    assert_int_equal(ses_timers_new(&f->loop, &other), SES_OK);
    ses_timer_start(other, &timer, 5, on_block, NULL);
    ses_timers_free(other);
    ses_timers_free(NULL);
    assert_null(timer.timers);
    ses_timer_stop(&timer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_never_early_and_soon, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_early_with_a_stale_loop_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_moves_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restart_itself_in_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_another_due_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_longer_than_a_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_survives_a_stall, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sleeps_between, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_stops_all, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
