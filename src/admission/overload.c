/* The controller of overload.h: sums while a window lasts, one judgement at its end. */
#include "overload.h"

#define ABOVE_WINDOWS         2u
#define UNREFUSED_WINDOWS     20u /* longer than a connection waits to be read */
#define CALLS_MIN             8u  /* of a window, or it says nothing: one slow call is no queue */
#define RUNNING_MIN           8u  /* fewer in progress do not make each other wait */
#define ROOM_MIN              0.001
#define ROOM_DECREASE_MIN     0.8 /* what was served lately says little where little came in */
#define ROOM_GROWTH           1.05
#define ROOM_STEP             0.01
#define ROOM_UNUSED           1.5 /* room is at most so much of what is used of it, and a bit for a beginning */
#define ROOM_BEGINNING        0.1
#define HORIZON_NS            5e8 /* within which the queue is to be what it should be */
#define CORRECTION_MIN        0.1
#define CORRECTION_BEHIND_MIN 0.9 /* what is not read yet may still be refused, and goes as soon as more is */
#define CORRECTION_MAX        1.2
#define QUEUE_MAX_NS          1e12 /* longer than anybody waits */
#define SERVED_WEIGHT         0.25
#define RATE_WEIGHT           0.25
#define LEARN_CALLS_MIN       20.0

/* Longer turns than so many targets are refused out of: for each kind. */
static const uint64_t turn_targets[SES_WORK_COUNT] = {[SES_WORK_CREATE] = 4, [SES_WORK_CONTINUE] = 16};

void ses_overload_init(struct ses_overload *o, uint64_t target_ns, uint64_t now_ns)
{
    *o = (struct ses_overload){.target_ns = target_ns,
                               .window_began_ns = now_ns,
                               .ended_ns = now_ns,
                               .running_min = UINT64_MAX,
                               .behind_min_ns = UINT64_MAX,
                               .turn_ended_ns = now_ns};
    ses_costs_init(&o->costs);
}

void ses_overload_arrived(struct ses_overload *o, uint64_t now_ns, unsigned turns_behind)
{
    o->turn_arrived++;
    o->turn_behind += turns_behind;
    if (o->turn_began_ns == 0)
        o->turn_began_ns = now_ns;
}

void ses_overload_entered(struct ses_overload *o)
{
    if (o->running == 0)
        o->ended_ns =
            o->turn_began_ns != 0 ? o->turn_began_ns : o->turn_ended_ns; /* nobody has waited longer */
    o->running++;
}

void ses_overload_refused(struct ses_overload *o, bool shed)
{
    o->calls[SES_COST_REFUSED]++;
    o->shed += shed ? 1 : 0;
}

void ses_overload_pressed(struct ses_overload *o)
{
    o->pressed = true;
}

void ses_overload_waits(struct ses_overload *o)
{
    o->running--;
    o->turn_left++;
}

static enum ses_cost kind_of(enum ses_work work, bool waited)
{
    if (waited)
        return SES_COST_CONNECTOR;
    return work == SES_WORK_CREATE ? SES_COST_CREATE : SES_COST_CONTINUE;
}

double ses_overload_cost_ns(const struct ses_overload *o, enum ses_work work, bool waited)
{
    return o->costs.ns[kind_of(work, waited)];
}

/* Moments are summed, not delays: the one look at the clock comes at the end of the turn. */
void ses_overload_ended(struct ses_overload *o, enum ses_work work, uint64_t started_ns, bool waited)
{
    o->calls[kind_of(work, waited)]++;
    if (waited)
        return;
    o->running--;
    o->sum[work].turn_ended++;
    o->sum[work].turn_started_ns += started_ns;
}

/* A mean over calls, not over connections: one that sends a heap of bytes and few calls makes nobody wait. */
static void measure_behind(struct ses_overload *o, uint64_t now_ns)
{
    uint64_t behind_ns =
        o->turn_arrived == 0 ? 0 : (now_ns - o->turn_ended_ns) * o->turn_behind / o->turn_arrived;

    o->behind_min_ns = behind_ns < o->behind_min_ns ? behind_ns : o->behind_min_ns;
    o->turn_arrived = 0;
    o->turn_behind = 0;
}

bool ses_overload_turn_end(struct ses_overload *o, uint64_t now_ns)
{
    uint64_t left = o->turn_left;

    for (int i = 0; i < SES_WORK_COUNT; i++) {
        struct ses_overload_sum *sum = &o->sum[i];

        left += sum->turn_ended;
        sum->ended += sum->turn_ended;
        sum->took_ns += sum->turn_ended * now_ns - sum->turn_started_ns;
        sum->turn_ended = 0;
        sum->turn_started_ns = 0;
    }
    o->left += left;
    o->turn_was_idle = left == 0 && o->running == 0 && o->turn_began_ns == 0;
    o->turn_left = 0;
    if (left > 0 || o->running == 0)
        o->ended_ns = now_ns;
    o->running_min = o->running < o->running_min ? o->running : o->running_min;
    measure_behind(o, now_ns);
    o->turn_began_ns = 0;
    o->turn_ended_ns = now_ns;
    return now_ns - o->window_began_ns >= SES_OVERLOAD_WINDOW_NS;
}

static uint64_t stuck_ns(const struct ses_overload *o, uint64_t now_ns)
{
    return now_ns > o->ended_ns ? now_ns - o->ended_ns : 0;
}

/* By Little's law, where there was a queue all the window long: only then is the rate what the machine can do. Where
 * nothing leaves any more, at least so long as that. */
