/* One key from near to far:
 *
 *   near is read, and claimed with what was read        nobody writes it any more, here
 *   far is asked what it has                            nothing, a mark, or a copy that an earlier try has left
 *   far is written, over exactly that                   acknowledged, or nobody is told of anything
 *   near is marked as moved, durably, and published     from here on the key is far's
 *
 * Whatever ends it before the mark leaves near the owner, and a copy that nobody reads: the next try finds it. An outcome
 * that far could not settle in time is no acknowledgement.
 */
#include "store_move_impl.h"

static void give_up(struct carry *carry, enum ses_status status)
{
    ses_store_release(carry->move->near, &carry->claim, SES_LEASE_FORGET_INTENT);
    ses_move_carry_end(carry, false, status);
}

static void on_marked(struct ses_store_op *op, enum ses_status status)
{
    struct carry *carry = SES_CONTAINER(op, struct carry, op);

    ses_move_carry_end(carry, status == SES_OK, status);
}

static void mark(struct carry *carry)
{
    struct ses_record moved = ses_move_mark(&carry->key);
    enum ses_status status;

    ses_move_carry_step(carry, on_marked);
    status = ses_store_put_leased(carry->move->near, &carry->op, &carry->claim, &moved, SES_OWNER_NOBODY);
    if (status != SES_PENDING)
        on_marked(&carry->op, status);
}

static void on_written(struct ses_store_op *op, enum ses_status status)
{
    struct carry *carry = SES_CONTAINER(op, struct carry, op);

    if (status == SES_OK)
        mark(carry);
    else
        give_up(carry, status == SES_CONFLICT || status == SES_BUSY ? SES_OK : status);
}

static void on_asked(struct ses_store_op *op, enum ses_status status)
{
    struct carry *carry = SES_CONTAINER(op, struct carry, op);
    struct move *move = carry->move;
    struct ses_store_version expect = status == SES_OK ? op->version : SES_VERSION_ABSENT;

    if (status == SES_DATA_LOSS || op->leased || move->far == NULL) {
        give_up(carry, status == SES_DATA_LOSS ? status : SES_OK);
        return;
    }
    if (status != SES_OK && status != SES_NOT_FOUND) {
        give_up(carry, status);
        return;
    }
    ses_move_carry_step(carry, on_written);
    status = ses_store_put(move->far, &carry->op, &expect, &carry->record, SES_OWNER_NOBODY);
    if (status != SES_PENDING)
        on_written(&carry->op, status);
}

static enum ses_status claim(struct carry *carry)
{
    struct ses_store *near = carry->move->near;
    enum ses_status status = ses_store_get(near, &carry->op, &carry->key, &carry->arena);
    struct ses_store_version version = carry->op.version;

    SES_TRY(status);
    if (carry->op.record.kind == SES_RECORD_MOVED)
        return SES_NOT_FOUND;
    SES_TRY(ses_move_carry_keep(carry));
    return ses_store_reserve(near, &carry->op, &version, &carry->key, SES_OWNER_NOBODY, 0, &carry->claim);
}

/* Somebody's just now, gone, or moved meanwhile: the next pass comes by again. */
static bool passes(enum ses_status status)
{
    return status == SES_NOT_FOUND || status == SES_BUSY || status == SES_CONFLICT;
}

void ses_move_carry_out(struct carry *carry)
{
    struct move *move = carry->move;
    enum ses_status status = claim(carry);

    if (status != SES_OK) {
        ses_move_carry_end(carry, false, passes(status) ? SES_OK : status);
        return;
    }
    ses_move_carry_step(carry, on_asked);
    carry->op.leased = false;
    status = ses_store_get(move->far, &carry->op, &carry->key, &carry->arena);
    if (status != SES_PENDING)
        on_asked(&carry->op, status);
}
