/* Writing. What was read near is written near, and nobody needs to be told: a key that lives there is near's, and one that
 * was brought over since is a conflict.
 *
 * Everything else is guarded: the near claim of the key is held until the far store has answered, in every mode. So no two
 * processes, of whatever modes, make one key in both stores; and no key is brought near while far is written to.
 *
 *   claim near -> near lives                                    conflict
 *              -> was read far, or is made far (to_pg)          far's own put, lease, reserve
 *              -> is made near (know, to_lmdb)                  far gets a mark in the place of nothing: near
 *
 * Far is not only read then: a read sees neither what is written there and waits for its acknowledgement, nor what was sent
 * there, is told to be unknown and may be executed at any time. Over a mark no such creation is made any more.
 *
 * A lease of far's outlasts its claim: from then on the far row keeps the others out, those who would bring it near too.
 */
#include "store_move_impl.h"

#include <stdlib.h>

enum guard { GUARD_PUT, GUARD_LEASE, GUARD_RESERVE };

struct guarded {
    struct ses_store_op op; /* far's, and near's after that; first */
    struct move *move;
    struct ses_store_op *outer;
    enum guard kind;
    bool late;  /* the call has returned: done tells the end */
    bool asked; /* far, what it has: once */
    bool comes_near;
    struct ses_store_lease *lease; /* the caller's */
    struct ses_store_lease claim;
    struct ses_store_version expect; /* far's */
    struct ses_store_key key;
    ses_store_owner owner;
    uint64_t for_ms;
    struct ses_record record; /* body behind */
    uint8_t body[];
};

/* ---- versions ---- */

/* What was put is to be expected of the store that has it. */
static void take_written(struct ses_store_op *outer, const struct ses_store_op *inner, enum ses_status status,
                         uint64_t owner)
{
    if (status == SES_OK && !ses_store_version_is_absent(&inner->written))
        outer->written = move_marked(inner->written, owner);
}

/* ---- claims ---- */

enum ses_status ses_move_claim(struct move *move, const struct ses_store_key *key, ses_store_owner owner,
                               struct ses_store_lease *ret_claim)
{
    struct ses_store_op op = {.done = NULL};
    enum ses_status status =
        ses_store_reserve(move->near, &op, &SES_VERSION_ABSENT, key, owner, 0, ret_claim);

    SES_REQUIRE(status != SES_PENDING);
    if (status != SES_CONFLICT)
        return status;
    status = ses_store_get(move->near, &op, key, &move->scratch);
    if (status == SES_NOT_FOUND)
        return SES_BUSY; /* it went just now, or comes */
    if (status != SES_OK)
        return status;
    if (op.record.kind != SES_RECORD_MOVED)
        return SES_CONFLICT;
    return ses_store_reserve(move->near, &op, &op.version, key, owner, 0, ret_claim);
}

/* ---- the end ---- */

static void give_back(struct guarded *guarded)
{
    ses_store_release(guarded->move->near, &guarded->claim, SES_LEASE_FORGET_INTENT);
}

static enum ses_status end(struct guarded *guarded, enum ses_status status)
{
    struct ses_store_op *outer = guarded->outer;
    bool late = guarded->late;

    if (status == SES_PENDING) {
        guarded->late = true;
        return status;
    }
    give_back(guarded);
    free(guarded);
    if (late)
        outer->done(outer, status);
    return status;
}

/* The claim, or what became of it, is the caller's lease now. */
static enum ses_status end_leased_near(struct guarded *guarded, enum ses_status status)
{
    if (status == SES_OK) {
        *guarded->lease = guarded->claim;
        guarded->lease->driver[MOVE_IN_LEASE] = MOVE_NEAR;
        guarded->claim.held = false;
    }
    return status;
}

/* ---- near ---- */

static void on_near(struct ses_store_op *op, enum ses_status status)
{
    struct guarded *guarded = SES_CONTAINER(op, struct guarded, op);

    (void)end(guarded, guarded->kind == GUARD_LEASE ? end_leased_near(guarded, status) : status);
}

static enum ses_status write_near(struct guarded *guarded)
{
    struct ses_store *near = guarded->move->near;
    enum ses_status status;

    guarded->op.done = on_near;
    switch (guarded->kind) {
    case GUARD_PUT:
        return ses_store_put_leased(near, &guarded->op, &guarded->claim, &guarded->record, guarded->owner);
    case GUARD_LEASE:
        status = ses_lmdb_lease_reserved(near, &guarded->op, &guarded->claim, &guarded->record);
        return end_leased_near(guarded, status);
    case GUARD_RESERVE:
        break;
    }
    return end_leased_near(guarded, SES_OK);
}

/* ---- far ---- */

/* The end, unless the key comes near: that goes on. Nothing was written there yet, and a mark that stands far is nobody's
 * record. */
