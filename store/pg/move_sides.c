/* What a run is made of: both sides, opened again and again where one is lost, and what has to be known then; how long it waits, and
 * what it tells. */
#include "move_impl.h"

#include <poll.h>

#include <sessiond/base/clock.h>

void ses_pg_move_tell(struct pg_move *move, const struct ses_pg_move_event *event)
{
    move->asked->on_event(move->asked->arg, event);
}

bool ses_pg_move_is_stopped(const struct pg_move *move)
{
    return move->asked->stop != NULL && *move->asked->stop != 0;
}

/* Another mover counts as passing: in the middle of a run what has the lock is mostly what is left of a connection of ours. */
bool ses_pg_move_may_wait(const struct pg_move *move, enum ses_status status)
{
    bool passes =
        status == SES_UNAVAILABLE || status == SES_IO || status == SES_BUSY || status == SES_ABORTED;

    return passes && ses_clock_mono_ms() - move->went_on_ms < move->asked->patience_ms;
}

void ses_pg_move_await(struct pg_move *move, uint64_t ms, const struct ses_fault *fault)
{
    if (strcmp(move->awaits, fault->text) != 0) {
        const struct ses_pg_move_event event = {.news = SES_PG_AWAITS, .text = fault->text};

        memcpy(move->awaits, fault->text, sizeof(move->awaits));
        ses_pg_move_tell(move, &event);
    }
    (void)poll(NULL, 0, (int)ms);
}

void ses_pg_move_close(struct pg_move *move)
{
    ses_pg_side_close(&move->from);
    ses_pg_side_close(&move->to);
}

/* A third shard's word, under its lock: nothing that an earlier run had sent there is under way. */
static enum ses_status ask_third(struct pg_move *move, unsigned shard, struct ses_fault *fault)
{
    struct pg_side *side = &(struct pg_side){.shard = 0};
    enum ses_status status;

    ses_pg_side_init(side, &move->asked->places[shard], shard, move->asked->durability);
    status = ses_pg_side_open(side, fault);
    for (unsigned i = 0; status == SES_OK && i < SES_PG_SLOTS; i++)
        move->third[i] = move->third[i] || side->slot[i] == SES_PG_SLOT_OWN;
    ses_pg_side_close(side);
    return status;
}

/* Only where it matters: a shard that is away does not stop a move between two others. */
static enum ses_status ask_thirds(struct pg_move *move, struct ses_fault *fault)
{
    bool leaving = false;

    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        leaving = leaving || (move->asked->wanted[i] && move->from.slot[i] == SES_PG_SLOT_LEAVING);
    memset(move->third, 0, sizeof(move->third));
    for (unsigned i = 0; leaving && i < move->asked->places_count; i++) {
        if (i != move->asked->from && i != move->asked->to)
            SES_TRY(ask_third(move, i, fault));
    }
    move->third_known = true;
    return SES_OK;
}

/* Whoever is opened first proves once more that it is a primary, when both locks are ours. */
enum ses_status ses_pg_move_open(struct pg_move *move, struct ses_fault *fault)
{
    bool from_was_open = ses_pg_side_is_open(&move->from);
    bool to_was_open = ses_pg_side_is_open(&move->to);

    if (!from_was_open) {
        move->third_known = false;
        move->counted_to = 0;
        move->to_known = move->to_known && to_was_open;
        SES_TRY(ses_pg_side_open(&move->from, fault));
    }
    if (!move->third_known)
        SES_TRY(ask_thirds(move, fault));
    if (from_was_open && to_was_open)
        return SES_OK;
    if (to_was_open)
        SES_TRY(ses_pg_side_touch(&move->to, fault));
    else
        SES_TRY(ses_pg_side_open(&move->to, fault));
    move->to_known = true;
    SES_TRY(ses_pg_side_touch(&move->from, fault));
    return ses_pg_columns_read(&move->from, &move->to, &move->columns, fault);
}
