/* A slot is a list of timers whose tick is the same modulo SLOTS; a bit for each slot says whether it is
 * empty, so that the next tick with work is found 64 slots at a time and the handle sleeps until then.
 */
#include <sessiond/net/timer.h>

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

/* 4096 slots of 2 ms: one turn of the wheel is 8.2 s. Longer timers stay in their slot and are looked at once
 * per turn; 16384 connections with an idle time of five minutes are 2000 looks a second. 64 KiB per
 * worker. */
#define SLOTS        4096u
#define TICK_NS      UINT64_C(2000000)
#define WORD_BITS    64u
#define NOT_ARMED    UINT64_MAX
#define DELAY_MS_MAX (UINT64_C(1) << 40) /* 34 years; keeps the arithmetic far from wrapping */

struct ses_timers {
    uv_timer_t handle;
    uint64_t done_tick;  /* every timer due at or before this tick has been called */
    uint64_t armed_tick; /* the handle wakes at this tick */
    size_t waiting;
    bool walking; /* inside expire: the handle is armed once, at the end */
    uint64_t occupied[SLOTS / WORD_BITS];
    struct ses_list slots[SLOTS];
};

static uint64_t tick_floor(uint64_t ns)
{
    return ns / TICK_NS;
}

static void mark(struct ses_timers *timers, uint64_t tick, bool occupied)
{
    size_t slot = tick % SLOTS;
    uint64_t bit = UINT64_C(1) << (slot % WORD_BITS);

    if (occupied)
        timers->occupied[slot / WORD_BITS] |= bit;
    else
        timers->occupied[slot / WORD_BITS] &= ~bit;
}

/* The first tick after `after` whose slot holds a timer; there is one. */
static uint64_t next_occupied(const struct ses_timers *timers, uint64_t after)
{
    uint64_t tick = after + 1;

    for (;;) {
        size_t slot = tick % SLOTS;
        uint64_t word = timers->occupied[slot / WORD_BITS] >> (slot % WORD_BITS);

        if (word != 0)
            return tick + (uint64_t)__builtin_ctzll(word);
        tick += WORD_BITS - slot % WORD_BITS;
        SES_REQUIRE(tick <= after + 2 * SLOTS);
    }
}

static void on_tick(uv_timer_t *handle);

/* libuv fires at the first loop time (whole ms, rounded down) at or after its due time; asking for the tick's
 * start rounded up therefore never wakes the loop for nothing. */
static void arm(struct ses_timers *timers, uint64_t tick)
{
    uint64_t due_ms = (tick * TICK_NS + SES_NS_PER_MS - 1) / SES_NS_PER_MS;
    uint64_t loop_ms = uv_now(timers->handle.loop);

    timers->armed_tick = tick;
    /* Fails only on a closing handle. */
    (void)uv_timer_start(&timers->handle, on_tick, due_ms > loop_ms ? due_ms - loop_ms : 0, 0);
}

static void disarm(struct ses_timers *timers)
{
    timers->armed_tick = NOT_ARMED;
    (void)uv_timer_stop(&timers->handle);
}

/* Calls what is due in one slot. The slot's list is moved away first, so that callbacks may start and stop
 * any timer, also into this slot. */
static void expire_slot(struct ses_timers *timers, uint64_t tick)
{
    struct ses_list *slot = &timers->slots[tick % SLOTS];
    struct ses_list due;
    struct ses_list *node;

    ses_list_init(&due);
    while ((node = ses_list_pop(slot)) != NULL)
        ses_list_push_back(&due, node);
    mark(timers, tick, false);
    while ((node = ses_list_pop(&due)) != NULL) {
        struct ses_timer *timer = SES_CONTAINER(node, struct ses_timer, node);

        if (timer->due_tick > timers->done_tick) { /* a later turn of the wheel */
            ses_list_push_back(slot, node);
            mark(timers, tick, true);
            continue;
        }
        timer->timers = NULL;
        timers->waiting--;
        timer->fn(timer->arg);
    }
}

