/* The steps of one group, each known by what both sides say of it (source, target):
 *
 *   OWN      GONE     the target's range is emptied, then the source lets go: LEAVING
 *   LEAVING  GONE     writes that began before are waited for, rows are copied, the target is the owner: OWN
 *   LEAVING  OWN      the source says GONE
 *   GONE     OWN      the source's rows are removed
 *
 * A step that fails is begun again from what the sides say then. From LEAVING and GONE there is a way back, OWN and GONE,
 * taken when the copy is not there in time. */
#include "move_impl.h"

#include <sessiond/base/clock.h>

#include "move_barrier.h"

#define AGAIN_MS       250
#define GIVEN_BACK_MS  1000  /* until the next try */
#define COMMIT_MS      10000 /* then its connection is given up, and the next one sees what became of it */
#define GIVEN_BACK_MAX 3

/* What a group has gone through. */
struct trip {
    struct pg_move *move;
    const struct pg_group *group;
    uint64_t left_ns; /* when it stopped being used; 0: it is */
    uint64_t end_ms;  /* until when it may be so */
    unsigned given_back;
    uint64_t rows; /* that were copied */
};

static enum ses_pg_slot at(const struct pg_side *side, const struct trip *trip)
{
    return (enum ses_pg_slot)side->slot[trip->group->first];
}

static bool is_one_state(const struct trip *trip)
{
    const struct pg_move *move = trip->move;
    unsigned first = trip->group->first;

    for (unsigned i = first; i <= trip->group->last; i++) {
        if (move->from.slot[i] != move->from.slot[first] || move->to.slot[i] != move->to.slot[first] ||
            move->third[i] != move->third[first])
            return false;
    }
    return true;
}

static void tell(struct trip *trip, enum ses_pg_move_news news, uint64_t rows, const char *text)
{
    const struct ses_pg_move_event event = {
        .news = news,
        .first = trip->group->first,
        .last = trip->group->last,
        .rows = rows,
        .busy_us =
            news != SES_PG_MOVED || trip->left_ns == 0 ? 0 : (ses_clock_mono_ns() - trip->left_ns) / 1000,
        .text = text,
    };

    ses_pg_move_tell(trip->move, &event);
}

static void go_on(struct trip *trip)
{
    trip->move->went_on_ms = ses_clock_mono_ms();
    trip->move->awaits[0] = '\0';
}

static enum ses_status change(struct trip *trip, struct pg_side *side, enum ses_pg_slot from,
                              enum ses_pg_slot to, struct ses_fault *fault)
{
    enum ses_status status =
        ses_pg_side_change(side, trip->group->first, trip->group->last, from, to, COMMIT_MS, fault);

    if (status == SES_OK)
        go_on(trip);
    return status;
}

static enum ses_status clean(struct trip *trip, struct pg_side *side, uint64_t *ret_rows,
                             struct ses_fault *fault)
{
    uint64_t rows;

    *ret_rows = 0;
    do {
        SES_TRY(ses_pg_side_clean(side, trip->group->first, trip->group->last, &rows, fault));
        *ret_rows += rows;
        go_on(trip);
    } while (rows > 0);
    return SES_OK;
}

/* ---- the steps ---- */

/* The target proves first that it acknowledges. The time counts from before the source's answer: it may be in use that
 * much less. */
static enum ses_status leave(struct trip *trip, struct ses_fault *fault)
{
    struct pg_move *move = trip->move;
    uint64_t rows;

    SES_TRY(clean(trip, &move->to, &rows, fault));
    SES_TRY(ses_pg_side_touch(&move->to, fault));
    trip->left_ns = ses_clock_mono_ns();
    return change(trip, &move->from, SES_PG_SLOT_OWN, SES_PG_SLOT_LEAVING, fault);
}

static enum ses_status give_back(struct trip *trip, const char *why, struct ses_fault *fault)
{
    SES_TRY(change(trip, &trip->move->from, SES_PG_SLOT_LEAVING, SES_PG_SLOT_OWN, fault));
    trip->left_ns = trip->end_ms = 0;
    trip->given_back++;
    tell(trip, SES_PG_GIVEN_BACK, 0, why);
    return SES_OK;
}

/* The source has let go of it, and surely nobody else has it. */
static bool is_nobodys(const struct trip *trip)
{
    const struct pg_move *move = trip->move;

    return ses_pg_side_is_open(&move->from) && at(&move->from, trip) == SES_PG_SLOT_LEAVING &&
           move->to_known && at(&move->to, trip) == SES_PG_SLOT_GONE && move->third_known &&
           !move->third[trip->group->first];
}

/* Whatever keeps the copy from being there in time, the source has the group again. */
static enum ses_status or_back(struct trip *trip, enum ses_status status, struct ses_fault *fault)
{
    struct ses_fault why = *fault;

    if (status == SES_OK || !is_nobodys(trip))
        return status;
    SES_TRY(give_back(trip, why.text, fault));
    *fault = why;
    return status;
}

static enum ses_status fetch(struct trip *trip, struct ses_fault *fault)
{
    struct pg_move *move = trip->move;

