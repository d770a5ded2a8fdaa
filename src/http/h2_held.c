/* What a connection makes us hold, as net/held.c does for all of a loop: each stream keeps its part of the
 * engine's sum up to date, the engine tells its connection once a turn. */
#include "h2.h"

#include "envelope.h"

/* Called whenever one of the buffers has changed. Only growth is judged: a stream that shrinks must not
 * be refused because others have grown meanwhile. */
bool ses_h2_hold(struct ses_h2_stream *stream)
{
    size_t now = stream->in.room + stream->backlog.room + ses_grpc_reader_held(&stream->reader) +
                 ses_envelope_held(stream->x) + stream->kept_len +
                 (stream->x == NULL ? 0 : ses_exchange_held(stream->x));
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

/* Waiting and lingering streams are counted at what they were measured to cost (SES_H2_WAITING_BYTES)
 * beside their bytes. */
size_t ses_h2_held(const struct ses_h2 *h2)
{
    return h2->held_bytes + (size_t)(h2->waiting_count + h2->lingering_count) * SES_H2_WAITING_BYTES;
}

void ses_h2_tell_held(struct ses_h2 *h2)
{
    size_t bytes = ses_h2_held(h2) + (size_t)h2->incomplete_count * SES_H2_INCOMPLETE_BYTES;

    if (bytes == h2->told_bytes)
        return;
    h2->told_bytes = bytes;
    h2->io->hold(h2->io_arg, bytes);
}
