#include "load.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#include "client.h"
#include "pace.h"
#include "tls.h"

#define SECOND          1000000000.0
#define CONNECT_SECONDS 30
#define CLIENT_TRIES_MAX                                                                                     \
    64 /* connections asked for a journey's next call before the one it came from is taken */
#define PROGRESS_NS    500000000u
#define PROGRESS_WIDTH 30
#define CLOCK_MS       20

bool load_run_counts(const struct load_run *run, double due_ns)
{
    return run->counted_from_ns != 0 && due_ns >= (double)run->counted_from_ns &&
           (run->counted_until_ns == 0 || due_ns < (double)run->counted_until_ns);
}

static void measure_cpu(struct load_run *run)
{
    for (size_t i = 0; i < run->plan->pids_count; i++)
        run->cpu_seconds[i] = load_process_cpu(run->plan->pids[i]) - run->cpu_seconds[i];
}

void load_run_close_counting(struct load_run *run, uint64_t until_ns)
{
    run->counted_until_ns = until_ns;
    measure_cpu(run);
}

void load_run_stop(struct load_run *run)
{
    if (run->stopping)
        return;
    run->stopping = true;
    if (run->counted_from_ns != 0 && run->counted_until_ns == 0)
        load_run_close_counting(run, ses_clock_mono_ns());
    uv_stop(&run->loop);
}

static void begin_counting(struct load_run *run)
{
    memset(&run->totals, 0, sizeof(run->totals));
    run->counted_from_ns = ses_clock_mono_ns();
    for (size_t i = 0; i < run->plan->pids_count; i++)
        run->cpu_seconds[i] = load_process_cpu(run->plan->pids[i]);
}

/* ---- what is called next, and where */

struct load_client *load_run_free_client(struct load_run *run, const struct load_client *before)
{
    unsigned tries = before != NULL && run->plan->connections > CLIENT_TRIES_MAX ? CLIENT_TRIES_MAX
                                                                                 : run->plan->connections;

    for (unsigned i = 0; i < tries; i++) {
        struct load_client *client = run->clients[run->turn];

        run->turn = run->turn + 1 == run->plan->connections ? 0 : run->turn + 1;
        if (client != before && load_client_room(client) > 0)
            return client;
    }
    return NULL;
}

bool load_run_begin(struct load_run *run, struct load_client *client, uint64_t due_ns)
{
    struct load_journey *journey = load_journeys_begin(run->journeys);

    if (journey == NULL)
        return false;
    run->journeys_begun++;
    load_client_send(client, journey, due_ns);
    return true;
}

/* Closed loop: whether there is another call to make. */
static bool wants_more(const struct load_run *run)
{
    const struct load_plan *plan = run->plan;

    if (plan->journeys != 0)
        return run->journeys_begun < plan->journeys;
    return plan->calls == 0 || run->counted_from_ns == 0 || run->totals.sent < plan->calls;
}

static bool is_complete(const struct load_run *run)
{
    const struct load_plan *plan = run->plan;

    if (plan->journeys != 0)
        return run->totals.journeys_ended >= plan->journeys;
    return plan->rate <= 0 && plan->calls != 0 && run->counted_from_ns != 0 &&
           run->totals.right + run->totals.wrong >= plan->calls;
}

/* The next call of a journey goes over another connection than the last one where there is room: any worker
 * must know the session. */
static void go_on(struct load_run *run, struct load_client *client, struct load_journey *journey,
                  uint64_t now)
{
    struct load_client *next;

    journey->step++;
    if (run->plan->think_ns > 0) {
        load_journeys_think(run->journeys, journey, now + run->plan->think_ns);
        load_pace_arm(run->pace);
        return;
    }
    next = load_run_free_client(run, client);
    if (next == NULL)
        next = client;
    load_client_send(next, journey, now);
    if (next != client)
        load_client_flush(next);
}

static void end_journey(struct load_run *run, struct load_journey *journey, bool whole, bool counted)
{
    if (counted) {
        run->totals.journeys_ended++;
        run->totals.journeys_done[load_script_index(journey->script)] += whole;
    }
    load_journeys_end(run->journeys, journey);
}

