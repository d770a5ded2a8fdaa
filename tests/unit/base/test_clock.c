#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/clock_file.h>

#define HOUR_MS INT64_C(3600000)

/* The words of the hook, in a file of this test's own. */
static _Atomic int64_t *words;
static char directory[512];
static char hook_path[600];
static char file_path[600];

static int make_files(void **state)
{
    const char *tmp = getenv("TMPDIR");
    int fd;

    (void)state;
    (void)snprintf(directory, sizeof(directory), "%s/unit-clock-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    if (mkdtemp(directory) == NULL)
        return -1;
    (void)snprintf(hook_path, sizeof(hook_path), "%s/hook", directory);
    (void)snprintf(file_path, sizeof(file_path), "%s/clock", directory);
    fd = open(hook_path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 16) != 0 || setenv("SESSIOND_TEST_CLOCK", hook_path, 1) != 0)
        return -1;
    words = mmap(NULL, 16, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    return words == MAP_FAILED ? -1 : 0;
}

static int remove_files(void **state)
{
    (void)state;
    (void)unlink(hook_path);
    (void)unlink(file_path);
    return rmdir(directory);
}

static void step(int64_t by_ms)
{
    atomic_fetch_add(&words[0], by_ms);
}

static void pass(int64_t by_ms)
{
    atomic_fetch_add(&words[1], by_ms);
}

/* Within a busy machine's patience, far below any step of these tests. */
static void assert_near(uint64_t a, uint64_t b)
{
    assert_true(a > b ? a - b < 60000 : b - a < 60000);
}

static void start(const struct ses_clock_state *last, bool same_boot, enum ses_clock_origin expected)
{
    enum ses_clock_origin origin;

    assert_ok(ses_clock_start(last, same_boot, &origin));
    assert_int_equal(origin, expected);
}

static void a_step_moves_the_world_only(void **state)
{
    static const int64_t steps[] = {1500, 2000, HOUR_MS, 24 * HOUR_MS, -2000, -HOUR_MS, -24 * HOUR_MS};
    int64_t by_ms = 0;

    (void)state;
    start(NULL, false, SES_CLOCK_FRESH);
    assert_near(ses_clock_now_ms(), ses_clock_wall_ms());
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint64_t now_ms = ses_clock_now_ms();
        int64_t ahead_ms = ses_clock_ahead_ms();

        step(steps[i]);
        assert_near(ses_clock_now_ms(), now_ms);
        assert_true(ses_clock_now_ms() >= now_ms);
        /* At once, and the same once it is noticed. */
        assert_true(llabs(ses_clock_ahead_ms() - ahead_ms - steps[i]) < 100);
        assert_near(ses_clock_to_wall(ses_clock_now_ms()), ses_clock_wall_ms());
        assert_near(ses_clock_from_wall(ses_clock_wall_ms()), ses_clock_now_ms());
        assert_true(ses_clock_notice(&by_ms));
        assert_true(llabs(by_ms - steps[i]) < 100);
        assert_false(ses_clock_notice(&by_ms));
        assert_int_equal(ses_clock_steps(), i + 1);
    }
}

/* Time passes all the while, in jumps, as for a process that is kept from its core between two looks at clocks. */
static void *let_time_jump(void *over)
{
    while (!atomic_load((const _Atomic bool *)over)) {
        pass(SES_CLOCK_STEP_MS / 2);
        for (volatile int i = 0; i < 2000; i++)
            ;
    }
    return NULL;
}

static void a_start_that_is_interrupted_tells_no_difference(void **state)
{
    _Atomic bool over = false;
    pthread_t jumper;
    int wrong = 0;

    (void)state;
    assert_int_equal(pthread_create(&jumper, NULL, let_time_jump, &over), 0);
    for (int i = 0; i < 3000; i++) {
        struct ses_clock_state told;

        start(NULL, false, SES_CLOCK_FRESH);
        ses_clock_state(&told);
        wrong += llabs(told.eras[0].ahead_ms - (int64_t)(told.wall_ms - told.told_ms)) > 100;
    }
    atomic_store(&over, true);
    (void)pthread_join(jumper, NULL);
    assert_int_equal(wrong, 0);
}

