/* The doors of the store that is made of two, and its life. */
#include <sessiond/store/store_move.h>

#include <stdlib.h>

#include <sessiond/base/clock.h>

#include "store_move_impl.h"

#define SCRATCH_BYTES_MAX (2 * (size_t)SES_STORE_BODY_MAX)

/* ---- what an acknowledged record survives: whichever store has it, at least that ---- */

static unsigned strength(enum ses_durability durability)
{
    static const unsigned strengths[SES_DURABILITY_COUNT] = {
        [SES_DURABILITY_PROCESS] = 0, [SES_DURABILITY_DISK] = 1, [SES_DURABILITY_REPLICA] = 2};

    return strengths[durability];
}

static void see_durability(struct move *move)
{
    enum ses_durability near = ses_store_durability(move->near);
    enum ses_durability far = ses_store_durability(move->far);

    move->base.durability = strength(near) < strength(far) ? near : far;
}

/* ---- once a turn ---- */

static void move_flush(struct ses_store *base)
{
    struct move *move = move_of(base);

    ses_move_turn(move, ses_clock_mono_ms());
    ses_store_flush(move->near);
    ses_store_flush(move->far);
    see_durability(move);
}

static void move_complete(struct ses_store *base)
{
    struct move *move = move_of(base);

    ses_store_complete(move->near);
    ses_store_complete(move->far);
}

static void move_watch_dispatch(struct ses_store *base)
{
    struct move *move = move_of(base);

    ses_store_watch_dispatch(move->near);
    ses_store_watch_dispatch(move->far);
}

static void move_maintain(struct ses_store *base)
{
    struct move *move = move_of(base);

    ses_store_maintain(move->near);
    ses_store_maintain(move->far);
}

/* ---- its state ---- */

static const struct move *move_of_const(const struct ses_store *base)
{
    SES_REQUIRE(base->driver == &ses_move_driver);
    return (const struct move *)(const void *)base;
}

/* An operation of ours is pending in one of the two. */
static size_t move_pending(const struct ses_store *base)
{
    const struct move *move = move_of_const(base);

    return ses_store_pending(move->near) + ses_store_pending(move->far);
}

static struct ses_store_health move_health(const struct ses_store *base)
{
    const struct move *move = move_of_const(base);
    struct ses_store_health near = ses_store_health(move->near);
    struct ses_store_health far = ses_store_health(move->far);

    return (struct ses_store_health){.writes = near.writes && far.writes,
                                     .table_full = near.table_full || far.table_full,
                                     .full = near.full || far.full};
}

/* ---- opening and closing ---- */

/* Far first: what it ends goes on near, which then waits for that. */
static void move_close(struct ses_store *base)
{
    struct move *move = move_of(base);

    move->mover.stopped = true;
    ses_store_close(move->far);
    move->far = NULL;
    ses_store_close(move->near);
    SES_REQUIRE(ses_list_empty(&move->mover.carries));
    ses_arena_done(&move->scratch);
    free(move);
}

const struct ses_store_driver ses_move_driver = {
    .get = ses_move_get,
    .put = ses_move_put,
    .lease = ses_move_lease,
    .reserve = ses_move_reserve,
    .put_leased = ses_move_put_leased,
    .release = ses_move_release,
    .flush = move_flush,
    .complete = move_complete,
    .watch = ses_move_watch,
    .unwatch = ses_move_unwatch,
    .watch_dispatch = move_watch_dispatch,
    .pending = move_pending,
    .health = move_health,
    .maintain = move_maintain,
    .close = move_close,
};

struct ses_store *ses_move_near(struct ses_store *store)
{
    return move_of(store)->near;
}

void ses_move_stop(struct ses_store *store)
{
    move_of(store)->mover.stopped = true;
}

void ses_move_look(const struct ses_store *store, struct ses_move_status *ret_status)
{
    const struct mover *mover = &move_of_const(store)->mover;

    *ret_status = (struct ses_move_status){
        .moved = mover->moved, .left = mover->left, .passes = mover->passes, .waits = mover->waits};
}

enum ses_status ses_move_open(const struct ses_move_options *options, struct ses_store **ret_store)
{
    struct move *move = calloc(1, sizeof(*move));

    SES_REQUIRE(options->mode < SES_MOVE_COUNT && options->parts > 0 && options->part < options->parts);
    if (move == NULL)
        return SES_NO_MEMORY;
    move->base.driver = &ses_move_driver;
    move->near = options->near;
    move->far = options->far;
    move->mode = options->mode;
    move->list = options->list;
    move->part = options->part;
    move->parts = options->parts;
    move->per_second = options->per_second;
    move->log = options->log;
    move->metrics = options->metrics;
    ses_arena_init(&move->scratch, SCRATCH_BYTES_MAX);
    ses_list_init(&move->watches);
    ses_move_mover_init(move);
    see_durability(move);
    *ret_store = &move->base;
    return SES_OK;
}