static enum ses_status end_far(struct guarded *guarded, enum ses_status status)
{
    if (guarded->comes_near && status == SES_OK)
        return write_near(guarded);
    if (guarded->comes_near && status == SES_UNKNOWN)
        return SES_UNAVAILABLE;
    if (guarded->kind == GUARD_PUT)
        take_written(guarded->outer, &guarded->op, status, MOVE_FAR);
    else if (status == SES_OK)
        guarded->lease->driver[MOVE_IN_LEASE] = MOVE_FAR;
    return status;
}

static enum ses_status ask_far(struct guarded *guarded);

static bool is_absent(const struct ses_store_version *version)
{
    return version->driver[0] == 0;
}

/* A key that nobody has, and whose mark is there, is made over the mark. */
static enum ses_status judge_far(struct guarded *guarded, enum ses_status status)
{
    if (status == SES_CONFLICT && is_absent(&guarded->expect) && !guarded->asked)
        return ask_far(guarded);
    return end_far(guarded, status);
}

static void on_far(struct ses_store_op *op, enum ses_status status)
{
    struct guarded *guarded = SES_CONTAINER(op, struct guarded, op);

    (void)end(guarded, judge_far(guarded, status));
}

static enum ses_status mark_far(struct guarded *guarded)
{
    struct ses_record moved = ses_move_mark(&guarded->key);

    moved.expires_ms += MOVE_MARK_MS;
    return ses_store_put(guarded->move->far, &guarded->op, &guarded->expect, &moved, SES_OWNER_NOBODY);
}

static enum ses_status begin_far(struct guarded *guarded)
{
    struct ses_store *far = guarded->move->far;

    if (far == NULL)
        return SES_UNAVAILABLE;
    guarded->op.done = on_far;
    if (guarded->comes_near)
        return mark_far(guarded);
    switch (guarded->kind) {
    case GUARD_PUT:
        return ses_store_put(far, &guarded->op, &guarded->expect, &guarded->record, guarded->owner);
    case GUARD_LEASE:
        return ses_store_lease(far, &guarded->op, &guarded->expect, &guarded->record, guarded->owner,
                               guarded->for_ms, guarded->lease);
    case GUARD_RESERVE:
        break;
    }
    return ses_store_reserve(far, &guarded->op, &guarded->expect, &guarded->key, guarded->owner,
                             guarded->for_ms, guarded->lease);
}

static enum ses_status write_far(struct guarded *guarded)
{
    enum ses_status status = begin_far(guarded);

    return status == SES_PENDING ? status : judge_far(guarded, status);
}

/* ---- what far has of a key that the caller thinks is nobody's ---- */

static enum ses_status judge_asked(struct guarded *guarded, enum ses_status status)
{
    bool marked = status == SES_OK && guarded->op.record.kind == SES_RECORD_MOVED;

    if (status != SES_OK && status != SES_NOT_FOUND)
        return status;
    if (status == SES_OK && !marked)
        return SES_CONFLICT;
    if (guarded->op.leased)
        return SES_BUSY;
    if (!marked)
        return SES_BUSY; /* there was something, and is not any more */
    guarded->expect = guarded->op.version;
    return write_far(guarded);
}

static void on_asked(struct ses_store_op *op, enum ses_status status)
{
    struct guarded *guarded = SES_CONTAINER(op, struct guarded, op);

    (void)end(guarded, judge_asked(guarded, status));
}

static enum ses_status ask_far(struct guarded *guarded)
{
    enum ses_status status;

    if (guarded->move->far == NULL)
        return SES_UNAVAILABLE;
    guarded->asked = true;
    guarded->op.done = on_asked;
    status = ses_store_get(guarded->move->far, &guarded->op, &guarded->key, &guarded->move->scratch);
    return status == SES_PENDING ? status : judge_asked(guarded, status);
}

/* ---- beginning ---- */

/* What is written far takes no place near. */
static enum ses_status begin(struct guarded *guarded)
{
    ses_store_owner owner;
    enum ses_status status;

    guarded->comes_near = is_absent(&guarded->expect) && guarded->move->mode != SES_MOVE_TO_PG;
    owner = guarded->comes_near ? guarded->owner : SES_OWNER_NOBODY;
    status = ses_move_claim(guarded->move, &guarded->key, owner, &guarded->claim);
    return end(guarded, status == SES_OK ? write_far(guarded) : status);
}

static struct guarded *make(struct move *move, enum guard kind, struct ses_store_op *op,
                            const struct ses_store_version *expect, const struct ses_store_key *key,
                            struct ses_slice body)
{
    struct guarded *guarded = malloc(sizeof(*guarded) + body.len);

    if (guarded == NULL)
        return NULL;
    memset(guarded, 0, sizeof(*guarded));
    guarded->op.deadline_mono_ns = op->deadline_mono_ns;
    guarded->move = move;
    guarded->outer = op;
    guarded->kind = kind;
    guarded->expect = move_unmarked(expect);
    guarded->key = *key;
    if (body.len > 0)
        memcpy(guarded->body, body.data, body.len);
    guarded->record.body = ses_slice(guarded->body, body.len);
    return guarded;
}

