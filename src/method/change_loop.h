/* change_loop.h - changing one stored thing: read, decide, put, tell; again when somebody was faster.
 * The one loop under CreateSessionToken, every writing method of SessionService and the browser's return.
 *
 *   start --> read --> take --> decide --+--> DONE: the call is answered, or goes on by itself
 *              ^                         +--> WAIT: 2..20 ms --> read
 *              |                         |
 *              |                         +--> WRITE: leased by somebody: wait 2..20 ms --> read
 *              |                                |
 *              |                                +--> write: a put, or a lease, that expects what was read
 *              |                                       |
 *              +---- CONFLICT (4 at once, then wait) --+
 *              +---- BUSY: wait -----------------------+
 *                                                      +--> OK: committed, or leased
 *                                                      +--> else: failed
 *
 * A put is a compare-and-set on the very record that decide saw, so what was decided is what is written; two
 * changes without expected_version that meet are decided one after the other, each on the other's result:
 * disjoint fields merge. decide and write must not keep anything from a former attempt: what it took of the
 * exchange's arena is given back before the next one reads.
 *
 * The store may answer inside a call or later (store.h); nothing here or above can tell the difference. take,
 * decide, write and the put run without a pause, so that what was read can lie in the service's scratch arena.
 *
 * A cancelled exchange gives up while it waits or reads; a record that is with the store is committed, and the
 * answer dropped. What a user does under a lease is the user's to give up: cancelled. What must be written whatever
 * becomes of the caller has a time of its own (must_until_ns), and is not given up.
 */
#ifndef SESSIOND_SRC_METHOD_CHANGE_LOOP_H
#define SESSIOND_SRC_METHOD_CHANGE_LOOP_H

#include "service_core.h"
#include "session_access.h"

enum ses_change_verdict {
    SES_CHANGE_DONE, /* nothing is to be written: the call may be over, and the loop gone */
    SES_CHANGE_WRITE,
    SES_CHANGE_WAIT /* for what another call is about to write: as if the key were leased */
};

struct ses_change_loop;

struct ses_change_loop_ops {
    /* What the get's answer means (loop->op and its status): fills found. What found points to lives in the
     * service's scratch arena until write returns. */
    enum ses_status (*take)(struct ses_change_loop *loop, enum ses_status status, uint64_t now_ms);
    enum ses_change_verdict (*decide)(struct ses_change_loop *loop, uint64_t now_ms);
    /* Makes the record and ends in ses_change_loop_put, _lease or _reserve, whose status it returns; a failure on the way
     * is told by failed. SES_PENDING also where the user has ended the call: the loop may be gone. */
    enum ses_status (*write)(struct ses_change_loop *loop, uint64_t now_ms);
    /* lease is held, and the exchange: the user goes on by itself, until ses_change_loop_resume. NULL: takes none. */
    void (*leased)(struct ses_change_loop *loop);
    /* What was put is not there, or nobody knows: what was made of it meanwhile is void. NULL: nothing was. */
    void (*lost)(struct ses_change_loop *loop);
    /* As durable as it gets. */
    void (*committed)(struct ses_change_loop *loop);
    /* The store refused, the deadline is near (SES_ABORTED), or the server stops. Answers; a lease may still be
     * held. */
    void (*failed)(struct ses_change_loop *loop, const struct ses_error *error);
    /* The exchange was cancelled, and the loop neither waits nor reads; NULL: what is under way goes on. */
    void (*cancelled)(struct ses_change_loop *loop);
};

enum ses_change_pause {
    SES_CHANGE_RUNS, /* or the user does */
    SES_CHANGE_READS,
    SES_CHANGE_WAITS,
    SES_CHANGE_PUTS,
    SES_CHANGE_LEASES
};

