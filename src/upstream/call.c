/* A call from its start to its verdict, and what the breaker hears of it. */
#include "upstream_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

#define GRPC_DEADLINE    4u
#define GRPC_UNAVAILABLE 14u

void ses_up_kick(struct ses_upstream *upstream)
{
    if (!upstream->closing)
        (void)uv_idle_start(&upstream->idle, upstream->turn);
}

/* ---- breaker ------------------------------------------------------------------------------------------ */

static void log_upstream(const struct ses_upstream *upstream, enum ses_log_level level, const char *event,
                         const char *why)
{
    struct ses_log_line line;

    if (upstream->options.log == NULL)
        return;
    ses_log_begin(upstream->options.log, level, event, &line);
    ses_log_str(&line, "upstream", upstream->options.authority);
    if (why != NULL)
        ses_log_str(&line, "why", why);
    ses_log_end(&line);
}

/* SES_UPSTREAM_NOT_LOOKED stands in no cell. */
static void count_health(const struct ses_upstream *upstream, int64_t by)
{
    if (upstream->health != SES_UPSTREAM_NOT_LOOKED)
        ses_family_add(upstream->options.metrics, SES_F_UPSTREAM_HEALTH,
                       (size_t)upstream->health - SES_UPSTREAM_UP, by);
}

void ses_up_health_set(struct ses_upstream *upstream, enum ses_upstream_health health)
{
    if (health == upstream->health)
        return;
    count_health(upstream, -1);
    if (health == SES_UPSTREAM_DOWN)
        log_upstream(upstream, SES_LOG_WARN, "upstream_down", NULL);
    else if (health == SES_UPSTREAM_UP && upstream->health == SES_UPSTREAM_DOWN)
        log_upstream(upstream, SES_LOG_INFO, "upstream_up", NULL);
    upstream->health = health;
    count_health(upstream, 1);
}

static void tell_state(struct ses_upstream *upstream)
{
    ses_gauge_set(upstream->options.metrics, SES_C_UPSTREAM_BREAKER_OPEN,
                  upstream->breaker.state != SES_BREAKER_CLOSED);
}

static void count_failure(struct ses_upstream *upstream, const char *why)
{
    const struct ses_upstream_options *options = &upstream->options;

    if (ses_breaker_failure(&upstream->breaker, ses_clock_mono_ms(), options->breaker_failures,
                            options->breaker_open_ms))
        log_upstream(upstream, SES_LOG_WARN, "upstream_breaker_open", why);
    tell_state(upstream);
}

void ses_up_connection_failed(struct ses_upstream *upstream, const char *why)
{
    log_upstream(upstream, SES_LOG_WARN, "upstream_connection_failed", why);
    count_failure(upstream, why);
}

/* A time-out speaks against the server only if it was given half of the usual time (as connector/driver.c). */
static bool counts(const struct ses_up_call *call)
{
    uint64_t had_ms = (ses_clock_mono_ns() - call->started_mono_ns) / SES_NS_PER_MS;

    return !call->stream.lost && (!call->out_of_time || had_ms >= call->upstream->options.deadline_ms / 2);
}

/*   ANSWERED                           success: it is there
 *   NOT_SENT                           nothing: a connection that failed has been counted, whoever refuses is there
 *   UNKNOWN, with its connection       nothing: counted once for all of them
 *   UNKNOWN by a short deadline        nothing
 *   any other UNKNOWN                  failure
 */
void ses_up_breaker_tell(struct ses_up_call *call)
{
    struct ses_upstream *upstream = call->upstream;

    if (call->stream.outcome == SES_UPSTREAM_ANSWERED) {
        if (ses_breaker_success(&upstream->breaker))
            log_upstream(upstream, SES_LOG_INFO, "upstream_breaker_closed", NULL);
    } else if (call->stream.outcome == SES_UPSTREAM_UNKNOWN && counts(call)) {
        count_failure(upstream, call->stream.why);
    } else if (call->probe) {
        ses_breaker_release(&upstream->breaker, ses_clock_mono_ms());
    }
    tell_state(upstream);
}

