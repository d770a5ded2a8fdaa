#include "ring_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>

static enum ses_status open_secret(struct fixture *f, const char *name, bool create,
                                   struct ses_secret *ret_secret)
{
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    return ses_secret_file_open(path, create, ret_secret, &f->fault);
}

static void made_once_then_the_same(void **state)
{
    struct fixture *f = *state;
    struct ses_secret first;
    struct ses_secret again;
    struct stat info;
    char path[512];

    assert_int_equal(open_secret(f, "seal-1.key", false, &first), SES_NOT_FOUND);
    assert_int_equal(open_secret(f, "seal-1.key", true, &first), SES_OK);
    assert_int_equal(open_secret(f, "seal-1.key", true, &again), SES_OK);
    assert_int_equal(first.len, 32);
    assert_int_equal(again.len, 32);
    assert_memory_equal(first.bytes, again.bytes, 32);
    ses_secret_free(&again);
    assert_int_equal(open_secret(f, "log.key", true, &again), SES_OK);
    assert_memory_not_equal(first.bytes, again.bytes, 32);
    (void)snprintf(path, sizeof(path), "%s/seal-1.key", f->dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    ses_secret_free(&first);
    ses_secret_free(&again);
}

static void faults_are_named(void **state)
{
    struct fixture *f = *state;
    struct ses_secret secret;
    char path[512];

    (void)snprintf(path, sizeof(path), "%s/short.key", f->dir);
    file_write(path, "0123456789012345678901234567890");
    assert_int_equal(open_secret(f, "short.key", true, &secret), SES_MALFORMED);
    assert_non_null(strstr(f->fault.text, "short.key: must hold exactly 32 bytes"));
    file_write(path, "01234567890123456789012345678901");
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(open_secret(f, "short.key", true, &secret), SES_FAILED_PRECONDITION);
    assert_non_null(strstr(f->fault.text, "0644"));
    assert_int_equal(open_secret(f, "no/such/place.key", true, &secret), SES_IO);
    assert_int_equal(open_secret(f, "nowhere/place.key", false, &secret), SES_IO);
}

static void parent_is_made(void **state)
{
    struct fixture *f = *state;
    struct ses_secret secret;

    assert_int_equal(open_secret(f, "keys/natural.key", true, &secret), SES_OK);
    ses_secret_free(&secret);
}

static void first_opens_race(void **state)
{
    struct fixture *f = *state;
    int pipe_fds[2];
    uint8_t all[8][32];

    assert_int_equal(pipe(pipe_fds), 0);
    for (int i = 0; i < 8; i++) {
        if (unit_fork() == 0) {
            struct ses_secret secret;
            if (open_secret(f, "natural.key", true, &secret) != SES_OK)
                _exit(1);
            _exit(write(pipe_fds[1], secret.bytes, 32) == 32 ? 0 : 1);
        }
    }
    for (int i = 0; i < 8; i++) {
        int status = 0;
        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
        assert_int_equal(read(pipe_fds[0], all[i], 32), 32);
        assert_memory_equal(all[i], all[0], 32);
    }
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
}

int main(void)
{
#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_RING(made_once_then_the_same),
        WITH_RING(faults_are_named),
        WITH_RING(parent_is_made),
        WITH_RING(first_opens_race),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
