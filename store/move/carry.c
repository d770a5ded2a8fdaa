/* What both ways have in common: one key's steps, what of it is kept meanwhile, and its end. */
#include "store_move_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

struct ses_record ses_move_mark(const struct ses_store_key *key)
{
    return (struct ses_record){.key = *key, .kind = SES_RECORD_MOVED, .expires_ms = ses_clock_now_ms()};
}

void ses_move_carry_step(struct carry *carry, void (*done)(struct ses_store_op *op, enum ses_status status))
{
    carry->op.done = done;
    carry->op.deadline_mono_ns = ses_clock_mono_ns() + MOVE_OP_MS * SES_NS_PER_MS;
}

enum ses_status ses_move_carry_keep(struct carry *carry)
{
    struct mover *mover = &carry->move->mover;
    struct ses_slice body = carry->op.record.body;

    if (mover->bytes + body.len > MOVE_BYTES_MAX)
        return SES_BUSY;
    carry->body = malloc(body.len + 1);
    if (carry->body == NULL)
        return SES_NO_MEMORY;
    if (body.len > 0)
        memcpy(carry->body, body.data, body.len);
    carry->record = carry->op.record;
    carry->record.body = ses_slice(carry->body, body.len);
    mover->bytes += body.len;
    return SES_OK;
}

static void set_waits(struct move *move, bool waits)
{
    if (move->metrics != NULL && waits != move->mover.waits)
        ses_gauge_set(move->metrics, SES_C_MOVE_WAITS, waits ? 1 : 0);
    move->mover.waits = waits;
}

void ses_move_tell_waits(struct move *move, enum ses_status status)
{
    if (!move->mover.waits && move->log != NULL)
        ses_log_msg(move->log, SES_LOG_WARN, "move_waits",
                    "%s: sessions stay where they are until both stores take them; it is tried again",
                    ses_status_name(status));
    set_waits(move, true);
}

void ses_move_end_waits(struct move *move)
{
    set_waits(move, false);
}

static void count_moved(struct move *move)
{
    move->mover.moved++;
    move->mover.brought++;
    set_waits(move, false);
    if (move->metrics != NULL)
        ses_count(move->metrics, SES_C_MOVE_MOVED, 1);
}

void ses_move_carry_end(struct carry *carry, bool brought, enum ses_status status)
{
    struct move *move = carry->move;
    struct mover *mover = &move->mover;

    if (brought) {
        count_moved(move);
    } else if (status != SES_OK) {
        mover->not_before_ms = ses_clock_mono_ms() + MOVE_PAUSE_MS;
        ses_move_tell_waits(move, status);
    }
    mover->bytes -= carry->record.body.len;
    mover->carries_count--;
    ses_list_remove(&carry->node);
    free(carry->body);
    ses_arena_done(&carry->arena);
    free(carry);
}