    SES_TRY(ses_pg_move_barrier(&move->from, trip->end_ms, fault));
    return ses_pg_move_copy(&move->from, &move->to, &move->columns, trip->group->first, trip->group->last,
                            trip->end_ms, fault, &trip->rows);
}

/* From the moment it is sent on, nobody but the target knows whether it is the owner. */
static enum ses_status own(struct trip *trip, struct ses_fault *fault)
{
    struct pg_move *move = trip->move;
    enum ses_status status;

    move->to_known = false;
    status = change(trip, &move->to, SES_PG_SLOT_GONE, SES_PG_SLOT_OWN, fault);
    if (status == SES_OK) {
        move->to_known = true;
        tell(trip, SES_PG_MOVED, trip->rows, "");
        trip->left_ns = 0;
    }
    return status;
}

static enum ses_status arrive(struct trip *trip, struct ses_fault *fault)
{
    enum ses_status status;

    if (trip->left_ns == 0) /* an earlier run left it so */
        trip->left_ns = ses_clock_mono_ns();
    trip->end_ms = ses_clock_mono_ms() + trip->move->asked->group_ms;
    status = fetch(trip, fault);
    return status == SES_OK ? own(trip, fault) : or_back(trip, status, fault);
}

static enum ses_status tidy(struct trip *trip, struct ses_fault *fault)
{
    uint64_t rows;

    SES_TRY(clean(trip, &trip->move->from, &rows, fault));
    tell(trip, SES_PG_CLEANED, rows, "");
    return SES_NOT_FOUND;
}

static enum ses_status refuse(const struct trip *trip, struct ses_fault *fault)
{
    static const char *const names[] = {"GONE", "OWN", "LEAVING"};
    const struct pg_move *move = trip->move;

    return ses_fault(fault, SES_FAILED_PRECONDITION,
                     "slots %u-%u are %s at shard %u and %s at shard %u%s: sessiondctl store shards status",
                     trip->group->first, trip->group->last, names[at(&move->from, trip)], move->from.shard,
                     names[at(&move->to, trip)], move->to.shard,
                     move->third[trip->group->first] ? ", and a third one has them" : "");
}

/* The next step. SES_NOT_FOUND: there is none. */
static enum ses_status step(struct trip *trip, struct ses_fault *fault)
{
    struct pg_move *move = trip->move;
    enum ses_pg_slot from;
    enum ses_pg_slot to;
    bool third;
    enum ses_status status = ses_pg_move_open(move, fault);

    if (status != SES_OK)
        return or_back(trip, status, fault);
    if (!is_one_state(trip))
        return ses_fault(fault, SES_ABORTED, "slots %u-%u are in several states now", trip->group->first,
                         trip->group->last);
    from = at(&move->from, trip);
    to = at(&move->to, trip);
    third = move->third[trip->group->first];
    if (from == SES_PG_SLOT_OWN)
        trip->left_ns = 0;
    if (from == SES_PG_SLOT_OWN && to == SES_PG_SLOT_GONE)
        return leave(trip, fault);
    if (from == SES_PG_SLOT_LEAVING && to == SES_PG_SLOT_GONE && !third)
        return arrive(trip, fault);
    if (from == SES_PG_SLOT_LEAVING && (to == SES_PG_SLOT_OWN) != third)
        return change(trip, &move->from, SES_PG_SLOT_LEAVING, SES_PG_SLOT_GONE, fault);
    if (from == SES_PG_SLOT_GONE && (to == SES_PG_SLOT_OWN) != third)
        return tidy(trip, fault);
    return refuse(trip, fault);
}

/* ---- all of it ---- */

/* Nothing of it is begun. */
static bool is_untouched(const struct trip *trip)
{
    return trip->left_ns == 0 && at(&trip->move->from, trip) == SES_PG_SLOT_OWN;
}

/* In use, as far as is known. */
static bool is_at_rest(const struct trip *trip)
{
    return trip->left_ns == 0 && at(&trip->move->from, trip) != SES_PG_SLOT_LEAVING;
}

static enum ses_status give_up(struct trip *trip, enum ses_status status, struct ses_fault *fault)
{
    struct ses_fault why = *fault;

    trip->move->given_up = true;
    return ses_fault(fault, status, "%.700s; slots %u-%u %s", why.text, trip->group->first, trip->group->last,
                     is_at_rest(trip)
                         ? "are in use where they were"
                         : "may be on their way, out of use: run this again as soon as that is mended");
}

enum ses_status ses_pg_move_group(struct pg_move *move, const struct pg_group *group, struct ses_fault *fault)
{
    struct trip trip = {.move = move, .group = group};

    for (;;) {
        unsigned given_back = trip.given_back;
        enum ses_status status;

        if (is_untouched(&trip) && ses_pg_move_is_stopped(move))
            return SES_CANCELLED;
        status = step(&trip, fault);
        if (status == SES_NOT_FOUND)
            return SES_OK;
        if (status == SES_OK)
            continue;
        if (status == SES_ABORTED)
            return status;
        if (trip.given_back == GIVEN_BACK_MAX || !ses_pg_move_may_wait(move, status))
            return give_up(&trip, status, fault);
        ses_pg_move_await(move, trip.given_back > given_back ? GIVEN_BACK_MS : AGAIN_MS, fault);
    }
}
