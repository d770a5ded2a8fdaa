/* The controller against a model of a worker: a queue that is served in order, creations of 40 us and continuations of 10,
 * in turns like those of the loop. Nothing waits for real time. */
#include "overload.h"

#include <stdlib.h>

#include "unit.h"

#define START_NS  (1000 * SES_NS_PER_S)
#define TARGET_NS (100 * SES_NS_PER_MS)
#define QUEUE_MAX 4000000u
#define TURN_NS   SES_NS_PER_MS

static const double cost_ns[SES_WORK_COUNT] = {40000, 10000};

struct waiting {
    uint64_t started_ns;
    enum ses_work work;
};

static struct model {
    struct ses_overload o;
    struct waiting *queue;
    size_t head, tail;
    double budget_ns; /* what the machine can do until now and has not done */
    double credit_ns; /* creations that may come in: what a share lets through */
    double cpu_ns;
    uint64_t now_ns;
    double speed;
    double due[SES_WORK_COUNT];
    uint64_t ended[SES_WORK_COUNT], refused[SES_WORK_COUNT], asked[SES_WORK_COUNT];
    uint64_t delay_max_ns;
} model;

static int setup(void **state)
{
    (void)state;
    free(model.queue);
    model = (struct model){.now_ns = START_NS, .speed = 1};
    model.queue = calloc(QUEUE_MAX, sizeof(*model.queue));
    assert_non_null(model.queue);
    ses_overload_init(&model.o, TARGET_NS, START_NS);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(model.queue);
    model.queue = NULL;
    return 0;
}

static void arrive(enum ses_work work)
{
    bool shed = work == SES_WORK_CREATE && model.o.shedding && model.credit_ns < cost_ns[work];

    ses_overload_arrived(&model.o, model.now_ns, 0);
    model.asked[work]++;
    if (shed) {
        model.refused[work]++;
        ses_overload_refused(&model.o, true);
        return;
    }
    if (work == SES_WORK_CREATE && model.o.shedding)
        model.credit_ns -= model.o.costs.ns[SES_COST_CREATE];
    ses_overload_entered(&model.o);
    assert_true(model.tail < QUEUE_MAX);
    model.queue[model.tail++] = (struct waiting){model.now_ns, work};
}

static void serve(void)
{
    model.budget_ns += (double)TURN_NS * model.speed;
    while (model.head < model.tail && model.budget_ns >= cost_ns[model.queue[model.head].work]) {
        const struct waiting *w = &model.queue[model.head++];

        model.budget_ns -= cost_ns[w->work];
        model.cpu_ns += cost_ns[w->work] / model.speed;
        model.ended[w->work]++;
        if (model.now_ns - w->started_ns > model.delay_max_ns)
            model.delay_max_ns = model.now_ns - w->started_ns;
        ses_overload_ended(&model.o, w->work, w->started_ns, false);
    }
    if (model.head == model.tail)
        model.budget_ns = 0; /* idle time is gone */
}

/* A turn: what has come in the last millisecond, of each kind so many a second. */
static void turn(double creates, double continues)
{
    double rates[SES_WORK_COUNT] = {creates, continues};

    model.now_ns += TURN_NS;
    model.credit_ns += model.o.room * (double)TURN_NS;
    if (model.credit_ns > model.o.room * 100e6)
        model.credit_ns = model.o.room * 100e6;
    for (int work = 0; work < SES_WORK_COUNT; work++) {
        model.due[work] += rates[work] * (double)TURN_NS / 1e9;
        for (; model.due[work] >= 1; model.due[work]--)
            arrive((enum ses_work)work);
    }
    serve();
    if (ses_overload_turn_end(&model.o, model.now_ns))
        ses_overload_window_end(&model.o, model.now_ns, 1 + (uint64_t)model.cpu_ns);
}

static void play(double seconds, double creates, double continues)
{
    for (double i = 0; i < seconds * 1000; i++)
        turn(creates, continues);
}

static void forget(void)
{
    for (int work = 0; work < SES_WORK_COUNT; work++)
        model.ended[work] = model.refused[work] = model.asked[work] = 0;
    model.delay_max_ns = 0;
}

/* Nine tenths of what it can do, with bursts of a hundred at a time: nobody is refused. */
static void test_calm(void **state)
{
    (void)state;
    for (int i = 0; i < 600; i++) {
        play(0.05, 15000, 20000);
        for (int burst = 0; burst < 100; burst++)
            arrive(SES_WORK_CREATE);
    }
    assert_int_equal(model.refused[SES_WORK_CREATE], 0);
    assert_false(model.o.shedding);
}

/* Five times what it can do. */
static void test_five_times_the_knee(void **state)
{
    (void)state;
    play(5, 18000, 20000);
    assert_false(model.o.shedding);
    play(3, 120000, 20000);
    assert_true(model.o.shedding);
    forget();
    play(20, 120000, 20000);
    /* Continuations leave 80 % of the time: 20,000 creations a second. */
    assert_true((double)model.ended[SES_WORK_CREATE] > 0.9 * 20 * 20000);
    assert_true(model.ended[SES_WORK_CONTINUE] + 100 > model.asked[SES_WORK_CONTINUE] * 99 / 100);
    assert_int_equal(model.refused[SES_WORK_CONTINUE], 0);
    assert_true(model.delay_max_ns < 4 * TARGET_NS);
    /* Over again within two seconds after it is over. */
    play(2, 15000, 20000);
    forget();
    play(3, 15000, 20000);
    assert_int_equal(model.refused[SES_WORK_CREATE], 0);
    assert_false(model.o.shedding);
    assert_true(model.delay_max_ns < TARGET_NS / 2);
}

