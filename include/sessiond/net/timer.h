/* timer.h - many cheap deadlines on one loop: a hashed timing wheel behind a single uv_timer.
 *
 * Start and stop are O(1), resolution about 2 ms, late by at most one tick, never early. The uv_timer runs
 * only while timers wait, so an idle worker does not wake up. A timer's storage belongs to the caller and
 * must be stopped before it dies.
 */
#ifndef SESSIOND_NET_TIMER_H
#define SESSIOND_NET_TIMER_H

#include <uv.h>

#include <sessiond/base/list.h>
#include <sessiond/base/status.h>

struct ses_timers;

typedef void (*ses_timer_fn)(void *arg);

struct ses_timer {
    struct ses_list node;
    uint64_t due_tick;
    ses_timer_fn fn;
    void *arg;
    struct ses_timers *timers; /* NULL while stopped */
};

SES_MUST_CHECK enum ses_status ses_timers_new(uv_loop_t *loop, struct ses_timers **ret_timers);
/* Stops everything; the handle finishes on the loop. */
void ses_timers_free(struct ses_timers *timers);

void ses_timer_init(struct ses_timer *timer);
/* (Re)starts; fn is called once, from the loop, no earlier than delay_ms from now. */
void ses_timer_start(struct ses_timers *timers, struct ses_timer *timer, uint64_t delay_ms, ses_timer_fn fn,
                     void *arg);
/* Harmless on a stopped or zeroed timer. */
void ses_timer_stop(struct ses_timer *timer);

#endif