struct ses_change_loop {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_change_loop_ops *ops;
    struct ses_store_key key;
    ses_store_owner owner; /* of the entry, from a put on; SES_OWNER_NOBODY: as it is */
    enum ses_change_pause pause;
    bool blind; /* the first attempt expects nothing there, without a look */
    bool keeps; /* what ses_change_loop_put_session puts is kept, for a loop that follows */
    bool knows; /* the first attempt goes by what was kept, without a look: see ses_change_loop_follow */
    bool held;  /* our reference on x */
    uint64_t must_until_ns; /* 0: the caller's deadline counts, and what is cancelled is given up */
    uint8_t status_before;  /* of the session that the attempt has read; 0: none lives */
    uint8_t status_put;     /* of the one that it puts; 0: it puts none */
    struct ses_store_op op;
    struct ses_record kept; /* body in x's arena */
    struct ses_store_lease lease;
    uint64_t lease_end_ns;      /* by our clock */
    uint64_t span_began_ns;     /* of a put or lease that is traced; 0: none */
    struct ses_arena_mark mark; /* of x's arena, before the first attempt */
    struct ses_list node;       /* in service->waiting */
    struct ses_timer timer;
    uint32_t wait_ms;
    uint32_t again_ms;
    unsigned attempts; /* since the last wait */
    /* Valid in decide and write. The last member, so that its 2 KiB need not be zeroed with the others. */
    struct ses_access_found found;
};

/* [worker] The loop is zeroed but for blind and keeps, found apart; all of its machinery is set here. */
void ses_change_loop_start(struct ses_change_loop *loop, struct ses_service *service, struct ses_exchange *x,
                           const struct ses_change_loop_ops *ops, const struct ses_store_key *key,
                           ses_store_owner owner);
/* [worker] The same, after committed of a loop that kept: its record is what take is shown first, as a get's, and its version what
 * the put expects. Somebody else's change since is a CONFLICT, and read. Where the store did not say which version it made, or there
 * was no memory to keep it, the record is read. */
void ses_change_loop_follow(struct ses_change_loop *loop, struct ses_service *service, struct ses_exchange *x,
                            const struct ses_change_loop_ops *ops, const struct ses_store_key *key,
                            ses_store_owner owner);
/* [worker] From write, or before resume: the record to the store, under the lease if one is held. key is set;
 * the body is copied. ses_store_put's statuses. */
SES_MUST_CHECK enum ses_status ses_change_loop_put(struct ses_change_loop *loop, struct ses_record *record);
/* [worker] From write: an intent, and the lease for for_ms. ses_store_lease's statuses. */
SES_MUST_CHECK enum ses_status ses_change_loop_lease(struct ses_change_loop *loop, struct ses_record *record,
                                                     uint64_t for_ms);
/* [worker] From write: the lease without an intent. ses_store_reserve's statuses. */
SES_MUST_CHECK enum ses_status ses_change_loop_reserve(struct ses_change_loop *loop, uint64_t for_ms);
/* [worker] Under a lease: what ses_change_loop_put returned to the user, or how else it stands. The loop goes
 * on with it as if write had returned it. */
void ses_change_loop_resume(struct ses_change_loop *loop, enum ses_status status);
/* [worker] From failed, of what must be written: all of it once more after a pause (20 .. 500 ms), as the store may do better
 * then. false: no time is left, or this process writes no more; failed goes on. The end of the service ends the pause, by failed. */
bool ses_change_loop_again(struct ses_change_loop *loop);
/* [worker] The call outlives this turn by the user's doing: keeps x, and lets cancelled be called. Whatever the
 * loop starts does it by itself; a second time is harmless. */
void ses_change_loop_hold(struct ses_change_loop *loop);
/* [worker] The caller has answered: gives the exchange back. The loop may be gone afterwards. */
void ses_change_loop_finish(struct ses_change_loop *loop);
/* [worker] The server stops: answers a call that waits. */
void ses_change_loop_stop(struct ses_change_loop *loop);

/* The usual take: a session's record. */
enum ses_status ses_change_loop_take_session(struct ses_change_loop *loop, enum ses_status status,
                                             uint64_t now_ms);
/* The usual end of write: found.session as the record of its new version. SES_NO_MEMORY, and put's. */
SES_MUST_CHECK enum ses_status ses_change_loop_put_session(struct ses_change_loop *loop);

#endif
