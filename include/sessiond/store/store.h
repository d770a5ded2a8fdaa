/* store.h - the contract of the session store, as far as methods and their worker need it. Nothing above it
 * may know what is beneath (today LMDB). store_shared.h: what all processes share; store_admin.h: looking
 * after the shards, and looking inside.
 *
 * Glossary
 *   key       BLAKE2b-256 of the natural key (tenant, merchant, test_mode, merchant_session_id), keyed with
 *             a secret of the data directory; made by the caller. The store never sees the parts.
 *   record    one version of one session: a plain header (key, session id, revision, expiry) and a sealed
 *             body.
 *   shard     one directory with exactly one writer process (the worker of that slot, its committer thread).
 *   claim     the exclusive right to write the next revision for a key, across all processes.
 *
 * Threads: every function is called from the thread that opened the store (the loop), except where it says
 * [any]. The committer thread is inside. A put is acknowledged only by its done function, after the sync.
 *
 * driver[] in a struct is the store's own, of no meaning to anybody else.
 *
 * The process must ignore SIGXFSZ (a file size limit is then SES_FULL, not a death) and never fork while a
 * store is open.
 */
#ifndef SESSIOND_STORE_STORE_H
#define SESSIOND_STORE_STORE_H

#include <sessiond/base/arena.h>
#include <sessiond/base/list.h>
#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/secret.h>
#include <sessiond/base/slice.h>
#include <sessiond/base/status.h>
#include <sessiond/base/units.h>

struct ses_store;
struct ses_store_shared; /* store_shared.h */

#define SES_STORE_KEY_BYTES     32
#define SES_SESSION_ID_BYTES    16
#define SES_STORE_SHARDS_MAX    64
#define SES_STORE_BODY_MAX      (128 * SES_KIB) /* bytes of one record's body before sealing */
#define SES_STORE_SEAL_KEYS_MAX 8

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

/* ---- opening ---- */

enum ses_durability {
    SES_DURABILITY_DISK,    /* synced before the acknowledgement: survives power loss */
    SES_DURABILITY_PROCESS, /* survives kill -9 of every process, not power loss */
    SES_DURABILITY_COUNT
};

/* Keys that seal records (XChaCha20-Poly1305, 32 bytes). The first one seals, all of them open. */
struct ses_seal_key {
    uint16_t id;
    const struct ses_secret *key; /* borrowed for the life of the store */
};

struct ses_store_options {
    const char *dir; /* the shards' parent directory, exists */
    unsigned shard;  /* the shard this process writes */
    unsigned shards; /* worker slots, 1 at least; shards 0 .. shards-1 may be written by others at any time */
    struct ses_store_shared *shared; /* borrowed for the life of the store */
    const struct ses_seal_key *seal_keys;
    size_t seal_keys_count;
    enum ses_durability durability;
    uint64_t quota_bytes; /* of record bytes in this shard; SES_FULL above it */
    /* What one owner may hold of the table and of this shard's bytes when it is alone, in percent; more
     * exactly S / (100 - S) times what is free (store/README.md, "Shares"). 0 or 100: all. */
    unsigned owner_share_percent;
    unsigned early_percent; /* of both, for all owners with SES_OWNER_EARLY together; 0: all */
    uint64_t map_bytes;     /* address space reserved per shard; not 0 */
    unsigned batch_max;     /* puts per transaction; a writer's is not 0 */
    unsigned queue_max;     /* puts waiting for the committer, SES_BUSY above; a writer's is not 0 */
    /* A live record older than this at the shard's old end is appended again; a writer's is not 0. */
    uint64_t gc_age_ms;
    /* [committer thread] Completions wait: make the loop call ses_store_complete. */
    void (*notify)(void *arg);
    void *notify_arg;
    struct ses_log *log;         /* used on the loop's thread only */
    struct ses_metrics *metrics; /* may be NULL */
};

/* Opens this process's shard for writing (SES_BUSY if another process writes it), settles the claims which a
 * dead predecessor of this slot left in the table, starts the committer. The other shards are opened for
 * reading when one of their records is first asked for. Never before fork. SES_IO, SES_DATA_LOSS (damaged
 * environment), SES_NO_MEMORY. The log line tells which file and what to do. */
SES_MUST_CHECK enum ses_status ses_store_open(const struct ses_store_options *options,
                                              struct ses_store **ret_store);
/* Waits for the puts handed over, calls their done functions, stops the committer, closes. NULL is fine. */
void ses_store_close(struct ses_store *store);

/* ---- reading ---- */

enum ses_record_kind {
    SES_RECORD_SESSION = 1, /* a session */
    SES_RECORD_INTENT = 2   /* written before a connector call whose outcome is not known yet */
};

/* Which record was read: lets a later claim fail when somebody was faster. */
struct ses_store_ref {
    uint64_t driver[2];
};

struct ses_record {
    struct ses_store_key key;
    uint8_t session_id[SES_SESSION_ID_BYTES];
    enum ses_record_kind kind;
    uint32_t revision;     /* 1 for the first record of a key, then + 1 for each put */
    uint64_t expires_ms;   /* sessiond's time; dropped some time after it. UINT64_MAX: never */
    struct ses_slice body; /* plaintext */
};

/* Reads the newest published record of key: body copied into arena. While another process holds a claim the
 * record before it is returned (ret_claimed says so). The caller compares expires_ms with its clock.
 * SES_NOT_FOUND, SES_BUSY (claimed and nothing published yet), SES_DATA_LOSS (that record does not open or is
 * not the key's: rot, swap), SES_ABORTED (another key with the same 64-bit tag has the entry, 10^-18 for each
 * lookup: this key cannot be stored), SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_store_get(struct ses_store *store, const struct ses_store_key *key,
                                             struct ses_arena *arena, struct ses_record *ret_record,
                                             struct ses_store_ref *ret_ref, bool *ret_claimed);

/* ---- writing ---- */

