/* Streams: opened by the first header of a request, closed by nghttp2 or with their connection. The
 * struct is recycled, the exchange is the pool's. */
#include "h2.h"

#include <stdlib.h>

static struct ses_h2_stream *take_struct(struct ses_h2_shared *shared)
{
    struct ses_h2_stream *stream = shared->streams_free;

    if (stream == NULL)
        return malloc(sizeof *stream);
    shared->streams_free = stream->next_free;
    shared->streams_free_count--;
    return stream;
}

/* A bound on what is kept: a burst of streams must not stay in memory as structs. */
static void give_struct(struct ses_h2_shared *shared, struct ses_h2_stream *stream)
{
    if (shared->streams_free_count >= SES_H2_STREAMS_KEEP) {
        free(stream);
        return;
    }
    stream->next_free = shared->streams_free;
    shared->streams_free = stream;
    shared->streams_free_count++;
}

/* A stream without an exchange is still a stream: it lives to be refused (request_begun). */
struct ses_h2_stream *ses_h2_stream_open(struct ses_h2 *h2, int32_t id)
{
    const struct ses_door_options *options = &h2->shared->doors->options;
    struct ses_h2_stream *stream = take_struct(h2->shared);

    if (stream == NULL)
        return NULL;
    *stream = (struct ses_h2_stream){.h2 = h2, .id = id, .http_status = 200};
    stream->trailers = stream->our_trailers;
    ses_buf_init(&stream->in, options->limits.body_bytes_max);
    ses_buf_init(&stream->backlog, SES_H2_BACKLOG_MAX);
    ses_grpc_reader_init(&stream->reader, options->limits.body_bytes_max);
    ses_list_init(&stream->node);
    ses_list_init(&stream->place_node);
    if (ses_exchange_new(options->pool, &stream->x) == SES_OK) {
        stream->x->stream = stream;
        stream->x->peer = h2->peer;
    } else {
        stream->x = NULL;
    }
    ses_list_push_back(&h2->streams, &stream->node);
    h2->streams_count++;
    h2->page_used = true;
    return stream;
}

/* forget before cancel: the kind's timers must not fire into an exchange that is on its way out. peer
 * is the connection's text and would dangle. */
void ses_h2_stream_drop_exchange(struct ses_h2_stream *stream)
{
    struct ses_exchange *x = stream->x;

    if (x == NULL)
        return;
    if (stream->kind != NULL)
        stream->kind->forget(stream);
    ses_timer_stop(&x->deadline_timer);
    if (!x->answered && !x->cancelled)
        ses_exchange_cancel(x, SES_CANCELLED);
    /* The exchange may outlive us: a method's asynchronous step holds it too. */
    x->stream = NULL;
    x->peer = "";
    stream->x = NULL;
    ses_exchange_release(x);
}

/* A walk over all streams of the connection, but only when a stream of such a route begins. */
static unsigned streams_of(const struct ses_h2 *h2, const struct ses_route *route)
{
    unsigned count = 0;

    for (struct ses_list *node = h2->streams.next; node != &h2->streams; node = node->next) {
        const struct ses_h2_stream *stream = SES_CONTAINER(node, struct ses_h2_stream, node);

        count += stream->started && stream->x != NULL && stream->x->route == route ? 1 : 0;
    }
    return count;
}

bool ses_h2_streaming_admitted(struct ses_h2_stream *stream)
{
    const struct ses_route *route = stream->x->route;
    struct ses_h2_shared *shared = stream->h2->shared;
    bool bidi = route->kind == SES_ROUTE_BIDI;

    if ((bidi && shared->bidi_count >= SES_H2_BIDI_MAX) ||
        (route->streams_per_connection != 0 &&
         streams_of(stream->h2, route) >= route->streams_per_connection))
        return false;
    stream->bidi = bidi;
    shared->bidi_count += bidi ? 1 : 0;
    return true;
}

/* h2_hold comes last, when everything was given back: it takes this stream out of the connection's sum. */
void ses_h2_stream_close(struct ses_h2_stream *stream)
{
    struct ses_h2 *h2 = stream->h2;

    ses_list_remove(&stream->node);
    h2->streams_count--;
    if (h2->in_headers == stream)
        h2->in_headers = NULL;
    if (stream->bidi)
        h2->shared->bidi_count--;
    ses_h2_answer_leave(stream);
    (void)ses_h2_request_on(stream, SES_H2_CLOSED);
    ses_h2_stream_drop_exchange(stream);
    ses_buf_done(&stream->in);
    ses_buf_done(&stream->backlog);
    ses_grpc_reader_done(&stream->reader);
    free(stream->kept);
    stream->kept = NULL;
    stream->kept_len = 0;
    (void)ses_h2_hold(stream);
    give_struct(h2->shared, stream);
}

/* The exchange's own timer: it dies with it, whatever happens to the stream. */
void ses_h2_stream_timer(struct ses_h2_stream *stream, uint64_t delay_ms, ses_timer_fn fn)
{
    ses_timer_start(stream->h2->shared->doors->options.timers, &stream->x->deadline_timer, delay_ms, fn,
                    stream);
}

/* Only submitted: the frame goes out with the turn's other ones, and closes the stream then. */
void ses_h2_stream_reset(struct ses_h2_stream *stream, uint32_t code)
{
    struct ses_h2 *h2 = stream->h2;

    if (ses_h2_is_dead(h2))
        return;
    if (nghttp2_submit_rst_stream(h2->session, NGHTTP2_FLAG_NONE, stream->id, code) != 0)
        ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
    ses_h2_want_write(h2);
}
