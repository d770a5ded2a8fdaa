/* store.h - the contract of the session store. Nothing above it may know what is beneath (today LMDB).
 *
 * Glossary
 *   key       BLAKE2b-256 of the natural key (tenant, merchant, test_mode, merchant_session_id), keyed with
 *             a secret of the data directory; made by the caller. The store never sees the parts.
 *   record    one version of one session: a plain header (key, session id, revision, expiry) and a sealed
 *             body.
 *   shard     one directory with exactly one writer process (the worker of that slot, its committer thread).
 *   locator   place of a record in its shard; grows with time, never used twice.
 *   table     the session table in shared memory: key -> {state, shard, locator}. Layout: store/README.md.
 *   claim     the exclusive right to write the next revision for a key, across all processes.
 *
 * Threads: every function is called from the thread that opened the store (the loop), except where it says
 * [any]. The committer thread is inside. A put is acknowledged only by its done function, after the sync.
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
struct ses_table;
struct ses_watch_board;

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

/* ---- the session table ---- */

/* [supervisor] Makes the table in a memfd with room for at least sessions_max live sessions; inherited over
 * fork. SES_NO_MEMORY, SES_IO; errno says why (EFBIG: above the process's limit of file sizes). */
SES_MUST_CHECK enum ses_status ses_table_create(uint64_t sessions_max, struct ses_table **ret_table);
/* [any] Unmaps in this process only. NULL is fine. */
void ses_table_close(struct ses_table *table);
/* [any] Entries in use now (approximate while others write) and how many it is good for (at least
 * sessions_max). */
void ses_table_usage(const struct ses_table *table, uint64_t *ret_used, uint64_t *ret_room);

/* [supervisor's loader child] Fills the fresh table from all shards below dir after a full stop: the highest
 * revision of each key that had not expired at the earlier of now_ms and the newest record. Reports progress
 * through log every few seconds. A shard that is damaged is SES_DATA_LOSS with a log line saying which and
 * what to do. ret_sessions counts what was loaded. */
SES_MUST_CHECK enum ses_status ses_store_load(const char *dir, struct ses_table *table, uint64_t now_ms,
                                              struct ses_log *log, uint64_t *ret_sessions);

/* [any] When the newest record that is published was written; 0: there is none. After a load: the newest on
 * disk, which may be ahead of the clock if that was wrong once. */
uint64_t ses_store_newest_ms(const struct ses_table *table);
/* [any] So full that collection must not wait. */
bool ses_table_is_pressed(const struct ses_table *table);

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
    unsigned shards; /* number of worker slots; shards 0 .. shards-1 may be written by others at any time */
    struct ses_table *table;
    struct ses_watch_board *watch_board; /* NULL: nobody watches */
    const struct ses_seal_key *seal_keys;
    size_t seal_keys_count;
    enum ses_durability durability;
    uint64_t quota_bytes; /* of record bytes in this shard; SES_FULL above it */
    /* What one owner may hold of the table and of this shard's bytes when it is alone, in percent; more
     * exactly S / (100 - S) times what is free (store/README.md, "Shares"). 0 or 100: all. */
    unsigned owner_share_percent;
    unsigned early_percent; /* of both, for all owners with SES_OWNER_EARLY together; 0: all */
    uint64_t map_bytes;     /* address space reserved per shard; 0 = 1 TiB */
    unsigned batch_max;     /* puts per transaction; 0 = 512 */
    unsigned queue_max;     /* puts waiting for the committer, SES_BUSY above; 0 = 16384 */
    /* A live record older than this at the shard's old end is appended again; 0 = 2 hours. */
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

