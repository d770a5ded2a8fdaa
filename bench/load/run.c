#include "load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>

#define SECOND 1000000000.0

/* Open loop: when the next call is due. Late calls keep their due time. */
struct pace {
    uv_timer_t timer;
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

static void send_due(struct load_run *run)
{
    struct pace *pace = run->pace;
    double now = (double)ses_clock_mono_ns();

    while (!run->stopping && pace->next_due_ns <= now) {
        struct load_client *client = free_client(run, pace);

        if (client == NULL) {
            run->totals.late++;
            break; /* it keeps its due time: the wait counts as latency */
        }
        load_client_send(client, (uint64_t)pace->next_due_ns);
        advance(run->plan, pace);
    }
    for (unsigned i = 0; i < run->plan->connections; i++)
        load_client_flush(run->clients[i]);
}

static void stop(struct load_run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    if (run->counted_from_ns != 0 && run->counted_until_ns == 0)
        run->counted_until_ns = ses_clock_mono_ns();
    for (size_t i = 0; i < run->plan->pids_count; i++)
        run->cpu_seconds[i] = load_process_cpu(run->plan->pids[i]) - run->cpu_seconds[i];
    uv_stop(run->loop);
}

static void begin_counting(struct load_run *run)
{
    memset(&run->totals.latency_ns, 0, sizeof(run->totals.latency_ns));
    run->totals = (struct load_totals){0};
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
    if (error == NULL) {
        run->totals.right++;
        ses_hist_add(&run->totals.latency_ns, latency);
        if (latency > run->totals.latency_max_ns)
            run->totals.latency_max_ns = latency;
    } else if (run->totals.wrong++ == 0) {
        (void)snprintf(run->totals.first_error, sizeof(run->totals.first_error), "%s", error);
    }
    if (run->plan->calls != 0 && run->counted_from_ns != 0 &&
        run->totals.right + run->totals.wrong >= run->plan->calls)
        stop(run);
    else if (run->plan->rate <= 0 &&
             (run->plan->calls == 0 || run->counted_from_ns == 0 || run->totals.sent < run->plan->calls))
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

static void on_tick(uv_timer_t *timer)
{
    struct load_run *run = timer->data;

    if (run->plan->rate > 0 && run->connected == run->plan->connections)
        send_due(run);
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
    if (run->plan->calls == 0 && (double)(now - run->counted_from_ns) >= run->plan->seconds * SECOND)
        stop(run);
}

static void close_timer(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, NULL);
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
    (void)uv_timer_init(&loop, &pace.timer);
    (void)uv_timer_init(&loop, &hand.timer);
    pace.timer.data = ret_run;
    hand.timer.data = ret_run;
    (void)uv_timer_start(&hand.timer, on_clock, 20, 20);
    if (plan->rate > 0)
        (void)uv_timer_start(&pace.timer, on_tick, 1, 1);
    for (unsigned i = 0; i < plan->connections; i++)
        ret_run->clients[i] = load_client_open(ret_run, i);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    if (!plan->quiet)
        fprintf(stderr, "\n");
    for (unsigned i = 0; i < plan->connections; i++)
        load_client_close(ret_run->clients[i]);
    close_timer(&pace.timer);
    close_timer(&hand.timer);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    (void)uv_loop_close(&loop);
    free(ret_run->clients);
    ret_run->clients = NULL;
    return ret_run->totals.wrong + ret_run->totals.lost == 0 && ret_run->totals.right > 0 ? 0 : 1;
}
