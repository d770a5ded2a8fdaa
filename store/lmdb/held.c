/* Snapshots that somebody holds: while one lasts, LMDB uses no page again that was replaced since, and the
 * file grows with every commit, without end. A snapshot of a process that lives cannot be taken away; whoever
 * holds it is told of, and where a quota is set puts are refused before more of the file is used than
 * STORE_HELD_FILE_BYTES: the disk is not ours alone, and the file would keep its size for ever. Our own
 * readers hold one for a look at a record, a copy for moments (backup.c). */
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "store_lmdb_impl.h"

struct oldest {
    bool found;
    int pid;
    uint64_t txnid;
};

/* A line "pid thread transaction" for each reader, "-" for one that is not reading; the first is a title. */
static int on_reader(const char *line, void *arg)
{
    struct oldest *oldest = arg;
    char *behind_pid;
    char *behind_thread;
    char *behind;
    long pid = strtol(line, &behind_pid, 10);
    uint64_t txnid;

    (void)strtoull(behind_pid, &behind_thread, 16);
    txnid = strtoull(behind_thread, &behind, 10);
    if (behind_pid != line && behind_thread != behind_pid && behind != behind_thread &&
        (!oldest->found || txnid < oldest->txnid))
        *oldest = (struct oldest){.found = true, .pid = (int)pid, .txnid = txnid};
    return 0;
}

/* The oldest snapshot, if something has been committed since. */
static struct oldest find_oldest(struct ses_lmdb *store)
{
    struct oldest oldest = {.found = false};
    MDB_envinfo info;

    if (mdb_reader_list(store->shard.env->mdb, on_reader, &oldest) < 0 ||
        mdb_env_info(store->shard.env->mdb, &info) != 0 || oldest.txnid >= info.me_last_txnid)
        oldest.found = false;
    return oldest;
}

static uint64_t file_bytes(const struct ses_lmdb *store)
{
    struct stat st;

    return fstat(store->shard.data_fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static void tell_held(struct ses_lmdb *store, uint64_t seconds)
{
    struct ses_log_line line;

    store->held.told = true;
    if (store->log == NULL)
        return;
    ses_log_begin(store->log, SES_LOG_WARN, "store_snapshot_held", &line);
    ses_log_u64(&line, "shard", store->number);
    ses_log_u64(&line, "holder_pid", (uint64_t)store->held.pid);
    ses_log_u64(&line, "seconds", seconds);
    ses_log_u64(&line, "file_mib", file_bytes(store) >> 20);
    ses_log_str(
        &line, "hint",
        "while that process reads, data.mdb grows with each write and never gets smaller: end it; see "
        "the runbook");
    ses_log_end(&line);
}

static void tell_ended(struct ses_lmdb *store)
{
    if (store->held.told && store->log != NULL)
        ses_log_msg(store->log, SES_LOG_INFO, "store_snapshot_ended",
                    "shard %u: pages are used again; data.mdb has %" PRIu64 " MiB", store->number,
                    file_bytes(store) >> 20);
    store->held.told = false;
}

void ses_lmdb_look_at_snapshots(struct ses_lmdb *store, uint64_t now_ms)
{
    struct oldest oldest = find_oldest(store);
    uint64_t held_ms = 0;

    if (!oldest.found) {
        tell_ended(store);
        store->held.txnid = 0;
    } else if (store->held.txnid != oldest.txnid || store->held.pid != oldest.pid) {
        store->held.txnid = oldest.txnid;
        store->held.pid = oldest.pid;
        store->held.since_ms = now_ms;
    } else {
        held_ms = now_ms - store->held.since_ms;
    }
    if (held_ms >= STORE_HELD_TELL_MS && !store->held.told)
        tell_held(store, held_ms / 1000);
    atomic_store_explicit(&store->shard.held_bytes_max,
                          held_ms >= STORE_HELD_TELL_MS && store->quota_bytes != 0
                              ? STORE_HELD_FILE_BYTES(store->quota_bytes)
                              : 0,
                          memory_order_relaxed);
    if (store->metrics != NULL) {
        ses_gauge_set(store->metrics, SES_C_STORE_FILE_BYTES, file_bytes(store));
        ses_gauge_set(store->metrics, SES_C_STORE_SNAPSHOT_SECONDS, held_ms / 1000);
    }
}