/* ---- an answer */

static void note_error(struct load_run *run, const struct load_journey *journey, const char *error)
{
    if (run->totals.wrong != 0)
        return;
    if (run->plan->by_mix)
        (void)snprintf(run->totals.first_error, sizeof(run->totals.first_error), "%s, %s: %s",
                       journey->script->name, load_step_name(load_journey_step(journey)), error);
    else
        (void)snprintf(run->totals.first_error, sizeof(run->totals.first_error), "%s", error);
}

static void count(struct load_run *run, const struct load_journey *journey, uint64_t latency,
                  const char *error, bool counted)
{
    struct load_step_totals *step = &run->totals.step[load_journey_step(journey)];

    if (error != NULL) {
        note_error(run, journey, error);
        run->totals.wrong++;
        step->wrong++;
    } else if (counted) {
        run->totals.right++;
        step->right++;
        load_hist_add(&run->totals.latency_ns, latency);
        load_hist_add(&step->latency_ns, latency);
    }
}

void load_run_answered(struct load_run *run, struct load_client *client, struct load_journey *journey,
                       uint64_t due_ns, const char *error)
{
    uint64_t now = ses_clock_mono_ns();
    bool open_loop = run->plan->rate > 0;
    bool counted = !open_loop || load_run_counts(run, (double)due_ns);
    bool last = journey->step + 1 == journey->script->steps_count;
    /* Behind the counted time of an open loop nobody goes on: what is open is awaited. */
    bool closed = open_loop && run->plan->journeys == 0 && load_pace_is_closing(run->pace);

    if (run->stopping)
        return;
    count(run, journey, now > due_ns ? now - due_ns : 0, error, counted);
    if (error == NULL && !last && !closed) {
        go_on(run, client, journey, now);
        return;
    }
    end_journey(run, journey, error == NULL && last, counted);
    if (is_complete(run))
        load_run_stop(run);
    else if (!open_loop && wants_more(run))
        (void)load_run_begin(run, client, now);
}

void load_run_broken(struct load_run *run, unsigned calls_lost, const char *why)
{
    if (run->stopping)
        return;
    run->totals.lost += calls_lost == 0 ? 1 : calls_lost;
    if (run->totals.first_error[0] != '\0')
        fprintf(stderr, "connection: %s\n", why); /* the run ends of it, whatever came first */
    else
        (void)snprintf(run->totals.first_error, sizeof(run->totals.first_error), "connection: %s", why);
    load_run_stop(run);
}

/* ---- the beginning */

void load_run_connected(struct load_run *run)
{
    const struct load_plan *plan = run->plan;

    run->connected++;
    if (run->connected < plan->connections)
        return;
    if (plan->warmup_seconds <= 0)
        begin_counting(run);
    if (plan->rate > 0) {
        load_pace_start(run->pace);
        return;
    }
    for (unsigned i = 0; i < plan->connections; i++) {
        for (unsigned n = 0; n < plan->streams && wants_more(run); n++)
            (void)load_run_begin(run, run->clients[i], ses_clock_mono_ns());
        load_client_flush(run->clients[i]);
    }
}

struct clock_hand {
    uv_timer_t timer;
    uint64_t started_ns;
    uint64_t printed_at_ns;
};

static void print_progress(const struct load_run *run, double elapsed)
{
    const struct load_plan *plan = run->plan;
    const struct load_totals *t = &run->totals;
    double whole = plan->journeys != 0 ? (double)plan->journeys
                   : plan->calls != 0  ? (double)plan->calls
                                       : plan->seconds;
    double part = plan->journeys != 0 ? (double)t->journeys_ended
                  : plan->calls != 0  ? (double)t->right
                                      : elapsed;
    unsigned long long errors = t->wrong + t->lost;
    int width = whole > 0 ? (int)(part / whole * PROGRESS_WIDTH) : 0;

    width = width > PROGRESS_WIDTH ? PROGRESS_WIDTH : width;
    fprintf(stderr, "\r[%.*s%*s] %llu answers, %llu errors ", width, "##############################",
            PROGRESS_WIDTH - width, "", (unsigned long long)t->right, errors);
}