/* Machines that share records have one time, the world's. */
static void a_clock_that_is_shared_follows(void **state)
{
    static const int64_t steps[] = {200, 1500, HOUR_MS, -200, -1500, -2 * HOUR_MS};
    int64_t by_ms = 0;

    (void)state;
    start(NULL, false, SES_CLOCK_FRESH);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint64_t now_ms = ses_clock_now_ms();

        step(steps[i]);
        assert_true(ses_clock_follow(&by_ms));
        assert_true(llabs(by_ms - steps[i]) < 100);
        assert_near(ses_clock_now_ms(), now_ms + (uint64_t)steps[i]);
        assert_int_equal(ses_clock_ahead_ms(), 0);
        assert_false(ses_clock_follow(&by_ms));
        step(20); /* too little */
        assert_false(ses_clock_follow(&by_ms));
        step(-20);
    }
}

static void time_that_passes_moves_both(void **state)
{
    uint64_t now_ms = ses_clock_now_ms();
    uint64_t wall_ms = ses_clock_wall_ms();
    int64_t by_ms;

    (void)state;
    pass(HOUR_MS);
    assert_near(ses_clock_now_ms(), now_ms + HOUR_MS);
    assert_near(ses_clock_wall_ms(), wall_ms + HOUR_MS);
    assert_false(ses_clock_notice(&by_ms));
}

/* Small ones are told wrong by less than they are; together they count. */
static void small_steps_add_up(void **state)
{
    int64_t by_ms;
    int noticed = 0;

    (void)state;
    start(NULL, false, SES_CLOCK_FRESH);
    for (int i = 0; i < 10; i++) {
        step(300);
        noticed += ses_clock_notice(&by_ms) ? 1 : 0;
        assert_true(llabs(ses_clock_ahead_ms() - (i + 1) * 300) <= SES_CLOCK_STEP_MS);
    }
    assert_int_equal(noticed, 2);
    step(-3000);
    assert_true(ses_clock_notice(&by_ms));
}

static void shifts_end_at_both_ends(void **state)
{
    (void)state;
    assert_int_equal(ses_clock_shift(10, -20), 0);
    assert_int_equal(ses_clock_shift(10, INT64_MIN), 0);
    assert_true(ses_clock_shift(SES_CLOCK_NEVER_MS - 5, 20) == SES_CLOCK_NEVER_MS);
    assert_true(ses_clock_shift(SES_CLOCK_NEVER_MS, -20) == SES_CLOCK_NEVER_MS);
    assert_int_equal(ses_clock_shift(10, 20), 30);
}

/* A token's end, told before a step, is reached after the time it was given, not before and not later. */
static void an_end_told_before_a_step_stays(void **state)
{
    static const int64_t steps[] = {3000, HOUR_MS, 24 * HOUR_MS, -3000, -HOUR_MS, -24 * HOUR_MS};

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        uint64_t issued_ms;
        uint64_t end_ms;
        int64_t by_ms;

        start(NULL, false, SES_CLOCK_FRESH);
        step(steps[i]);
        assert_true(ses_clock_notice(&by_ms));
        pass(2 * HOUR_MS);
        issued_ms = ses_clock_to_wall(ses_clock_now_ms());
        end_ms = issued_ms + HOUR_MS / 2;
        step(-steps[i] / 2);
        assert_false(ses_clock_is_over(issued_ms, end_ms, ses_clock_now_ms()));
        assert_true(ses_clock_notice(&by_ms));
        assert_false(ses_clock_is_over(issued_ms, end_ms, ses_clock_now_ms()));
        pass(HOUR_MS / 2 - 600000);
        assert_false(ses_clock_is_over(issued_ms, end_ms, ses_clock_now_ms()));
        if (steps[i] < 0)
            continue; /* the world names that end before it is reached: both are true, the later one counts */
        pass(24 * HOUR_MS);
        assert_true(ses_clock_is_over(issued_ms, end_ms, ses_clock_now_ms()));
    }
}

