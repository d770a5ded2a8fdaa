/* The body of an enveloped call, which comes in pieces: text becomes bytes, bytes become messages, messages start the
 * method or are handed to it. A fault is answered at once; what still comes of the request is passed over. */
#include "envelope.h"

#include "gzip.h"
#include "refusal_text.h"

/* Of text that is decoded at once. */
#define DECODED_BYTES 3072
/* Unsent bytes of answers above which a conversation's further requests wait. */
#define BACKLOG_HIGH (256 * SES_KIB)

size_t ses_envelope_waiting(const struct ses_exchange *x)
{
    return ses_envelope_of(x)->waiting.len;
}

/* ---- messages */

static bool is_conversation(const struct ses_exchange *x)
{
    return x->route->kind == SES_ROUTE_BIDI;
}

/* started is set before start runs: the method may answer and even end the stream from inside. */
static void start(struct ses_exchange *x)
{
    const struct http_call *call = ses_http_call_of(x);
    struct ses_envelope *e = call->envelope;

    if (ses_envelope_streams(x) && !call->ops->admit(x->stream)) {
        ses_count(call->doors->options.metrics, SES_C_STREAMS_REFUSED, 1);
        ses_exchange_fail_status(x, SES_RESOURCE_EXHAUSTED, SES_SAYS_TOO_MANY_STREAMS);
        return;
    }
    e->started = true;
    if (ses_envelope_streams(x))
        ses_envelope_time_stream(x);
    ses_exchange_start(x);
}

/* The first one's bytes are the exchange's body, further ones live for the call. */
static void on_message_bytes(struct ses_exchange *x, struct ses_slice bytes, bool in_exchange)
{
    struct ses_envelope *e = ses_envelope_of(x);

    if (e->messages++ > 0) {
        x->route->message(x, bytes, x->route->arg);
        return;
    }
    if (in_exchange)
        x->body = bytes;
    else if (ses_arena_copy(&x->arena, bytes, &x->body) != SES_OK) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, SES_SAYS_NO_MEMORY);
        return;
    }
    if (is_conversation(x))
        start(x);
}

/* Into the exchange only for the first message; a stream of messages would fill its arena for ever. */
static void on_gzip(struct ses_exchange *x, struct ses_slice bytes)
{
    size_t max = ses_http_call_of(x)->doors->options.limits.body_bytes_max;
    struct ses_envelope *e = ses_envelope_of(x);
    bool first = e->messages == 0;
    struct ses_slice inflated;
    struct ses_arena scratch;

    e->gzip_came = true;
    ses_arena_init(&scratch, 2 * max + 65536);
    enum ses_status status = ses_gzip_inflate(bytes, max, first ? &x->arena : &scratch, &inflated);

    if (status == SES_OK)
        on_message_bytes(x, inflated, first);
    else if (status == SES_MALFORMED)
        ses_exchange_fail_status(x, SES_INVALID_ARGUMENT, SES_SAYS_NO_GZIP);
    else if (status == SES_TOO_LARGE)
        ses_exchange_fail_status(x, SES_TOO_LARGE, SES_SAYS_TOO_LARGE_UNPACKED);
    else
        ses_exchange_fail_status(x, status, SES_SAYS_NO_MEMORY);
    ses_arena_done(&scratch);
}

static void on_message(struct ses_exchange *x, const struct ses_grpc_message *message)
{
    struct ses_envelope *e = ses_envelope_of(x);

    if (e->messages > 0 && !is_conversation(x))
        ses_exchange_fail_status(x, SES_UNIMPLEMENTED, SES_SAYS_TWO_MESSAGES);
    else if (!message->compressed)
        on_message_bytes(x, message->bytes, false);
    else if (e->gzip)
        on_gzip(x, message->bytes);
    else
        ses_exchange_fail_status(x, SES_INTERNAL, SES_SAYS_NOT_COMPRESSED);
}

/* An end is an answer's alone: a client that sends one has mistaken its side, which is worth a sentence of its own. */
static void fail_frame(struct ses_exchange *x, enum ses_status status)
{
    const struct ses_envelope *e = ses_envelope_of(x);
    bool connect = e->type->door == SES_DOOR_CONNECT;
    uint8_t end = connect ? SES_ENVELOPE_CONNECT_END : SES_ENVELOPE_WEB_TRAILERS;

    if (status == SES_TOO_LARGE)
        ses_exchange_fail_status(x, SES_RESOURCE_EXHAUSTED, SES_SAYS_TOO_LARGE);
    else if (status != SES_MALFORMED)
        ses_exchange_fail_status(x, SES_NO_MEMORY, SES_SAYS_OUT_OF_MEMORY);
    else if ((e->reader.prefix[0] & ~1u) != end)
        ses_exchange_fail_status(x, SES_INTERNAL, SES_SAYS_FLAGS);
    else if (connect)
        ses_exchange_fail_status(x, SES_INTERNAL,
                                 "an end-of-stream message in a request: only answers have one");
    else
        ses_exchange_fail_status(x, SES_INTERNAL, "a trailer frame in a request: only answers have one");
}

/* ---- bytes */

/* Answers pile up, or cannot leave before the request is whole: the rest of the requests waits, and with it whatever
 * holds the client back. */
