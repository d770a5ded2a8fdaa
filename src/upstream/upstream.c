/* A call's way: place, breaker, stream (pool.c), verdict, perhaps once more, breaker, done function. */
#include <sessiond/upstream/upstream.h>

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/share.h>

#include "upstream_impl.h"

/* A repetition with less time left than this would only make the caller wait. */
#define REPEAT_BUDGET_MS_MIN 20

/* The cells of sessiond_upstream_refused_total. */
enum { REFUSED_EXHAUSTED, REFUSED_SHARE };

/* ---- the end of a call -------------------------------------------------------------------------------- */

/* Its server has had time enough. */
static void on_late(void *arg)
{
    struct ses_up_call *call = arg;

    if (call->link != NULL)
        ses_up_link_reset(call->link, &call->stream);
}

/* Told while its stream goes on. */
static void keep_late(struct ses_up_call *call)
{
    ses_up_answer_done(&call->stream.answer);
    ses_list_push_back(&call->upstream->late, &call->node);
    ses_timer_start(call->upstream->options.timers, &call->timer, SES_UPSTREAM_LATE_MS, on_late, call);
}

static void count(const struct ses_up_call *call)
{
    struct ses_metrics *metrics = call->upstream->options.metrics;

    ses_family_add(metrics, SES_F_UPSTREAM_CALLS, call->stream.outcome, 1);
    if (metrics != NULL)
        ses_hist_add(&metrics->upstream_ns, ses_clock_mono_ns() - call->started_mono_ns);
}

static void leave(struct ses_up_call *call)
{
    struct ses_upstream_place place = {.taken = call->has_place, .owner = call->owner};

    ses_up_breaker_tell(call);
    if (call->has_place)
        count(call);
    ses_upstream_give_back(call->upstream, &place);
}

static void tell(struct ses_up_call *call)
{
    struct ses_upstream *upstream = call->upstream;
    struct ses_upstream_pair pairs[SES_UPSTREAM_METADATA_MAX];
    struct ses_upstream_answer answer = {.outcome = call->stream.outcome,
                                         .grpc_status = call->stream.grpc_status};

    if (answer.outcome == SES_UPSTREAM_ANSWERED)
        ses_up_answer_show(&call->stream.answer, pairs, &answer);
    else
        answer.why = ses_slice_str(call->stream.why);
    leave(call);
    call->told = true;
    upstream->telling = true;
    call->done(call->arg, &answer);
    upstream->telling = false;
    if (call->link == NULL)
        ses_up_call_free(call);
    else
        keep_late(call);
}

/* Once, of what the server has not seen and what it may see twice. */
static bool repeat(struct ses_up_call *call)
{
    uint64_t now_ns;

    if (call->stream.outcome != SES_UPSTREAM_NOT_SENT || call->stream.effect || call->repeated ||
        call->stream.id == 0 || call->link != NULL)
        return false;
    now_ns = ses_clock_mono_ns();
    if (now_ns + REPEAT_BUDGET_MS_MIN * SES_NS_PER_MS > call->deadline_mono_ns)
        return false;
    call->repeated = true;
    ses_up_stream_again(&call->stream);
    ses_up_call_wait(call, now_ns);
    return true;
}

/* Taken over as a whole: a done function may start a call that ends at once, and that one waits for the next turn. */
static void tell_ended(struct ses_upstream *upstream)
{
    struct ses_list batch;
    struct ses_list *node;

    ses_list_init(&batch);
    while ((node = ses_list_pop(&upstream->ended)) != NULL)
        ses_list_push_back(&batch, node);
    while ((node = ses_list_pop(&batch)) != NULL) {
        struct ses_up_call *call = SES_CONTAINER(node, struct ses_up_call, node);

        if (!repeat(call))
            tell(call);
    }
}

/* ---- the turn ----------------------------------------------------------------------------------------- */

static void on_idle(uv_idle_t *idle)
{
    struct ses_upstream *upstream = idle->data;

    (void)uv_idle_stop(idle);
    ses_up_pool_dispatch(upstream);
    ses_up_pool_flush(upstream);
    tell_ended(upstream);
}

/* ---- the beginning of a call -------------------------------------------------------------------------- */

enum ses_status ses_upstream_start(struct ses_upstream *upstream, struct ses_upstream_place *place,
                                   const struct ses_upstream_request *request, uint64_t deadline_mono_ns,
                                   ses_upstream_fn done, void *arg)
{
    struct ses_upstream_place taken = *place;
    struct ses_up_call *call;
    enum ses_status status;

    SES_REQUIRE(taken.taken);
    *place = (struct ses_upstream_place){.taken = false};
    status = ses_up_call_start(upstream, request, deadline_mono_ns, done, arg, &call);
    if (status != SES_OK) {
        ses_upstream_give_back(upstream, &taken);
        return status;
    }
    call->has_place = true;
    call->owner = taken.owner;
    ses_up_health_want(upstream, call->started_mono_ns);
    return SES_OK;
}

