/* The file that grows ahead of its writer, of blocks that were written; and a writer that overtakes it. */
#include "store_fixture.h"

#include <fcntl.h>

#include "growth.h"

#define MARK  0x5a
#define FIRST UINT64_C(20480) /* an odd start, as LMDB's first pages are */

struct file {
    char path[128];
    int fd;
};

static struct file new_file(const struct rig *rig)
{
    struct file file;
    uint8_t bytes[FIRST];

    (void)snprintf(file.path, sizeof(file.path), "%s/grows", rig->dir);
    file.fd = open(file.path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(file.fd >= 0);
    memset(bytes, MARK, sizeof(bytes));
    assert_int_equal(pwrite(file.fd, bytes, sizeof(bytes), 0), sizeof(bytes));
    return file;
}

static void wait_for_end(struct ses_growth *growth, uint64_t end)
{
    uint64_t until_ms = ses_clock_mono_ms() + 120000;

    while (ses_growth_end(growth) < end && ses_clock_mono_ms() < until_ms)
        (void)usleep(1000);
    assert_true(ses_growth_end(growth) >= end);
}

static uint8_t byte_at(const struct file *file, uint64_t at)
{
    uint8_t byte = 0xff;

    assert_int_equal(pread(file->fd, &byte, 1, (off_t)at), 1);
    return byte;
}

static void test_it_grows_of_written_blocks(void **state)
{
    struct file file = new_file(*state);
    uint64_t wanted = 5 * GROWTH_PIECE_BYTES;
    struct ses_growth growth;
    struct stat st;

    assert_ok(ses_growth_start(&growth, file.path, FIRST));
    assert_int_equal(ses_growth_end(&growth), FIRST); /* nobody has asked */
    ses_growth_ask(&growth, wanted);
    wait_for_end(&growth, wanted);
    ses_growth_stop(&growth);
    assert_int_equal(fstat(file.fd, &st), 0);
    assert_true((uint64_t)st.st_size >= wanted);
    for (uint64_t at = 0; at < wanted; at += 1024)
        assert_int_equal(byte_at(&file, at), at < FIRST ? MARK : 0);
    /* Blocks that nobody has written are a hole to whoever asks, on file systems that tell at all. */
    if (growth.zeros && lseek(file.fd, 0, SEEK_HOLE) != st.st_size)
        assert_true((uint64_t)lseek(file.fd, 0, SEEK_HOLE) >= wanted);
    (void)close(file.fd);
}

/* What the writer has taken for itself is never written by the thread, however both come to it. */
static void test_a_writer_that_overtakes(void **state)
{
    struct file file = new_file(*state);
    uint64_t most = 40 * GROWTH_PIECE_BYTES;
    struct ses_growth growth;
    uint64_t used = FIRST; /* up to here the writer has written */
    uint8_t bytes[40960];

    memset(bytes, MARK, sizeof(bytes));
    assert_ok(ses_growth_start(&growth, file.path, FIRST));
    while (used < most) {
        uint64_t end = ses_growth_end(&growth);

        ses_growth_ask(&growth, used + 2 * GROWTH_PIECE_BYTES);
        if (end < used + sizeof(bytes)) {
            end = ses_growth_lock(&growth);
            if (end < used + sizeof(bytes)) {
                end = used + sizeof(bytes) + 100; /* as odd as a writer's reserve may be */
                assert_int_equal(posix_fallocate(file.fd, 0, (off_t)end), 0);
            }
            ses_growth_unlock(&growth, end);
        }
        assert_int_equal(pwrite(file.fd, bytes, sizeof(bytes), (off_t)used), sizeof(bytes));
        used += sizeof(bytes);
    }
    ses_growth_stop(&growth);
    for (uint64_t at = 0; at < used; at += 512)
        assert_int_equal(byte_at(&file, at), MARK);
    (void)close(file.fd);
}

/* As a store does it: the first commits find their room made, records are what they were. */
static void test_a_store_has_it_where_commits_are_synced(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t file_bytes;

    assert_non_null(store->shard.growth);
    create(rig, store, 1, "first");
    file_bytes = ses_growth_end(store->shard.growth);
    wait_for_end(store->shard.growth, SHARD_GROW_BYTES / 2);
    assert_true(ses_growth_end(store->shard.growth) >= file_bytes);
    create(rig, store, 2, "second");
    assert_stored(rig, store, 1, "first", 1);
    assert_stored(rig, store, 2, "second", 1);
    ses_lmdb_close(store);
    rig->options.durability = SES_DURABILITY_PROCESS;
    store = rig_open(rig, 0);
    assert_null(store->shard.growth);
    assert_stored(rig, store, 2, "second", 1);
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_it_grows_of_written_blocks, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_writer_that_overtakes, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_store_has_it_where_commits_are_synced, rig_setup,
                                        rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
