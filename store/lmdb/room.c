/* How much more the table and this shard take: of all, and of one owner. */
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "store_lmdb_impl.h"

#define ROOM_PART 64 /* of what was in use must have gone, before there is room again */

uint64_t ses_lmdb_room_bytes(const struct ses_lmdb *store)
{
    uint64_t room = store->map_bytes / 100 * STORE_MAP_USE_PERCENT;

    return store->quota_bytes != 0 && store->quota_bytes < room ? store->quota_bytes : room;
}

/* Bytes that the shard can come to: what its file has already (its blocks, reserved ones too), and an equal
 * part of what is free behind it, as the other workers' shards grow from the same. Unknown: no bound. */
static uint64_t disk_room_bytes(const struct ses_lmdb *store)
{
    struct statvfs disk;
    struct stat file;
    mdb_filehandle_t fd;

    if (mdb_env_get_fd(store->shard.env->mdb, &fd) != 0 || fstat(fd, &file) != 0 || fstatvfs(fd, &disk) != 0)
        return UINT64_MAX;
    return (uint64_t)file.st_blocks * 512 + (uint64_t)disk.f_bavail * disk.f_frsize / store->shards;
}

void ses_lmdb_look_at_disk(struct ses_lmdb *store)
{
    uint64_t room = ses_lmdb_room_bytes(store);
    uint64_t disk = disk_room_bytes(store);

    store->real_room_bytes = disk < room ? disk : room;
}

bool ses_lmdb_has_place(struct ses_lmdb *store, ses_store_owner owner)
{
    if (store->places_room == 0 || ++store->places_age == STORE_PLACES_AGE_MAX) {
        store->places_age = 0;
        ses_table_usage(store->table, &store->places_used, &store->places_room);
    }
    return ses_share_has_place(store->table, &store->share, owner, store->places_used, store->places_room);
}

/* What passes to another owner is to that one as if it was new. */
static bool has_share(struct ses_lmdb *store, const struct ses_claim *claim, uint64_t used)
{
    bool creates = claim->driver[CLAIM_INTENT] != 0
                       ? claim->owner != claim->intent_owner
                       : claim->driver[CLAIM_PREVIOUS] == 0 ||
                             claim->owner != table_owner(store->table, claim->driver[CLAIM_SLOT]);

    if (ses_share_has_bytes(store->owner_bytes, &store->share, claim->owner, creates, used,
                            store->real_room_bytes))
        return true;
    if (store->metrics != NULL)
        ses_count(store->metrics, SES_C_STORE_OVER_SHARE, 1);
    return false;
}

/* First what nothing helps against, then what passes by itself, then what only deleting helps. Puts that wait
 * count as written. */
enum ses_status ses_lmdb_check_room(struct ses_lmdb *store, const struct ses_claim *claim, size_t value_bytes)
{
    uint64_t used = atomic_load_explicit(&store->committer.commit.bytes_used, memory_order_relaxed);

    if (store->closing || atomic_load_explicit(&store->committer.commit.poisoned, memory_order_relaxed))
        return SES_UNAVAILABLE;
    if (store->pending >= store->queue_max || store->pending_bytes + value_bytes > STORE_QUEUE_BYTES_MAX)
        return SES_BUSY;
    if (used + store->pending_bytes + value_bytes <= ses_lmdb_room_bytes(store))
        return has_share(store, claim, used + store->pending_bytes) ? SES_OK : SES_OVER_SHARE;
    store->quota_refused = used + 1;
    return SES_FULL;
}

/* A refusal stands until there is clearly more room than there was then: a full table still takes some keys,
 * and a full shard small records. */
static bool still_full(uint64_t refused_at, uint64_t used)
{
    return refused_at != 0 && used >= refused_at - refused_at / ROOM_PART;
}

struct ses_store_health ses_lmdb_health(const struct ses_lmdb *store)
{
    uint64_t bytes = atomic_load_explicit(&store->committer.commit.bytes_used, memory_order_relaxed);
    uint64_t used;
    uint64_t room;

    ses_table_usage(store->table, &used, &room);
    return (struct ses_store_health){
        .writes = !store->writable || !atomic_load(&store->committer.commit.poisoned),
        .table_full = still_full(store->table_refused, used),
        .full = atomic_load(&store->committer.commit.full) || still_full(store->quota_refused, bytes + 1)};
}