static void only_so_many_eras_are_kept(void **state)
{
    struct ses_clock_state kept;
    int64_t by_ms;

    (void)state;
    start(NULL, false, SES_CLOCK_FRESH);
    for (int i = 0; i < 3 * SES_CLOCK_ERAS_MAX; i++) {
        step(5000);
        assert_true(ses_clock_notice(&by_ms));
    }
    ses_clock_state(&kept);
    assert_int_equal(kept.eras_count, SES_CLOCK_ERAS_MAX);
    assert_true(llabs(kept.eras[SES_CLOCK_ERAS_MAX - 1].ahead_ms - ses_clock_ahead_ms()) < 100);
    for (unsigned i = 1; i < kept.eras_count; i++)
        assert_true(kept.eras[i].ahead_ms > kept.eras[i - 1].ahead_ms);
    assert_int_equal(kept.steps, 3 * SES_CLOCK_ERAS_MAX);
}

/* ---- over a restart -------------------------------------------------------------------------- */

static void the_same_boot_goes_on(void **state)
{
    static const int64_t steps[] = {0, 300, 2000, HOUR_MS, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS};

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct ses_clock_state kept;
        uint64_t now_ms;
        bool same_boot = false;
        int64_t by_ms;

        start(NULL, false, SES_CLOCK_FRESH);
        step(HOUR_MS);
        assert_true(ses_clock_notice(&by_ms));
        ses_clock_state(&kept);
        assert_ok(ses_clock_file_write(file_path, &kept));
        now_ms = ses_clock_now_ms();
        step(steps[i]);
        pass(1000);
        assert_ok(ses_clock_file_read(file_path, &kept, &same_boot));
        assert_true(same_boot);
        start(&kept, same_boot, SES_CLOCK_KEPT);
        assert_near(ses_clock_now_ms(), now_ms);
        assert_true(ses_clock_now_ms() >= now_ms + 1000);
        assert_int_equal(ses_clock_notice(&by_ms), llabs(steps[i]) >= SES_CLOCK_STEP_MS);
    }
}

static void another_boot_resumes(void **state)
{
    struct ses_clock_state kept;

    (void)state;
    start(NULL, false, SES_CLOCK_FRESH);
    ses_clock_state(&kept);
    kept.base_ms -= 12345; /* that boot's */
    /* Off for an hour. */
    pass(HOUR_MS);
    start(&kept, false, SES_CLOCK_RESUMED);
    assert_near(ses_clock_now_ms(), kept.told_ms + HOUR_MS);
    /* A machine without a battery: its clock begins long ago, which says nothing. */
    step(-10000 * HOUR_MS);
    start(&kept, false, SES_CLOCK_RESUMED);
    assert_near(ses_clock_now_ms(), kept.told_ms);
    /* And one that begins in a century to come. */
    step(1000000 * HOUR_MS);
    start(&kept, false, SES_CLOCK_RESUMED);
    assert_near(ses_clock_now_ms(), kept.told_ms);
    start(NULL, false, SES_CLOCK_FRESH);
    assert_true(ses_clock_now_ms() < UINT64_C(2600000000000));
    step(-990000 * HOUR_MS);
    /* The base says less than was told: it is not this boot's after all. */
    kept.told_ms += 30 * 24 * (uint64_t)HOUR_MS;
    start(&kept, true, SES_CLOCK_RESUMED);
    assert_true(ses_clock_now_ms() >= kept.told_ms);
}

