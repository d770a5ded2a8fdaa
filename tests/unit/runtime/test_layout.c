#include "unit.h"

#include "layout.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sessiond/base/random.h>

/* Each test has a directory of its own; *state is the data directory's path inside, not made yet. */
static int setup(void **state)
{
    char parent[512];
    char *path = malloc(600);

    if (path == NULL || mkdtemp(unit_temporary("layout", parent, sizeof(parent))) == NULL)
        return -1;
    (void)snprintf(path, 600, "%s/data", parent);
    *state = path;
    return 0;
}

static int teardown(void **state)
{
    char *path = *state;
    char command[700];
    int failed;

    *strrchr(path, '/') = '\0';
    (void)snprintf(command, sizeof(command), "rm -rf %s", path);
    failed = system(command);
    free(path);
    return failed;
}

/* The file of the first key that seals records. */
static const char *seal_file(const struct ses_layout *layout)
{
    static char path[SES_CONFIG_PATH_SIZE + 16];

    (void)snprintf(path, sizeof(path), "%s/seal-1.key", layout->keys);
    return path;
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void expect_open(const char *dir, enum ses_status expected, const char *words)
{
    struct ses_layout layout;
    struct ses_fault fault = {""};
    enum ses_status status;

    ses_layout_init(&layout, dir);
    status = ses_layout_open(&layout, &fault);
    if (status != expected)
        fail_msg("%s: %s", ses_status_name(status), fault.text);
    if (strstr(fault.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", fault.text, words);
    assert_int_equal(layout.lock_fd >= 0, status == SES_OK);
    ses_layout_close(&layout);
}

/* The token rank's texts hold the path already. */
static void expect_told_once(struct ses_layout *layout, const char *path)
{
    struct ses_fault fault = {""};
    const char *first;

    assert_int_not_equal(ses_layout_open(layout, &fault), SES_OK);
    first = strstr(fault.text, path);
    assert_ptr_equal(first, fault.text);
    assert_null(strstr(first + 1, path));
}

static void first_start_makes_everything_private(void **state)
{
    struct ses_layout_secrets secrets;
    struct ses_layout layout;
    struct ses_fault fault = {""};

    ses_layout_init(&layout, *state);
    if (ses_layout_open(&layout, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    assert_int_equal(mode_of(layout.dir), 0700);
    assert_int_equal(mode_of(layout.keys), 0700);
    assert_int_equal(mode_of(layout.shards), 0700);
    assert_int_equal(mode_of(layout.time), 0700);
    assert_int_equal(mode_of(seal_file(&layout)), 0600);
    assert_int_equal(mode_of(layout.natural_key), 0600);
    assert_int_equal(mode_of(layout.log_key), 0600);
    assert_int_equal(ses_layout_secrets_load(&layout, &secrets, &fault), SES_OK);
    assert_int_equal(secrets.seal.secret[0].len, 32);
    assert_memory_not_equal(secrets.seal.secret[0].bytes, secrets.natural.bytes, 32);
    ses_layout_secrets_free(&secrets);
    ses_layout_close(&layout);
}

static void second_start_keeps_the_keys(void **state)
{
    struct ses_layout_secrets first;
    struct ses_layout_secrets second;
    struct ses_layout layout;
    struct ses_fault fault;

    ses_layout_init(&layout, *state);
    assert_int_equal(ses_layout_open(&layout, &fault), SES_OK);
    assert_int_equal(ses_layout_secrets_load(&layout, &first, &fault), SES_OK);
    ses_layout_close(&layout);
    assert_int_equal(ses_layout_open(&layout, &fault), SES_OK);
    assert_int_equal(ses_layout_secrets_load(&layout, &second, &fault), SES_OK);
    assert_memory_equal(first.seal.secret[0].bytes, second.seal.secret[0].bytes, 32);
    ses_layout_secrets_free(&first);
    ses_layout_secrets_free(&second);
    ses_layout_close(&layout);
}

static void second_instance_is_refused_and_named(void **state)
{
    struct ses_layout layout;
    struct ses_fault fault;
    char words[64];

    ses_layout_init(&layout, *state);
    assert_int_equal(ses_layout_open(&layout, &fault), SES_OK);
    (void)snprintf(words, sizeof(words), "is in use by another sessiond (pid %ld)", (long)getpid());
    expect_open(*state, SES_BUSY, words);
    ses_layout_close(&layout);
    expect_open(*state, SES_OK, "");
}

/* The pause between two tries to take the lock is our own: in the first one the child that holds it is let
 * go, and is gone before the next try. */
static int keeper = -1; /* the pipe's end that keeps the child */
static unsigned pauses;

int poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    if (count > 0)
        return (int)syscall(SYS_poll, fds, count, timeout_ms);
    pauses++;
    (void)close(keeper);
    assert_true(waitpid(-1, NULL, 0) > 0);
    return 0;
}

/* As a supervisor that dies before its child. */
static void take_and_leave(const char *dir, const int ends[2])
{
    struct ses_layout layout;
    struct ses_fault fault;
    char end;

    (void)close(ends[1]);
    ses_layout_init(&layout, dir);
    if (ses_layout_open(&layout, &fault) != SES_OK)
        _exit(1);
    if (fork() == 0)
        _exit(read(ends[0], &end, 1) == 0 ? 0 : 1);
    _exit(0);
}

/* The lock outlives its taker as long as a child has inherited it; a start then waits for that child. */
static void lock_waits_for_children_of_a_dead_supervisor(void **state)
{
    int ends[2];
    int status;
    pid_t supervisor;

    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0); /* the child becomes ours */
    assert_int_equal(pipe(ends), 0);
    supervisor = unit_fork();
    if (supervisor == 0)
        take_and_leave(*state, ends);
    (void)close(ends[0]);
    keeper = ends[1];
    assert_int_equal(waitpid(supervisor, &status, 0), supervisor);
    assert_int_equal(status, 0);
    expect_open(*state, SES_OK, "");
    assert_int_equal(pauses, 1);
}

static void loose_permissions_are_refused(void **state)
{
    struct ses_layout layout;

    ses_layout_init(&layout, *state);
    expect_open(*state, SES_OK, "");
    assert_int_equal(chmod(layout.keys, 0750), 0);
    expect_open(*state, SES_PERMISSION_DENIED, "its permissions are too open (0750)");
    assert_int_equal(chmod(layout.keys, 0700), 0);
    assert_int_equal(chmod(layout.dir, 0720), 0);
    expect_open(*state, SES_PERMISSION_DENIED, "its permissions are too open (0720)");
    assert_int_equal(chmod(layout.dir, 0755),
                     0); /* readable by others is the operator's choice, all inside is private */
    expect_open(*state, SES_OK, "");
    assert_int_equal(chmod(seal_file(&layout), 0644), 0);
    expect_open(*state, SES_FAILED_PRECONDITION, "seal-1.key");
}

static void damage_is_explained(void **state)
{
    struct ses_layout layout;
    char shard[SES_CONFIG_PATH_SIZE + 8];
    FILE *out;

    ses_layout_init(&layout, *state);
    expect_open(*state, SES_OK, "");
    /* Without records a missing key is simply made again. */
    assert_int_equal(unlink(seal_file(&layout)), 0);
    expect_open(*state, SES_OK, "");
    (void)snprintf(shard, sizeof(shard), "%s/000", layout.shards);
    assert_int_equal(mkdir(shard, 0700), 0);
    assert_int_equal(unlink(seal_file(&layout)), 0);
    expect_open(*state, SES_FAILED_PRECONDITION, "seal-1.key: is missing, but");
    assert_int_equal(access(seal_file(&layout), F_OK), -1);
    assert_int_equal(ses_layout_check(&layout, &(struct ses_fault){""}), SES_FAILED_PRECONDITION);
    assert_int_equal(rmdir(shard), 0);
    expect_open(*state, SES_OK, "");
    out = fopen(layout.natural_key, "w");
    assert_non_null(out);
    assert_int_equal(fputs("short", out) >= 0, 1);
    assert_int_equal(fclose(out), 0);
    expect_open(*state, SES_MALFORMED, "natural.key");
    expect_told_once(&layout, layout.natural_key);
    assert_int_equal(ses_layout_check(&layout, &(struct ses_fault){""}), SES_MALFORMED);
}

static void a_file_in_place_of_a_directory_is_refused(void **state)
{
    struct ses_layout layout;
    FILE *out;

    ses_layout_init(&layout, *state);
    expect_open(*state, SES_OK, "");
    assert_int_equal(rmdir(layout.shards), 0);
    out = fopen(layout.shards, "w");
    assert_non_null(out);
    assert_int_equal(fclose(out), 0);
    expect_open(*state, SES_FAILED_PRECONDITION, "shards: is not a directory");
}

static void missing_parent_is_refused(void **state)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/below/data", (const char *)*state);
    expect_open(path, SES_IO, "cannot be created: No such file or directory");
}

static void check_creates_nothing(void **state)
{
    struct ses_layout layout;
    struct ses_fault fault = {""};

    ses_layout_init(&layout, *state);
    assert_int_equal(ses_layout_check(&layout, &fault), SES_OK);
    assert_int_equal(access(layout.dir, F_OK), -1);
    expect_open(*state, SES_OK, "");
    if (ses_layout_check(&layout, &fault) != SES_OK)
        fail_msg("%s", fault.text);
    ses_layout_init(&layout, "/proc/none/data");
    assert_int_equal(ses_layout_check(&layout, &fault), SES_IO);
    assert_string_equal(fault.text, "/proc/none/data: cannot be created: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(first_start_makes_everything_private, setup, teardown),
        cmocka_unit_test_setup_teardown(second_start_keeps_the_keys, setup, teardown),
        cmocka_unit_test_setup_teardown(second_instance_is_refused_and_named, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_waits_for_children_of_a_dead_supervisor, setup, teardown),
        cmocka_unit_test_setup_teardown(loose_permissions_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_is_explained, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_in_place_of_a_directory_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_parent_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(check_creates_nothing, setup, teardown),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
