/* Which keys are brought over, how many at once, and when: in passes over one part of what there is, at most so many keys
 * a second. What cannot be brought now (somebody has it, a store does not answer) is met again by the next pass; nothing
 * is kept over a restart, since the stores themselves say what is where.
 */
#include "store_move_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

void ses_move_mover_init(struct move *move)
{
    struct mover *mover = &move->mover;

    ses_list_init(&mover->carries);
    mover->cursor = (struct ses_lmdb_cursor){.part = move->part, .parts = move->parts};
}

/* ---- keys ---- */

/* False: no memory. */
static bool begin_carry(struct move *move, const struct ses_store_key *key)
{
    struct carry *carry = calloc(1, sizeof(*carry));

    if (carry == NULL)
        return false;
    carry->move = move;
    carry->key = *key;
    ses_arena_init(&carry->arena, 2 * (size_t)SES_STORE_BODY_MAX);
    ses_list_push_back(&move->mover.carries, &carry->node);
    move->mover.carries_count++;
    if (move->mode == SES_MOVE_TO_PG)
        ses_move_carry_out(carry);
    else
        ses_move_carry_in(carry);
    return true;
}

/* ---- passes ---- */

static void tell_pass(struct move *move, uint64_t mono_ms)
{
    struct mover *mover = &move->mover;
    struct ses_log_line line;

    if (move->log == NULL || (mover->left == 0 ? mover->told_empty : mono_ms - mover->told_ms < MOVE_TELL_MS))
        return;
    mover->told_ms = mono_ms;
    mover->told_empty = mover->left == 0;
    ses_log_begin(move->log, SES_LOG_INFO, mover->left == 0 ? "move_done" : "move_goes_on", &line);
    ses_log_u64(&line, "moved", mover->moved);
    ses_log_u64(&line, "left", mover->left);
    ses_log_end(&line);
}

static void end_pass(struct move *move, uint64_t mono_ms)
{
    struct mover *mover = &move->mover;

    mover->left = mover->met > mover->brought ? mover->met - mover->brought : 0;
    mover->met = 0;
    mover->brought = 0;
    mover->pass_ends = false;
    mover->passes++;
    mover->not_before_ms = mono_ms + MOVE_PAUSE_MS;
    if (move->metrics != NULL)
        ses_gauge_set(move->metrics, SES_C_MOVE_LEFT, mover->left);
    if (mover->left == 0)
        ses_move_end_waits(move);
    tell_pass(move, mono_ms);
}

static void on_listed(struct ses_move_listing *listing, enum ses_status status,
                      const struct ses_store_key *keys, size_t count)
{
    struct move *move = SES_CONTAINER(listing, struct move, mover.listing);
    struct mover *mover = &move->mover;

    mover->listing_waits = false;
    if (status == SES_BUSY)
        return;
    if (status != SES_OK) {
        mover->not_before_ms = ses_clock_mono_ms() + MOVE_PAUSE_MS;
        ses_move_tell_waits(move, status);
        return;
    }
    mover->pass_ends = listing->over;
    mover->keys_count = 0;
    mover->keys_next = 0;
    for (size_t i = 0; i < count; i++) {
        if (keys[i].bytes[0] % move->parts == move->part)
            mover->keys[mover->keys_count++] = keys[i];
    }
    mover->met += mover->keys_count;
}

static void list_far(struct move *move)
{
    struct mover *mover = &move->mover;
    enum ses_status status;

    mover->listing.done = on_listed;
    mover->listing_waits = true;
    status = move->list(move->far, &mover->listing);
    if (status != SES_PENDING && mover->listing_waits)
        on_listed(&mover->listing, status, NULL, 0);
}

static void list_near(struct move *move)
{
    struct mover *mover = &move->mover;
    size_t passed = 0;
    enum ses_status status =
        ses_lmdb_list_keys(move->near, &mover->cursor, MOVE_SLOTS, mover->keys, SES_MOVE_LIST_MAX,
                           &mover->keys_count, &passed, &mover->pass_ends);

    mover->keys_next = 0;
    mover->met += mover->keys_count + passed;
    if (status == SES_OK)
        return;
    mover->keys_count = 0;
    mover->not_before_ms = ses_clock_mono_ms() + MOVE_PAUSE_MS;
    ses_move_tell_waits(move, status);
}

/* ---- pace ---- */

static uint64_t key_costs_ms(const struct move *move)
{
    return move->per_second == 0 ? UINT64_MAX : 1000;
}

/* As many keys as a second allows may be begun at once, no more. */
static void earn(struct move *move, uint64_t mono_ms)
{
    struct mover *mover = &move->mover;
    uint64_t most = (uint64_t)move->per_second * 1000;

    if (mover->looked_ms != 0)
        mover->budget_ms += (mono_ms - mover->looked_ms) * move->per_second;
    if (mover->budget_ms > most)
        mover->budget_ms = most;
    mover->looked_ms = mono_ms;
}

static bool may_begin(const struct move *move)
{
    const struct mover *mover = &move->mover;

    return !mover->stopped && mover->carries_count < MOVE_CARRIES_MAX && mover->bytes < MOVE_BYTES_MAX &&
           mover->budget_ms >= key_costs_ms(move);
}

static void begin_keys(struct move *move)
{
    struct mover *mover = &move->mover;

    while (mover->keys_next < mover->keys_count && may_begin(move)) {
        mover->budget_ms -= key_costs_ms(move);
        if (!begin_carry(move, &mover->keys[mover->keys_next]))
            return;
        mover->keys_next++;
    }
}

/* Lists until the bound, or until a turn has done its part of an empty pass. */
void ses_move_turn(struct move *move, uint64_t mono_ms)
{
    struct mover *mover = &move->mover;

    earn(move, mono_ms);
    if (move->mode == SES_MOVE_KNOW || mono_ms < mover->not_before_ms)
        return;
    begin_keys(move);
    if (mover->keys_next < mover->keys_count || mover->listing_waits || !may_begin(move))
        return;
    if (mover->pass_ends) {
        if (mover->carries_count == 0)
            end_pass(move, mono_ms);
        return;
    }
    if (move->mode == SES_MOVE_TO_PG)
        list_near(move);
    else
        list_far(move);
    begin_keys(move);
}
