/* store_pg_move.h - which shard has which sessions, and moving them to another one while they are served.
 *
 * A slot is the first 12 bits of a key. Each shard says which slots it has; what is said stands in its own tables only, so
 * that whoever moves slots may die at any time, and another run goes on from what the tables say. store/pg/README.md,
 * "Moving slots", has the steps and why no session is lost or read stale by them.
 *
 * [sessiondctl] where nothing else is said. These calls block; each wait has an end.
 */
#ifndef SESSIOND_STORE_STORE_PG_MOVE_H
#define SESSIOND_STORE_STORE_PG_MOVE_H

#include <signal.h>

#include <sessiond/store/store_pg_admin.h>

#define SES_PG_SLOTS 4096

/* What a shard says of a slot: numbers as stored. */
enum ses_pg_slot {
    SES_PG_SLOT_GONE = 0,    /* another shard has it */
    SES_PG_SLOT_OWN = 1,     /* of at most one shard at any time */
    SES_PG_SLOT_LEAVING = 2, /* it is being moved away: neither read nor written */
};

/* ---- looking ---- */

#define SES_PG_BEATS_MAX 256

/* A machine that serves, or once did: its number grows each second while it does. */
struct ses_pg_beat {
    uint8_t machine[SES_PG_MACHINE_BYTES];
    int64_t n;
};

struct ses_pg_shard_look {
    int64_t epoch;
    uint8_t slot[SES_PG_SLOTS]; /* enum ses_pg_slot */
    bool left[SES_PG_SLOTS];    /* GONE, and rows of it are still there: harmless, and room */
    uint64_t rows;              /* an estimate of the server's */
    unsigned beats_count;
    struct ses_pg_beat beats[SES_PG_BEATS_MAX];
    char mover[SES_PG_TEXT_SIZE]; /* who is moving slots there just now; "": nobody */
};

/* Reads only. SES_UNAVAILABLE: no primary, or it does not answer. SES_IO: it refuses. SES_FAILED_PRECONDITION: it is not that
 * shard, or its table of slots is not whole. SES_INVALID_ARGUMENT (conninfo), SES_NO_MEMORY. The fault says which. */
SES_MUST_CHECK enum ses_status ses_pg_shard_look(const struct ses_pg_place *place, unsigned shard,
                                                 struct ses_pg_shard_look *ret_look,
                                                 struct ses_fault *ret_fault);

/* ---- while slots stand still ---- */

/* What several shards say one after the other is true together only if no slot has moved between them. */
struct ses_pg_still {
    const struct ses_pg_place *places; /* of all shards, by their numbers; the caller's */
    unsigned count;
    int64_t epoch[SES_PG_SHARDS_MAX];
};

/* [any] SES_FAILED_PRECONDITION: a slot is on its way, or not of exactly one of these shards; the fault names it, and what to
 * do. SES_UNAVAILABLE, SES_IO (refused), SES_INVALID_ARGUMENT (conninfo), SES_NO_MEMORY: nobody knows. */
SES_MUST_CHECK enum ses_status ses_pg_still_begin(const struct ses_pg_place *places, unsigned count,
                                                  struct ses_pg_still *ret_still,
                                                  struct ses_fault *ret_fault);
/* [any] Behind what was looked at. SES_OK: no slot has moved since the beginning. Else as there. */
SES_MUST_CHECK enum ses_status ses_pg_still_end(const struct ses_pg_still *still,
                                                struct ses_fault *ret_fault);

/* ---- moving ---- */

enum ses_pg_move_news {
    SES_PG_MOVED,      /* a group is at the target */
    SES_PG_CLEANED,    /* rows of slots that the source has no longer are removed */
    SES_PG_GIVEN_BACK, /* a group is the source's again: text says why; it is tried again */
    SES_PG_AWAITS,     /* text says for whom; told once for each cause */
};

struct ses_pg_move_event {
    enum ses_pg_move_news news;
    unsigned first; /* the slots */
    unsigned last;
    uint64_t rows;
    uint64_t busy_us; /* for how long nobody could use them */
    const char *text; /* good during the call */
};

/* How long a group may be out of use before it is given back; rows of a group; for how long nothing may go on. */
#define SES_PG_MOVE_GROUP_MS    2000
#define SES_PG_MOVE_GROUP_ROWS  2000
#define SES_PG_MOVE_PATIENCE_MS 60000

struct ses_pg_move {
    const struct ses_pg_place *places; /* of all shards, by their numbers */
    unsigned places_count;
    unsigned from;
    unsigned to;
    enum ses_durability durability; /* that is asked of both */
    const bool *wanted; /* SES_PG_SLOTS: which slots; those that are at the target already are done */
    uint64_t group_rows;
    uint64_t group_ms;
    uint64_t patience_ms;
    uint64_t pause_ms;                 /* between two groups */
    const volatile sig_atomic_t *stop; /* not 0: the group that is begun is the last one */
    void (*on_event)(void *arg, const struct ses_pg_move_event *event);
    void *arg;
};

/* Moves them, and finishes what an earlier run left of them. SES_OK: all are moved. SES_CANCELLED: stop was set, some are
 * not. SES_BUSY: somebody else is at it. SES_FAILED_PRECONDITION: not these shards, not as durable as asked, tables of
 * different versions, a slot that neither has or both: the fault says which. SES_UNAVAILABLE, SES_IO: for patience_ms
 * nothing went on, or the target has refused a group three times. The fault then says in which state the slots are.
 * SES_INVALID_ARGUMENT (conninfo), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_move(const struct ses_pg_move *move, struct ses_fault *ret_fault);

#endif
