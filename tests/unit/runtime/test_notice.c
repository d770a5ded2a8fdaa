/* What another thread tells a loop: once for all that waits, and nothing of it is lost. */
#include "notice.h"

#include "unit.h"

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

/* How often the loop was told in a turn that does not sleep. */
static unsigned turn(struct bed *bed)
{
    unsigned before = bed->told;

    (void)uv_run(&bed->loop, UV_RUN_NOWAIT);
    return bed->told - before;
}

static uint64_t writes_since(const struct bed *bed)
{
    uint64_t count = 0;

    (void)!read(bed->notice.fd, &count, sizeof(count));
    return count;
}

static void tell_five_times(struct bed *bed)
{
    for (unsigned i = 0; i < 5; i++)
        ses_notice_tell(&bed->notice);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(turn(bed), 0); /* the loop may sleep */
}

static void test_what_is_told_before_the_loop_looks_is_one_wake_up(void **state)
{
    struct bed *bed = *state;

    tell_five_times(bed);
    assert_int_equal(writes_since(bed), 0); /* the first one was read */
    for (unsigned i = 0; i < 3; i++)
        tell_five_times(bed);
    assert_int_equal(writes_since(bed),
                     3); /* one each, and none of these was read: a call of the kernel less */
}

static void test_what_is_told_behind_the_look_is_looked_at_again(void **state)
{
    struct bed *bed = *state;

    for (unsigned i = 0; i < 3; i++) {
        bed->tell_again = true;
        ses_notice_tell(&bed->notice);
        assert_int_equal(turn(bed), 1);
        assert_int_equal(turn(bed), 1);
        assert_int_equal(turn(bed), 0);
    }
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
