/* store_move_impl.h - what a struct move is, for the files of this folder.
 *
 * Glossary
 *   near, far  LMDB's store and PostgreSQL's
 *   owner      of a key: the store whose record of it counts. A key that lives near is near's; else it is far's
 *   guarded    of an operation: the near claim of its key is held until it has ended
 *   carry      one key on its way from the one to the other
 *   moved      a record of that kind: what is left near, or far, of a key that the other one has
 */
#ifndef SESSIOND_STORE_STORE_MOVE_IMPL_H
#define SESSIOND_STORE_STORE_MOVE_IMPL_H

#include <sessiond/base/units.h>
#include <sessiond/store/store_driver.h>
#include <sessiond/store/store_move.h>

/* ---- whose a version and a lease are: two bits that neither store uses */

#define MOVE_NEAR     (UINT64_C(1) << 62)
#define MOVE_FAR      (UINT64_C(1) << 63)
#define MOVE_OWNERS   (MOVE_NEAR | MOVE_FAR)
#define MOVE_IN_LEASE 7 /* the word of a lease's driver[] that neither uses */

static inline uint64_t move_owner_of(const struct ses_store_version *version)
{
    return version->driver[0] & MOVE_OWNERS;
}

static inline struct ses_store_version move_marked(struct ses_store_version version, uint64_t owner)
{
    SES_REQUIRE((version.driver[0] & MOVE_OWNERS) == 0);
    version.driver[0] |= owner;
    return version;
}

/* As the store that gave it knows it. */
static inline struct ses_store_version move_unmarked(const struct ses_store_version *version)
{
    struct ses_store_version plain = *version;

    plain.driver[0] &= ~MOVE_OWNERS;
    return plain;
}

/* ---- the store */

#define MOVE_CARRIES_MAX 128 /* on their way at once, of a process */
#define MOVE_BYTES_MAX   (16 * SES_MIB)
#define MOVE_OP_MS       5000    /* one step of a carry */
#define MOVE_FENCE_MS    15000   /* how long a key that is fetched is kept from everybody else, far */
#define MOVE_MARK_MS     3600000 /* how long a mark stands far: no statement is executed as late as that */
#define MOVE_PAUSE_MS    1000    /* after a step that failed, and between two passes */
#define MOVE_TELL_MS     10000
#define MOVE_SLOTS       (UINT64_C(1) << 18) /* of the table, in a turn: 1 ms */
#define MOVE_GET_TRIES   16

struct mover {
    struct ses_lmdb_cursor cursor; /* to_pg */
    struct ses_move_listing listing;
    bool listing_waits; /* its answer */
    struct ses_store_key keys[SES_MOVE_LIST_MAX];
    size_t keys_count; /* of this round, and .. */
    size_t keys_next;  /* .. the next of them */
    bool pass_ends;    /* there are no more behind these */
    bool stopped;
    bool waits;
    struct ses_list carries;
    unsigned carries_count;
    size_t bytes; /* of their records */
    uint64_t looked_ms;
    uint64_t budget_ms; /* thousandths of keys that may be begun */
    uint64_t not_before_ms;
    uint64_t told_ms;
    uint64_t met;     /* in this pass: what it came by .. */
    uint64_t brought; /* .. and what of it is over there */
    uint64_t moved;
    uint64_t left;
    uint64_t passes;
    bool told_empty;
};

struct move {
    struct ses_store base;
    struct ses_store *near;
    struct ses_store *far; /* NULL: closed already */
    enum ses_move mode;
    ses_move_list_fn list;
    unsigned part;
    unsigned parts;
    unsigned per_second;
    struct ses_log *log;
    struct ses_metrics *metrics;
    struct ses_arena scratch; /* of look-ups whose body nobody wants */
    struct ses_list watches;
    struct mover mover;
};

extern const struct ses_store_driver ses_move_driver;

static inline struct move *move_of(struct ses_store *store)
{
    SES_REQUIRE(store->driver == &ses_move_driver);
    return SES_CONTAINER(store, struct move, base);
}

/* ---- get.c */

enum ses_status ses_move_get(struct ses_store *store, struct ses_store_op *op,
                             const struct ses_store_key *key, struct ses_arena *arena);

/* ---- guarded.c */

enum ses_status ses_move_put(struct ses_store *store, struct ses_store_op *op,
                             const struct ses_store_version *expect, const struct ses_record *record,
                             ses_store_owner owner);
enum ses_status ses_move_lease(struct ses_store *store, struct ses_store_op *op,
                               const struct ses_store_version *expect, const struct ses_record *record,
                               ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease);
enum ses_status ses_move_reserve(struct ses_store *store, struct ses_store_op *op,
                                 const struct ses_store_version *expect, const struct ses_store_key *key,
                                 ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease);
enum ses_status ses_move_put_leased(struct ses_store *store, struct ses_store_op *op,
                                    struct ses_store_lease *lease, const struct ses_record *record,
                                    ses_store_owner owner);
void ses_move_release(struct ses_store *store, struct ses_store_lease *lease, enum ses_lease_end end);

/* Claims a key near that does not live there: it is far's, or nobody's, for as long as the claim is held. SES_CONFLICT: it
 * lives near. SES_BUSY. Else as ses_store_reserve. */
SES_MUST_CHECK enum ses_status ses_move_claim(struct move *move, const struct ses_store_key *key,
                                              ses_store_owner owner, struct ses_store_lease *ret_claim);

/* ---- watch.c */

enum ses_status ses_move_watch(struct ses_store *store, const struct ses_store_key *key,
                               struct ses_store_watch *watch);
void ses_move_unwatch(struct ses_store *store, struct ses_store_watch *watch);

/* ---- carry_out.c, carry_in.c: one key, begun; it ends in ses_move_carry_end. [loop] */

struct carry {
    struct ses_store_op op; /* first */
    struct ses_list node;
    struct move *move;
    struct ses_store_key key;
    struct ses_record record;
    uint8_t *body;                    /* the record's */
    struct ses_store_version version; /* of the record where it is now, as that store knows it */
    struct ses_store_lease claim;     /* near */
    struct ses_store_lease fence;     /* far */
    struct ses_arena arena;
};

void ses_move_carry_out(struct carry *carry);
void ses_move_carry_in(struct carry *carry);

/* ---- mover.c */

void ses_move_mover_init(struct move *move);
/* With each flush: brings the next keys over. mono_ms: monotonic. */
void ses_move_turn(struct move *move, uint64_t mono_ms);

/* ---- carry.c */

/* Nothing is brought over just now, and why; told once. */
void ses_move_tell_waits(struct move *move, enum ses_status status);
/* It is brought over again, or there is nothing to bring. */
void ses_move_end_waits(struct move *move);
/* What is left of a key that the other store has. */
struct ses_record ses_move_mark(const struct ses_store_key *key);
/* Keeps the record that op shows. SES_NO_MEMORY, SES_BUSY: too much is on its way. */
SES_MUST_CHECK enum ses_status ses_move_carry_keep(struct carry *carry);
/* brought: the other store has it. status: why not, if something failed; SES_OK: it was not to be brought now. */
void ses_move_carry_end(struct carry *carry, bool brought, enum ses_status status);
/* Every step has its time. */
void ses_move_carry_step(struct carry *carry, void (*done)(struct ses_store_op *op, enum ses_status status));

#endif