/* Somebody goes on asking for too much whose connections are read so slowly that he is hardly refused: it is not over. */
static void test_pressed(void **state)
{
    (void)state;
    play(5, 18000, 20000);
    play(3, 120000, 20000);
    assert_true(model.o.shedding);
    for (int i = 0; i < 100; i++) {
        ses_overload_pressed(&model.o);
        play(0.05, 15000, 20000);
    }
    assert_true(model.o.shedding);
    play(1.5, 15000, 20000);
    assert_false(model.o.shedding);
}

/* The machine becomes three times as slow, and fast again. */
static void test_a_slower_machine(void **state)
{
    (void)state;
    play(2, 20000, 5000);
    model.speed = 1.0 / 3;
    play(3, 20000, 5000);
    forget();
    play(10, 20000, 5000);
    /* 333 ms of each second, 50 of them for continuations, at 40 us each. */
    assert_true((double)model.ended[SES_WORK_CREATE] > 0.85 * 10 * 7083);
    assert_true(model.delay_max_ns < 5 * TARGET_NS);
    model.speed = 1;
    play(4, 20000, 5000);
    forget();
    play(2, 20000, 5000);
    assert_int_equal(model.refused[SES_WORK_CREATE], 0);
}

/* The disk stands still: nothing ends, so there is nothing to judge by but that. */
static void test_a_disk_that_stands_still(void **state)
{
    (void)state;
    ses_overload_arrived(&model.o, START_NS, 0);
    for (int i = 0; i < 20; i++)
        ses_overload_entered(&model.o);
    for (int i = 0; i < 10; i++) {
        model.now_ns += 30 * SES_NS_PER_MS;
        if (ses_overload_turn_end(&model.o, model.now_ns))
            ses_overload_window_end(&model.o, model.now_ns, 1);
    }
    assert_true(model.o.shedding);
    assert_true(ses_overload_wait_ns(&model.o, SES_WORK_CREATE, model.now_ns) >= 270 * SES_NS_PER_MS);
    assert_int_equal(ses_overload_wait_ns(&model.o, SES_WORK_CONTINUE, model.now_ns), 0);
    for (int i = 0; i < 20; i++)
        ses_overload_ended(&model.o, SES_WORK_CREATE, START_NS, false);
    assert_int_equal(ses_overload_wait_ns(&model.o, SES_WORK_CREATE, model.now_ns), 0); /* nobody is there */
}

/* A connector that takes ten seconds for an answer is no reason to refuse anybody. */
static void test_a_slow_connector(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 60000; i++) {
        model.now_ns = START_NS + i * TURN_NS;
        if (i >= 10000)
            ses_overload_ended(&model.o, SES_WORK_CREATE, START_NS + (i - 10000) * TURN_NS, true);
        ses_overload_entered(&model.o);
        ses_overload_waits(&model.o);
        if (ses_overload_turn_end(&model.o, model.now_ns))
            ses_overload_window_end(&model.o, model.now_ns, i);
        assert_false(model.o.shedding);
        assert_int_equal(ses_overload_wait_ns(&model.o, SES_WORK_CREATE, model.now_ns), 0);
    }
}

/* A crowd comes out of the blue: nobody has waited yet. */
static void test_a_crowd(void **state)
{
    (void)state;
    model.now_ns = START_NS + 10 * SES_NS_PER_S;
    ses_overload_arrived(&model.o, model.now_ns, 0);
    for (int i = 0; i < 1000; i++)
        ses_overload_entered(&model.o);
    assert_int_equal(ses_overload_wait_ns(&model.o, SES_WORK_CREATE, model.now_ns), 0);
}

static void test_a_long_turn(void **state)
{
    (void)state;
    ses_overload_arrived(&model.o, START_NS, 0);
    ses_overload_arrived(&model.o, START_NS + TARGET_NS, 0);
    assert_false(ses_overload_turn_is_long(&model.o, SES_WORK_CREATE, START_NS + 4 * TARGET_NS));
    assert_true(ses_overload_turn_is_long(&model.o, SES_WORK_CREATE, START_NS + 4 * TARGET_NS + 1));
    assert_false(ses_overload_turn_is_long(&model.o, SES_WORK_CONTINUE, START_NS + 16 * TARGET_NS));
    assert_true(ses_overload_turn_is_long(&model.o, SES_WORK_CONTINUE, START_NS + 16 * TARGET_NS + 1));
    (void)ses_overload_turn_end(&model.o, START_NS + 20 * TARGET_NS);
    assert_false(ses_overload_turn_is_long(&model.o, SES_WORK_CREATE, START_NS + 21 * TARGET_NS));
}

/* Off: nothing is ever shed, however long it takes. */
static void test_off(void **state)
{
    (void)state;
    ses_overload_init(&model.o, 0, START_NS);
    play(3, 60000, 0);
    assert_int_equal(model.refused[SES_WORK_CREATE], 0);
    ses_overload_arrived(&model.o, model.now_ns, 0);
    assert_false(ses_overload_turn_is_long(&model.o, SES_WORK_CREATE, model.now_ns + SES_NS_PER_S));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_calm),
        TEST(test_five_times_the_knee),
        TEST(test_pressed),
        TEST(test_a_slower_machine),
        TEST(test_a_disk_that_stands_still),
        TEST(test_a_slow_connector),
        TEST(test_a_crowd),
        TEST(test_a_long_turn),
        TEST(test_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
