#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <sessiond/base/shared_memory.h>

#define BYTES 8192

static void two_mappings_are_one_memory(void **state)
{
    void *first;
    void *second;
    int fd;

    (void)state;
    assert_ok(ses_shared_memory_new("test", BYTES, &fd));
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_ok(ses_shared_memory_map(fd, BYTES, &first));
    assert_ok(ses_shared_memory_map(fd, BYTES, &second));
    memcpy(first, "seen", 5);
    assert_string_equal(second, "seen");
    assert_int_equal(munmap(first, BYTES), 0);
    assert_int_equal(munmap(second, BYTES), 0);
    assert_int_equal(close(fd), 0);
}

/* Nobody who has it can take memory away from under the others. */
static void the_size_is_sealed(void **state)
{
    void *memory;
    int fd;

    (void)state;
    assert_ok(ses_shared_memory_new("test", BYTES, &fd));
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(errno, EPERM);
    assert_int_equal(ses_shared_memory_map(fd, BYTES / 2, &memory), SES_FAILED_PRECONDITION);
    assert_int_equal(ses_shared_memory_map(fd, BYTES * 2, &memory), SES_FAILED_PRECONDITION);
    assert_int_equal(ses_shared_memory_map(-1, BYTES, &memory), SES_FAILED_PRECONDITION);
    assert_int_equal(close(fd), 0);
}

static void a_limit_of_file_sizes_is_told(void **state)
{
    struct rlimit kept;
    struct rlimit small;
    int fd = -1;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &kept), 0);
    small = kept;
    small.rlim_cur = BYTES / 2;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum ses_status status = ses_shared_memory_new("test", BYTES, &fd);
    int error = errno;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &kept), 0);
    assert_int_equal(status, SES_IO);
    assert_int_equal(error, EFBIG);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_mappings_are_one_memory),
        cmocka_unit_test(the_size_is_sealed),
        cmocka_unit_test(a_limit_of_file_sizes_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
