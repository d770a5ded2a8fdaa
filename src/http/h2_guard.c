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
    size_t now = stream->in.room + stream->backlog.room + ses_grpc_reader_held(&stream->reader) +
                 stream->kept_len + (stream->x == NULL ? 0 : ses_exchange_held(stream->x));
    struct ses_h2 *h2 = stream->h2;

    if (now == stream->held_bytes)
        return true;
    bool more = now > stream->held_bytes;

    h2->held_bytes = h2->held_bytes - stream->held_bytes + now;
    stream->held_bytes = now;
    if (!more || ses_h2_held(h2) <= h2->shared->doors->options.limits.held_bytes_max)
        return true;
    ses_count(h2->shared->doors->options.metrics, SES_C_REQUESTS_OVER_HELD, 1);
    return false;
}

void ses_h2_set_incomplete(struct ses_h2_stream *stream, bool incomplete)
{
    if (stream->incomplete == incomplete)
        return;
    stream->incomplete = incomplete;
    stream->h2->incomplete_count += incomplete ? 1 : -1u;
}

size_t ses_h2_held(const struct ses_h2 *h2)
{
    return h2->held_bytes + (size_t)h2->waiting_count * SES_H2_WAITING_BYTES;
}

void ses_h2_tell_held(struct ses_h2 *h2)
{
    size_t bytes = ses_h2_held(h2) + (size_t)h2->incomplete_count * SES_H2_INCOMPLETE_BYTES;

    if (bytes == h2->told_bytes)
        return;
    h2->told_bytes = bytes;
    h2->io->hold(h2->io_arg, bytes);
}