static void on_tick(uv_timer_t *handle)
{
    struct ses_timers *timers = handle->data;
    uint64_t from = timers->done_tick + 1;
    uint64_t to = tick_floor(ses_clock_mono_ns());

    /* A long stall: one turn of the wheel meets every timer. */
    if (to >= from + SLOTS)
        from = to - SLOTS + 1;
    if (to > timers->done_tick)
        timers->done_tick = to; /* what a callback starts now is due later than this walk */
    timers->walking = true;
    for (uint64_t tick = from; tick <= to; tick++) {
        if ((timers->occupied[tick % SLOTS / WORD_BITS] >> (tick % WORD_BITS) & 1) != 0)
            expire_slot(timers, tick);
    }
    timers->walking = false;
    if (timers->waiting == 0)
        disarm(timers);
    else
        arm(timers, next_occupied(timers, timers->done_tick));
}

enum ses_status ses_timers_new(uv_loop_t *loop, struct ses_timers **ret_timers)
{
    struct ses_timers *timers = calloc(1, sizeof(*timers));

    if (timers == NULL)
        return SES_NO_MEMORY;
    (void)uv_timer_init(loop, &timers->handle); /* cannot fail */
    timers->handle.data = timers;
    timers->armed_tick = NOT_ARMED;
    timers->done_tick = tick_floor(ses_clock_mono_ns());
    for (size_t i = 0; i < SLOTS; i++)
        ses_list_init(&timers->slots[i]);
    *ret_timers = timers;
    return SES_OK;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void ses_timers_free(struct ses_timers *timers)
{
    if (timers == NULL)
        return;
    SES_REQUIRE(!timers->walking);
    for (size_t i = 0; i < SLOTS; i++) {
        struct ses_list *node;

        while ((node = ses_list_pop(&timers->slots[i])) != NULL)
            SES_CONTAINER(node, struct ses_timer, node)->timers = NULL;
    }
    uv_close((uv_handle_t *)&timers->handle, on_closed);
}

void ses_timer_init(struct ses_timer *timer)
{
    *timer = (struct ses_timer){0};
}

void ses_timer_start(struct ses_timers *timers, struct ses_timer *timer, uint64_t delay_ms, ses_timer_fn fn,
                     void *arg)
{
    uint64_t delay = delay_ms < DELAY_MS_MAX ? delay_ms : DELAY_MS_MAX;
    /* The real clock, not the loop's cached one: that is stale and would make us early. */
    uint64_t now_ns = ses_clock_mono_ns();
    uint64_t due_tick = (now_ns + delay * SES_NS_PER_MS + TICK_NS - 1) / TICK_NS;

    ses_timer_stop(timer);
    if (due_tick <= timers->done_tick)
        due_tick = timers->done_tick + 1;
    /* Nothing waited, so the handle slept and nothing was walked: skip the ticks since, or the next walk
     * would go through all of them. */
    if (timers->waiting == 0 && !timers->walking && tick_floor(now_ns) > timers->done_tick + 1)
        timers->done_tick = tick_floor(now_ns) - 1;
    timer->due_tick = due_tick;
    timer->fn = fn;
    timer->arg = arg;
    timer->timers = timers;
    ses_list_push_back(&timers->slots[due_tick % SLOTS], &timer->node);
    mark(timers, due_tick, true);
    timers->waiting++;
    /* A timer beyond one turn wakes us once per turn; its slot is what the handle waits for. */
    if (!timers->walking && (timers->armed_tick == NOT_ARMED || due_tick < timers->armed_tick))
        arm(timers,
            due_tick < now_ns / TICK_NS + SLOTS ? due_tick : next_occupied(timers, timers->done_tick));
}

void ses_timer_stop(struct ses_timer *timer)
{
    struct ses_timers *timers = timer->timers;
    struct ses_list *slot;

    if (timers == NULL)
        return;
    slot = &timers->slots[timer->due_tick % SLOTS];
    ses_list_remove(&timer->node);
    timer->timers = NULL;
    if (ses_list_empty(slot))
        mark(timers, timer->due_tick, false);
    timers->waiting--;
    if (timers->waiting == 0 && !timers->walking)
        disarm(timers);
}
