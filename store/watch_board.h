/* watch_board.h - who watches what, in memory that all processes share: 4096 buckets, keys fall into them by
 * their tag.
 *
 * Memory: for each worker slot a bit a bucket (pending) and a bit for each word of those (summary), then one
 * 64-bit mask per bucket whose bit n says that slot n watches something in the bucket: 68 KiB with 64 slots.
 * One eventfd per slot beside it.
 *
 * Order of things. A watcher sets its bit, then reads the record; a writer publishes the record, then reads
 * the bits: both sequentially consistent, so one of the two sees the other. A writer marks the bucket in the
 * slot's pending words, then its word in the summary, and writes the eventfd only if that word was unmarked:
 * a busy writer makes no second system call before the reader has run. Who publishes many marks all of them
 * first and writes behind the last one, once. The reader empties summary before words, so a mark is seen at
 * once or leaves another wake behind it.
 *
 * A process that dies between publishing and telling tells nobody: whoever opens a shard therefore makes
 * every watcher look again (ses_watch_board_rouse).
 */
#ifndef SESSIOND_STORE_WATCH_BOARD_H
#define SESSIOND_STORE_WATCH_BOARD_H

#include <stdatomic.h>

#include <sessiond/base/list.h>
#include <sessiond/store/store_lmdb.h>

#define WATCH_LAYOUT  1 /* raised with every change of struct watch_shared and of its meaning */
#define WATCH_BUCKETS 4096
#define WATCH_WORDS   (WATCH_BUCKETS / 64)

#define WATCH_BUCKET_SHIFT 52 /* of a tag: its 12 highest bits */

struct watch_slot {
    _Alignas(64) _Atomic uint64_t summary; /* bit n: pending[n] may not be 0 */
    _Atomic uint64_t pending[WATCH_WORDS];
};

struct watch_shared {
    struct watch_slot slot[SES_STORE_SHARDS_MAX];
    _Atomic uint64_t watchers[WATCH_BUCKETS]; /* bit n: slot n watches a key of this bucket */
};

_Static_assert(sizeof(struct watch_shared) == 68 * 1024, "another layout: raise WATCH_LAYOUT");
_Static_assert(SES_STORE_SHARDS_MAX == 64 && WATCH_WORDS == 64, "one bit each in 64-bit masks");

struct ses_watch_board {
    struct watch_shared *shared;
    int memory; /* of shared, close-on-exec */
    unsigned slots;
    int fd[SES_STORE_SHARDS_MAX];
};

/* The watches of one store, on the loop's thread. */
struct watch_table {
    struct ses_list bucket[WATCH_BUCKETS]; /* struct ses_store_watch */
    unsigned count;
    unsigned looking_at; /* the bucket whose watches are being called; WATCH_BUCKETS: none */
};

static inline unsigned watch_bucket(uint64_t tag)
{
    return (unsigned)(tag >> WATCH_BUCKET_SHIFT);
}

/* [supervisor] Before fork. SES_NO_MEMORY, SES_IO; SES_INVALID_ARGUMENT: no slot, or more than
 * SES_STORE_SHARDS_MAX. */
SES_MUST_CHECK enum ses_status ses_watch_board_create(unsigned slots, struct ses_watch_board **ret_board);
/* As ses_store_shared_attach says; on success the descriptors are the board's. */
SES_MUST_CHECK enum ses_status ses_watch_board_attach(int memory, const int *wakes, unsigned slots,
                                                      struct ses_watch_board **ret_board);
/* [any] In this process only. NULL is fine. */
void ses_watch_board_close(struct ses_watch_board *board);
/* [worker] Readable when something was told to the slot; the board's. */
int ses_watch_board_fd(const struct ses_watch_board *board, unsigned slot);
/* [any thread] A record of a key with this tag was published: returns which slots must be woken for it, bit n
 * for slot n. Without a watcher in its bucket: one load. */
SES_MUST_CHECK uint64_t ses_watch_board_mark(struct ses_watch_board *board, uint64_t tag);
/* [any thread] Those of one mark or of many. */
void ses_watch_board_wake(const struct ses_watch_board *board, uint64_t slots);
/* [loop] Forgets what a predecessor of this slot watched. */
void ses_watch_board_reset(struct ses_watch_board *board, unsigned slot);
/* [loop] Every watched bucket counts as changed, for everybody. */
void ses_watch_board_rouse(struct ses_watch_board *board);

#endif
