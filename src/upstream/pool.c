/* Few connections: one more is opened when no stream is left on those there are. */
#include "upstream_impl.h"

#include <sessiond/base/clock.h>

#define GRPC_UNAVAILABLE 14u
#define GRPC_EXHAUSTED   8u
/* Connections that have left and whose last streams go on; above it the oldest is cut. */
#define LEAVING_MAX 8u

struct counts {
    unsigned taking;     /* streams, or will */
    unsigned connecting; /* of these */
    unsigned leaving;
};

static struct ses_up_link *link_at(struct ses_list *node)
{
    return SES_CONTAINER(node, struct ses_up_link, node);
}

static struct counts count(struct ses_upstream *upstream)
{
    struct counts counts = {.taking = 0};

    for (struct ses_list *node = upstream->links.next; node != &upstream->links; node = node->next) {
        bool takes = ses_up_link_takes_streams(link_at(node));

        counts.taking += takes ? 1 : 0;
        counts.connecting += takes && link_at(node)->state != SES_UP_READY ? 1 : 0;
        counts.leaving += takes ? 0 : 1;
    }
    return counts;
}

static void fail_waiting(struct ses_upstream *upstream, const char *why)
{
    struct ses_list *node;

    while ((node = ses_list_pop(&upstream->waiting)) != NULL) {
        struct ses_up_call *call = SES_CONTAINER(node, struct ses_up_call, node);

        ses_up_stream_verdict(&call->stream, SES_UPSTREAM_NOT_SENT, GRPC_UNAVAILABLE, "no connection: %s",
                              why);
        ses_up_call_end(call);
    }
}

/* ---- what links tell ---------------------------------------------------------------------------------- */

static void on_ready(void *arg, struct ses_up_link *link)
{
    struct ses_upstream *upstream = arg;

    (void)link;
    ses_gauge_add(upstream->options.metrics, SES_C_UPSTREAM_CONNECTIONS, 1);
    ses_up_kick(upstream);
}

static void on_want_write(void *arg, struct ses_up_link *link)
{
    (void)link;
    ses_up_kick(arg);
}

static void on_closed(void *arg, struct ses_up_link *link, bool was_ready, const char *why)
{
    struct ses_upstream *upstream = arg;

    ses_list_remove(&link->node);
    ses_gauge_add(upstream->options.metrics, SES_C_UPSTREAM_CONNECTIONS, was_ready ? -1 : 0);
    if (upstream->closing)
        return;
    if (why != NULL)
        ses_up_connection_failed(upstream, why);
    if (!was_ready && count(upstream).taking == 0)
        fail_waiting(upstream, why);
    ses_up_kick(upstream);
}

static struct ses_up_call *call_of(struct ses_up_stream *stream)
{
    return SES_CONTAINER(stream, struct ses_up_call, stream);
}

static void on_verdict(void *arg, struct ses_up_stream *stream)
{
    (void)arg;
    ses_up_call_end(call_of(stream));
}

static void on_gone(void *arg, struct ses_up_stream *stream)
{
    struct ses_up_call *call = call_of(stream);

    if (call->link != NULL)
        call->link->used_mono_ns = ses_clock_mono_ns();
    call->link = NULL;
    if (call->told)
        ses_up_call_free(call);
    ses_up_kick(arg);
}

const struct ses_up_link_ops ses_up_pool_ops = {
    .on_ready = on_ready,
    .on_want_write = on_want_write,
    .on_closed = on_closed,
    .streams = {.on_verdict = on_verdict, .on_gone = on_gone},
};

/* ---- streams for calls -------------------------------------------------------------------------------- */

/* The one with the most room. */
static struct ses_up_link *choose(struct ses_upstream *upstream)
{
    struct ses_up_link *best = NULL;
    unsigned room = 0;

    for (struct ses_list *node = upstream->links.next; node != &upstream->links; node = node->next) {
        unsigned its = ses_up_link_room(link_at(node));

        if (its > room) {
            room = its;
            best = link_at(node);
        }
    }
    return best;
}

static void cut_oldest_leaving(struct ses_upstream *upstream)
{
    for (struct ses_list *node = upstream->links.next; node != &upstream->links; node = node->next) {
        if (!ses_up_link_takes_streams(link_at(node))) {
            ses_up_link_cut(link_at(node), NULL);
            return;
        }
    }
}

/* One at a time: the next one when it is clear that this one is not enough. */
static void open_another(struct ses_upstream *upstream)
{
    struct counts counts = count(upstream);
    struct ses_up_link *link;

    if (counts.connecting > 0 || counts.taking >= upstream->options.connections)
        return;
    if (counts.leaving >= LEAVING_MAX)
        cut_oldest_leaving(upstream);
    if (ses_up_link_open(&upstream->options, &ses_up_pool_ops, upstream, upstream->read_room, &link) ==
        SES_OK)
        ses_list_push_back(&upstream->links, &link->node);
    else if (counts.taking == 0)
        fail_waiting(upstream, "no memory");
}

/* false: this link takes no more, another one may. */
static bool give(struct ses_up_link *link, struct ses_up_call *call)
{
    enum ses_status status = ses_up_link_submit(link, &call->stream);

    if (status == SES_UNAVAILABLE)
        return false;
    ses_list_remove(&call->node);
    if (status == SES_OK) {
        call->link = link;
        return true;
    }
    ses_up_stream_verdict(&call->stream, SES_UPSTREAM_NOT_SENT, GRPC_EXHAUSTED, "%s",
                          status == SES_TOO_LARGE ? "the headers are larger than the server takes"
                                                  : "no memory");
    ses_up_call_end(call);
    return true;
}

void ses_up_pool_dispatch(struct ses_upstream *upstream)
{
    while (!ses_list_empty(&upstream->waiting)) {
        struct ses_up_link *link = choose(upstream);

        if (link == NULL) {
            open_another(upstream);
            return;
        }
        (void)give(link, SES_CONTAINER(upstream->waiting.next, struct ses_up_call, node));
    }
}

/* A flush may close its link, and others must not be lost sight of. */
void ses_up_pool_flush(struct ses_upstream *upstream)
{
    struct ses_list *node = upstream->links.next;

    while (node != &upstream->links) {
        struct ses_up_link *link = link_at(node);

        node = node->next;
        if (link->wants_write)
            ses_up_link_flush(link);
    }
}

void ses_up_pool_close(struct ses_upstream *upstream)
{
    while (!ses_list_empty(&upstream->links))
        ses_up_link_cut(link_at(upstream->links.next), NULL);
}