static void assert_same_state(const struct ses_clock_state *a, const struct ses_clock_state *b)
{
    assert_int_equal(a->base_ms, b->base_ms);
    assert_int_equal(a->told_ms, b->told_ms);
    assert_int_equal(a->wall_ms, b->wall_ms);
    assert_int_equal(a->steps, b->steps);
    assert_int_equal(a->eras_count, b->eras_count);
    for (unsigned i = 0; i < a->eras_count; i++) {
        assert_int_equal(a->eras[i].from_ms, b->eras[i].from_ms);
        assert_true(a->eras[i].ahead_ms == b->eras[i].ahead_ms);
    }
}

static void damage(size_t at, const char *bytes, size_t count)
{
    int fd = open(file_path, O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, (off_t)at), count);
    (void)close(fd);
}

static void a_damaged_file_is_refused(void **state)
{
    struct ses_clock_state whole = {.base_ms = UINT64_MAX - 5,
                                    .told_ms = UINT64_MAX,
                                    .wall_ms = 1,
                                    .steps = UINT64_MAX,
                                    .eras_count = SES_CLOCK_ERAS_MAX};
    struct ses_clock_state read;
    char text[4096];
    bool same_boot;
    ssize_t len;
    int fd;

    (void)state;
    for (unsigned i = 0; i < whole.eras_count; i++)
        whole.eras[i] =
            (struct ses_clock_era){.from_ms = UINT64_MAX - i, .ahead_ms = i % 2 ? INT64_MAX : -INT64_MAX};
    (void)unlink(file_path);
    assert_int_equal(ses_clock_file_read(file_path, &read, &same_boot), SES_NOT_FOUND);
    assert_ok(ses_clock_file_write(file_path, &whole));
    assert_ok(ses_clock_file_read(file_path, &read, &same_boot));
    assert_same_state(&whole, &read);
    fd = open(file_path, O_RDONLY);
    len = pread(fd, text, sizeof(text), 0);
    (void)close(fd);
    for (size_t i = 0; i < (size_t)len; i++) {
        char other = text[i] == '1' ? '2' : '1';

        damage(i, &other, 1);
        assert_int_equal(ses_clock_file_read(file_path, &read, &same_boot), SES_MALFORMED);
        damage(i, &text[i], 1);
    }
    for (off_t cut = 0; cut < len; cut++) {
        assert_int_equal(truncate(file_path, cut), 0);
        assert_int_equal(ses_clock_file_read(file_path, &read, &same_boot), SES_MALFORMED);
        damage(0, text, (size_t)len);
    }
    assert_ok(ses_clock_file_write(file_path, &whole));
    damage((size_t)len, "x", 1);
    assert_int_equal(ses_clock_file_read(file_path, &read, &same_boot), SES_MALFORMED);
    assert_int_equal(ses_clock_file_write("/nowhere/at/all/clock", &whole), SES_IO);
}

static void write_told(const char *dir, const char *name, uint64_t told_ms)
{
    const struct ses_clock_state state = {.told_ms = told_ms};
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_ok(ses_clock_file_write(path, &state));
}

static void write_damage(const char *dir, const char *name)
{
    char path[512];
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, "x", 1), 1);
    (void)close(fd);
}

static void expect_found(const char *dir, const char *name, uint64_t told_ms)
{
    struct ses_clock_state state;
    const char *found = NULL;
    bool same_boot = false;

    assert_ok(ses_clock_file_find(dir, &found, &state, &same_boot));
    assert_string_equal(found, name);
    assert_int_equal(state.told_ms, told_ms);
    assert_true(same_boot);
}

