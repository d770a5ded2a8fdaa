/* store_pg_admin.h - what is done to a PostgreSQL database that holds sessions by who looks after it: sessiondctl, and a
 * start of sessiond, which brings its keys. Nothing here changes a schema: sessiond's role may not, and who operates a
 * database wants to see what is done to it.
 *
 * These calls block, each wait no longer than timeout_ms.
 */
#ifndef SESSIOND_STORE_STORE_PG_ADMIN_H
#define SESSIOND_STORE_STORE_PG_ADMIN_H

#include <sessiond/base/buf.h>
#include <sessiond/base/key_print.h>
#include <sessiond/base/secret.h>
#include <sessiond/store/store_pg.h>

#define SES_PG_ROLE_DEFAULT "sessiond" /* the role that sessiond logs in as */
#define SES_PG_SCHEMA_MAX   16384      /* bytes of what ses_pg_schema_write appends */

/* [any] Appends the SQL that makes the tables of one shard and the role that sessiond logs in as: plain SQL for psql, one
 * transaction, and nothing happens to what is there already. SES_INVALID_ARGUMENT: a shard that is not below SES_PG_SHARDS_MAX, or a
 * role that is not of 1 to 63 letters, digits and "_-.@" (so that no name can end a quotation). SES_NO_MEMORY,
 * SES_TOO_LARGE. */
SES_MUST_CHECK enum ses_status ses_pg_schema_write(unsigned shard, const char *role, struct ses_buf *text);

/* Where a shard is. */
struct ses_pg_place {
    const char *conninfo;              /* as ses_pg_target_parse takes it */
    const struct ses_secret *password; /* NULL: none is asked for */
    uint64_t timeout_ms;
};

/* [any] This machine's keys, before it makes anything with them: at a start, and at a reload that changes them. Those of the
 * first machine are written down, those of each further one compared (store/pg/fingerprints.h has the rule).
 * SES_FAILED_PRECONDITION: this machine differs and must not start; the fault names the file below the data directory and
 * the remedy. SES_UNAVAILABLE: no primary, or it does not answer, and SES_IO: it refuses, for lack of rights or tables:
 * nothing is known, try again. SES_UNIMPLEMENTED: a later version has
 * written them, or made the tables. SES_DATA_LOSS, SES_FULL, SES_INVALID_ARGUMENT (conninfo), SES_NO_MEMORY. ret_told: a sentence for the
 * log, or "". */
SES_MUST_CHECK enum ses_status ses_pg_keys_join(const struct ses_pg_place *place,
                                                const struct ses_key_print *keys, size_t count,
                                                struct ses_fault *ret_told, struct ses_fault *ret_fault);

/* [sessiondctl] The same without writing anything. */
struct ses_pg_keys_view {
    size_t known; /* keys that machines have brought */
    struct ses_fault told;
};
SES_MUST_CHECK enum ses_status ses_pg_keys_compare(const struct ses_pg_place *place,
                                                   const struct ses_key_print *keys, size_t count,
                                                   struct ses_pg_keys_view *ret_view,
                                                   struct ses_fault *ret_fault);

/* [sessiondctl] What the machines' keys are by one shard's word, told to another one that they are to use too: so a machine that
 * differs does not begin with the new one. SES_FAILED_PRECONDITION: there are other keys in use there. Else as ses_pg_keys_join. */
SES_MUST_CHECK enum ses_status ses_pg_keys_bring(const struct ses_pg_place *from,
                                                 const struct ses_pg_place *to, struct ses_fault *ret_fault);

/* [sessiondctl] Whether no row is sealed with that key (looks at every one). SES_FAILED_PRECONDITION: one is. Of several shards:
 * while slots stand still (store_pg_move.h). Else as ses_pg_keys_join. */
SES_MUST_CHECK enum ses_status ses_pg_keys_check_unused(const struct ses_pg_place *place,
                                                        uint16_t seal_number, struct ses_fault *ret_fault);

/* [sessiondctl] No machine needs the key any more: those that lack it may start. A seal key must be unused, in all shards. A key
 * that no machine ever brought is none of its business: SES_OK. Else as ses_pg_keys_join. */
SES_MUST_CHECK enum ses_status ses_pg_keys_retire(const struct ses_pg_place *place,
                                                  enum ses_key_print_kind kind, const char *id,
                                                  struct ses_fault *ret_fault);

/* ---- before sessions move (store_move.h) ---- */

/* [supervisor] Whether the shard has a session, in a slot of its own, that was not moved away and is not over. Of several shards:
 * while slots stand still (store_pg_move.h). SES_UNAVAILABLE, SES_IO (refused),
 * SES_INVALID_ARGUMENT (conninfo), SES_NO_MEMORY: nobody knows. */
SES_MUST_CHECK enum ses_status ses_pg_holds(const struct ses_pg_place *place, bool *ret_holds,
                                            struct ses_fault *ret_fault);
/* [supervisor] Whether no other machine's beat was heard for for_ms, which must be more than one takes. As above. */
SES_MUST_CHECK enum ses_status ses_pg_is_alone(const struct ses_pg_place *place,
                                               const uint8_t machine[SES_PG_MACHINE_BYTES], uint64_t for_ms,
                                               bool *ret_alone, struct ses_fault *ret_fault);

/* ---- looking through a database ---- */

enum ses_pg_level {
    SES_PG_FINE,
    SES_PG_HINT,  /* works, and could be better */
    SES_PG_WRONG, /* sessiond does not work with it, or not as it promises */
    SES_PG_LEVEL_COUNT
};

/* "fine", "hint", "wrong". */
const char *ses_pg_level_name(enum ses_pg_level level);

/* One sentence and what to do; texts are good during the call. */
struct ses_pg_finding {
    enum ses_pg_level level;
    const char *what; /* one word: "tls", "role", "clock" */
    const char *text;
    const char *remedy; /* "" of what is fine */
};

struct ses_pg_check {
    struct ses_pg_place place;
    unsigned shard;                   /* the number that it must have */
    enum ses_durability durability;   /* that is asked for: DISK or REPLICA */
    unsigned skew_max_ms;             /* between the primary's clock and ours */
    unsigned connections;             /* that one machine opens to it */
    bool prepare;                     /* statements have names there */
    const struct ses_key_print *keys; /* this machine's; NULL: not compared */
    size_t keys_count;
    void (*on_finding)(void *arg, const struct ses_pg_finding *finding);
    void *arg;
};

/* [sessiondctl] Tells what is wrong with a shard, one finding after the other, and what was looked at and is fine. Reads
 * only. SES_INVALID_ARGUMENT (conninfo; the fault says why), SES_NO_MEMORY; whatever the database does is a finding. */
SES_MUST_CHECK enum ses_status ses_pg_check(const struct ses_pg_check *check, struct ses_fault *ret_fault);

#endif
