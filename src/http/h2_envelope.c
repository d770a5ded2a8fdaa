/* DATA goes in as it comes, and answers leave as the client's window allows: what gRPC's own kind (grpc.c) does with
 * trailers, this one does with bytes alone. */
#include "h2_envelope.h"

#include "envelope.h"
#include "refusal_text.h"

/* :status beside what http_answer.c makes. */
#define FIELDS_MAX (1 + SES_HTTP_FIELDS_MAX)

/* ---- the answer */

void ses_h2_envelope_open(void *opaque, int http_status, const struct ses_header *headers,
                          size_t headers_count)
{
    struct ses_h2_stream *stream = opaque;
    nghttp2_nv fields[FIELDS_MAX];
    size_t count = 1;

    stream->http_status = http_status;
    stream->backlog.max = SES_HTTP_BACKLOG_MAX + SES_HTTP_END_ROOM;
    for (size_t i = 0; i < headers_count; i++)
        fields[count++] = ses_h2_field(&headers[i]);
    ses_h2_stream_headers(stream, fields, count, SES_H2_REST_MORE);
}

/* The end of an answer is not refused for what the connection holds: it is the last of this stream. */
bool ses_h2_envelope_write(void *opaque, struct ses_slice bytes, bool last)
{
    struct ses_h2_stream *stream = opaque;
    size_t max = stream->backlog.max - (last ? 0 : SES_HTTP_END_ROOM);

    if (bytes.len > max || stream->backlog.len > max - bytes.len ||
        ses_buf_append(&stream->backlog, bytes) != SES_OK)
        return false;
    bool held = ses_h2_hold(stream) || last;

    ses_h2_stream_resume(stream);
    return held;
}

void ses_h2_envelope_close(void *opaque)
{
    ses_h2_stream_end(opaque);
}

size_t ses_h2_envelope_backlog(const void *opaque)
{
    return ses_h2_stream_unsent(opaque);
}

/* started from here on: it is by that that streams of a route are counted. */
bool ses_h2_envelope_admit(void *opaque)
{
    struct ses_h2_stream *stream = opaque;

    stream->started = ses_h2_streaming_admitted(stream);
    return stream->started;
}

/* ---- the request */

/* h2_http.c has begun it. */
static void begin(struct ses_h2_stream *stream)
{
    (void)stream;
}

/* Behind an answer the rest of the body is nobody's (h2_linger.c counts it). Bytes that wait are not given back to
 * the client's window (unconsumed): that is the pressure that makes it stop sending. */
static void data(struct ses_h2_stream *stream, struct ses_slice bytes)
{
    if (ses_h2_answer_ended(stream))
        return;
    ses_envelope_data(stream->x, bytes);
    bool held = ses_h2_hold(stream);

    if (ses_h2_answer_ended(stream))
        return;
    if (ses_envelope_waiting(stream->x) > 0)
        stream->unconsumed += bytes.len;
    if (held)
        return;
    ses_exchange_fail_status(stream->x, SES_RESOURCE_EXHAUSTED, SES_SAYS_UNFINISHED);
    (void)ses_h2_hold(stream);
}

static void request_end(struct ses_h2_stream *stream)
{
    if (ses_h2_answer_ended(stream))
        return;
    ses_envelope_request_end(stream->x);
    (void)ses_h2_hold(stream);
}

/* What was unconsumed is given back to the window only when all of it is taken in. */
static void drained(struct ses_h2_stream *stream)
{
    ses_envelope_drained(stream->x);
    (void)ses_h2_hold(stream);
    if (stream->unconsumed == 0 || (stream->x != NULL && ses_envelope_waiting(stream->x) > 0))
        return;
    size_t consumed = stream->unconsumed;

    stream->unconsumed = 0;
    if (!ses_h2_request_ended(stream) && !ses_h2_is_dead(stream->h2) &&
        nghttp2_session_consume_stream(stream->h2->session, stream->id, consumed) != 0)
        ses_h2_die(stream->h2, NGHTTP2_INTERNAL_ERROR);
}

/* An answer that has ended has let go of its exchange, maybe. */
static void leave(struct ses_h2_stream *stream)
{
    if (!ses_h2_answer_ended(stream))
        ses_envelope_leave(stream->x);
}

static void forget(struct ses_h2_stream *stream)
{
    ses_http_forget(stream->x);
}

const struct ses_h2_kind ses_h2_envelope_kind = {.begin = begin,
                                                 .data = data,
                                                 .request_end = request_end,
                                                 .drained = drained,
                                                 .leave = leave,
                                                 .forget = forget};
