#include "stub.h"

#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/status.h>

#define MS_NS 1000000.0

struct stub_queue {
    struct stub_model model;
    uv_poll_t poll;
    int fd;                 /* a timerfd: libuv's own timers know whole milliseconds only */
    uint64_t first_ns;      /* when the first call came: stalls count from there */
    struct stub_call *busy; /* in lanes, by due time */
    unsigned busy_count;
    struct stub_call *waiting, **waiting_end;
};

/* The end of the stall that t lies in, else t. */
static uint64_t after_stall(const struct stub_queue *queue, uint64_t t_ns)
{
    double every = queue->model.stall_every_ms * MS_NS, since = (double)(t_ns - queue->first_ns), phase;

    if (every <= 0 || since < every)
        return t_ns;
    phase = since - every * (double)(uint64_t)(since / every);
    return phase < queue->model.stall_ms * MS_NS ? t_ns + (uint64_t)(queue->model.stall_ms * MS_NS - phase)
                                                 : t_ns;
}

static void insert_busy(struct stub_queue *queue, struct stub_call *call)
{
    struct stub_call **at = &queue->busy;

    while (*at != NULL && (*at)->due_ns <= call->due_ns)
        at = &(*at)->next;
    call->next = *at;
    *at = call;
    queue->busy_count++;
}

static void start(struct stub_queue *queue, struct stub_call *call, uint64_t at_ns)
{
    double n = queue->busy_count + 1.0;
    double us =
        queue->model.service_us * (1 + queue->model.sigma * (n - 1) + queue->model.kappa * n * (n - 1));

    call->due_ns = after_stall(queue, after_stall(queue, at_ns) + (uint64_t)(us * 1000));
    insert_busy(queue, call);
}

/* Answers what is due. A waiting call starts at the instant at which its lane became free, not when this was
 * noticed: the timer's lateness does not add up. */
static void settle(struct stub_queue *queue, uint64_t now_ns)
{
    while (queue->busy != NULL && queue->busy->due_ns <= now_ns) {
        struct stub_call *done = queue->busy, *next = queue->waiting;

        queue->busy = done->next;
        queue->busy_count--;
        if (next != NULL) {
            queue->waiting = next->next;
            if (queue->waiting == NULL)
                queue->waiting_end = &queue->waiting;
            start(queue, next, done->due_ns);
        }
        done->answer(done);
    }
}

static void arm(struct stub_queue *queue)
{
    struct itimerspec when = {0};

    if (queue->busy != NULL) {
        when.it_value.tv_sec = (time_t)(queue->busy->due_ns / 1000000000u);
        when.it_value.tv_nsec = (long)(queue->busy->due_ns % 1000000000u);
    }
    (void)timerfd_settime(queue->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_due(uv_poll_t *poll, int status, int events)
{
    struct stub_queue *queue = poll->data;
    uint64_t expirations;

    (void)status;
    (void)events;
    (void)!read(queue->fd, &expirations, sizeof(expirations));
    settle(queue, ses_clock_mono_ns());
    arm(queue);
}

struct stub_queue *stub_queue_new(uv_loop_t *loop, const struct stub_model *model)
{
    struct stub_queue *queue = calloc(1, sizeof(*queue));

    SES_REQUIRE(queue != NULL);
    queue->model = *model;
    queue->waiting_end = &queue->waiting;
    queue->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    SES_REQUIRE(queue->fd >= 0 && uv_poll_init(loop, &queue->poll, queue->fd) == 0);
    queue->poll.data = queue;
    (void)uv_poll_start(&queue->poll, UV_READABLE, on_due);
    return queue;
}

void stub_queue_take(struct stub_queue *queue, struct stub_call *call)
{
    uint64_t now = ses_clock_mono_ns();

    if (queue->first_ns == 0)
        queue->first_ns = now;
    settle(queue, now);
    if (queue->busy_count < queue->model.lanes) {
        start(queue, call, now);
    } else {
        call->next = NULL;
        *queue->waiting_end = call;
        queue->waiting_end = &call->next;
    }
    settle(queue, now); /* service time 0 */
    arm(queue);
}
