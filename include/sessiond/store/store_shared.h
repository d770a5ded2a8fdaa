/* store_shared.h - what all processes of one server share of the store: the session table (key -> where its
 * newest record lies; layout in store/README.md) and who watches what. Made by the supervisor before it
 * forks, inherited, gone with the last process; after a full stop it is filled from the disk.
 */
#ifndef SESSIOND_STORE_STORE_SHARED_H
#define SESSIOND_STORE_STORE_SHARED_H

#include <sessiond/base/log.h>
#include <sessiond/store/store_lmdb.h>

struct ses_store_shared;

/* [supervisor] Room for at least sessions_max live sessions, and one wake descriptor (an eventfd,
 * close-on-exec) for each of the worker slots; slots 0: nobody can watch. SES_NO_MEMORY, SES_IO: the table;
 * errno says why (EFBIG: above the process's limit of file sizes). SES_UNAVAILABLE: memory or descriptors for
 * the watching. SES_INVALID_ARGUMENT: more slots than SES_STORE_SHARDS_MAX. */
SES_MUST_CHECK enum ses_status ses_store_shared_create(uint64_t sessions_max, unsigned slots,
                                                       struct ses_store_shared **ret_shared);
/* [supervisor] An empty table of another size in place of the present one, which only processes that end may
 * still have. On failure (as above) the present one stays. */
SES_MUST_CHECK enum ses_status ses_store_shared_resize(struct ses_store_shared *shared,
                                                       uint64_t sessions_max);
/* What a program that takes over must have to go on with it. A version's layouts are one number: other ones
 * cannot be taken over, and the server has to be started anew. */
struct ses_store_shared_files {
    int table;
    int watch_board;
    int wake[SES_STORE_SHARDS_MAX]; /* one a slot */
};

/* [any] Of table and watch board. */
uint64_t ses_store_shared_layout(void);
/* [supervisor] Descriptors stay the store's. There must be slots. */
void ses_store_shared_files(const struct ses_store_shared *shared, struct ses_store_shared_files *ret_files);
/* [supervisor] Maps what another program of the same layout has made, for that many slots; on success the
 * descriptors are the store's. SES_FAILED_PRECONDITION: it is not of this layout, or damaged. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_store_shared_attach(const struct ses_store_shared_files *files,
                                                       unsigned slots, struct ses_store_shared **ret_shared);
/* [any] Unmaps and closes in this process only. NULL is fine. */
void ses_store_shared_close(struct ses_store_shared *shared);

/* [supervisor's loader child] Fills the fresh table from all shards below dir after a full stop: the highest
 * revision of each key that had not expired at the earlier of now_ms and the newest record. Reports progress
 * through log every few seconds. A shard that is damaged is SES_DATA_LOSS with a log line saying which and
 * what to do. SES_FULL: the table is too small. ret_sessions counts what was loaded. */
SES_MUST_CHECK enum ses_status ses_store_load(const char *dir, struct ses_store_shared *shared,
                                              uint64_t now_ms, struct ses_log *log, uint64_t *ret_sessions);

/* [any] Entries in use now (approximate while others write) and how many it is good for (at least
 * sessions_max). */
void ses_store_usage(const struct ses_store_shared *shared, uint64_t *ret_used, uint64_t *ret_room);
/* What the table has, by one look at all of it. */
struct ses_store_left {
    uint64_t live;  /* keys whose records are here, and not over at now_ms */
    uint64_t moved; /* keys that another store has, and that are still known here */
    /* Inboxes of versions before were loaded that are not over yet: they are in no table. */
    bool old_inboxes;
};
/* [any] 30 ms for a million sessions. Exact where nobody writes; a key that is being made does not count yet. */
void ses_store_count_left(const struct ses_store_shared *shared, uint64_t now_ms,
                          struct ses_store_left *ret_left);
/* [any] So full that collection must not wait. */
bool ses_store_is_pressed(const struct ses_store_shared *shared);
/* [any] When the newest record that is published was written; 0: there is none. After a load: the newest on
 * disk, which may be ahead of the clock if that was wrong once. */
uint64_t ses_store_newest_ms(const struct ses_store_shared *shared);
/* [worker] Readable when ses_store_watch_dispatch has something to do in this slot; stays ours. */
int ses_store_wake_fd(const struct ses_store_shared *shared, unsigned slot);

#endif
