/* gc_judge.h - what becomes of one record at the old end of a shard. The rules stand in gc.h. */
#ifndef SESSIOND_STORE_GC_JUDGE_H
#define SESSIOND_STORE_GC_JUDGE_H

#include "gc.h"

enum gc_verdict {
    GC_STOP,   /* it stays, and what lies behind it waits */
    GC_SKIP,   /* it stays, go on behind it */
    GC_WAIT,   /* the same: it is over, and another shard may have what it superseded */
    GC_DELETE, /* garbage */
    GC_EXPIRE, /* taken: delete, then free the entry */
    GC_APPEND  /* taken: append again */
};

/* One row and what the table says of it. */
struct gc_subject {
    uint64_t locator;
    uint64_t live; /* the word that would make it current */
    struct record_row row;
    struct table_entry entry;
    uint64_t claimed;
    bool newest;
    enum env_way way; /* to its record; ENV_WAY_DAMAGED: only its row can go */
};

/* [committer] EXPIRE and APPEND have taken the entry. */
enum gc_verdict ses_gc_judge(struct ses_gc *gc, struct gc_subject *subject, bool append);

#endif
