/* What the kernel says that a process does. */
#include "unit.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

static void test_state(void **state)
{
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(ses_process_state(getpid()), 'R');
    child = unit_fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)prctl(PR_SET_NAME, ") R (", 0, 0, 0); /* a name may hold anything */
        (void)kill(getpid(), SIGSTOP);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, WUNTRACED), child);
    assert_true(WIFSTOPPED(status));
    assert_int_equal(ses_process_state(child), 'T');
    (void)kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(ses_process_state(child), 0);
}

/* All of them, and nobody else's. */
static void test_forget(void **state)
{
    static const char *const names[] = {"SESQ", "SESQ_ONE", "SESQTWO"};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(setenv(names[i], "x=y", 1), 0);
    assert_int_equal(setenv("SES_Q", "kept", 1), 0);
    ses_process_forget("SESQ");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_null(getenv(names[i]));
    assert_string_equal(getenv("SES_Q"), "kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_state), cmocka_unit_test(test_forget)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
