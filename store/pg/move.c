/* A run of a mover: group after group of the slots that are wanted, those first that an earlier run left on their way. */
#include "move_impl.h"

#include <poll.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#define WINDOW    256 /* slots whose rows are counted by one query */
#define AGAIN_MS  250
#define BREATH_MS 50 /* the longest pause in one piece, so that a stop is heard */

static bool is_alike(const struct pg_move *move, unsigned one, unsigned other)
{
    return move->asked->wanted[other] && move->from.slot[one] == move->from.slot[other] &&
           move->to.slot[one] == move->to.slot[other] && move->third[one] == move->third[other];
}

/* The source's rows from there on are known; up to the window's end. */
static enum ses_status count(struct pg_move *move, unsigned first, struct ses_fault *fault)
{
    unsigned last = first + WINDOW - 1 < SES_PG_SLOTS ? first + WINDOW - 1 : SES_PG_SLOTS - 1;

    if (first < move->counted_to)
        return SES_OK;
    SES_TRY(ses_pg_side_count(&move->from, first, last, move->rows + first, fault));
    move->counted_to = last + 1;
    return SES_OK;
}

/* As many slots as are alike and have few enough rows; one at least. */
static enum ses_status measure(struct pg_move *move, unsigned first, struct pg_group *ret_group,
                               struct ses_fault *fault)
{
    uint64_t rows;
    unsigned last = first;

    SES_TRY(count(move, first, fault));
    rows = move->rows[first];
    while (last + 1 < move->counted_to && is_alike(move, first, last + 1) &&
           rows + move->rows[last + 1] <= move->asked->group_rows)
        rows += move->rows[++last];
    *ret_group = (struct pg_group){first, last};
    return SES_OK;
}

static void pause_between(const struct pg_move *move)
{
    uint64_t end_ms = ses_clock_mono_ms() + move->asked->pause_ms;
    uint64_t now_ms;

    while (!ses_pg_move_is_stopped(move) && (now_ms = ses_clock_mono_ms()) < end_ms)
        (void)poll(NULL, 0, (int)(end_ms - now_ms < BREATH_MS ? end_ms - now_ms : BREATH_MS));
}

/* The next group from that slot on, measured by what both sides say now, and moved. */
static enum ses_status one_group(struct pg_move *move, unsigned slot, struct pg_group *ret_group,
                                 struct ses_fault *fault)
{
    SES_TRY(ses_pg_move_open(move, fault));
    SES_TRY(measure(move, slot, ret_group, fault));
    return ses_pg_move_group(move, ret_group, fault);
}

static bool is_next(const struct pg_move *move, unsigned slot, bool leaving)
{
    return move->asked->wanted[slot] && (!leaving || move->from.slot[slot] == SES_PG_SLOT_LEAVING);
}

/* One pass over the slots, of those that are LEAVING alone or of all. What a group itself has waited for in vain has ended
 * it for good. */
static enum ses_status pass(struct pg_move *move, bool leaving, struct ses_fault *fault)
{
    unsigned slot = 0;

    while (slot < SES_PG_SLOTS) {
        struct pg_group group = {slot, slot};
        enum ses_status status;

        if (!is_next(move, slot, leaving)) {
            slot++;
            continue;
        }
        if (ses_pg_move_is_stopped(move))
            return SES_CANCELLED;
        status = one_group(move, slot, &group, fault);
        if (status == SES_OK) {
            slot = group.last + 1;
            pause_between(move);
        } else if (ses_pg_move_may_wait(move, status) && !move->given_up)
            ses_pg_move_await(move, AGAIN_MS, fault);
        else
            return status;
    }
    return SES_OK;
}

static enum ses_status run(struct pg_move *move, struct ses_fault *fault)
{
    SES_TRY(ses_pg_move_open(move, fault));
    move->counted_to = 0;
    SES_TRY(pass(move, true, fault));
    move->counted_to = 0;
    return pass(move, false, fault);
}

enum ses_status ses_pg_move(const struct ses_pg_move *asked, struct ses_fault *ret_fault)
{
    struct pg_move *move;
    enum ses_status status;

    SES_REQUIRE(asked->from != asked->to && asked->from < asked->places_count &&
                asked->to < asked->places_count);
    move = calloc(1, sizeof(*move));
    if (move == NULL)
        return ses_fault(ret_fault, SES_NO_MEMORY, "out of memory");
    move->asked = asked;
    move->went_on_ms = ses_clock_mono_ms();
    ses_pg_side_init(&move->from, &asked->places[asked->from], asked->from, asked->durability);
    ses_pg_side_init(&move->to, &asked->places[asked->to], asked->to, asked->durability);
    status = run(move, ret_fault);
    ses_pg_move_close(move);
    free(move);
    return status;
}