static void take_record(struct guarded *guarded, const struct ses_record *record)
{
    struct ses_slice body = guarded->record.body;

    guarded->record = *record;
    guarded->record.body = body;
}

/* Of a key that lives near. */
struct near_put {
    struct ses_store_op op;
    struct ses_store_op *outer;
};

static enum ses_status end_near_put(struct near_put *put, enum ses_status status)
{
    take_written(put->outer, &put->op, status, MOVE_NEAR);
    free(put);
    return status;
}

static void on_near_put(struct ses_store_op *op, enum ses_status status)
{
    struct near_put *put = SES_CONTAINER(op, struct near_put, op);
    struct ses_store_op *outer = put->outer;

    outer->done(outer, end_near_put(put, status));
}

static enum ses_status put_near(struct move *move, struct ses_store_op *op,
                                const struct ses_store_version *expect, const struct ses_record *record,
                                ses_store_owner owner)
{
    struct near_put *put = calloc(1, sizeof(*put));
    enum ses_status status;

    if (put == NULL)
        return SES_NO_MEMORY;
    put->op.done = on_near_put;
    put->op.deadline_mono_ns = op->deadline_mono_ns;
    put->outer = op;
    ses_list_init(&put->op.node);
    status = ses_store_put(move->near, &put->op, expect, record, owner);
    return status == SES_PENDING ? status : end_near_put(put, status);
}

enum ses_status ses_move_put(struct ses_store *base, struct ses_store_op *op,
                             const struct ses_store_version *expect, const struct ses_record *record,
                             ses_store_owner owner)
{
    struct move *move = move_of(base);
    struct ses_store_version plain = move_unmarked(expect);
    struct guarded *guarded;

    if (move_owner_of(expect) == MOVE_NEAR)
        return put_near(move, op, &plain, record, owner);
    guarded = make(move, GUARD_PUT, op, expect, &record->key, record->body);
    if (guarded == NULL)
        return SES_NO_MEMORY;
    take_record(guarded, record);
    guarded->owner = owner;
    return begin(guarded);
}

/* Near's own, which it has wholly: the claim too. */
static enum ses_status lease_near(struct guarded *guarded, const struct ses_store_version *expect)
{
    enum ses_status status;

    guarded->op.done = on_near;
    if (guarded->kind == GUARD_LEASE)
        status = ses_store_lease(guarded->move->near, &guarded->op, expect, &guarded->record, guarded->owner,
                                 guarded->for_ms, &guarded->claim);
    else
        status = ses_store_reserve(guarded->move->near, &guarded->op, expect, &guarded->key, guarded->owner,
                                   guarded->for_ms, &guarded->claim);
    return end(guarded, end_leased_near(guarded, status));
}

static enum ses_status begin_lease(struct guarded *guarded, const struct ses_store_version *expect)
{
    struct ses_store_version plain = move_unmarked(expect);

    return move_owner_of(expect) == MOVE_NEAR ? lease_near(guarded, &plain) : begin(guarded);
}

enum ses_status ses_move_lease(struct ses_store *base, struct ses_store_op *op,
                               const struct ses_store_version *expect, const struct ses_record *record,
                               ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    struct guarded *guarded = make(move_of(base), GUARD_LEASE, op, expect, &record->key, record->body);

    if (guarded == NULL)
        return SES_NO_MEMORY;
    take_record(guarded, record);
    guarded->owner = owner;
    guarded->for_ms = for_ms;
    guarded->lease = lease;
    return begin_lease(guarded, expect);
}

enum ses_status ses_move_reserve(struct ses_store *base, struct ses_store_op *op,
                                 const struct ses_store_version *expect, const struct ses_store_key *key,
                                 ses_store_owner owner, uint64_t for_ms, struct ses_store_lease *lease)
{
    struct guarded *guarded = make(move_of(base), GUARD_RESERVE, op, expect, key, ses_slice(NULL, 0));

    if (guarded == NULL)
        return SES_NO_MEMORY;
    guarded->owner = owner;
    guarded->for_ms = for_ms;
    guarded->lease = lease;
    return begin_lease(guarded, expect);
}

/* ---- ending a lease ---- */

static struct ses_store *store_of(struct move *move, const struct ses_store_lease *lease)
{
    return lease->driver[MOVE_IN_LEASE] == MOVE_NEAR ? move->near : move->far;
}

enum ses_status ses_move_put_leased(struct ses_store *base, struct ses_store_op *op,
                                    struct ses_store_lease *lease, const struct ses_record *record,
                                    ses_store_owner owner)
{
    struct ses_store *store = store_of(move_of(base), lease);

    if (store == NULL) {
        lease->held = false;
        return SES_UNAVAILABLE;
    }
    return ses_store_put_leased(store, op, lease, record, owner);
}

void ses_move_release(struct ses_store *base, struct ses_store_lease *lease, enum ses_lease_end end)
{
    struct ses_store *store = store_of(move_of(base), lease);

    if (store != NULL)
        ses_store_release(store, lease, end);
}
