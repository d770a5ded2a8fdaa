/* What an opening makes durable. This program's fdatasync stands before libc's, LMDB calls it. */
#include "store_fixture.h"

#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static _Atomic unsigned data_syncs; /* of LMDB's file, not of the small ones beside it */

int fdatasync(int fd)
{
    struct stat info;

    if (fstat(fd, &info) == 0 && info.st_size >= 2 * 4096)
        (void)atomic_fetch_add(&data_syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

/* What an opening finds may never have been synced (a writer that was poisoned, or one without syncs): it is
 * made durable before anything is published that rests on it, whatever this writer's own commits do. */
static void test_opening_syncs_what_it_finds(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store;
    unsigned process;
    unsigned disk;

    rig->options.durability = SES_DURABILITY_PROCESS;
    ses_lmdb_close(rig_open(rig, 0)); /* makes the shard */
    data_syncs = 0;
    store = rig_open(rig, 0);
    process = data_syncs;
    ses_lmdb_close(store);
    rig->options.durability = SES_DURABILITY_DISK;
    ses_lmdb_close(rig_open(rig, 0));
    data_syncs = 0;
    store = rig_open(rig, 0);
    disk = data_syncs;
    ses_lmdb_close(store);
    assert_in_range(process, 1, 100); /* its opening commit alone makes none */
    assert_in_range(disk, 2, 100);    /* its opening commit alone makes one */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_opening_syncs_what_it_finds, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
