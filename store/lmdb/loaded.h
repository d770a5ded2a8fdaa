/* loaded.h - what a load has found out of each shard, for the first writer that opens it.
 *
 * Its pages are sound, nothing in the table waits to be settled, and so many bytes are whose: the load has read
 * all of it a moment ago, and a writer that looks again keeps a server of ten million sessions waiting for
 * another second. It holds as long as nobody has written, which the number of the newest transaction says:
 * whoever opens a shard for writing commits one, before anything else.
 *
 * Memory that is shared over fork, not over exec: another program in the same process has none, and its workers
 * look for themselves.
 */
#ifndef SESSIOND_STORE_LOADED_H
#define SESSIOND_STORE_LOADED_H

#include "record_row.h"
#include "share.h"

struct loaded_shard {
    _Atomic uint64_t txn; /* 1 + the number of the newest transaction that was loaded; 0: nothing is known */
    struct share_bytes bytes;
};

struct ses_loaded {
    struct loaded_shard shard[SES_STORE_SHARDS_MAX];
};

/* [supervisor] 8 MiB, of which a page is taken when it is written; NULL: no memory, and nothing will be known. */
struct ses_loaded *ses_loaded_new(void);
/* [any] Unmaps in this process only. NULL is fine. */
void ses_loaded_free(struct ses_loaded *loaded);

/* [loader] Nothing is known of any shard: a load that fails must not leave what an earlier one found. loaded may be NULL,
 * here and below. */
void ses_loaded_forget(struct ses_loaded *loaded);
/* [loader] Nothing is known of shard, and counting begins. */
void ses_loaded_begin(struct ses_loaded *loaded, unsigned shard);
/* [loader] A row of shard, whatever becomes of it. */
void ses_loaded_count(struct ses_loaded *loaded, unsigned shard, const struct record_row *row);
/* [loader] All rows of transaction txnid are in the table, or will be before a writer opens the shard; 0: there
 * is no file, or nothing in it. */
void ses_loaded_end(struct ses_loaded *loaded, unsigned shard, uint64_t txnid);
/* [writer] What is known of shard; NULL: nothing. */
const struct loaded_shard *ses_loaded_of(const struct ses_loaded *loaded, unsigned shard);

#endif
