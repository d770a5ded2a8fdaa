/* Answers that do not leave in the turn that gave them: the peer's window is closed, or it does not
 * read.
 *
 * Such an answer keeps nothing but itself: reply and trailers are copied out and the exchange goes back
 * to its pool, request body and all. That costs a copy only where the peer is slow. An answer that does
 * not move for write_stall_ms is given up, and with it the connection when no other moves either. */
#include "h2.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>

/* ---- what is kept of an answer */

/* Returns the place behind it. */
static uint8_t *copy(uint8_t *at, const uint8_t *bytes, size_t len)
{
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

/* Names of ours are literals and stay where they are; those of a method, and the array that has both, are the
 * exchange's. */
static uint8_t *keep_trailers(struct ses_h2_stream *stream, uint8_t *at, bool methods)
{
    if (methods) {
        uint8_t *array = at;

        at = copy(at, (const uint8_t *)stream->trailers, stream->trailers_count * sizeof(nghttp2_nv));
        stream->trailers = (nghttp2_nv *)(void *)array; /* first in what malloc gave */
    }
    for (size_t i = 0; i < stream->trailers_count; i++) {
        nghttp2_nv *trailer = &stream->trailers[i];
        uint8_t *from = at;

        at = copy(at, trailer->value, trailer->valuelen);
        trailer->value = from;
        from = at;
        if (!methods)
            continue;
        at = copy(at, trailer->name, trailer->namelen);
        trailer->name = from;
    }
    return at;
}

/* The exchange's bytes become ours; nothing of them may be in nghttp2's queues. false: no memory. */
static bool keep_answer(struct ses_h2_stream *stream)
{
    bool methods = stream->trailers != stream->our_trailers;
    size_t len = stream->reply.len;

    for (size_t i = 0; i < stream->trailers_count; i++)
        len +=
            stream->trailers[i].valuelen + (methods ? stream->trailers[i].namelen + sizeof(nghttp2_nv) : 0);
    stream->kept = malloc(len + 1);
    if (stream->kept == NULL)
        return false;
    stream->kept_len = len;
    uint8_t *at = keep_trailers(stream, stream->kept, methods);

    (void)copy(at, stream->reply.data, stream->reply.len);
    stream->reply = ses_slice(at, stream->reply.len);
    return true;
}

/* Not while the method may still add to the answer, and not once the trailers are in nghttp2's queue,
 * which holds views of their old place. */
static void drop_exchange(struct ses_h2_stream *stream)
{
    const struct ses_exchange *x = stream->x;

    if (x == NULL || stream->answer != SES_H2_ANSWER_ENDED || !(x->answered || x->cancelled))
        return;
    if (keep_answer(stream))
        ses_h2_stream_drop_exchange(stream);
    (void)ses_h2_hold(stream);
}

/* ---- waiting */

static void on_wait_timer(void *arg);

static void arm(struct ses_h2 *h2, uint64_t now)
{
    const struct ses_door_options *options = &h2->shared->doors->options;
    uint64_t limit_ms = options->limits.write_stall_ms;

    if (ses_list_empty(&h2->waiting))
        return;
    uint64_t age_ms = now - SES_CONTAINER(h2->waiting.next, struct ses_h2_stream, place_node)->waits_since_ms;

    ses_timer_start(options->timers, &h2->wait_timer, age_ms < limit_ms ? limit_ms - age_ms : 0,
                    on_wait_timer, h2);
}

static void push_waiting(struct ses_h2_stream *stream)
{
    stream->waits_since_ms = ses_clock_mono_ms();
    stream->moved_bytes = 0;
    ses_list_push_back(&stream->h2->waiting, &stream->place_node);
}

/* moved starts anew with the first that waits: it tells at the next look whether the peer took anything
 * at all. */
static void begin_waiting(struct ses_h2_stream *stream)
{
    struct ses_h2 *h2 = stream->h2;

    drop_exchange(stream);
    stream->place = SES_H2_WAITING;
    push_waiting(stream);
    if (h2->waiting_count++ > 0)
        return;
    h2->moved = false;
    arm(h2, stream->waits_since_ms);
}

void ses_h2_settle_answers(struct ses_h2 *h2)
{
    while (!ses_list_empty(&h2->fresh)) {
        struct ses_h2_stream *stream = SES_CONTAINER(h2->fresh.next, struct ses_h2_stream, place_node);

        ses_h2_answer_leave(stream);
        if (ses_h2_stream_unsent(stream) > 0)
            begin_waiting(stream);
    }
}

/* Progress puts an answer behind the others; one byte now and then is none (SES_H2_PROGRESS_BYTES). */
void ses_h2_answer_moved(struct ses_h2_stream *stream, size_t len)
{
    stream->moved_bytes += len;
    if (ses_h2_stream_unsent(stream) == 0) {
        ses_h2_answer_leave(stream);
    } else if (stream->moved_bytes >= SES_H2_PROGRESS_BYTES) {
        ses_list_remove(&stream->place_node);
        push_waiting(stream);
    }
}

static void on_wait_timer(void *arg)
{
    struct ses_h2 *h2 = arg;
    const struct ses_door_options *options = &h2->shared->doors->options;
    uint64_t now = ses_clock_mono_ms();
    bool moved = h2->moved;

    h2->moved = false;
    while (!ses_h2_is_dead(h2) && !ses_list_empty(&h2->waiting)) {
        struct ses_h2_stream *stream = SES_CONTAINER(h2->waiting.next, struct ses_h2_stream, place_node);

        if (now - stream->waits_since_ms < options->limits.write_stall_ms)
            break;
        ses_count(options->metrics, SES_C_ANSWERS_UNREAD, 1);
        ses_h2_answer_leave(stream);
        if (moved)
            ses_h2_stream_reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
        else
            ses_h2_die(h2, NGHTTP2_ENHANCE_YOUR_CALM);
    }
    if (!ses_h2_is_dead(h2))
        arm(h2, now);
}
