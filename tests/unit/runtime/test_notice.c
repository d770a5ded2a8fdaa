/* What another thread tells a loop: once for all that waits, and nothing of it is lost. */
#include "notice.h"

#include "unit.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define TELLERS 3
#define TASKS   20000

struct bed {
    uv_loop_t loop;
    struct ses_notice notice;
    _Atomic unsigned given;
    unsigned seen;
    unsigned told;
    bool tell_again; /* somebody tells while the loop looks, behind its look */
};

static void look(void *arg)
{
    struct bed *bed = arg;

    bed->seen = atomic_load_explicit(&bed->given, memory_order_relaxed);
    bed->told++;
    if (bed->tell_again)
        ses_notice_tell(&bed->notice);
    bed->tell_again = false;
}

static int open_bed(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    assert_int_equal(uv_loop_init(&bed->loop), 0);
    assert_true(ses_notice_open(&bed->loop, &bed->notice, look, bed));
    *state = bed;
    return 0;
}

static int close_bed(void **state)
{
    struct bed *bed = *state;

    uv_close((uv_handle_t *)&bed->notice.poll, NULL);
    (void)uv_run(&bed->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&bed->loop), 0);
    ses_notice_close(&bed->notice);
    free(bed);
    return 0;
}

static bool is_readable(const struct bed *bed)
{
    struct pollfd fd = {.fd = bed->notice.fd, .events = POLLIN};

    return poll(&fd, 1, 0) == 1;
}

static void test_what_is_told_before_the_loop_looks_is_one_wake_up(void **state)
{
    struct bed *bed = *state;
    uint64_t one = 1;
    uint64_t count;

    for (unsigned i = 0; i < 5; i++)
        ses_notice_tell(&bed->notice);
    assert_int_equal(read(bed->notice.fd, &count, sizeof(count)), sizeof(count));
    assert_int_equal(count, 1); /* written to once */
    assert_int_equal(write(bed->notice.fd, &one, sizeof(one)), sizeof(one));
    assert_int_equal(uv_run(&bed->loop, UV_RUN_ONCE), 1);
    assert_int_equal(bed->told, 1);
    assert_false(is_readable(bed)); /* and the loop may sleep */
    ses_notice_tell(&bed->notice);
    assert_true(is_readable(bed));
    (void)uv_run(&bed->loop, UV_RUN_ONCE);
    assert_int_equal(bed->told, 2);
}

static void test_what_is_told_behind_the_look_is_looked_at_again(void **state)
{
    struct bed *bed = *state;

    bed->tell_again = true;
    ses_notice_tell(&bed->notice);
    (void)uv_run(&bed->loop, UV_RUN_NOWAIT);
    assert_int_equal(bed->told, 1);
    assert_true(is_readable(bed));
    (void)uv_run(&bed->loop, UV_RUN_NOWAIT);
    assert_int_equal(bed->told, 2);
}

static void *tell_often(void *arg)
{
    struct bed *bed = arg;

    for (unsigned i = 0; i < TASKS; i++) {
        atomic_fetch_add_explicit(&bed->given, 1, memory_order_relaxed);
        ses_notice_tell(&bed->notice);
    }
    return NULL;
}

static void test_nothing_is_lost(void **state)
{
    struct bed *bed = *state;
    pthread_t tellers[TELLERS];

    for (unsigned i = 0; i < TELLERS; i++)
        assert_int_equal(pthread_create(&tellers[i], NULL, tell_often, bed), 0);
    while (bed->seen < TELLERS * TASKS) /* hangs where one is lost */
        (void)uv_run(&bed->loop, UV_RUN_ONCE);
    for (unsigned i = 0; i < TELLERS; i++)
        assert_int_equal(pthread_join(tellers[i], NULL), 0);
    assert_in_range(bed->told, 1, TELLERS * TASKS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_told_before_the_loop_looks_is_one_wake_up, open_bed,
                                        close_bed),
        cmocka_unit_test_setup_teardown(test_what_is_told_behind_the_look_is_looked_at_again, open_bed,
                                        close_bed),
        cmocka_unit_test_setup_teardown(test_nothing_is_lost, open_bed, close_bed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
