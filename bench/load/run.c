#include "load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <sessiond/base/clock.h>

#define SECOND 1000000000.0
/* Calls due within so much of each other leave together: below, the generator would spend its core on
 * wake-ups. Half of it is what the pacing adds to a latency on average. (uv_timer_t knows whole milliseconds
 * only.) */
#define WAKE_GAP_NS UINT64_C(50000)
/* Open loop: how long the answers to calls due inside the counted time are awaited behind its end. */
#define DRAIN_NS UINT64_C(10000000000)

/* Open loop: when the next call is due. Late calls keep their due time. */
struct pace {
    uv_poll_t poll;
    int fd;               /* a timerfd */
    bool closing;         /* no call becomes due any more; answers are awaited */
    uint64_t counted_due; /* calls whose due time is counted */
    double next_due_ns;
    unsigned turn; /* connection that is asked first */
    uint64_t seed;
};

static double uniform(struct pace *pace)
{
    /* xorshift64*: the arrivals need to look random, not to be secret. */
    pace->seed ^= pace->seed >> 12;
    pace->seed ^= pace->seed << 25;
    pace->seed ^= pace->seed >> 27;
    return ((double)(pace->seed * UINT64_C(2685821657736338717) >> 11) + 1.0) / 9007199254740993.0;
}

static void advance(const struct load_plan *plan, struct pace *pace)
{
    double gap = SECOND / plan->rate;

    pace->next_due_ns += plan->poisson ? -log(uniform(pace)) * gap : gap;
}

static struct load_client *free_client(struct load_run *run, struct pace *pace)
{
    for (unsigned i = 0; i < run->plan->connections; i++) {
        struct load_client *client = run->clients[(pace->turn + i) % run->plan->connections];

        if (load_client_room(client) > 0) {
            pace->turn = (pace->turn + i + 1) % run->plan->connections;
            return client;
        }
    }
    return NULL;
}

/* The counted time of an open loop: its calls are those that were due in it. */
static bool is_counted(const struct load_run *run, double due_ns)
{
    return run->counted_from_ns != 0 && due_ns >= (double)run->counted_from_ns &&
           (run->counted_until_ns == 0 || due_ns < (double)run->counted_until_ns);
}

/* Whether the next call is behind the end of the counted time. */
static bool is_over(const struct load_run *run, const struct pace *pace)
{
    if (run->counted_from_ns == 0)
        return false;
    if (run->plan->calls != 0)
        return pace->counted_due >= run->plan->calls;
    return pace->next_due_ns >= (double)run->counted_from_ns + run->plan->seconds * SECOND;
}

static void stop(struct load_run *run);

static void measure_cpu(struct load_run *run)
{
    for (size_t i = 0; i < run->plan->pids_count; i++)
        run->cpu_seconds[i] = load_process_cpu(run->plan->pids[i]) - run->cpu_seconds[i];
}

static void begin_closing(struct load_run *run, struct pace *pace)
{
    pace->closing = true;
    run->counted_until_ns = (uint64_t)pace->next_due_ns;
    if (run->plan->calls == 0)
        run->counted_until_ns = run->counted_from_ns + (uint64_t)(run->plan->seconds * SECOND);
    measure_cpu(run);
}

static void send_due(struct load_run *run)
{
    struct pace *pace = run->pace;
    double now = (double)ses_clock_mono_ns();

    while (!run->stopping && !pace->closing && pace->next_due_ns <= now) {
        struct load_client *client;

        if (is_over(run, pace)) {
            begin_closing(run, pace);
            break;
        }
        client = free_client(run, pace);
        if (client == NULL) {
            run->totals.late++;
            break; /* it keeps its due time: the wait counts as latency */
        }
        if (is_counted(run, pace->next_due_ns))
            pace->counted_due++;
        load_client_send(client, (uint64_t)pace->next_due_ns);
        advance(run->plan, pace);
    }
    for (unsigned i = 0; i < run->plan->connections; i++)
        load_client_flush(run->clients[i]);
}

