/* What a process tells of itself, and that it really looks. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

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
    assert_int_equal(metrics->process.anonymous_bytes + metrics->process.file_bytes +
                         metrics->process.shared_bytes,
                     metrics->process.resident_bytes);
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

/* Touched, and told by that cell and no other. A kernel counts by the processor and adds up now and then: a part of it
 * may be missing. */
static void touch_and_look(struct ses_vitals *vitals, _Atomic uint64_t *cell, int flags, int fd)
{
    enum { MORE = 64 << 20, MISSING = 8 << 20 };
    struct ses_process_cells *process = &vitals->metrics->process;
    _Atomic uint64_t *const cells[] = {&process->anonymous_bytes, &process->file_bytes,
                                       &process->shared_bytes};
    uint64_t before[3];
    void *room;

    for (size_t i = 0; i < 3; i++)
        before[i] = *cells[i];
    room = mmap(NULL, MORE, PROT_READ | PROT_WRITE, flags, fd, 0);
    assert_ptr_not_equal(room, MAP_FAILED);
    memset(room, 1, MORE);
    ses_vitals_tick(vitals);
    for (size_t i = 0; i < 3; i++) {
        if (cells[i] == cell)
            assert_in_range(*cells[i], before[i] + MORE - MISSING, before[i] + MORE + MISSING);
        else
            assert_in_range(*cells[i], 0, before[i] + MISSING);
    }
    assert_int_equal(munmap(room, MORE), 0);
    ses_vitals_tick(vitals);
    assert_in_range(*cell, 0, before[0] + before[1] + before[2] + MISSING);
}

static void memory_is_told_by_its_kind(void **state)
{
    struct ses_metrics *metrics = calloc(1, sizeof(*metrics));
    struct ses_vitals vitals;
    struct statfs system;
    char path[256];
    int fd;

    (void)state;
    assert_non_null(metrics);
    fd = mkstemp(unit_temporary("mapped", path, sizeof(path)));
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(fstatfs(fd, &system), 0);
    assert_int_equal(ftruncate(fd, 64 << 20), 0);
    ses_vitals_open(&vitals, metrics);
    touch_and_look(&vitals, &metrics->process.anonymous_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    touch_and_look(&vitals, /* a file in memory is shared memory */
                   system.f_type == TMPFS_MAGIC ? &metrics->process.shared_bytes
                                                : &metrics->process.file_bytes,
                   MAP_SHARED, fd);
    touch_and_look(&vitals, &metrics->process.shared_bytes, MAP_SHARED | MAP_ANONYMOUS, -1);
    ses_vitals_close(&vitals);
    (void)close(fd);
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
        cmocka_unit_test(memory_is_told_by_its_kind),
        cmocka_unit_test(many_descriptors_are_counted_in_steps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
