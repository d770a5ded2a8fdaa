/* The walk that gives a load its rows, and what it takes to ask for either end. */
#include "store_fixture.h"

#include <fcntl.h>

#include "env_check.h"
#include "word.h"

#define SESSIONS 3000
#define PAGE     4096

struct seen {
    uint64_t rows;
    uint64_t last;
    uint64_t stop_at; /* 0: never */
};

static enum ses_status see(void *arg, struct ses_slice key, struct ses_slice value)
{
    MDB_val name = env_val(key.data, key.len);
    struct record_row row;
    struct seen *seen = arg;
    uint64_t locator = env_locator(&name);

    assert_true(locator > seen->last);
    assert_ok(ses_record_row_decode(value, locator, &row));
    seen->last = locator;
    return ++seen->rows == seen->stop_at ? SES_FULL : SES_OK;
}

static const char *path_of(const struct rig *rig)
{
    static char path[RIG_DIR_SIZE + 16];

    (void)snprintf(path, sizeof(path), "%s/000/data.mdb", rig->dir);
    return path;
}

static void test_every_row_in_order(void **state)
{
    struct rig *rig = *state;
    struct seen seen = {.rows = 0};
    const char *reason = "";

    rig_fill(rig, SESSIONS, "a body");
    assert_ok(ses_env_check_rows(path_of(rig), see, &seen, &reason));
    assert_null(reason);
    assert_int_equal(seen.rows, SESSIONS);
}

static void test_a_refused_row_ends_it(void **state)
{
    struct rig *rig = *state;
    struct seen seen = {.stop_at = 70};
    const char *reason;

    rig_fill(rig, SESSIONS, "a body");
    assert_int_equal(ses_env_check_rows(path_of(rig), see, &seen, &reason), SES_FULL);
    assert_int_equal(seen.rows, 70);
}

/* Where this depth finds nothing wrong LMDB may be asked for the first and the last row, whatever lies between. */
static void test_ends_are_as_good_as_checked(void **state)
{
    struct rig *rig = *state;
    uint8_t noise[PAGE];
    unsigned passed = 0;
    unsigned found = 0;
    struct stat st;
    int fd;

    rig_fill(rig, SESSIONS, "a body");
    fd = open(path_of(rig), O_RDWR);
    assert_int_equal(fstat(fd, &st), 0);
    ses_random_bytes(noise, sizeof(noise));
    for (off_t at = 2 * (off_t)PAGE; at + PAGE <= st.st_size && at < 400 * (off_t)PAGE; at += PAGE) {
        const char *reason = NULL;
        uint8_t before[PAGE];
        struct ses_env *env;
        uint64_t first;
        uint64_t last;
        MDB_txn *txn;

        assert_int_equal(pread(fd, before, PAGE, at), PAGE);
        assert_int_equal(pwrite(fd, noise, PAGE, at), PAGE);
        assert_ok(ses_env_check_pages(path_of(rig), ENV_CHECK_ENDS, &reason));
        found += reason != NULL;
        if (reason == NULL) {
            char dir[RIG_DIR_SIZE + 8];

            (void)snprintf(dir, sizeof(dir), "%s/000", rig->dir);
            assert_ok(ses_env_open(dir, ENV_READ, 0, 0, NULL, &env));
            assert_ok(ses_env_read_begin(env, &txn));
            assert_ok(ses_env_first(env, txn, &first));
            assert_ok(ses_env_last(env, txn, &last));
            assert_true(first != 0 && first < last);
            ses_env_read_end(env);
            ses_env_close(env);
            passed++;
        }
        assert_int_equal(pwrite(fd, before, PAGE, at), PAGE);
    }
    (void)close(fd);
    assert_in_range(found, 4, 20); /* roots and branches, two leaves of the index, one of the records */
    assert_true(passed > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_row_in_order, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_refused_row_ends_it, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_ends_are_as_good_as_checked, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