/* ---- places ------------------------------------------------------------------------------------------- */

/* The share first: who has more than its own is told so, also when all is full. */
enum ses_status ses_upstream_take(struct ses_upstream *upstream, uint32_t owner,
                                  struct ses_upstream_place *ret_place)
{
    const struct ses_upstream_options *options = &upstream->options;

    if (owner != 0 &&
        !ses_share_is_left(options->owner_percent, ses_places_held(&upstream->places, NULL, owner),
                           upstream->in_flight, options->calls_max)) {
        ses_family_add(options->metrics, SES_F_UPSTREAM_REFUSED, REFUSED_SHARE, 1);
        return SES_OVER_SHARE;
    }
    if (upstream->in_flight >= options->calls_max) {
        ses_family_add(options->metrics, SES_F_UPSTREAM_REFUSED, REFUSED_EXHAUSTED, 1);
        return SES_RESOURCE_EXHAUSTED;
    }
    upstream->in_flight++;
    ses_gauge_add(options->metrics, SES_C_UPSTREAM_CALLS_OPEN, 1);
    if (owner != 0)
        ses_places_add(&upstream->places, upstream, owner);
    *ret_place = (struct ses_upstream_place){.taken = true, .owner = owner};
    return SES_OK;
}

void ses_upstream_give_back(struct ses_upstream *upstream, struct ses_upstream_place *place)
{
    if (!place->taken)
        return;
    upstream->in_flight--;
    ses_gauge_add(upstream->options.metrics, SES_C_UPSTREAM_CALLS_OPEN, -1);
    if (place->owner != 0)
        ses_places_remove(&upstream->places, upstream, place->owner);
    *place = (struct ses_upstream_place){.taken = false};
}

unsigned ses_upstream_calls(const struct ses_upstream *upstream)
{
    return upstream->in_flight;
}

bool ses_upstream_is_closed_off(const struct ses_upstream *upstream)
{
    const struct ses_breaker *breaker = &upstream->breaker;

    return breaker->state == SES_BREAKER_PROBING ||
           (breaker->state == SES_BREAKER_OPEN && ses_clock_mono_ms() < breaker->open_until_ms);
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static bool limits_are_set(const struct ses_upstream_options *options)
{
    return options->connections != 0 && options->calls_max != 0 && options->streams_max != 0 &&
           options->owner_percent != 0 && options->connect_ms != 0 && options->deadline_ms != 0 &&
           options->idle_ms != 0 && options->keepalive_ms != 0 && options->health_ms != 0 &&
           options->connection_life_ms != 0 && options->answer_bytes_max != 0 &&
           options->breaker_failures != 0 && options->breaker_open_ms != 0;
}

enum ses_status ses_upstream_new(const struct ses_upstream_options *options,
                                 struct ses_upstream **ret_upstream)
{
    struct ses_upstream *upstream = calloc(1, sizeof(*upstream));

    SES_REQUIRE(limits_are_set(options));
    if (upstream == NULL)
        return SES_NO_MEMORY;
    upstream->options = *options;
    ses_list_init(&upstream->links);
    ses_list_init(&upstream->waiting);
    ses_list_init(&upstream->ended);
    ses_list_init(&upstream->late);
    ses_timer_init(&upstream->health_timer);
    upstream->read_room = malloc(SES_UP_READ_BYTES);
    if (upstream->read_room == NULL || ses_places_open(&upstream->places, options->calls_max) != SES_OK) {
        free(upstream->read_room);
        free(upstream);
        return SES_NO_MEMORY;
    }
    SES_REQUIRE(uv_idle_init(options->loop, &upstream->idle) == 0); /* cannot fail */
    upstream->idle.data = upstream;
    upstream->turn = on_idle;
    *ret_upstream = upstream;
    return SES_OK;
}

static void drop_calls(struct ses_list *list)
{
    while (!ses_list_empty(list))
        ses_up_call_free(SES_CONTAINER(list->next, struct ses_up_call, node));
}

static void on_idle_closed(uv_handle_t *handle)
{
    struct ses_upstream *upstream = handle->data;

    free(upstream->read_room);
    free(upstream);
}

/* First the connections: their calls come to be ended or late, without a stream. */
void ses_upstream_free(struct ses_upstream *upstream)
{
    if (upstream == NULL)
        return;
    SES_REQUIRE(!upstream->telling);
    upstream->closing = true;
    ses_timer_stop(&upstream->health_timer);
    ses_up_pool_close(upstream);
    ses_up_health_set(upstream, SES_UPSTREAM_NOT_LOOKED);
    ses_gauge_add(upstream->options.metrics, SES_C_UPSTREAM_CALLS_OPEN, -(int64_t)upstream->in_flight);
    drop_calls(&upstream->waiting);
    drop_calls(&upstream->ended);
    ses_places_close(&upstream->places);
    uv_close((uv_handle_t *)&upstream->idle, on_idle_closed);
}
