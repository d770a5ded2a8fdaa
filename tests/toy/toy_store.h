/* toy_store.h - a store in memory that behaves as one behind a network: for tests of whatever stands above
 * store.h. It answers when it likes, in any order, and fails in all the ways the contract allows, as often as
 * a test asks.
 *
 *   cloud    the database: rows, leases, and the statements that nobody waits for any more
 *   store    one machine's connection to it; several on one cloud are several machines
 *   pump     one ses_store_complete: the only moments at which something late happens
 *   fate     what becomes of one operation beside its usual end
 *
 * Everything that is random comes from the store's seed: a test prints it when it fails. Everything has an
 * end: an operation is told within pumps_max pumps after it was sent (a get at once, a write by the flush),
 * unless it is held at a gate or the store is frozen.
 *
 * Of the contract's choices this store takes those of a database:
 *   a lease has a time, by ses_clock_mono_ns, from when it was executed
 *   of several writes of one key under way the first that is executed wins; SES_BUSY is a leased key
 *
 * Misuse ends the process: an operation that is started twice, another thread, a pump inside done. Memory of
 * an arena's former bytes is freed, so that the sanitizer finds who kept them.
 */
#ifndef SESSIOND_TESTS_TOY_TOY_STORE_H
#define SESSIOND_TESTS_TOY_TOY_STORE_H

#include <sessiond/store/store.h>

#define TOY_ROWS_MAX 65536

struct toy_cloud;

/* Empty. Never NULL: a test without memory is over. */
struct toy_cloud *toy_cloud_new(void);
/* After its stores. NULL is fine. */
void toy_cloud_free(struct toy_cloud *cloud);
/* Records that became visible or may still (the intent of a lease): one for each write that was done. */
uint64_t toy_cloud_writes(const struct toy_cloud *cloud);
/* Statements that are still on their way though nobody waits for them. */
size_t toy_cloud_abandoned(const struct toy_cloud *cloud);

enum toy_mode {
    TOY_SYNC,  /* inside the call, but for what a gate or frost holds */
    TOY_LATE,  /* pending, executed at one pump and told at the same or a later one */
    TOY_EITHER /* the one or the other */
};

/* How many of a thousand. All may be changed at any time. */
struct toy_faults {
    unsigned busy;            /* every write: SES_BUSY, nothing done; of a lease's put the lease stays held */
    unsigned conflict;        /* put, lease: SES_CONFLICT although nothing has moved, as the contract allows:
                                  "read again" ends it */
    unsigned unknown;         /* every write: SES_UNKNOWN, done at once, never or after it was told */
    unsigned unavailable;     /* every write: SES_UNAVAILABLE, not done */
    unsigned get_unavailable; /* get: SES_UNAVAILABLE */
    unsigned cut;             /* pump: the connection is lost, as by toy_cut */
    unsigned lease_short;     /* lease: over before its time, while the holder believes in it */
    unsigned release_lost;    /* release: never arrives; the lease is over by its time */
    unsigned watch_false;     /* watch, at each dispatch: a false alarm */
};

struct toy_options {
    enum toy_mode mode;
    uint64_t seed;
    unsigned pumps_max; /* 0: 4 */
    struct toy_faults faults;
    /* A pump would get on: at the start of what is late, and after a pump that left some. May be NULL. */
    void (*notify)(void *arg);
    void *notify_arg;
};

struct ses_store *toy_open(struct toy_cloud *cloud, const struct toy_options *options);
struct toy_cloud *toy_cloud_of(struct ses_store *store);
struct toy_faults *toy_faults(struct ses_store *store);

/* ---- one operation, by plan ---- */

enum toy_call { TOY_GET, TOY_PUT, TOY_LEASE, TOY_PUT_LEASED, TOY_RELEASE, TOY_CALLS };

enum toy_effect {
    TOY_NEVER, /* nothing is done */
    TOY_DONE,  /* it is done; the answer is lost. With SES_UNKNOWN only, as the next one */
    TOY_LATER  /* it is on its way, and is executed some pumps of any store after its end was told */
};

struct toy_fate {
    enum ses_status status; /* what is told; SES_OK: no fault */
    enum toy_effect effect;
};

/* The call of that kind that comes after skip others ends so. One plan a kind, the last one given. */
void toy_plan(struct ses_store *store, enum toy_call call, unsigned skip, struct toy_fate fate);

enum toy_gate {
    TOY_OPEN,
    TOY_BEFORE, /* what comes to it waits before it is executed .. */
    TOY_BEHIND  /* .. or executed, before it is told */
};

/* Holds all operations of that kind, in TOY_SYNC too (they are pending then). Not those that are told. */
void toy_hold(struct ses_store *store, enum toy_call call, enum toy_gate gate);

/* ---- the network ---- */

/* Nothing is executed or told: only deadlines end what waits (a get is SES_UNAVAILABLE, a write SES_UNKNOWN
 * if it was flushed), and close. */
void toy_freeze(struct ses_store *store);
void toy_thaw(struct ses_store *store);
/* At the next pump the connection is lost: all that is pending ends as by a deadline. */
void toy_cut(struct ses_store *store);
/* Leases of all stores are over by now, whatever their holders believe. */
void toy_cloud_end_leases(struct toy_cloud *cloud);

#endif
