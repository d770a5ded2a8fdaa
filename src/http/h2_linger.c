/* Streams that are answered to the end while their request still comes: too large, an unknown method, a
 * call that ended early.
 *
 * A RST_STREAM right behind the answer is allowed (RFC 9113 section 8.1), but proxies read both in one
 * turn and make CANCELLED, UNKNOWN or INTERNAL of the pair, and the status is lost. So the rest of the
 * request is read and thrown away for a moment; a client that ends it meanwhile sees no reset at all.
 * Nothing is kept but the stream itself. */
#include "h2.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

static struct ses_h2_stream *oldest(const struct ses_h2 *h2)
{
    return SES_CONTAINER(h2->lingering.next, struct ses_h2_stream, place_node);
}

static void stop_reading(struct ses_h2_stream *stream)
{
    ses_h2_answer_leave(stream);
    ses_h2_stream_reset(stream, NGHTTP2_NO_ERROR);
}

static void on_linger_timer(void *arg);

/* The list is by age, so one timer for its oldest is enough. */
static void arm(struct ses_h2 *h2, uint64_t now)
{
    if (ses_list_empty(&h2->lingering))
        return;
    uint64_t age_ms = now - oldest(h2)->waits_since_ms;

    ses_timer_start(h2->shared->doors->options.timers, &h2->linger_timer,
                    age_ms < SES_H2_LINGER_MS ? SES_H2_LINGER_MS - age_ms : 0, on_linger_timer, h2);
}

static void on_linger_timer(void *arg)
{
    struct ses_h2 *h2 = arg;
    uint64_t now = ses_clock_mono_ms();

    while (!ses_h2_is_dead(h2) && !ses_list_empty(&h2->lingering) &&
           now - oldest(h2)->waits_since_ms >= SES_H2_LINGER_MS)
        stop_reading(oldest(h2));
    if (!ses_h2_is_dead(h2))
        arm(h2, now);
}

/* What a bidi stream kept back for later is thrown away as well: its window opens again. */
static void give_window(struct ses_h2_stream *stream)
{
    size_t unconsumed = stream->unconsumed;

    stream->unconsumed = 0;
    if (unconsumed > 0 && nghttp2_session_consume_stream(stream->h2->session, stream->id, unconsumed) != 0)
        ses_h2_die(stream->h2, NGHTTP2_INTERNAL_ERROR);
}

/* All but the struct; reply and trailers are forgotten with the exchange that they point into. */
static void keep_nothing(struct ses_h2_stream *stream)
{
    ses_h2_stream_drop_exchange(stream);
    stream->prefix_len = 0;
    stream->reply = SES_SLICE_EMPTY;
    stream->sent = 0;
    ses_buf_done(&stream->in);
    ses_buf_done(&stream->backlog);
    ses_grpc_reader_done(&stream->reader);
    free(stream->kept);
    stream->kept = NULL;
    stream->kept_len = 0;
    (void)ses_h2_request_on(stream, SES_H2_LEFT_BEHIND); /* counted as lingering instead */
    (void)ses_h2_hold(stream);
}

/* More than LINGERING_MAX at once is somebody who collects them: the oldest makes room. */
void ses_h2_linger(struct ses_h2_stream *stream)
{
    struct ses_h2 *h2 = stream->h2;

    ses_h2_answer_leave(stream);
    keep_nothing(stream);
    give_window(stream);
    if (h2->lingering_count == SES_H2_LINGERING_MAX)
        stop_reading(oldest(h2));
    stream->place = SES_H2_LINGERING;
    stream->waits_since_ms = ses_clock_mono_ms();
    stream->moved_bytes = 0;
    ses_list_push_back(&h2->lingering, &stream->place_node);
    if (h2->lingering_count++ == 0)
        arm(h2, stream->waits_since_ms);
}

void ses_h2_linger_read(struct ses_h2_stream *stream, size_t len)
{
    stream->moved_bytes += len;
    if (stream->moved_bytes > SES_H2_LINGER_BYTES)
        stop_reading(stream);
}