/* ---- a call ------------------------------------------------------------------------------------------- */

void ses_up_call_free(struct ses_up_call *call)
{
    ses_list_remove(&call->node);
    ses_timer_stop(&call->timer);
    ses_up_stream_done(&call->stream);
    free(call);
}

void ses_up_call_end(struct ses_up_call *call)
{
    ses_timer_stop(&call->timer);
    ses_list_remove(&call->node);
    ses_list_push_back(&call->upstream->ended, &call->node);
    ses_up_kick(call->upstream);
}

static void on_deadline(void *arg)
{
    struct ses_up_call *call = arg;
    struct ses_up_link *link = call->link;

    call->out_of_time = true;
    if (link == NULL)
        ses_up_stream_verdict(&call->stream, SES_UPSTREAM_NOT_SENT, GRPC_DEADLINE,
                              "no connection had a stream for it in time");
    else if (!call->stream.left)
        ses_up_stream_verdict(&call->stream, SES_UPSTREAM_NOT_SENT, GRPC_DEADLINE,
                              "the connection took nothing in time");
    else
        ses_up_stream_verdict(&call->stream, SES_UPSTREAM_UNKNOWN, GRPC_DEADLINE, "no answer came in time");
    if (link != NULL && call->stream.left)
        ses_up_link_abandon(link, &call->stream);
    else if (link != NULL)
        ses_up_link_reset(link, &call->stream); /* it is never sent then */
    ses_up_call_end(call);
}

void ses_up_call_wait(struct ses_up_call *call, uint64_t now_mono_ns)
{
    struct ses_upstream *upstream = call->upstream;

    ses_list_push_back(&upstream->waiting, &call->node);
    ses_timer_start(upstream->options.timers, &call->timer,
                    (call->deadline_mono_ns - now_mono_ns) / SES_NS_PER_MS, on_deadline, call);
    ses_up_kick(upstream);
}

/* Waits for a stream, or has its end already: no time, or the breaker is open. */
static void launch(struct ses_up_call *call)
{
    struct ses_upstream *upstream = call->upstream;
    uint64_t now_ns = call->started_mono_ns;

    if (call->deadline_mono_ns <= now_ns) {
        call->out_of_time = true;
        ses_up_stream_verdict(&call->stream, SES_UPSTREAM_NOT_SENT, GRPC_DEADLINE, "no time was left for it");
        ses_up_call_end(call);
    } else if (!ses_breaker_allow(&upstream->breaker, now_ns / SES_NS_PER_MS, &call->probe)) {
        ses_up_stream_verdict(&call->stream, SES_UPSTREAM_NOT_SENT, GRPC_UNAVAILABLE,
                              "the breaker is open: the server has failed too often");
        ses_up_call_end(call);
    } else {
        ses_up_call_wait(call, now_ns);
    }
}

enum ses_status ses_up_call_start(struct ses_upstream *upstream, const struct ses_upstream_request *request,
                                  uint64_t deadline_mono_ns, ses_upstream_fn done, void *arg,
                                  struct ses_up_call **ret_call)
{
    const struct ses_upstream_options *options = &upstream->options;
    struct ses_up_call *call = malloc(sizeof(*call));
    uint64_t latest_ns;
    enum ses_status status;

    if (call == NULL)
        return SES_NO_MEMORY;
    memset(call, 0, offsetof(struct ses_up_call, stream));
    status = ses_up_stream_init(&call->stream, request, options->authority, options->tls != NULL,
                                options->answer_bytes_max);
    if (status != SES_OK) {
        free(call);
        return status;
    }
    ses_list_init(&call->node);
    ses_timer_init(&call->timer);
    call->upstream = upstream;
    call->done = done;
    call->arg = arg;
    call->started_mono_ns = ses_clock_mono_ns();
    latest_ns = call->started_mono_ns + (uint64_t)options->deadline_ms * SES_NS_PER_MS;
    call->deadline_mono_ns = deadline_mono_ns < latest_ns ? deadline_mono_ns : latest_ns;
    *ret_call = call;
    launch(call);
    return SES_OK;
}
