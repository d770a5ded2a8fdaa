/* One key from far to near:
 *
 *   far is read
 *   near is claimed                      it does not live here: it is far's. No process of this machine writes it any more
 *   far is reserved with what was read   nor does what is still on its way from one that died
 *   near gets the record, durably        from here on the key is near's
 *   far is marked as moved
 *
 * Whatever ends it before near has the record leaves far the owner, kept from writers until the reservation is over. What
 * ends it after that leaves a copy far that nobody reads: the next pass finds that its key lives near, and marks it, under
 * the near claim too.
 */
#include "store_move_impl.h"

static void end(struct carry *carry, bool brought, enum ses_status status)
{
    ses_store_release(carry->move->near, &carry->claim, SES_LEASE_FORGET_INTENT);
    if (carry->move->far != NULL)
        ses_store_release(carry->move->far, &carry->fence, SES_LEASE_FORGET_INTENT);
    ses_move_carry_end(carry, brought, status);
}

static enum ses_status unless_passed(enum ses_status status)
{
    return status == SES_CONFLICT || status == SES_BUSY || status == SES_NOT_FOUND ? SES_OK : status;
}

/* The record is near, whatever became of the mark. */
static void on_marked(struct ses_store_op *op, enum ses_status status)
{
    struct carry *carry = SES_CONTAINER(op, struct carry, op);

    end(carry, status == SES_OK, unless_passed(status));
}

static void on_near(struct ses_store_op *op, enum ses_status status)
{
    struct carry *carry = SES_CONTAINER(op, struct carry, op);
    struct move *move = carry->move;
    struct ses_record moved = ses_move_mark(&carry->key);

    if (status != SES_OK || move->far == NULL) {
        end(carry, false, status);
        return;
    }
    ses_move_carry_step(carry, on_marked);
    status = ses_store_put_leased(move->far, &carry->op, &carry->fence, &moved, SES_OWNER_NOBODY);
    if (status != SES_PENDING)
        on_marked(&carry->op, status);
}

static void on_fenced(struct ses_store_op *op, enum ses_status status)
{
    struct carry *carry = SES_CONTAINER(op, struct carry, op);

    if (status != SES_OK) {
        end(carry, false, unless_passed(status));
        return;
    }
    ses_move_carry_step(carry, on_near);
    status =
        ses_store_put_leased(carry->move->near, &carry->op, &carry->claim, &carry->record, SES_OWNER_NOBODY);
    if (status != SES_PENDING)
        on_near(&carry->op, status);
}

/* It lives near: what is far is a copy, or is just being written by whoever brings the key there, whom our claim keeps from
 * counting on it. Far was read before, so if the key has gone there since, it is not this record any more. */
static void mark_copy(struct carry *carry)
{
    struct ses_record moved = ses_move_mark(&carry->key);
    struct ses_store *near = carry->move->near;
    enum ses_status status = ses_store_get(near, &carry->op, &carry->key, &carry->arena);
    struct ses_store_version living = carry->op.version;

    if (status == SES_OK && carry->op.record.kind == SES_RECORD_MOVED)
        status = SES_CONFLICT;
    if (status == SES_OK)
        status =
            ses_store_reserve(near, &carry->op, &living, &carry->key, SES_OWNER_NOBODY, 0, &carry->claim);
    if (status != SES_OK) {
        end(carry, false, unless_passed(status));
        return;
    }
    ses_move_carry_step(carry, on_marked);
    status = ses_store_put(carry->move->far, &carry->op, &carry->version, &moved, SES_OWNER_NOBODY);
    if (status != SES_PENDING)
        on_marked(&carry->op, status);
}

static void fence(struct carry *carry)
{
    enum ses_status status;

    ses_move_carry_step(carry, on_fenced);
    status = ses_store_reserve(carry->move->far, &carry->op, &carry->version, &carry->key, SES_OWNER_NOBODY,
                               MOVE_FENCE_MS, &carry->fence);
    if (status != SES_PENDING)
        on_fenced(&carry->op, status);
}

static void on_read(struct ses_store_op *op, enum ses_status status)
{
    struct carry *carry = SES_CONTAINER(op, struct carry, op);
    struct move *move = carry->move;

    if (status != SES_OK || op->leased || op->record.kind == SES_RECORD_MOVED || move->far == NULL) {
        end(carry, false, unless_passed(status));
        return;
    }
    carry->version = op->version;
    status = ses_move_carry_keep(carry);
    if (status == SES_OK)
        status = ses_move_claim(move, &carry->key, SES_OWNER_NOBODY, &carry->claim);
    if (status == SES_OK)
        fence(carry);
    else if (status == SES_CONFLICT)
        mark_copy(carry);
    else
        end(carry, false, unless_passed(status));
}

void ses_move_carry_in(struct carry *carry)
{
    enum ses_status status;

    ses_move_carry_step(carry, on_read);
    carry->op.leased = false;
    status = ses_store_get(carry->move->far, &carry->op, &carry->key, &carry->arena);
    if (status != SES_PENDING)
        on_read(&carry->op, status);
}