static void measure_queue(struct ses_overload *o, uint64_t now_ns, double length_ns)
{
    double rate = (double)o->left / length_ns;
    double wait_ns = (double)stuck_ns(o, now_ns);

    if (o->running_min < RUNNING_MIN || o->running_min == UINT64_MAX) {
        o->rate = 0;
        o->queue_ns = 0;
        return;
    }
    o->rate += o->rate == 0 ? rate : (rate - o->rate) * RATE_WEIGHT;
    if (o->rate > 0 && (double)o->running_min / o->rate > wait_ns)
        wait_ns = (double)o->running_min / o->rate;
    o->queue_ns = wait_ns < QUEUE_MAX_NS ? (uint64_t)wait_ns : (uint64_t)QUEUE_MAX_NS;
}

static void grow(struct ses_overload *o)
{
    double most = o->served * ROOM_UNUSED + ROOM_BEGINNING, room = o->room * ROOM_GROWTH + ROOM_STEP;

    if (o->room < most)
        o->room = room < most ? room : most;
}

static double correction_for(const struct ses_overload *o, uint64_t queue_ns, double min)
{
    double correction = 1 + ((double)o->target_ns / 2 - (double)queue_ns) / HORIZON_NS;

    return correction > min ? correction : min;
}

/* Beyond the half of the target is less room than was served, below it more. */
static void follow_capacity(struct ses_overload *o)
{
    double correction = correction_for(o, o->queue_ns, CORRECTION_MIN);
    double behind = correction_for(o, o->behind_ns, CORRECTION_BEHIND_MIN);

    correction = correction < behind ? correction : behind;
    correction = correction < CORRECTION_MAX ? correction : CORRECTION_MAX;
    double room = o->served * correction;

    room = room > o->room * ROOM_DECREASE_MIN ? room : o->room * ROOM_DECREASE_MIN;
    o->room = room > ROOM_MIN ? room : ROOM_MIN;
}

static uint64_t longest(const struct ses_overload *o)
{
    return o->queue_ns > o->behind_ns ? o->queue_ns : o->behind_ns;
}

static void judge_calm(struct ses_overload *o)
{
    bool above = o->target_ns != 0 && longest(o) > o->target_ns;

    o->above = above ? o->above + 1 : 0;
    if (o->above < ABOVE_WINDOWS)
        return;
    o->shedding = true;
    o->unrefused = 0;
    o->room = 0; /* what was used just now, not what was long ago */
    follow_capacity(o);
}

static void judge_shedding(struct ses_overload *o)
{
    o->unrefused = o->shed > 0 || o->pressed ? 0 : o->unrefused + 1;
    if (longest(o) > o->target_ns / 4)
        follow_capacity(o);
    else
        grow(o);
    if (o->unrefused < UNREFUSED_WINDOWS || longest(o) > o->target_ns)
        return;
    o->shedding = false;
    o->above = 0;
}

/* What ended in the window, as costs and as a rate. */
static void take_stock(struct ses_overload *o, double length_ns, uint64_t cpu_ns)
{
    const double *cost_ns = o->costs.ns;
    double calls = 0;

    for (int i = 0; i < SES_COST_COUNT; i++)
        calls += o->calls[i];
    if (calls >= LEARN_CALLS_MIN && o->cpu_ns != 0)
        ses_costs_learn(&o->costs, o->calls, (double)(cpu_ns - o->cpu_ns));
    o->cpu_ns = cpu_ns;
    double served_ns = o->calls[SES_COST_CREATE] * cost_ns[SES_COST_CREATE] +
                       o->calls[SES_COST_CONNECTOR] * cost_ns[SES_COST_CONNECTOR];

    o->served += (served_ns / length_ns - o->served) * SERVED_WEIGHT;
    for (int i = 0; i < SES_WORK_COUNT; i++) {
        struct ses_overload_sum *sum = &o->sum[i];

        sum->mean_ns = sum->ended < CALLS_MIN ? 0 : sum->took_ns / sum->ended;
        sum->ended = 0;
        sum->took_ns = 0;
    }
}

void ses_overload_window_end(struct ses_overload *o, uint64_t now_ns, uint64_t cpu_ns)
{
    double length_ns = (double)(now_ns - o->window_began_ns);

    take_stock(o, length_ns, cpu_ns);
    measure_queue(o, now_ns, length_ns);
    o->behind_ns = o->behind_min_ns == UINT64_MAX ? 0 : 2 * o->behind_min_ns;
    if (o->shedding)
        judge_shedding(o);
    else
        judge_calm(o);
    for (int i = 0; i < SES_COST_COUNT; i++)
        o->calls[i] = 0;
    o->running_min = UINT64_MAX;
    o->behind_min_ns = UINT64_MAX;
    o->left = 0;
    o->shed = 0;
    o->pressed = false;
    o->window_began_ns = now_ns;
}

/* The queue is that of creations, which the disk may keep: what continues may only read, and is told by what that took
 * lately, if that is less (a client that sends slowly took long, too). */
uint64_t ses_overload_wait_ns(const struct ses_overload *o, enum ses_work work, uint64_t now_ns)
{
    uint64_t stuck = stuck_ns(o, now_ns);

    if (o->running < RUNNING_MIN)
        return 0;
    if (work == SES_WORK_CONTINUE)
        return o->sum[work].mean_ns < o->queue_ns ? o->sum[work].mean_ns : o->queue_ns;
    return stuck > o->queue_ns ? stuck : o->queue_ns;
}

bool ses_overload_turn_is_long(const struct ses_overload *o, enum ses_work work, uint64_t now_ns)
{
    return o->target_ns != 0 && o->turn_began_ns != 0 && now_ns > o->turn_began_ns &&
           now_ns - o->turn_began_ns > turn_targets[work] * o->target_ns;
}
