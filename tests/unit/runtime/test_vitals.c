/* What a process tells of itself, and that it really looks. */
#include "unit.h"

#include <fcntl.h>
#include <time.h>

#include "vitals.h"

static void spend_cpu_ms(uint64_t ms)
{
    struct timespec now;
    volatile unsigned turns = 0;

    do {
        for (unsigned i = 0; i < 10000; i++)
            turns = turns + i;
        (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    } while ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000 < ms);
}

static void memory_processors_and_descriptors_are_told(void **state)
{
    struct ses_metrics *metrics = calloc(1, sizeof(*metrics));
    struct ses_vitals vitals;
    uint64_t before;
    int more[3];

    (void)state;
    assert_non_null(metrics);
    ses_vitals_open(&vitals, metrics);
    before = metrics->process.files_open;
    assert_true(metrics->process.started_wall_ms > 0);
    assert_true(metrics->process.resident_bytes > 0);
    assert_true(metrics->process.virtual_bytes > metrics->process.resident_bytes);
    assert_true(metrics->process.files_max >= before);
    assert_in_range(before, 3, 200);
    for (size_t i = 0; i < 3; i++)
        more[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    spend_cpu_ms(150);
    ses_vitals_tick(&vitals);
    assert_int_equal(metrics->process.files_open, before + 3);
    assert_true(metrics->process.cpu_ns >= 150000000u);
    assert_true(metrics->load.busy_ppm > 0);
    for (size_t i = 0; i < 3; i++)
        (void)close(more[i]);
    ses_vitals_close(&vitals);
    ses_vitals_close(&vitals); /* left alone */
    free(metrics);
}

/* More descriptors than one step reads: the number of before stands until all are counted. */
static void many_descriptors_are_counted_in_steps(void **state)
{
    enum { MANY = 1500, STEP = 256 };
    struct ses_metrics *metrics = calloc(1, sizeof(*metrics));
    static int many[MANY];
    struct ses_vitals vitals;
    uint64_t before;

    (void)state;
    assert_non_null(metrics);
    ses_vitals_open(&vitals, metrics);
    before = metrics->process.files_open;
    if (metrics->process.files_max < MANY + 200) {
        ses_vitals_close(&vitals);
        free(metrics);
        skip();
    }
    for (size_t i = 0; i < MANY; i++)
        many[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (unsigned i = 0; i < MANY / STEP; i++) {
        ses_vitals_tick(&vitals);
        assert_int_equal(metrics->process.files_open, before);
    }
    ses_vitals_tick(&vitals);
    assert_int_equal(metrics->process.files_open, before + MANY);
    for (size_t i = 0; i < MANY; i++)
        (void)close(many[i]);
    ses_vitals_tick(&vitals);
    assert_int_equal(metrics->process.files_open, before);
    ses_vitals_close(&vitals);
    free(metrics);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_processors_and_descriptors_are_told),
        cmocka_unit_test(many_descriptors_are_counted_in_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
