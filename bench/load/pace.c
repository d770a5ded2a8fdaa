#include "pace.h"

#include <math.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#include "client.h"

#define SECOND 1000000000.0
/* Calls due within so much of each other leave together: below, the generator would spend its core on
 * wake-ups. Half of it is what the pacing adds to a latency on average. (uv_timer_t knows whole milliseconds
 * only.) */
#define WAKE_GAP_NS UINT64_C(50000)
/* Open loop: how long the answers to calls due inside the counted time are awaited behind its end. */
#define DRAIN_NS UINT64_C(10000000000)

/* Late calls keep their due time. */
struct load_pace {
    struct load_run *run;
    uv_poll_t poll;
    int fd;               /* a timerfd */
    bool closing;         /* no call becomes due any more; answers are awaited */
    uint64_t counted_due; /* arrivals whose due time is counted */
    double next_due_ns;   /* the next arrival; with a closed loop there are none */
    uint64_t seed;
};

static double uniform(struct load_pace *pace)
{
    /* xorshift64*: the arrivals need to look random, not to be secret. */
    pace->seed ^= pace->seed >> 12;
    pace->seed ^= pace->seed << 25;
    pace->seed ^= pace->seed >> 27;
    return ((double)(pace->seed * UINT64_C(2685821657736338717) >> 11) + 1.0) / 9007199254740993.0;
}

static void advance(struct load_pace *pace)
{
    const struct load_plan *plan = pace->run->plan;
    double gap = SECOND / plan->rate;

    pace->next_due_ns += plan->poisson ? -log(uniform(pace)) * gap : gap;
}

static bool has_arrivals(const struct load_pace *pace)
{
    return pace->run->plan->rate > 0 && pace->next_due_ns > 0 && !pace->closing;
}

/* Whether the next arrival is behind the end of the counted time. */
static bool is_over(const struct load_pace *pace)
{
    const struct load_run *run = pace->run;

    if (run->counted_from_ns == 0)
        return false;
    if (run->plan->journeys != 0)
        return run->journeys_begun >= run->plan->journeys;
    if (run->plan->calls != 0)
        return pace->counted_due >= run->plan->calls;
    return pace->next_due_ns >= (double)run->counted_from_ns + run->plan->seconds * SECOND;
}

/* The end of the counted time is where it was planned, not where it was noticed. A number of journeys has its
 * end with the last answer. */
static void begin_closing(struct load_pace *pace)
{
    struct load_run *run = pace->run;

    pace->closing = true;
    if (run->plan->journeys != 0)
        return;
    load_run_close_counting(run, run->plan->calls != 0
                                     ? (uint64_t)pace->next_due_ns
                                     : run->counted_from_ns + (uint64_t)(run->plan->seconds * SECOND));
}

static void send_arrivals(struct load_pace *pace, double now)
{
    struct load_run *run = pace->run;

    while (!run->stopping && has_arrivals(pace) && pace->next_due_ns <= now) {
        struct load_client *client;

        if (is_over(pace)) {
            begin_closing(pace);
            break;
        }
        client = load_run_free_client(run, NULL);
        if (client == NULL && run->plan->give_up_ns > 0 &&
            now - pace->next_due_ns > (double)run->plan->give_up_ns) {
            run->totals.given_up += load_run_counts(run, pace->next_due_ns);
            pace->counted_due += load_run_counts(run, pace->next_due_ns);
            advance(pace);
            continue;
        }
        if (client == NULL || !load_run_begin(run, client, (uint64_t)pace->next_due_ns)) {
            run->totals.late++;
            break; /* it keeps its due time: the wait counts as latency */
        }
        pace->counted_due += load_run_counts(run, pace->next_due_ns);
        advance(pace);
    }
}

static void send_thought(struct load_pace *pace, double now)
{
    struct load_run *run = pace->run;
    const struct load_journey *first;

    while (!run->stopping && (first = load_journeys_first(run->journeys)) != NULL &&
           (double)first->due_ns <= now) {
        struct load_client *client = load_run_free_client(run, NULL);

        if (client == NULL) {
            run->totals.late++;
            break;
        }
        load_client_send(client, load_journeys_take_first(run->journeys), first->due_ns);
    }
}

/* Wakes when the next call is due, but not sooner than WAKE_GAP_NS from now. */
void load_pace_arm(struct load_pace *pace)
{
    const struct load_journey *first = load_journeys_first(pace->run->journeys);
    uint64_t earliest = ses_clock_mono_ns() + WAKE_GAP_NS;
    uint64_t at = UINT64_MAX;
    struct itimerspec when;

    if (has_arrivals(pace))
        at = (uint64_t)pace->next_due_ns;
    if (first != NULL && first->due_ns < at)
        at = first->due_ns;
    if (at == UINT64_MAX)
        return;
    at = at > earliest ? at : earliest;
    when = (struct itimerspec){.it_value = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)}};
    (void)timerfd_settime(pace->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_due(uv_poll_t *poll, int status, int events)
{
    struct load_pace *pace = poll->data;
    double now = (double)ses_clock_mono_ns();
    uint64_t expirations;

    (void)status;
    (void)events;
    (void)!read(pace->fd, &expirations, sizeof(expirations));
    send_thought(pace, now);
    send_arrivals(pace, now);
    for (unsigned i = 0; i < pace->run->plan->connections; i++)
        load_client_flush(pace->run->clients[i]);
    load_pace_arm(pace);
}

bool load_pace_is_closing(const struct load_pace *pace)
{
    return pace->closing;
}

/* The calls that are still open when the patience ends count with their age: a percentile that they reach is
 * at least so long. */
static void give_up(struct load_run *run)
{
    uint64_t now = ses_clock_mono_ns();

    for (unsigned i = 0; i < run->plan->connections; i++) {
        enum load_step step;
        uint64_t due_ns;

        while (load_client_next_open(run->clients[i], &due_ns, &step)) {
            if (!load_run_counts(run, (double)due_ns))
                continue;
            run->totals.unfinished++;
            load_hist_add(&run->totals.latency_ns, now - due_ns);
            load_hist_add(&run->totals.step[step].latency_ns, now - due_ns);
        }
    }
    load_run_stop(run);
}

void load_pace_look_for_end(struct load_pace *pace, uint64_t now_ns)
{
    struct load_run *run = pace->run;
    bool idle = load_journeys_first(run->journeys) == NULL;

    if (!pace->closing || run->plan->journeys != 0)
        return; /* a number of journeys ends with the last of them */
    for (unsigned i = 0; i < run->plan->connections; i++)
        idle = idle && load_client_idle(run->clients[i]);
    if (idle)
        load_run_stop(run);
    else if (now_ns >= run->counted_until_ns + DRAIN_NS)
        give_up(run);
}

struct load_pace *load_pace_new(struct load_run *run)
{
    struct load_pace *pace = calloc(1, sizeof(*pace));

    SES_REQUIRE(pace != NULL);
    pace->run = run;
    pace->seed = 88172645463325252u;
    pace->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    SES_REQUIRE(pace->fd >= 0 && uv_poll_init(&run->loop, &pace->poll, pace->fd) == 0);
    pace->poll.data = pace;
    (void)uv_poll_start(&pace->poll, UV_READABLE, on_due);
    return pace;
}

void load_pace_start(struct load_pace *pace)
{
    pace->next_due_ns = (double)ses_clock_mono_ns();
    load_pace_arm(pace);
}

void load_pace_close(struct load_pace *pace)
{
    uv_close((uv_handle_t *)&pace->poll, NULL);
}

void load_pace_free(struct load_pace *pace)
{
    (void)close(pace->fd);
    free(pace);
}
