/* gc.h - garbage leaves from the old end of a shard, in order, in bounded steps inside the writer's
 * transactions.
 *
 * A record is current while its word stands in the table (as previous, or as an intent's word in meta):
 * previous equals word while an entry is live, and nothing that has left it ever comes back.
 *
 *   a record that is       what becomes of it
 *
 *   not current            delete, once it and what superseded it are GC_GRACE_MS old (a backup's snapshots
 *                          of several shards are taken within that time: one has the session, see backup.c).
 *                          While room is short GC_GRACE_PRESSED_MS, and at once where the newest record of
 *                          the key lies in this shard too: no snapshot can be without both. An old copy goes
 *                          at once always: if each held back the shard for the grace, payments that stay open
 *                          and come more often than that would hold it back for ever
 *   current and over       LIVE -> DELETING, delete, after the commit free the entry. Over is a record whose
 *                          retain has passed; or whose own expiry has, once it is the oldest record of all
 *                          shards: then nothing that it superseded can come back in a rebuild (README.md).
 *                          Until then step over it: it waits and does not count for other shards. Where keeps
 *                          is set the second is for what was moved alone
 *   current and live       stop; or, when older than age_ms, claim it and append it again, sealed with the
 *                          active key if there are keys; its old copy is garbage then. While room is short, whatever its age (gc_round.h)
 *   claimed by somebody    stop; when old, step over it
 *   ahead of the clock     if live or claimed, step over it: a former version wrote it while the machine's
 *                          clock was wrong, and it may live for as long
 *   cannot be read         step over it; where only its page is damaged, its row goes
 *   beside a damaged page  step over what would be deleted: LMDB could take entries from there (env_tree.h)
 *
 * The newest record may go as well: its locator is kept beside (ses_env_keep_last).
 */
#ifndef SESSIOND_STORE_GC_H
#define SESSIOND_STORE_GC_H

#include "env_tree.h"
#include "gc_round.h"
#include "share.h"
#include "shard.h"
#include "table.h"

#define GC_STEP_MAX         512
#define GC_GRACE_MS         30000
#define GC_GRACE_PRESSED_MS 10000
#define GC_APPEND_BYTES     (512u << 10) /* appended again in one step */

struct gc_action {
    uint64_t slot;
    uint64_t live; /* the new word; 0: free the entry */
    uint64_t meta;
};

/* A record that the step wrote or removed, for its owner's share. */
struct gc_moved {
    ses_store_owner owner;
    int32_t bytes;
};

struct ses_gc {
    struct ses_table *table;
    struct ses_shard *shard;
    struct share_bytes *owner_bytes; /* NULL: nobody counts */
    uint64_t age_ms;                 /* 0: never append again */
    uint64_t lag_ms;                 /* expiry is judged by so much earlier: ses_collect_clock */
    const struct record_keys *keys;  /* NULL: nothing is sealed anew */
    struct record_sealer sealer;     /* of those that are sealed anew */
    uint8_t *value;                  /* copy of the record that is appended again */
    bool pressed;                    /* room is short, in this shard or in the table */
    bool keeps; /* another store may have a copy of what lives here: only retain ends it (store_move.h) */
    /* What the shard may hold, an eighth more with what is appended again; 0: no bound. */
    uint64_t room_bytes;
    uint64_t put_bytes; /* since the shard was opened */
    struct gc_round round;
    /* of this step */
    MDB_txn *snapshot;       /* the committed pages, looked at before they are changed */
    struct env_tree records; /* the snapshot's */
    uint64_t now_ms;
    /* Where it begins: 0, or behind the step before, which ended among records ahead of the clock. */
    uint64_t from;
    uint64_t wanted; /* a record that is over and waits for the other shards */
    uint64_t lowest; /* the first readable record that stays; 0: none so far */
    uint64_t appended_bytes;
    uint64_t removed;
    bool stepped;        /* neither committed nor aborted yet */
    unsigned unreadable; /* stepped over for good */
    bool ahead;          /* stepped over what is ahead of the clock */
    bool more;           /* the step ended at its bound, not at a record that stays */
    bool empty;          /* nothing is left in the shard */
    unsigned count;
    struct gc_action action[GC_STEP_MAX];
    unsigned moved_count;
    struct gc_moved moved[GC_STEP_MAX];
    unsigned waiting_count;
    struct gc_action waiting[GC_STEP_MAX]; /* records that are over and wait; they do not count for lowest */
};

SES_MUST_CHECK enum ses_status ses_gc_init(struct ses_gc *gc, struct ses_table *table,
                                           struct ses_shard *shard, uint64_t age_ms);
void ses_gc_done(struct ses_gc *gc);
/* [committer] Looks at no more than rows_max rows (<= GC_STEP_MAX). Returns an LMDB code; then ses_gc_abort
 * after the transaction's end. */
int ses_gc_step(struct ses_gc *gc, MDB_txn *txn, uint64_t now_ms, unsigned rows_max, bool append);
/* The transaction is committed, or is not. One of them must follow each step. */
void ses_gc_commit(struct ses_gc *gc);
void ses_gc_abort(struct ses_gc *gc);

/* [writer, at opening] The old end as it is on disk, durably. */
SES_MUST_CHECK enum ses_status ses_gc_read_old_end(struct ses_table *table, struct ses_shard *shard);
/* [committer] Before and behind publishing what supersedes the record at previous (0: none): if that lies
 * below the old end of another shard (it was over, and waited), the old end falls back to it. */
void ses_gc_supersede(struct ses_table *table, unsigned shard, uint64_t previous);
/* [committer] Before the commit of a first record at locator: an empty shard has an old end again. */
void ses_gc_begin_old_end(struct ses_table *table, unsigned shard, uint64_t locator);

#endif
