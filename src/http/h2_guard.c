#include "h2.h"

#include <sessiond/base/clock.h>

bool ses_h2_rate_exceeded(struct ses_h2_rate *rate, unsigned max)
{
    uint64_t now_ns = ses_clock_mono_ns();

    if (now_ns - rate->window_start_ns > (uint64_t)SES_H2_RATE_WINDOW_MS * 1000000) {
        rate->window_start_ns = now_ns;
        rate->count = 0;
    }
    return ++rate->count > max;
}

/* nghttp2 bounds the client's resets, not ours: a client can make us reset as many streams as it opens
 * ("made you reset": window overflow, content-length mismatch, bad field), each after its work has begun. */
void ses_h2_count_reset(struct ses_h2 *h2)
{
    const struct ses_door_options *options = &h2->shared->doors->options;

    ses_count(options->metrics, SES_C_PROTOCOL_ERRORS, 1);
    if (ses_h2_rate_exceeded(&h2->resets, options->limits.errors_max))
        ses_h2_die(h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

bool ses_h2_hold(struct ses_h2_stream *stream)
{
    size_t now = stream->in.len + stream->backlog.len + ses_grpc_reader_held(&stream->reader);
    struct ses_h2 *h2 = stream->h2;

    if (now == stream->held_bytes)
        return true;
    bool more = now > stream->held_bytes;

    h2->held_bytes = h2->held_bytes - stream->held_bytes + now;
    h2->shared->held_bytes = h2->shared->held_bytes - stream->held_bytes + now;
    stream->held_bytes = now;
    return !more ||
           (h2->held_bytes <= SES_H2_HELD_CONNECTION_MAX && h2->shared->held_bytes <= SES_H2_HELD_WORKER_MAX);
}