/* What the table said: lets a later claim fail when somebody was faster. Opaque. */
struct ses_store_ref {
    uint64_t slot;
    uint64_t word;
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
    uint64_t slot;
    uint64_t word;     /* our claim word */
    uint64_t previous; /* the word before it, 0 if the key was absent */
    uint64_t meta;     /* the entry's meta before it */
    uint64_t intent;   /* the meta of the intent that was put under it, 0: none */
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

/* [supervisor] Before fork: shared memory and one eventfd (close-on-exec) for each of the worker slots.
 * SES_NO_MEMORY, SES_IO, SES_INVALID_ARGUMENT: no slot, or more than SES_STORE_SHARDS_MAX. */
SES_MUST_CHECK enum ses_status ses_watch_board_create(unsigned slots, struct ses_watch_board **ret_board);
/* [any] In this process only. NULL is fine. */
void ses_watch_board_close(struct ses_watch_board *board);
/* [worker] Readable when ses_store_watch_dispatch has something to do; the board's. */
int ses_watch_board_fd(const struct ses_watch_board *board, unsigned slot);

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
 * afterwards. SES_UNAVAILABLE: no board, or opened read only; SES_FULL; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_store_watch(struct ses_store *store, const struct ses_store_key *key,
                                               struct ses_store_watch *watch);
/* Harmless on a watch that has ended (node initialised). */
void ses_store_unwatch(struct ses_store *store, struct ses_store_watch *watch);
/* Calls changed of the watches whose key has a new record. Call when ses_watch_board_fd is readable. */
void ses_store_watch_dispatch(struct ses_store *store);
/* Watches now. */
unsigned ses_store_watches(const struct ses_store *store);

/* ---- maintenance ---- */

/* Asks the committer for a step of garbage collection at the old end: superseded and expired records go,
 * bounded per step; it also runs by itself beside commits. Call from a timer (about 1 s).
 * A superseded record stays 30 s at least, see ses_store_backup. */
void ses_store_collect(struct ses_store *store, uint64_t now_ms);

/* The clock by which collection judges what is over: ours, but after a start it begins where the newest
 * record ended and catches up by 4 s in each second, at once when table or shard is 80 % full. So a clock
 * that went ahead while nobody looked deletes nothing at once. */
struct ses_collect_clock {
    uint64_t lag_ms; /* behind ours */
    uint64_t mono_ms;
};

void ses_collect_clock_init(struct ses_collect_clock *clock, const struct ses_table *table, uint64_t now_ms,
                            uint64_t mono_ms);
/* What is left of the lag. */
uint64_t ses_collect_clock_lag(struct ses_collect_clock *clock, bool pressed, uint64_t mono_ms);
/* [worker] About once a second: ses_store_collect by that clock. */
void ses_store_tick(struct ses_store *store);
/* [housekeeper] Frees LMDB reader slots of dead processes in every shard below dir; opens and closes nothing
 * that is open. */
void ses_store_check_readers(struct ses_store *store);
/* [housekeeper] Opens all shards for reading, no writer, no committer (options->shard is ignored). */
SES_MUST_CHECK enum ses_status ses_store_open_readonly(const struct ses_store_options *options,
                                                       struct ses_store **ret_store);
/* [housekeeper] One bounded step of garbage collection of a shard whose slot no longer exists, after settling
 * the claims that its last writer left; *ret_empty when nothing live is left (the directory stays: processes
 * have it open). SES_BUSY: it has a writer; SES_NOT_FOUND: no such shard; else as ses_store_open. */
SES_MUST_CHECK enum ses_status ses_store_drain_retired(const char *dir, unsigned shard,
                                                       struct ses_table *table, uint64_t now_ms,
                                                       bool *ret_empty);

struct ses_scan_row {
    unsigned shard;
    uint64_t locator;
    const struct ses_record *record; /* body empty unless opened */
    uint32_t sealed_bytes;
    enum ses_status opened; /* SES_OK, or why the body could not be opened */
};

/* [any process, also offline; not from inside fn] Walks every record of every shard below dir, old to new,
 * and calls fn; with seal keys each is opened and checked. fn returns false to stop. */
SES_MUST_CHECK enum ses_status ses_store_scan(const char *dir, const struct ses_seal_key *seal_keys,
                                              size_t seal_keys_count,
                                              bool (*fn)(void *arg, const struct ses_scan_row *row),
                                              void *arg);
struct ses_backup_report {
    uint64_t copied; /* records */
    uint64_t lost;   /* could not be read at the source: not in the copy */
};

/* [any process] A consistent copy of every shard into an existing empty directory, while the server runs:
 * every session that was acknowledged before the call is in it, but for the report's lost records, which
 * are damaged at the source: all others are in it all the same. report is written whatever the status.
 * However slow the target is, no snapshot of the source lasts for it (backup.c). Memory: 8 bytes a record and
 * up to 64 MiB. SES_ALREADY_EXISTS: the directory is not empty. SES_IO, SES_FULL. SES_DATA_LOSS: a shard, or
 * its index, is damaged, so that nobody can tell what is missing. SES_BUSY: records were put faster than the
 * target takes them, or the shards could not be pinned within 2 s of each other. SES_ABORTED: to compare the
 * copy with the source took more than 30 s. */
SES_MUST_CHECK enum ses_status ses_store_backup(const char *dir, const char *target_dir,
                                                struct ses_backup_report *report);

#endif