/* The right to write one revision. Plain data; must end in ses_store_put or ses_store_release. */
struct ses_claim {
    struct ses_store_key key;
    uint64_t driver[5];
    uint32_t revision; /* of the record that will be written */
    ses_store_owner owner;
    bool held;
};

/* Claims a key that has no entry. One scan on the hot path. SES_ALREADY_EXISTS: an entry is there, live or
 * expired, use ses_store_get; SES_BUSY: claimed by somebody else and nothing published, or an expired record
 * is just being removed (milliseconds); SES_FULL: the table is; SES_OVER_SHARE: owner has its share of it. */
SES_MUST_CHECK enum ses_status ses_store_claim_new(struct ses_store *store, const struct ses_store_key *key,
                                                   ses_store_owner owner, struct ses_claim *ret_claim);
/* Claims a key whose record is still the one that ref was read from (compare-and-set); revision is that
 * record's. SES_CONFLICT: it has moved on; SES_BUSY: claimed by somebody else. */
SES_MUST_CHECK enum ses_status ses_store_claim_ref(struct ses_store *store, const struct ses_store_key *key,
                                                   const struct ses_store_ref *ref, uint32_t revision,
                                                   struct ses_claim *ret_claim);
/* Gives a claim back: the entry is again what it was before. */
void ses_store_release(struct ses_store *store, struct ses_claim *claim);
/* Gives a claim back whose intent is on disk, and publishes that intent: the call that it announced may have
 * acted, and the next one must know. Nothing is written, so no full disk can prevent it. Only after the
 * intent's done function was called; without an intent on disk it is a release. */
void ses_store_release_to_intent(struct ses_store *store, struct ses_claim *claim);

/* Called on the loop's thread inside ses_store_complete, once for each accepted put.
 *   SES_OK            on disk (or as durability says) and published
 *   SES_FULL,         nothing was written; an intent's claim is still held, any other was given back, and
 *   SES_NO_MEMORY     with an intent on disk under it that intent was published
 *   SES_UNAVAILABLE   the writer is poisoned (a sync failed). Whether the record is on disk is then unknown;
 *                     its key stays claimed (SES_BUSY to others) until the next opening of this shard has
 *                     looked */
typedef void (*ses_store_done_fn)(void *arg, enum ses_status status);

/* Seals record (key and revision are taken from the claim) and hands it to the committer with the next flush.
 * The body is copied; key and revision of record are ignored. On SES_OK the claim is consumed (claim->held
 * becomes false) and done will be called; else the claim is still held: SES_FULL (quota), SES_OVER_SHARE (of
 * the owner whose entry it is), SES_BUSY (queue), SES_TOO_LARGE, SES_UNAVAILABLE (writer poisoned),
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_store_put(struct ses_store *store, struct ses_claim *claim,
                                             const struct ses_record *record, ses_store_done_fn done,
                                             void *arg);

/* The same, but the claim stays held after the commit, for the revision behind it: an intent before a
 * connector call. While the claim is held, readers see the record before the intent. If this process dies,
 * the intent is what its successor publishes. On release the intent is forgotten (a later start may see it
 * once more). On SES_OK claim->revision is one higher. Putting the final record or releasing before done was
 * called is fine. */
SES_MUST_CHECK enum ses_status ses_store_put_intent(struct ses_store *store, struct ses_claim *claim,
                                                    const struct ses_record *record, ses_store_done_fn done,
                                                    void *arg);

/* Hands all puts since the last flush to the committer: one batch, one transaction, one sync. Call once per
 * loop turn. */
void ses_store_flush(struct ses_store *store);
/* Calls the done functions of finished puts. Call when notify said so (spurious calls are fine). */
void ses_store_complete(struct ses_store *store);
/* Puts accepted whose done function was not called yet. */
size_t ses_store_pending(const struct ses_store *store);
/* False once a failed sync has poisoned the writer: no further acknowledgement until the process is
 * replaced. */
bool ses_store_healthy(const struct ses_store *store);

/* What this process has been refused last, and would be refused again. */
struct ses_store_room {
    bool table_full; /* no entry for a new key; records of known keys are taken */
    bool shard_full; /* no record at all: quota or disk */
};
struct ses_store_room ses_store_room(const struct ses_store *store);

/* ---- watching: news of a key's next record, whichever process published it ---- */

#define SES_STORE_WATCHES_MAX 65536 /* of one process */

/* The caller's storage, from watch to unwatch. */
struct ses_store_watch {
    /* [loop] Another record was published since the last call, or since ses_store_watch; several may have
     * been: read the newest. May watch and unwatch. A false alarm is possible. */
    void (*changed)(void *arg);
    void *arg;
    /* the store's */
    struct ses_list node;
    struct ses_store_key key;
    uint64_t seen;
};

/* Watches key, which need not exist. Whatever is published after the return is told; read the record
 * afterwards. SES_UNAVAILABLE: the memory was made without wake descriptors, or opened read only;
 * SES_FULL; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_store_watch(struct ses_store *store, const struct ses_store_key *key,
                                               struct ses_store_watch *watch);
/* Harmless on a watch that has ended (node initialised). */
void ses_store_unwatch(struct ses_store *store, struct ses_store_watch *watch);
/* Calls changed of the watches whose key has a new record. Call when ses_store_wake_fd (store_shared.h)
 * is readable. */
void ses_store_watch_dispatch(struct ses_store *store);

/* ---- once a second ---- */

/* [worker] Looks how full it is and tells, and lets garbage be collected by a clock that is careful after a
 * start (ses_collect_clock in store_admin.h). */
void ses_store_tick(struct ses_store *store);

#endif
