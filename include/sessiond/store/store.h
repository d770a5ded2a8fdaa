/* store.h - the contract of the session store, as far as methods need it. Nothing above it may know what is
 * beneath: a store in this machine's memory and on its disk (store_lmdb.h), or one behind a network.
 *
 * Glossary
 *   key       BLAKE2b-256 of the natural key (tenant, merchant, test_mode, merchant_session_id), keyed with
 *             a secret of the data directory; made by the caller. The store never sees the parts.
 *   record    one revision of what is stored under a key: a plain header (key, session id, kind, revision,
 *             expiry) and a sealed body.
 *   version   which record was read; a put that expects it fails when somebody was faster.
 *   lease     the right to write a key's next record kept over a call to a connector, with an intent or without.
 *
 * Every call finishes inside the call or later, as the store likes: whatever is returned but SES_PENDING is
 * the end, and done is not called. After SES_PENDING done is called once, on the loop's thread, inside
 * ses_store_complete or ses_store_close (what it begins there is SES_UNAVAILABLE at once); until then the
 * operation is the store's and must stay where it is.
 * No operation can be taken back: a caller that has lost interest waits for done all the same. It comes
 * without its help and not much after the operation's deadline.
 *
 * Exclusion comes in two kinds only: compare-and-set at put, and a lease. Of all puts that expect one version
 * one is OK, whichever process or machine they come from.
 *
 * Threads: every function is called from the thread that opened the store (the loop).
 * driver[] in a struct is the store's own, of no meaning to anybody else.
 */
#ifndef SESSIOND_STORE_STORE_H
#define SESSIOND_STORE_STORE_H

#include <sessiond/base/arena.h>
#include <sessiond/base/list.h>
#include <sessiond/base/slice.h>
#include <sessiond/base/status.h>
#include <sessiond/base/units.h>

struct ses_store;

#define SES_STORE_KEY_BYTES  32
#define SES_SESSION_ID_BYTES 16
#define SES_STORE_BODY_MAX   (128 * SES_KIB) /* bytes of one record's body before sealing */

struct ses_store_key {
    uint8_t bytes[SES_STORE_KEY_BYTES];
};

/* Who answers for an entry's place and for its records' bytes: a hash of whoever shares the store with others
 * (tenant and merchant), 1 .. SES_OWNER_MAX, made by the caller, the same in every process and after every
 * start. Two with one number share one share. SES_OWNER_NOBODY is never bounded, nor are records of versions
 * that knew no owners. SES_OWNER_EARLY set: what waits for a session that does not exist yet, a pool of its
 * own. */
typedef uint16_t ses_store_owner;
#define SES_OWNER_NOBODY 0
#define SES_OWNER_MAX    0x1fffu
#define SES_OWNER_EARLY  0x2000u

enum ses_record_kind {
    SES_RECORD_SESSION = 1, /* a session */
    SES_RECORD_INTENT = 2,  /* written before a connector call whose outcome is not known yet */
    /* What is no session's: events of one that does not exist yet, under its key; a connector's access token. The
     * body's first field tells which. */
    SES_RECORD_INBOX = 3,
    /* Left behind where a key's record was brought to another store, whose it is from then on (store_move.h). No
     * method is ever shown one. */
    SES_RECORD_MOVED = 4
};

struct ses_record {
    struct ses_store_key key;
    uint8_t session_id[SES_SESSION_ID_BYTES]; /* of a session or an intent; else all zero */
    enum ses_record_kind kind;
    uint32_t revision;     /* 1 for the first record of a key, then + 1 for each; the store's doing */
    uint64_t expires_ms;   /* sessiond's time; dropped some time after it. UINT64_MAX: never */
    struct ses_slice body; /* plaintext */
};

/* Which record was read. All zero: that there is none. Copied and kept at will. */
struct ses_store_version {
    uint64_t driver[4];
};

#define SES_VERSION_ABSENT ((struct ses_store_version){{0}})

static inline bool ses_store_version_is_absent(const struct ses_store_version *version)
{
    return (version->driver[0] | version->driver[1] | version->driver[2] | version->driver[3]) == 0;
}

