/* store_admin.h - the store's keepers: what the housekeeper does beside the workers, and what tools do with
 * the shards of a server that runs or has stopped.
 */
#ifndef SESSIOND_STORE_STORE_ADMIN_H
#define SESSIOND_STORE_STORE_ADMIN_H

#include <sessiond/store/store_lmdb.h>
#include <sessiond/store/store_shared.h>

/* ---- the housekeeper's ---- */

/* The clock by which collection judges what is over: ours, but after a start it begins where the newest
 * record ended and catches up by 4 s in each second, at once when table or shard is 80 % full. So a clock
 * that went ahead while nobody looked deletes nothing at once. */
struct ses_collect_clock {
    uint64_t lag_ms; /* behind ours */
    uint64_t mono_ms;
};

void ses_collect_clock_init(struct ses_collect_clock *clock, const struct ses_store_shared *shared,
                            uint64_t now_ms, uint64_t mono_ms);
/* What is left of the lag. pressed: ses_store_is_pressed. */
uint64_t ses_collect_clock_lag(struct ses_collect_clock *clock, bool pressed, uint64_t mono_ms);
/* [housekeeper] Frees reader slots of dead processes in every shard below dir; opens and closes nothing
 * that is open. */
void ses_store_check_readers(struct ses_store *store);
/* [housekeeper] Opens all shards for reading, no writer, no committer (options->shard is ignored). */
SES_MUST_CHECK enum ses_status ses_store_open_readonly(const struct ses_lmdb_options *options,
                                                       struct ses_store **ret_store);
/* [housekeeper] One bounded step of garbage collection of a shard whose slot no longer exists, after settling
 * the claims that its last writer left; *ret_empty when nothing live is left (the directory stays: processes
 * have it open). SES_BUSY: it has a writer; SES_NOT_FOUND: no such shard; else as ses_lmdb_open. */
SES_MUST_CHECK enum ses_status ses_store_drain_retired(const char *dir, unsigned shard,
                                                       struct ses_store_shared *shared, uint64_t now_ms,
                                                       bool *ret_empty);

/* ---- looking inside, copying ---- */

struct ses_scan_row {
    unsigned shard;
    uint64_t locator;                /* the record's place in its shard; grows with time, never used twice */
    const struct ses_record *record; /* body empty unless opened */
    uint32_t sealed_bytes;
    uint16_t seal_key;      /* id of the key that sealed it; 0: its header cannot be read */
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
    uint64_t shards; /* a bit each */
    uint64_t shard_records[SES_STORE_SHARDS_MAX];
    uint16_t seal_keys[SES_STORE_SEAL_KEYS_MAX]; /* ids of those that sealed any of it */
    unsigned seal_keys_count;
};

/* How far it is; the total is what the source held when the backup began, garbage included. */
struct ses_backup_progress {
    uint64_t records;
    uint64_t records_total;
    uint64_t bytes; /* of records */
};

/* Called between blocks, while no snapshot is held. */
struct ses_backup_watch {
    void (*fn)(void *arg, const struct ses_backup_progress *progress);
    void *arg;
};

/* [any process] A consistent copy of every shard into an existing empty directory, while the server runs:
 * every session that was acknowledged before the call is in it, but for the report's lost records, which
 * are damaged at the source: all others are in it all the same. report is written whatever the status.
 * watch may be NULL.
 * However slow the target is, no snapshot of the source lasts for it (backup.c). Memory: 8 bytes a record and
 * up to 64 MiB. SES_ALREADY_EXISTS: the directory is not empty. SES_IO, SES_FULL. SES_DATA_LOSS: a shard, or
 * its index, is damaged, so that nobody can tell what is missing. SES_BUSY: records were put faster than the
 * target takes them, or the shards could not be pinned within 2 s of each other. SES_ABORTED: to compare the
 * copy with the source took more than 30 s. */
SES_MUST_CHECK enum ses_status ses_store_backup(const char *dir, const char *target_dir,
                                                const struct ses_backup_watch *watch,
                                                struct ses_backup_report *report);

#endif
