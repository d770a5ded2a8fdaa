/* Random bytes that are taken a page in advance: nothing twice, also over fork, nothing left behind. The kernel's call
 * is this program's own (below), which counts, knows where the stock lies, and fails when it is told to.
 */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <sessiond/base/random.h>

#define DRAW_BYTES 16
#define DRAWS      20000 /* some eighty pages */

static size_t kernel_calls;
static const uint8_t *stock; /* where the last page was put */
static size_t stock_bytes;
static int refusal; /* the errno of each call for a page */

/* In place of the C library's, for libsodium too. */
ssize_t getrandom(void *bytes, size_t len, unsigned flags)
{
    kernel_calls++;
    if (len > 256) { /* libsodium never asks for that many */
        if (refusal != 0) {
            errno = refusal;
            return -1;
        }
        stock = bytes;
        stock_bytes = len;
    }
    return syscall(SYS_getrandom, bytes, len, flags);
}

static int ordered(const void *a, const void *b)
{
    return memcmp(a, b, DRAW_BYTES);
}

/* To the beginning of a new page, whose first byte is given out. */
static void new_page(void)
{
    size_t calls = kernel_calls;
    uint8_t byte;

    while (kernel_calls == calls)
        ses_random_bytes(&byte, 1);
}

static void nothing_is_given_out_twice(void **state)
{
    static uint8_t drawn[DRAWS][DRAW_BYTES];

    (void)state;
    for (size_t i = 0; i < DRAWS; i++)
        ses_random_bytes(drawn[i], DRAW_BYTES);
    qsort(drawn, DRAWS, DRAW_BYTES, ordered);
    for (size_t i = 1; i < DRAWS; i++)
        assert_memory_not_equal(drawn[i - 1], drawn[i], DRAW_BYTES);
}

static void a_page_serves_many(void **state)
{
    uint8_t bytes[DRAW_BYTES];

    (void)state;
    new_page();
    kernel_calls = 0;
    for (size_t i = 0; i < (stock_bytes - 1) / DRAW_BYTES; i++)
        ses_random_bytes(bytes, DRAW_BYTES);
    assert_int_equal(kernel_calls, 0);
    ses_random_bytes(bytes, DRAW_BYTES);
    assert_int_equal(kernel_calls, 1);
}

static void what_is_given_out_is_wiped(void **state)
{
    static const uint8_t wiped[DRAW_BYTES];
    uint8_t expected[DRAW_BYTES], bytes[DRAW_BYTES];

    (void)state;
    new_page();
    memcpy(expected, stock + 1, DRAW_BYTES);
    ses_random_bytes(bytes, DRAW_BYTES);
    assert_memory_equal(bytes, expected, DRAW_BYTES);
    assert_memory_equal(stock + 1, wiped, DRAW_BYTES);
}

/* What a process draws that has our stock: a child, with or without its own ses_random_init. */
static void draw_in_a_child(bool init, uint8_t ret_bytes[DRAW_BYTES])
{
    int pipe_ends[2], status;
    pid_t child;

    assert_int_equal(pipe(pipe_ends), 0);
    child = unit_fork();
    if (child == 0) {
        if (init)
            ses_random_init();
        ses_random_bytes(ret_bytes, DRAW_BYTES);
        _exit(write(pipe_ends[1], ret_bytes, DRAW_BYTES) == DRAW_BYTES ? 0 : 1);
    }
    assert_int_equal(read(pipe_ends[0], ret_bytes, DRAW_BYTES), DRAW_BYTES);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(close(pipe_ends[0]), 0);
    assert_int_equal(close(pipe_ends[1]), 0);
}

static void a_child_gives_out_other_bytes(void **state)
{
    uint8_t drawn[4][DRAW_BYTES];

    (void)state;
    new_page();
    draw_in_a_child(false, drawn[0]);
    draw_in_a_child(false, drawn[1]);
    draw_in_a_child(true, drawn[2]);
    ses_random_bytes(drawn[3], DRAW_BYTES); /* the parent's stock is as it was: this is its next */
    for (size_t i = 0; i < 4; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(drawn[i], drawn[j], DRAW_BYTES);
}

static void *draw_in_a_thread(void *bytes)
{
    ses_random_bytes(bytes, DRAW_BYTES);
    return NULL;
}

/* The stock has no lock: it is one thread's. */
static void another_thread_asks_the_kernel(void **state)
{
    uint8_t expected[DRAW_BYTES], bytes[DRAW_BYTES];
    pthread_t thread;

    (void)state;
    new_page();
    memcpy(expected, stock + 1, DRAW_BYTES);
    kernel_calls = 0;
    assert_int_equal(pthread_create(&thread, NULL, draw_in_a_thread, bytes), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(kernel_calls, 1);
    assert_memory_not_equal(bytes, expected, DRAW_BYTES);
    assert_memory_equal(stock + 1, expected, DRAW_BYTES);
}

static void a_key_is_not_of_the_stock(void **state)
{
    uint8_t key[65] = {0}, next[DRAW_BYTES];

    (void)state;
    new_page();
    memcpy(next, stock + 1, DRAW_BYTES);
    ses_random_bytes(key, sizeof(key));
    assert_memory_equal(stock + 1, next, DRAW_BYTES);
    assert_memory_not_equal(key, next, DRAW_BYTES);
}

/* A signal, or a kernel that has no such call: libsodium asks then. */
static void without_a_page_there_are_bytes(void **state)
{
    uint8_t bytes[2][DRAW_BYTES] = {0}, zero[DRAW_BYTES] = {0};

    (void)state;
    new_page();
    refusal = EINTR;
    for (size_t i = 0; i <= stock_bytes / DRAW_BYTES; i++) {
        memcpy(bytes[0], bytes[1], DRAW_BYTES);
        ses_random_bytes(bytes[1], DRAW_BYTES);
        assert_memory_not_equal(bytes[0], bytes[1], DRAW_BYTES);
        assert_memory_not_equal(bytes[1], zero, DRAW_BYTES);
    }
    refusal = 0;
}

static void a_second_start_keeps_the_stock(void **state)
{
    (void)state;
    ses_random_init(); /* a second one is harmless: a child's */
    a_page_serves_many(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_given_out_twice),     cmocka_unit_test(a_page_serves_many),
        cmocka_unit_test(what_is_given_out_is_wiped),     cmocka_unit_test(a_child_gives_out_other_bytes),
        cmocka_unit_test(another_thread_asks_the_kernel), cmocka_unit_test(a_key_is_not_of_the_stock),
        cmocka_unit_test(without_a_page_there_are_bytes), cmocka_unit_test(a_second_start_keeps_the_stock),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