/* The right to write a key's next record while a connector is asked, kept from everybody else until it is
 * given back, used, or over. The caller's storage; plain data. */
struct ses_store_lease {
    struct ses_store_key key;
    uint64_t driver[8];
    bool held;
};

/* One operation. In the caller's memory, which nobody may move until it is done; used for one at a time. */
struct ses_store_op {
    /* The caller's, before the call. [loop] status: what the call would have returned. done may start the
     * next operation, with the same struct too. */
    void (*done)(struct ses_store_op *op, enum ses_status status);
    uint64_t deadline_mono_ns; /* when the caller must have an end; 0: whenever it comes */
    /* The store's answers; valid in done, or after the call. */
    struct ses_record record;         /* get, SES_OK; body in the arena that was given */
    struct ses_store_version version; /* get, SES_OK and SES_NOT_FOUND: for a put's expect. Else unchanged */
    /* put, SES_OK: what a get would tell of this record, for the next put's expect; or SES_VERSION_ABSENT, where a driver does
     * not say. Set to that at the beginning, and left so by any other end. */
    struct ses_store_version written;
    bool leased; /* get, both: somebody writes this key just now, or has leased it */
    /* the store's own */
    struct ses_list node;
    uint64_t driver[8];
};

/* ---- reading ---- */

/* Reads the newest record of key that was acknowledged, or was about to be: whatever a put's OK told is seen
 * by each get that begins after it. While a key is leased the record beneath is read. arena is reset when the
 * get finishes, then holds the body: whatever else is in it is gone, a little later too if the get is pending.
 * The caller compares expires_ms with its clock.
 * SES_NOT_FOUND, SES_DATA_LOSS (the record does not open or is not the key's: rot, swap), SES_ABORTED (this
 * key cannot be stored: 10^-18 for each), SES_UNAVAILABLE, SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_store_get(struct ses_store *store, struct ses_store_op *op,
                                             const struct ses_store_key *key, struct ses_arena *arena);

/* ---- writing ---- */

/* Compare-and-set: record becomes what is stored under record->key if that is still what expect says. The
 * body is copied inside the call; revision is ignored. owner: of the entry from now on; SES_OWNER_NOBODY: as
 * it is.
 *   SES_OK           as durable as ses_store_durability says, and seen by every get from now on
 *   SES_CONFLICT     something else is there: read again. Nothing was written
 *   SES_BUSY         another write of this key is under way, or it is leased: come again in 2 to 20 ms
 *   SES_UNKNOWN      it may have been written, or may still be: nobody can tell in time. Whoever decides on
 *                    what is read later, and repeats what was not done, comes to one effect
 *   SES_FULL         no room: disk, quota or table
 *   SES_OVER_SHARE   owner has its share of the room
 *   SES_RESOURCE_EXHAUSTED  too many writes wait in this process
 *   SES_TOO_LARGE    above SES_STORE_BODY_MAX
 *   SES_UNAVAILABLE  surely not written; neither are the next ones, until something is mended
 *   SES_NO_MEMORY    nothing was written */
SES_MUST_CHECK enum ses_status ses_store_put(struct ses_store *store, struct ses_store_op *op,
                                             const struct ses_store_version *expect,
                                             const struct ses_record *record, ses_store_owner owner);

/* The same for an intent, before a connector is asked. With SES_OK lease is held, for for_ms from this call by
 * the store's clock, or for as long as this process lives. Nobody else writes the key meanwhile, no inbox
 * either: one that were let past would be lost with a lease that ends without a put, or the intent would. The
 * intent is seen by nobody before that: it is after a release that keeps it, after the death of the process, or
 * when the time is over. After SES_UNKNOWN nobody was asked: the store gives such a lease back as soon as it
 * can, as by a release that forgets. Of lease only held counts, and only from the end on. */
SES_MUST_CHECK enum ses_status ses_store_lease(struct ses_store *store, struct ses_store_op *op,
                                               const struct ses_store_version *expect,
                                               const struct ses_record *record, ses_store_owner owner,
                                               uint64_t for_ms, struct ses_store_lease *lease);