/* Whichever version wrote last: <data>/clock is a former one's, <data>/time/clock this one's. */
static void the_later_of_two_files_is_found(void **state)
{
    struct ses_clock_state read;
    const char *name;
    bool same_boot;
    char dir[256];
    char sub[300];

    (void)state;
    assert_non_null(mkdtemp(unit_temporary("clocks", dir, sizeof(dir))));
    (void)snprintf(sub, sizeof(sub), "%s/" SES_CLOCK_DIR_NAME, dir);
    assert_int_equal(ses_clock_file_find(dir, &name, &read, &same_boot), SES_NOT_FOUND);
    write_told(dir, SES_CLOCK_FILE_FORMER, 1000);
    expect_found(dir, SES_CLOCK_FILE_FORMER, 1000);
    assert_int_equal(mkdir(sub, 0700), 0);
    expect_found(dir, SES_CLOCK_FILE_FORMER, 1000);
    write_told(dir, SES_CLOCK_FILE_NAME, 2000);
    expect_found(dir, SES_CLOCK_FILE_NAME, 2000);
    write_told(dir, SES_CLOCK_FILE_FORMER, 3000);
    expect_found(dir, SES_CLOCK_FILE_FORMER, 3000);
    write_damage(dir, SES_CLOCK_FILE_FORMER);
    expect_found(dir, SES_CLOCK_FILE_NAME, 2000);
    write_damage(dir, SES_CLOCK_FILE_NAME);
    assert_int_equal(ses_clock_file_find(dir, &name, &read, &same_boot), SES_MALFORMED);
    write_told(dir, SES_CLOCK_FILE_FORMER, 500);
    expect_found(dir, SES_CLOCK_FILE_FORMER, 500);
}

/* A disk that takes only the first bytes tells no error, and is full all the same. */
static void a_short_write_is_a_full_disk(void **state)
{
    struct ses_clock_state whole = {.eras_count = 1}, read;
    struct rlimit limit, small;
    bool same_boot;

    (void)state;
    assert_ok(ses_clock_file_write(file_path, &whole));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 40;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    errno = 0;
    whole.base_ms = 7;
    enum ses_status status = ses_clock_file_write(file_path, &whole);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    assert_int_equal(status, SES_FULL);
    assert_ok(ses_clock_file_read(file_path, &read, &same_boot));
    assert_int_equal(read.base_ms, 0);
}

/* Another program goes on by the same clock, steps and all. */
static void the_memory_can_be_taken_over(void **state)
{
    struct ses_clock_state before, after;
    int64_t by_ms;
    int fd;

    (void)state;
    start(NULL, false, SES_CLOCK_FRESH);
    step(HOUR_MS);
    assert_true(ses_clock_notice(&by_ms));
    ses_clock_state(&before);
    assert_int_equal(ses_clock_attach(STDIN_FILENO), SES_FAILED_PRECONDITION);
    fd = dup(ses_clock_fd());
    start(NULL, false, SES_CLOCK_FRESH);
    assert_int_equal(ses_clock_steps(), 0);
    assert_ok(ses_clock_attach(fd));
    assert_int_equal(ses_clock_fd(), fd);
    ses_clock_state(&after);
    assert_true(after.base_ms == before.base_ms);
    assert_int_equal(after.steps, before.steps);
    assert_int_equal(after.eras_count, before.eras_count);
    step(-HOUR_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_moves_the_world_only),
        cmocka_unit_test(a_start_that_is_interrupted_tells_no_difference),
        cmocka_unit_test(a_clock_that_is_shared_follows),
        cmocka_unit_test(time_that_passes_moves_both),
        cmocka_unit_test(the_memory_can_be_taken_over),
        cmocka_unit_test(small_steps_add_up),
        cmocka_unit_test(shifts_end_at_both_ends),
        cmocka_unit_test(an_end_told_before_a_step_stays),
        cmocka_unit_test(only_so_many_eras_are_kept),
        cmocka_unit_test(the_same_boot_goes_on),
        cmocka_unit_test(another_boot_resumes),
        cmocka_unit_test(a_damaged_file_is_refused),
        cmocka_unit_test(the_later_of_two_files_is_found),
        cmocka_unit_test(a_short_write_is_a_full_disk),
    };

    if (!ses_clock_is_movable())
        return 77; /* skipped: a build without SES_TEST_HOOKS */
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
