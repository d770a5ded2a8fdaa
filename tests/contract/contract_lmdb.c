/* Two workers of one LMDB store, within this process. */
#include "contract.h"

#include <ftw.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>

#include <sessiond/config/usual.h>
#include <sessiond/store/store_shared.h>

struct lmdb_data {
    char dir[96];
    struct ses_store_shared *shared;
    struct ses_secret secret;
    struct ses_seal_key seal_key;
    struct ses_log log;
    int wake_fd;
};

static void notify(void *arg)
{
    uint64_t one = 1;

    (void)!write(((struct lmdb_data *)arg)->wake_fd, &one, sizeof(one));
}

static void *new_data(uint64_t seed)
{
    struct lmdb_data *data = calloc(1, sizeof(*data));

    (void)seed;
    assert_non_null(data);
    assert_non_null(mkdtemp(unit_temporary("contract", data->dir, sizeof(data->dir))));
    assert_ok(ses_store_shared_create(1000, CONTRACT_STORES, &data->shared));
    assert_ok(ses_secret_new(32, &data->secret));
    memset(data->secret.bytes, 0x5a, 32);
    data->seal_key = (struct ses_seal_key){.id = 7, .key = &data->secret};
    ses_log_init(&data->log, -1, SES_LOG_INFO, "test");
    data->wake_fd = eventfd(0, EFD_NONBLOCK);
    assert_true(data->wake_fd >= 0);
    return data;
}

/* Each has a shard of its own, as workers have. Without syncs: what a crash leaves is tried elsewhere. */
static struct ses_store *open_store(void *arg, unsigned number)
{
    struct lmdb_data *data = arg;
    struct ses_lmdb_options options = ses_usual_store();
    struct ses_store *store;

    options.dir = data->dir;
    options.shard = number;
    options.shards = CONTRACT_STORES;
    options.shared = data->shared;
    options.seal_keys = &data->seal_key;
    options.seal_keys_count = 1;
    options.durability = SES_DURABILITY_PROCESS;
    options.map_bytes = UINT64_C(64) << 20;
    options.notify = notify;
    options.notify_arg = data;
    options.log = &data->log;
    assert_ok(ses_lmdb_open(&options, &store));
    return store;
}

/* Until a committer says so. */
static void rest(void *arg)
{
    struct lmdb_data *data = arg;
    struct pollfd ready = {.fd = data->wake_fd, .events = POLLIN};
    uint64_t count;

    (void)poll(&ready, 1, 100);
    (void)!read(data->wake_fd, &count, sizeof(count));
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st;
    (void)type;
    (void)at;
    return remove(path);
}

static void free_data(void *arg)
{
    struct lmdb_data *data = arg;

    ses_store_shared_close(data->shared);
    ses_secret_free(&data->secret);
    ses_log_done(&data->log);
    (void)close(data->wake_fd);
    (void)nftw(data->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(data);
}

const struct contract_driver contract_lmdb = {.name = "lmdb",
                                              .traits = 0,
                                              .seeds = 1,
                                              .data_new = new_data,
                                              .open = open_store,
                                              .rest = rest,
                                              .data_free = free_data};
