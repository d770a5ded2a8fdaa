/* store_move.h - one store made of two while sessions go from the one to the other: the near one is LMDB's (this
 * machine's), the far one is PostgreSQL's. What it is for and why nothing is lost is in store/move/README.md; what it does
 * is store.h's contract.
 *
 * Of the contract's choices it takes those of the store that has the key. SES_UNAVAILABLE of a key that the near one does
 * not have: nobody knows whether the far one has it.
 */
#ifndef SESSIOND_STORE_STORE_MOVE_H
#define SESSIOND_STORE_STORE_MOVE_H

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/store/store_lmdb.h>

/* Where a key is made that neither store has. What is there already stays where it is until it is brought over. */
enum ses_move {
    SES_MOVE_KNOW,    /* near; nothing is brought anywhere */
    SES_MOVE_TO_PG,   /* far; what is near is brought there */
    SES_MOVE_TO_LMDB, /* near; what is far is brought here. This machine is the only one */
    SES_MOVE_COUNT
};

/* A list of the far store's keys that have a record which was not moved, a piece a call. [loop] done: SES_OK, keys are good
 * during the call; else why not, and the place is what it was. */
struct ses_move_listing {
    void (*done)(struct ses_move_listing *listing, enum ses_status status, const struct ses_store_key *keys,
                 size_t count);
    bool over; /* there are no more: the next one begins anew */
    /* the place, the store's own; zero at the start */
    unsigned shard;
    struct ses_store_key after;
};
/* SES_PENDING: done is called, inside or later; else it ended inside the call, with nothing. SES_BUSY: soon again. No more
 * than SES_MOVE_LIST_MAX keys. */
typedef enum ses_status (*ses_move_list_fn)(struct ses_store *far, struct ses_move_listing *listing);

#define SES_MOVE_LIST_MAX 256

struct ses_move_options {
    struct ses_store
        *near; /* as ses_lmdb_open made it, with keeps; closed by ses_store_close, as the far one */
    struct ses_store *far;
    enum ses_move mode;
    unsigned part;         /* of the keys this process brings over those .. */
    unsigned parts;        /* .. of one part of so many */
    unsigned per_second;   /* keys that it brings over in a second, at most; 0: none */
    ses_move_list_fn list; /* to_lmdb's; else unused */
    struct ses_log *log;
    struct ses_metrics *metrics; /* may be NULL */
};

/* [worker] On success near and far are the store's. Each flush brings some keys over. SES_NO_MEMORY: they are the caller's
 * still. */
SES_MUST_CHECK enum ses_status ses_move_open(const struct ses_move_options *options,
                                             struct ses_store **ret_store);
/* [worker's loop] Nothing more is begun: the process is about to leave. What is on its way counts as pending. */
void ses_move_stop(struct ses_store *store);
/* [any] The near one, for what is LMDB's alone. */
struct ses_store *ses_move_near(struct ses_store *store);

struct ses_move_status {
    uint64_t moved;  /* keys, by this process */
    uint64_t left;   /* in this process's part, when it was gone through last */
    uint64_t passes; /* that have ended */
    bool waits;      /* the far store does not answer */
};
void ses_move_look(const struct ses_store *store, struct ses_move_status *ret_status);

#endif