static void wait_for_counting(struct load_run *run, const struct clock_hand *hand, uint64_t now)
{
    double waited = (double)(now - hand->started_ns) / SECOND;

    if (run->connected == run->plan->connections && waited >= run->plan->warmup_seconds)
        begin_counting(run);
    else if (waited > run->plan->warmup_seconds + CONNECT_SECONDS)
        load_run_broken(run, 1, "not connected within 30 s");
}

/* Every 20 ms: is the warm-up over, is the time over, shall progress be shown. */
static void on_clock(uv_timer_t *timer)
{
    struct load_run *run = timer->data;
    struct clock_hand *hand = (struct clock_hand *)timer; /* its first member */
    uint64_t now = ses_clock_mono_ns();
    double elapsed;

    if (run->counted_from_ns == 0) {
        wait_for_counting(run, hand, now);
        return;
    }
    elapsed = (double)(now - run->counted_from_ns) / SECOND;
    if (!run->plan->quiet && now - hand->printed_at_ns > PROGRESS_NS) {
        hand->printed_at_ns = now;
        print_progress(run, elapsed);
    }
    if (run->plan->rate > 0)
        load_pace_look_for_end(run->pace, now);
    else if (run->plan->calls == 0 && run->plan->journeys == 0 && elapsed >= run->plan->seconds)
        load_run_stop(run);
}

/* Journeys move between connections: each has room for one call more than it gets at first, or in a closed
 * loop there would never be a free stream elsewhere. */
static void open_clients(struct load_run *run)
{
    const struct load_plan *plan = run->plan;
    unsigned room = plan->streams + (plan->rate <= 0 && load_mix_has_journeys(&plan->mix));

    run->clients = calloc(plan->connections, sizeof(struct load_client *));
    SES_REQUIRE(run->clients != NULL);
    for (unsigned i = 0; i < plan->connections; i++)
        run->clients[i] = load_client_open(run, room);
}

static void run_loop(struct load_run *run)
{
    struct clock_hand hand = {.started_ns = ses_clock_mono_ns()};

    (void)uv_timer_init(&run->loop, &hand.timer);
    hand.timer.data = run;
    (void)uv_timer_start(&hand.timer, on_clock, CLOCK_MS, CLOCK_MS);
    run->pace = load_pace_new(run);
    open_clients(run);
    if (!run->stopping)
        (void)uv_run(&run->loop, UV_RUN_DEFAULT);
    if (!run->plan->quiet)
        fprintf(stderr, "\n");
    for (unsigned i = 0; i < run->plan->connections; i++)
        load_client_close(run->clients[i]);
    load_pace_close(run->pace);
    uv_close((uv_handle_t *)&hand.timer, NULL);
    (void)uv_run(&run->loop, UV_RUN_DEFAULT);
    load_pace_free(run->pace);
    free(run->clients);
    run->clients = NULL;
}

int load_run(const struct load_plan *plan, struct load_run *ret_run)
{
    char error[LOAD_TLS_ERROR_MAX];

    *ret_run = (struct load_run){.plan = plan};
    if (plan->tls && (ret_run->tls = load_tls_context_new(plan, error)) == NULL) {
        (void)snprintf(ret_run->totals.first_error, sizeof(ret_run->totals.first_error), "%s", error);
        ret_run->totals.lost = 1;
        return 1;
    }
    SES_REQUIRE(uv_loop_init(&ret_run->loop) == 0);
    ret_run->journeys = load_journeys_new(&plan->mix, plan->first_id);
    run_loop(ret_run);
    load_journeys_free(ret_run->journeys);
    load_tls_context_free(ret_run->tls);
    (void)uv_loop_close(&ret_run->loop);
    return ret_run->totals.wrong + ret_run->totals.lost == 0 && ret_run->totals.right > 0 ? 0 : 1;
}
