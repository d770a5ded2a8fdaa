/* overload.h - does this worker take more than it can do, and how much of it may come in.
 *
 * How long a call that comes in now would wait follows from what is there: calls in progress, by the rate at which calls
 * end (Little's law). That is known without delay and without a model: a loop that is too busy shows in it, and so does
 * a disk that is too slow. Calls that wait for a connector or for another call are in neither figure. Windows of 50 ms,
 * of each the least that was in progress at the end of a turn: a burst that is gone again is no queue (CoDel, RFC 8289).
 *
 * A loop that is too busy does not read: what waits for it is not in progress yet. How far the reading is behind, in
 * turns like this one, is the other queue, before the door; half of the target is for that.
 *
 *   CALM       everything comes in
 *     --two windows in a row with a queue above the target-->       SHEDDING
 *   SHEDDING   creations take at most `room` of the loop's time, continuations what they need
 *     --nothing was refused, and nobody asked for too much, for a second-->   CALM
 *
 * While there is a queue, creations end as fast as the machine can do them: that rate is the capacity, whatever bounds it,
 * and room is that, more or less by as much as brings the queue to half the target within half a second. While there is
 * none, room grows by a twentieth a window, but not far beyond what is used of it, or it would mean nothing later.
 *
 * Time comes in with the calls; nothing here reads a clock, allocates or calls anybody. A call costs some additions.
 */
#ifndef SESSIOND_SRC_ADMISSION_OVERLOAD_H
#define SESSIOND_SRC_ADMISSION_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include <sessiond/base/units.h>

#include "cost.h"

#define SES_OVERLOAD_WINDOW_NS (50 * SES_NS_PER_MS)

/* In the order in which they are given up. */
enum ses_work { SES_WORK_CREATE, SES_WORK_CONTINUE, SES_WORK_COUNT };

/* Calls of one kind that ended and had waited for nobody but us. */
struct ses_overload_sum {
    uint64_t turn_ended;
    uint64_t turn_started_ns; /* sum of the moments at which they came in, modulo 2^64 */
    uint64_t ended;           /* in the turns of this window that are over */
    uint64_t took_ns;         /* all of them together */
    uint64_t mean_ns;         /* in the last window; 0: hardly any ended */
};

struct ses_overload {
    uint64_t target_ns; /* 0: never sheds, only measures */
    struct ses_overload_sum sum[SES_WORK_COUNT];
    uint64_t running;       /* whole, not ended, and waiting for nobody but us */
    uint64_t turn_began_ns; /* the first call of this turn came in; 0: none did */
    uint64_t turn_ended_ns; /* the last one */
    uint64_t turn_arrived;  /* calls */
    uint64_t turn_behind;   /* sum of turns_behind */
    bool turn_was_idle;     /* the last one: no call came, none ended, none was running */
    uint64_t turn_left;     /* calls that ended or began to wait for somebody else, in this turn */
    uint64_t ended_ns;      /* the last turn in which there was one, or none was running */
    /* of the window */
    uint64_t window_began_ns;
    uint64_t running_min;   /* at the ends of turns */
    uint64_t behind_min_ns; /* what was not read yet would wait so long to be */
    uint64_t left;
    uint64_t shed;
    bool pressed;    /* ses_overload_pressed */
    uint64_t cpu_ns; /* of the loop's thread when it began; 0: not known */
    double calls[SES_COST_COUNT];
    /* from window to window */
    double rate;        /* calls that leave a ns while there is a queue; 0: there is none */
    uint64_t queue_ns;  /* how long the queue was in the last one */
    uint64_t behind_ns; /* and the one before the door */
    unsigned above;     /* windows in a row */
    unsigned unrefused;
    bool shedding;
    double room;   /* ns of creations a ns */
    double served; /* the same, of those that ended lately */
    struct ses_costs costs;
};

void ses_overload_init(struct ses_overload *o, uint64_t target_ns, uint64_t now_ns);
/* A call is here, whatever becomes of it. turns_behind: so many turns it takes to read what waits behind it
 * (ses_conn_turns_behind). */
void ses_overload_arrived(struct ses_overload *o, uint64_t now_ns, unsigned turns_behind);
/* It was let in and is whole: what waits for its client's bytes is nobody's queue. Or refused; shed: because of what is
 * told here. */
void ses_overload_entered(struct ses_overload *o);
void ses_overload_refused(struct ses_overload *o, bool shed);
/* A call of somebody who asks for more than his share, whatever becomes of it. Who is not read as fast as he sends is
 * refused little, and would be at it again at once. */
void ses_overload_pressed(struct ses_overload *o);
/* A call that was let in waits for somebody else from here on. */
void ses_overload_waits(struct ses_overload *o);
/* A call that was let in at started_ns has ended; waited: it had waited for somebody else. */
void ses_overload_ended(struct ses_overload *o, enum ses_work work, uint64_t started_ns, bool waited);
/* What such a call costs, as learnt so far. */
double ses_overload_cost_ns(const struct ses_overload *o, enum ses_work work, bool waited);
/* The end of a turn. true: the window is over. */
bool ses_overload_turn_end(struct ses_overload *o, uint64_t now_ns);
/* cpu_ns: of the loop's thread, counted from any moment on. */
void ses_overload_window_end(struct ses_overload *o, uint64_t now_ns, uint64_t cpu_ns);

/* How long a call of this kind would take that comes in now. 0 while hardly anything is in progress: then nobody has to
 * wait. */
uint64_t ses_overload_wait_ns(const struct ses_overload *o, enum ses_work work, uint64_t now_ns);
/* What was read in this turn has waited so long that it says it by itself. */
bool ses_overload_turn_is_long(const struct ses_overload *o, enum ses_work work, uint64_t now_ns);

#endif
