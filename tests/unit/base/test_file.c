/* What a signal in the midst of a read or write, and a pipe that takes less than all, do not change. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <sessiond/base/file.h>
#include <sessiond/base/units.h>

#define BYTES SES_MIB

static int pipe_fd[2];
static uint8_t sent[BYTES];
static uint8_t got[BYTES];

static void on_signal(int number)
{
    (void)number;
}

/* Interrupts whoever waits in read or write: no SA_RESTART. */
static int setup(void **state)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)state;
    for (size_t i = 0; i < sizeof(sent); i++)
        sent[i] = (uint8_t)(i * 7 + i / 256);
    memset(got, 0, sizeof(got));
    return sigaction(SIGUSR1, &action, NULL) == 0 && pipe(pipe_fd) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    (void)close(pipe_fd[0]);
    return close(pipe_fd[1]);
}

/* Interrupts the other one before each piece of its own. */
static void *write_slowly(void *reader)
{
    pthread_t thread = *(pthread_t *)reader;

    for (size_t at = 0; at < BYTES; at += BYTES / 64) {
        (void)pthread_kill(thread, SIGUSR1);
        assert_int_equal(write(pipe_fd[1], sent + at, BYTES / 64), BYTES / 64);
    }
    return NULL;
}

static void test_reads_all(void **state)
{
    pthread_t self = pthread_self(), writer;

    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_slowly, &self), 0);
    assert_true(ses_file_read_all(pipe_fd[0], got, BYTES));
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_memory_equal(got, sent, BYTES);
}

static void *read_slowly(void *writer)
{
    pthread_t thread = *(pthread_t *)writer;
    size_t at = 0;

    while (at < BYTES) {
        ssize_t n;

        (void)pthread_kill(thread, SIGUSR1);
        n = read(pipe_fd[0], got + at, SES_KIB);
        assert_true(n > 0);
        at += (size_t)n;
    }
    return NULL;
}

static void test_writes_all(void **state)
{
    pthread_t self = pthread_self(), reader;

    (void)state;
    assert_int_equal(pthread_create(&reader, NULL, read_slowly, &self), 0);
    assert_true(ses_file_write_all(pipe_fd[1], ses_slice(sent, BYTES)));
    assert_int_equal(pthread_join(reader, NULL), 0);
    assert_memory_equal(got, sent, BYTES);
}

static void test_tells_why_not(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_false(ses_file_write_all(fd, SES_STR("x")));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(close(fd), 0);
    assert_false(ses_file_read_all(-1, got, 1));
    assert_int_equal(errno, EBADF);
    assert_true(ses_file_write_all(pipe_fd[1], SES_STR("abc")));
    assert_int_equal(close(pipe_fd[1]), 0);
    assert_true(ses_file_read_all(pipe_fd[0], got, 2));
    assert_false(ses_file_read_all(pipe_fd[0], got, 2)); /* it ends before */
    assert_int_equal(errno, EIO);
    assert_true(ses_file_read_all(pipe_fd[0], got, 0));
    pipe_fd[1] = dup(pipe_fd[0]); /* what teardown closes */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_writes_all, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tells_why_not, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