/* Wakes when the next call is due, but not sooner than WAKE_GAP_NS from now. */
static void arm(struct pace *pace)
{
    uint64_t earliest = ses_clock_mono_ns() + WAKE_GAP_NS;
    uint64_t at = (uint64_t)pace->next_due_ns > earliest ? (uint64_t)pace->next_due_ns : earliest;
    const struct itimerspec when = {.it_value = {(time_t)(at / 1000000000u), (long)(at % 1000000000u)}};

    (void)timerfd_settime(pace->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_due(uv_poll_t *poll, int status, int events)
{
    struct load_run *run = poll->data;
    struct pace *pace = run->pace;
    uint64_t expirations;

    (void)status;
    (void)events;
    (void)!read(pace->fd, &expirations, sizeof(expirations));
    send_due(run);
    if (!pace->closing)
        arm(pace);
}

/* The calls that are still open when the patience ends count with their age: a percentile that they reach is
 * at least so long. */
static void give_up(struct load_run *run)
{
    uint64_t now = ses_clock_mono_ns();

    for (unsigned i = 0; i < run->plan->connections; i++) {
        uint64_t due = 0;

        while (load_client_next_open(run->clients[i], &due)) {
            if (is_counted(run, (double)due)) {
                run->totals.unfinished++;
                load_hist_add(&run->totals.latency_ns, now - due);
            }
        }
    }
    stop(run);
}

static void stop(struct load_run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    if (run->counted_from_ns != 0 && run->counted_until_ns == 0) {
        run->counted_until_ns = ses_clock_mono_ns();
        measure_cpu(run);
    }
    uv_stop(run->loop);
}

static void begin_counting(struct load_run *run)
{
    memset(&run->totals, 0, sizeof(run->totals));
    run->counted_from_ns = ses_clock_mono_ns();
    for (size_t i = 0; i < run->plan->pids_count; i++)
        run->cpu_seconds[i] = load_process_cpu(run->plan->pids[i]);
}

void load_run_answered(struct load_run *run, struct load_client *client, uint64_t intended_ns,
                       const char *error)
{
    uint64_t now = ses_clock_mono_ns();
    uint64_t latency = now > intended_ns ? now - intended_ns : 0;

    if (run->stopping)
        return;
    if (error != NULL) {
        if (run->totals.wrong++ == 0)
            (void)snprintf(run->totals.first_error, sizeof(run->totals.first_error), "%s", error);
    } else if (run->plan->rate <= 0 || is_counted(run, (double)intended_ns)) {
        run->totals.right++;
        load_hist_add(&run->totals.latency_ns, latency);
    }
    if (run->plan->rate > 0)
        return;
    if (run->plan->calls != 0 && run->counted_from_ns != 0 &&
        run->totals.right + run->totals.wrong >= run->plan->calls)
        stop(run);
    else if (run->plan->calls == 0 || run->counted_from_ns == 0 || run->totals.sent < run->plan->calls)
        load_client_send(client, now);
}

void load_run_connected(struct load_run *run)
{
    run->connected++;
    if (run->connected < run->plan->connections)
        return;
    if (run->plan->warmup_seconds <= 0)
        begin_counting(run);
    if (run->plan->rate > 0) {
        struct pace *pace = run->pace;

        pace->next_due_ns = (double)ses_clock_mono_ns();
        arm(pace);
        return;
    }
    for (unsigned i = 0; i < run->plan->connections; i++) {
        while (load_client_room(run->clients[i]) > 0 &&
               (run->plan->calls == 0 || run->counted_from_ns == 0 || run->totals.sent < run->plan->calls))
            load_client_send(run->clients[i], ses_clock_mono_ns());
        load_client_flush(run->clients[i]);
    }
}

void load_run_broken(struct load_run *run, struct load_client *client, unsigned calls_lost, const char *why)
{
    (void)client;
    if (run->stopping)
        return;
    run->totals.lost += calls_lost == 0 ? 1 : calls_lost;
    if (run->totals.first_error[0] == '\0')
        (void)snprintf(run->totals.first_error, sizeof(run->totals.first_error), "connection: %s", why);
    stop(run);
}

struct clock_hand {
    uv_timer_t timer;
    uint64_t started_ns;
    uint64_t printed_at_ns;
};

static void print_progress(const struct load_run *run, double elapsed)
{
    double whole = run->plan->calls != 0 ? (double)run->plan->calls : run->plan->seconds;
    double part = run->plan->calls != 0 ? (double)run->totals.right : elapsed;
    unsigned long long errors = run->totals.wrong + run->totals.lost;
    int width = whole > 0 ? (int)(part / whole * 30) : 0;

    width = width > 30 ? 30 : width;
    fprintf(stderr, "\r[%.*s%*s] %llu answers, %llu errors ", width, "##############################",
            30 - width, "", (unsigned long long)run->totals.right, errors);
}

/* Open loop behind its counted time: all answered, or out of patience. */
static void look_for_end(struct load_run *run, uint64_t now)
{
    const struct pace *pace = run->pace;
    unsigned in_flight = 0;

    if (!pace->closing)
        return;
    for (unsigned i = 0; i < run->plan->connections; i++)
        in_flight += run->plan->streams - load_client_room(run->clients[i]);
    if (in_flight == 0)
        stop(run);
    else if (now >= run->counted_until_ns + DRAIN_NS)
        give_up(run);
}

/* Every 20 ms: is the warm-up over, is the time over, shall progress be shown. */
static void on_clock(uv_timer_t *timer)
{
    struct load_run *run = timer->data;
    struct clock_hand *hand = (struct clock_hand *)timer; /* its first member */
    uint64_t now = ses_clock_mono_ns();

    if (run->counted_from_ns == 0) {
        if (run->connected == run->plan->connections &&
            (double)(now - hand->started_ns) >= run->plan->warmup_seconds * SECOND)
            begin_counting(run);
        else if ((double)(now - hand->started_ns) > (run->plan->warmup_seconds + 30) * SECOND)
            load_run_broken(run, NULL, 1, "not connected within 30 s");
        return;
    }
    if (!run->plan->quiet && now - hand->printed_at_ns > 500000000) {
        hand->printed_at_ns = now;
        print_progress(run, (double)(now - run->counted_from_ns) / SECOND);
    }
    if (run->plan->rate > 0)
        look_for_end(run, now);
    else if (run->plan->calls == 0 && (double)(now - run->counted_from_ns) >= run->plan->seconds * SECOND)
        stop(run);
}

static void open_pace(struct load_run *run, struct pace *pace)
{
    pace->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    SES_REQUIRE(pace->fd >= 0 && uv_poll_init(run->loop, &pace->poll, pace->fd) == 0);
    pace->poll.data = run;
    (void)uv_poll_start(&pace->poll, UV_READABLE, on_due);
}

int load_run(const struct load_plan *plan, struct load_run *ret_run)
{
    struct pace pace = {.seed = 88172645463325252u};
    struct clock_hand hand = {.started_ns = ses_clock_mono_ns()};
    uv_loop_t loop;

    *ret_run = (struct load_run){.plan = plan, .next_number = plan->first_id, .pace = &pace};
    SES_REQUIRE(uv_loop_init(&loop) == 0);
    ret_run->loop = &loop;
    ret_run->clients = calloc(plan->connections, sizeof(struct load_client *));
    SES_REQUIRE(ret_run->clients != NULL);
    (void)uv_timer_init(&loop, &hand.timer);
    hand.timer.data = ret_run;
    (void)uv_timer_start(&hand.timer, on_clock, 20, 20);
    open_pace(ret_run, &pace);
    for (unsigned i = 0; i < plan->connections; i++)
        ret_run->clients[i] = load_client_open(ret_run, i);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    if (!plan->quiet)
        fprintf(stderr, "\n");
    for (unsigned i = 0; i < plan->connections; i++)
        load_client_close(ret_run->clients[i]);
    uv_close((uv_handle_t *)&pace.poll, NULL);
    uv_close((uv_handle_t *)&hand.timer, NULL);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)close(pace.fd);
    (void)uv_loop_close(&loop);
    free(ret_run->clients);
    ret_run->clients = NULL;
    return ret_run->totals.wrong + ret_run->totals.lost == 0 && ret_run->totals.right > 0 ? 0 : 1;
}