static bool must_wait(const struct ses_exchange *x)
{
    const struct http_call *call = ses_http_call_of(x);

    return is_conversation(x) &&
           ((!call->ops->duplex && !call->envelope->whole) || call->ops->backlog(x->stream) > BACKLOG_HIGH);
}

static void keep_waiting(struct ses_exchange *x, struct ses_slice bytes)
{
    if (ses_buf_append(&ses_envelope_of(x)->waiting, bytes) != SES_OK)
        ses_exchange_fail_status(x, SES_RESOURCE_EXHAUSTED, "too many request messages wait");
}

/* In a conversation each message is handed on as soon as it is whole; whatever it brings about, an answer that has
 * ended stops the loop. Messages that wait are kept as bytes, not taken apart. */
static void take_bytes(struct ses_exchange *x, struct ses_slice bytes)
{
    struct ses_envelope *e = ses_envelope_of(x);
    struct ses_grpc_message message;
    bool whole;

    while (bytes.len > 0 && !e->ended) {
        if (must_wait(x)) {
            keep_waiting(x, bytes);
            return;
        }
        enum ses_status status = ses_grpc_reader_step(&e->reader, &bytes, &whole, &message);

        if (status != SES_OK)
            fail_frame(x, status);
        else if (whole)
            on_message(x, &message);
    }
}

static void take(struct ses_exchange *x, struct ses_slice bytes)
{
    if (ses_envelope_waiting(x) > 0)
        keep_waiting(x, bytes);
    else
        take_bytes(x, bytes);
}

static void take_text(struct ses_exchange *x, struct ses_slice text)
{
    struct ses_envelope *e = ses_envelope_of(x);
    uint8_t bytes[DECODED_BYTES];
    size_t len;

    while (text.len > 0 && !e->ended) {
        if (ses_web_text_decode(&e->text, &text, bytes, sizeof(bytes), &len) == SES_OK)
            take(x, ses_slice(bytes, len));
        else
            ses_exchange_fail_status(x, SES_INTERNAL, "the request's text is not base64");
    }
}

/* Brackets around all that reads: the exchange stays, and the reader with it. */
static struct ses_envelope *begin_reading(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);

    ses_exchange_hold(x);
    SES_REQUIRE(!e->reading);
    e->reading = true;
    return e;
}

static void end_reading(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);

    e->reading = false;
    if (e->done)
        ses_envelope_forget(x);
    ses_exchange_release(x);
}

void ses_envelope_data(struct ses_exchange *x, struct ses_slice bytes)
{
    struct ses_envelope *e = begin_reading(x);

    if (e->ended)
        bytes = SES_SLICE_EMPTY;
    if (e->type->text)
        take_text(x, bytes);
    else
        take(x, bytes);
    end_reading(x);
}

/* ---- the end of the request */

/* The method may go on answering behind the client's end. */
static void end_conversation(struct ses_exchange *x)
{
    if (!ses_envelope_of(x)->started)
        ses_exchange_end(x); /* nothing asked, nothing to answer */
    else if (x->route->half_close != NULL)
        x->route->half_close(x, x->route->arg);
}

static void all_is_here(struct ses_exchange *x)
{
    const struct ses_envelope *e = ses_envelope_of(x);

    if (ses_grpc_reader_inside(&e->reader) || ses_web_text_inside(&e->text))
        ses_exchange_fail_status(x, SES_INTERNAL, SES_SAYS_CUT_MESSAGE);
    else if (is_conversation(x))
        end_conversation(x);
    else if (e->messages == 0)
        ses_exchange_fail_status(x, SES_UNIMPLEMENTED, SES_SAYS_NO_MESSAGE);
    else
        start(x);
}

/* waiting is taken away before it is read, because reading may put the rest back into it. While bytes wait the end
 * waits with them, or the last messages would come behind it. */
static void go_on(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);
    struct ses_buf waiting = e->waiting;

    ses_buf_init(&e->waiting, waiting.max);
    take_bytes(x, ses_buf_view(&waiting));
    ses_buf_done(&waiting);
    if (e->whole && e->waiting.len == 0 && !e->ended)
        all_is_here(x);
}

void ses_envelope_request_end(struct ses_exchange *x)
{
    struct ses_envelope *e = begin_reading(x);

    e->whole = true;
    if (!e->ended)
        go_on(x);
    end_reading(x);
}

/* The client has read its answers: the method may send more, or what waited of the requests goes on. */
void ses_envelope_drained(struct ses_exchange *x)
{
    struct ses_envelope *e = ses_envelope_of(x);

    ses_exchange_hold(x);
    if (x->drained != NULL)
        x->drained(x, x->cancel_arg);
    if (e->waiting.len > 0 && !e->ended && !e->reading) {
        (void)begin_reading(x);
        go_on(x);
        end_reading(x);
    }
    ses_exchange_release(x);
}

void ses_envelope_leave(struct ses_exchange *x)
{
    const struct ses_envelope *e = ses_envelope_of(x);

    if (e->started && ses_envelope_streams(x))
        ses_envelope_abort(x, SES_UNAVAILABLE, SES_SAYS_CONNECTION_ENDS, SES_CANCELLED);
}
