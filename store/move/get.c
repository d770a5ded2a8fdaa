/* Reading: near first, since a key that lives there is near's, then far. A key can change its owner between the two looks.
 *
 * Near says no, then far yes: it was far's when far was asked, or is a copy of what lives near by now; either was the
 * newest record at some moment of this get. Near says no, then far no: it may have come near in between, so near is asked
 * again. What was moved says where to look next.
 */
#include "store_move_impl.h"

#include <stdlib.h>

struct getting {
    struct ses_store_op op; /* far's; first */
    struct move *move;
    struct ses_store_op *outer;
    struct ses_arena *arena;
    struct ses_store_key key;
    struct ses_store_version before; /* the call: of a get that fails it stays */
    unsigned tries;
    bool near_leased;
};

/* SES_NOT_FOUND: far must be asked; op says whether the key is claimed. marked: what was moved is known here. */
static enum ses_status look_near(struct move *move, struct ses_store_op *op, const struct ses_store_key *key,
                                 struct ses_arena *arena, bool *ret_marked)
{
    enum ses_status status = ses_store_get(move->near, op, key, arena);

    SES_REQUIRE(status != SES_PENDING);
    *ret_marked = status == SES_OK && op->record.kind == SES_RECORD_MOVED;
    if (*ret_marked)
        return SES_NOT_FOUND;
    if (status == SES_OK)
        op->version = move_marked(op->version, MOVE_NEAR);
    return status;
}

static enum ses_status take_far(struct getting *getting)
{
    struct ses_store_op *outer = getting->outer;

    outer->record = getting->op.record;
    outer->version = move_marked(getting->op.version, MOVE_FAR);
    outer->leased = getting->op.leased || getting->near_leased;
    return SES_OK;
}

static enum ses_status take_nothing(struct getting *getting, bool far_leased)
{
    struct ses_store_op *outer = getting->outer;

    ses_arena_reset(getting->arena);
    outer->version = SES_VERSION_ABSENT;
    outer->leased = getting->near_leased || far_leased;
    return SES_NOT_FOUND;
}

/* Far has nothing, or what it had is near. Both are marked only while the key is on its way: then far is asked again,
 * else *ret_status is the end. */
static bool asks_again(struct getting *getting, bool far_marked, enum ses_status *ret_status)
{
    struct ses_store_op *outer = getting->outer;
    bool far_leased = getting->op.leased;
    bool near_marked;

    *ret_status = look_near(getting->move, outer, &getting->key, getting->arena, &near_marked);
    if (*ret_status != SES_NOT_FOUND)
        return false;
    getting->near_leased = outer->leased;
    if (!far_marked || !near_marked) {
        *ret_status = take_nothing(getting, far_leased);
        return false;
    }
    *ret_status = SES_UNAVAILABLE;
    return ++getting->tries < MOVE_GET_TRIES && getting->move->far != NULL;
}

/* What far said. SES_PENDING: it was asked again. */
static enum ses_status judge(struct getting *getting, enum ses_status status)
{
    for (;;) {
        bool marked = status == SES_OK && getting->op.record.kind == SES_RECORD_MOVED;

        if (status == SES_OK && !marked)
            return take_far(getting);
        if (status != SES_NOT_FOUND && !marked)
            return status;
        if (!asks_again(getting, marked, &status))
            return status;
        status = ses_store_get(getting->move->far, &getting->op, &getting->key, getting->arena);
        if (status == SES_PENDING)
            return status;
    }
}

/* Frees it. */
static enum ses_status end(struct getting *getting, enum ses_status status)
{
    if (status != SES_OK && status != SES_NOT_FOUND)
        getting->outer->version = getting->before;
    free(getting);
    return status;
}

static void on_far(struct ses_store_op *op, enum ses_status status)
{
    struct getting *getting = SES_CONTAINER(op, struct getting, op);
    struct ses_store_op *outer = getting->outer;

    status = judge(getting, status);
    if (status != SES_PENDING)
        outer->done(outer, end(getting, status));
}

enum ses_status ses_move_get(struct ses_store *base, struct ses_store_op *op, const struct ses_store_key *key,
                             struct ses_arena *arena)
{
    struct move *move = move_of(base);
    struct ses_store_version before = op->version;
    struct getting *getting;
    bool marked;
    enum ses_status status = look_near(move, op, key, arena, &marked);

    if (status != SES_NOT_FOUND)
        return status;
    getting = calloc(1, sizeof(*getting));
    if (getting == NULL || move->far == NULL) {
        op->version = before;
        free(getting);
        return move->far == NULL ? SES_UNAVAILABLE : SES_NO_MEMORY;
    }
    *getting = (struct getting){.op = {.done = on_far, .deadline_mono_ns = op->deadline_mono_ns},
                                .move = move,
                                .outer = op,
                                .arena = arena,
                                .key = *key,
                                .before = before,
                                .near_leased = op->leased};
    status = ses_store_get(move->far, &getting->op, key, arena);
    if (status != SES_PENDING)
        status = judge(getting, status);
    return status == SES_PENDING ? status : end(getting, status);
}