/* A lease without an intent, for what leaves nothing behind where it ends without a put: nothing is written. Whatever
 * ends it but a put (any release, the death of the process, its time, a put that is not OK), the key is then what it
 * was before. Of its own it has the rest of ses_store_lease: whom it keeps out, for how long, what is seen meanwhile,
 * and its statuses, those of room too, so that nobody is asked of something that could not be stored. */
SES_MUST_CHECK enum ses_status ses_store_reserve(struct ses_store *store, struct ses_store_op *op,
                                                 const struct ses_store_version *expect,
                                                 const struct ses_store_key *key, ses_store_owner owner,
                                                 uint64_t for_ms, struct ses_store_lease *lease);

/* The record that ends a lease. As ses_store_put; the lease is not held any more, and but for SES_OK the intent
 * stands (after SES_UNKNOWN it may, and the lease may last for its time):
 *   SES_CONFLICT     its time was over and somebody else has the key
 *   SES_BUSY         alone leaves the lease held: put again */
SES_MUST_CHECK enum ses_status ses_store_put_leased(struct ses_store *store, struct ses_store_op *op,
                                                    struct ses_store_lease *lease,
                                                    const struct ses_record *record, ses_store_owner owner);

/* How a lease ends that is not used. */
enum ses_lease_end {
    SES_LEASE_FORGET_INTENT, /* the connector did nothing: the key is again what it was before */
    SES_LEASE_KEEP_INTENT    /* it may have acted: the next one who looks must know */
};

/* [also with the store closing] Gives a lease back, at once or soon; one that is not held is left alone. If that
 * does not succeed the lease is over by its own time, and the intent stands. */
void ses_store_release(struct ses_store *store, struct ses_store_lease *lease, enum ses_lease_end end);

/* ---- once a turn ---- */

/* Lets what was put since the last flush go: one batch. */
void ses_store_flush(struct ses_store *store);
/* Calls done for what is finished. Call when the store said so (its opening tells how); a spurious call is
 * fine. */
void ses_store_complete(struct ses_store *store);

/* ---- watching: news of a key's next record, whichever process put it ---- */

#define SES_STORE_WATCHES_MAX 65536 /* of one process */

/* The caller's storage, from watch to unwatch. */
struct ses_store_watch {
    /* [loop] Another record was put since the last call, or since ses_store_watch; several may have been: read
     * the newest. May watch and unwatch. A false alarm is possible. */
    void (*changed)(void *arg);
    void *arg;
    /* the store's */
    struct ses_list node;
    struct ses_store_key key;
    uint64_t seen;
    void *home; /* whose list it is in */
};

/* Watches key, which need not exist. Whatever is put after the return is told; read the record afterwards.
 * SES_UNAVAILABLE: this store cannot; SES_FULL; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_store_watch(struct ses_store *store, const struct ses_store_key *key,
                                               struct ses_store_watch *watch);
/* Harmless on a watch that has ended (node initialised). */
void ses_store_unwatch(struct ses_store *store, struct ses_store_watch *watch);
/* Calls changed of the watches whose key has a new record. Call when the store said so. */
void ses_store_watch_dispatch(struct ses_store *store);

/* ---- its state ---- */

/* What an acknowledged record survives. */
enum ses_durability {
    SES_DURABILITY_DISK,    /* synced before the acknowledgement: power loss */
    SES_DURABILITY_PROCESS, /* kill -9 of every process, not power loss */
    SES_DURABILITY_REPLICA, /* the loss of a machine: another one has it too */
    SES_DURABILITY_COUNT
};

enum ses_durability ses_store_durability(const struct ses_store *store);
/* "disk", "process", "replica". */
const char *ses_durability_name(enum ses_durability durability);

/* Operations that are pending. */
size_t ses_store_pending(const struct ses_store *store);

struct ses_store_health {
    bool writes;     /* false: no put of this process will be acknowledged until it is replaced */
    bool table_full; /* refused last, and would be again: a new key; records of known keys are taken */
    bool full;       /* any record: quota or disk */
};
struct ses_store_health ses_store_health(const struct ses_store *store);

/* Once a second: looks how full it is and tells, tidies up. */
void ses_store_maintain(struct ses_store *store);

/* Waits for what is pending, calls done for it, closes. NULL is fine. */
void ses_store_close(struct ses_store *store);

#endif
