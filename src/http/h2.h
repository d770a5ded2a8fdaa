/* h2.h - the HTTP/2 engine (RFC 9113 by nghttp2): what its files share.
 *
 *   shared   made once per worker: nghttp2's callbacks and options, recycled stream structs
 *   engine   one connection: an nghttp2 session, its streams, its guards; does no I/O, it speaks to a
 *            struct ses_h2_io
 *   stream   one request and its answer; owned by its engine, holds one reference on its exchange
 *   held     bytes of requests not yet whole and of replies the peer's flow control keeps back
 *
 * Files, each of which calls only those below it:
 *
 *   h2_attach.c    the binding to struct ses_conn
 *   h2_shared.c    what the engines of a worker share
 *   h2_recv.c      nghttp2's receiving callbacks
 *   h2_http.c, h2_envelope.c            requests that are not gRPC ..
 *   grpc.c, grpc_reply.c                .. and those that are
 *   h2.c           life and I/O of an engine
 *   h2_send.c      answers: nghttp2's sending callbacks
 *   h2_wait.c, h2_linger.c              answers that are not read; requests that still come when answered
 *   h2_stream.c    streams
 *   h2_guard.c, h2_session.c            abuse; nghttp2's session
 *   h2_alloc.c     nghttp2's memory
 *   h2_held.c, h2_halves.c, h2_state.c  what is held; a stream's two halves; what all the others ask for
 *
 * A stream has two halves that end apart from each other:
 *
 *   request  HEAD         its fields come (in_headers)
 *            REFUSED      its fields are read to the end and dropped
 *            BODY         the head is whole, the body comes; counted in incomplete_count
 *            PASSED_OVER  the answer is out, what still comes is thrown away; the stream lingers
 *            WAITING      END_STREAM came while its last messages wait in `in`
 *            ENDED        nothing more will come
 *   answer   NONE         nothing was said
 *            OPEN         :status is said; data may follow
 *            DEFERRED     the same, and nghttp2 waits for ses_h2_stream_resume
 *            ENDED        nothing will be added; what is left leaves as windows allow
 *            HANDED_OVER  nghttp2 has the trailers as well
 *
 * h2_halves.c has the tables of what leads from one to another.
 *
 * place says in which list of its engine it stands meanwhile: FRESH in the turn that answered, WAITING while
 * the peer does not take the answer, LINGERING when the answer is out and the request still comes.
 */
#ifndef SESSIOND_SRC_HTTP_H2_H
#define SESSIOND_SRC_HTTP_H2_H

#include <nghttp2/nghttp2.h>

#include <sessiond/base/buf.h>
#include <sessiond/base/list.h>
#include <sessiond/base/units.h>
#include "engine.h"
#include <sessiond/codec/grpc_frame.h>
#include "h2_limits.h"

/* What the engine asks of its connection. All but want_write may end the engine before they return. */
struct ses_h2_io {
    void (*want_write)(void *arg);
    void (*read_pause)(void *arg);
    void (*read_resume)(void *arg);
    void (*touch)(void *arg);
    void (*finish)(void *arg);
    void (*cut)(void *arg);
    void (*hold)(void *arg, size_t bytes);
    void (*flush_soon)(void *arg);
};

struct ses_h2_shared {
    struct ses_doors *doors;
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *option;
    nghttp2_mem memory; /* what sessions allocate from: h2_alloc.h */
    struct ses_h2_alloc *alloc;
    struct ses_h2_stream *streams_free; /* a stack: the one used last is still in the cache */
    unsigned streams_free_count;
    unsigned bidi_count;
};

/* Events in the current window; see h2_guard.c. */
struct ses_h2_rate {
    uint64_t window_start_ns;
    unsigned count;
};

/* How far the leaving of the worker has come at this connection; h2.c. */
enum ses_h2_drain {
    SES_H2_DRAIN_NONE,
    SES_H2_DRAIN_AWAITS, /* its first request, for a moment */
    SES_H2_DRAIN_NOTICED /* the first GOAWAY was sent */
};

/* An engine's life; it only goes forward (ses_h2_advance), and may leave states out. */
enum ses_h2_life {
    SES_H2_SERVES,
    SES_H2_LEAVES, /* no new streams will come: finish at the last one's end */
    SES_H2_DEAD,   /* nothing more goes through nghttp2, our own GOAWAY is to be said */
    SES_H2_SILENT  /* and is said */
};

struct ses_h2 {
    struct ses_h2_shared *shared;
    enum ses_h2_life life;
    const struct ses_h2_io *io;
    void *io_arg;
    struct ses_conn *conn; /* for the gates; NULL in unit tests */
    const char *peer;
    nghttp2_session *session;
    struct ses_list streams;
    unsigned streams_count;
    struct ses_h2_stream *in_headers; /* whose header block is being read: they do not interleave */
    struct ses_buf *out;              /* during ses_h2_produce only */
    size_t held_bytes;                /* of streams' buffers */
    size_t told_bytes;                /* what the connection was told */
    unsigned incomplete_count;        /* streams whose request is not whole */
    struct ses_list fresh;            /* answers given, or added to, since the last ses_h2_produce */
    struct ses_list waiting;          /* answers that the peer does not take; least recently moved first */
    struct ses_list lingering;        /* answered to the end, the request still comes; oldest first */
    unsigned fresh_count;
    unsigned waiting_count;
    unsigned lingering_count;
    bool moved; /* any DATA has left since the wait_timer looked */
    struct ses_timer wait_timer;
    struct ses_timer linger_timer;
    int32_t last_stream; /* for our GOAWAY, once the session is gone */
    struct ses_h2_rate resets;
    struct ses_h2_rate empty_frames;
    struct ses_h2_rate settings;
    uint64_t control_since_ns; /* since then: */
    uint32_t control_frames;
    uint32_t request_frames;
    struct ses_timer header_timer; /* runs while a header block is incomplete, or the preface's SETTINGS */
    uint32_t spent_ms;             /* of the preface's time, before this engine was there */
    struct ses_timer drain_timer;
    enum ses_h2_drain drain;
    uint32_t dead_code;    /* HTTP/2 error code of our own GOAWAY */
    const char *dead_text; /* and its debug data, a literal; NULL: none */
    uint64_t pinged_ns;    /* the client's last PING */
    unsigned ping_strikes;
    bool told; /* something was answered since then */
    bool write_wanted;
    bool read_paused;
    bool asked; /* a stream was opened, ever */
    bool ping_unanswered;
    bool page_used;        /* a stream was opened since the last sweep (h2_alloc.c) */
    bool settings_seen;    /* the client's preface is whole */
    bool settings_written; /* our half of the connection preface */
    bool settings_acknowledged;
    unsigned streams_told; /* MAX_CONCURRENT_STREAMS of the last one .. */
    unsigned streams_max;  /* .. and as it should be */
    unsigned unknowing;    /* streams that were refused before it was acknowledged */
};

/* How a request not yet whole, or an answer, is handled; NULL in a stream that was refused at once. */
struct ses_h2_kind {
    void (*begin)(struct ses_h2_stream *stream);
    void (*data)(struct ses_h2_stream *stream, struct ses_slice bytes);
    void (*request_end)(struct ses_h2_stream *stream);
    /* The whole backlog has gone into frames. */
    void (*drained)(struct ses_h2_stream *stream);
    /* The worker leaves: end what has no end of its own. */
    void (*leave)(struct ses_h2_stream *stream);
    /* Before the exchange is cancelled. */
    void (*forget)(struct ses_h2_stream *stream);
};

#define SES_H2_TRAILERS_MAX 5 /* ours, grpc_reply.c: status, message, details, pushback, load */

enum ses_h2_content {
    SES_H2_CONTENT_OTHER,
    SES_H2_CONTENT_GRPC,            /* application/grpc or +proto */
    SES_H2_CONTENT_GRPC_JSON,       /* application/grpc+json */
    SES_H2_CONTENT_GRPC_UNSUPPORTED /* another application/grpc... */
};

/* Their order is used: from WAITING on END_STREAM has come, from ENDED on nothing is added to an answer. */
enum ses_h2_request {
    SES_H2_REQUEST_HEAD,
    SES_H2_REQUEST_REFUSED,
    SES_H2_REQUEST_BODY,
    SES_H2_REQUEST_PASSED_OVER,
    SES_H2_REQUEST_WAITING,
    SES_H2_REQUEST_ENDED,
    SES_H2_REQUEST_COUNT
};

enum ses_h2_request_event {
    SES_H2_HEAD_REFUSED,
    SES_H2_HEAD_WHOLE, /* without END_STREAM */
    SES_H2_END_STREAM,
    SES_H2_KEPT_BACK,   /* its end must wait for its messages */
    SES_H2_TAKEN_IN,    /* and has waited for them */
    SES_H2_LEFT_BEHIND, /* END_STREAM of ours is out before the client's came */
    SES_H2_CLOSED,
    SES_H2_REQUEST_EVENT_COUNT
};

enum ses_h2_answer {
    SES_H2_ANSWER_NONE,
    SES_H2_ANSWER_OPEN,
    SES_H2_ANSWER_DEFERRED,
    SES_H2_ANSWER_ENDED,
    SES_H2_ANSWER_HANDED_OVER,
    SES_H2_ANSWER_COUNT
};

enum ses_h2_answer_event {
    SES_H2_HEADERS,
    SES_H2_DEFER,
    SES_H2_RESUME,
    SES_H2_END,
    SES_H2_TRAILERS,
    SES_H2_ANSWER_EVENT_COUNT
};

/* What follows the headers of an answer. */
enum ses_h2_rest {
    SES_H2_REST_NONE,  /* END_STREAM is with them */
    SES_H2_REST_WHOLE, /* all of it is there: reply or backlog, and trailers */
    SES_H2_REST_MORE   /* the backlog, which may be added to */
};

/* gRPC's encodings, a set. */
enum ses_h2_encoding {
    SES_H2_ENCODING_GIVEN = 1 << 0,      /* grpc-encoding came */
    SES_H2_ENCODING_GZIP = 1 << 1,       /* it is gzip */
    SES_H2_ENCODING_UNKNOWN = 1 << 2,    /* it is none of ours */
    SES_H2_ENCODING_COMPRESSED = 1 << 3, /* a message of the request was compressed */
    SES_H2_ENCODING_ACCEPTED = 1 << 4,   /* replies may be gzip */
    SES_H2_ENCODING_PROMISED = 1 << 5    /* grpc-encoding of the answer says so */
};

/* Which list of its engine a stream stands in, for its answer or behind it. */
enum ses_h2_place { SES_H2_NOWHERE, SES_H2_FRESH, SES_H2_WAITING, SES_H2_LINGERING };

struct ses_h2_stream {
    struct ses_list node; /* of the engine */
    struct ses_list place_node;
    enum ses_h2_place place;
    enum ses_h2_request request; /* changed by ses_h2_request_on alone */
    enum ses_h2_answer answer;   /* changed by ses_h2_answer_on alone */
    struct ses_h2_stream *next_free;
    struct ses_h2 *h2;
    struct ses_exchange *x; /* NULL: the pool was exhausted */
    const struct ses_h2_kind *kind;
    int32_t id;

    /* request */
    unsigned headers_count;
    size_t header_bytes;
    enum ses_h2_content content;
    struct ses_buf in; /* HTTP: the body; bidi gRPC: bytes not read while the backlog is high */
    size_t held_bytes; /* this stream's part of the engine's */
    size_t unconsumed; /* bytes of `in` not yet given back to the stream's window */
    bool return_path;  /* :path is that of the return URL (exchange/return_refusal.h) */
    bool rpc_path;     /* :path is a call's; only looked at where no exchange keeps it */

    /* answer: either one message (prefix + reply, borrowed from the exchange), or the backlog */
    uint8_t prefix[SES_GRPC_PREFIX_BYTES];
    size_t prefix_len;
    struct ses_slice reply;
    struct ses_buf backlog;
    size_t sent;   /* of prefix + reply, or of the backlog */
    uint8_t *kept; /* trailers and reply, once the exchange is gone; else NULL */
    size_t kept_len;
    uint64_t waits_since_ms; /* or has moved last; or lingers */
    size_t moved_bytes;      /* since then; read of the request while it lingers */
    nghttp2_nv *trailers;    /* our_trailers, or an array in the exchange, for the method's too */
    size_t trailers_count;   /* 0: the last DATA frame ends the stream */
    nghttp2_nv our_trailers[SES_H2_TRAILERS_MAX];
    int http_status;
    char status_text[4];
    char content_length[24];

    /* gRPC, see grpc.c */
    struct ses_grpc_reader reader;
    uint64_t timeout_ns;
    unsigned messages;
    bool timeout_given;
    bool timeout_malformed;
    uint8_t encodings;    /* enum ses_h2_encoding */
    bool repeated;        /* a field of gRPC's own was given twice */
    bool overflowed;      /* a reply did not fit the backlog: the stream is about to be ended */
    bool metadata_binary; /* a header named "-bin" came */
    bool started;
    bool excused; /* its reset is no error: a gate refused it, or it is counted */
    bool bidi;    /* counted in the worker's bidi_count */
};

static inline bool ses_h2_is_dead(const struct ses_h2 *h2)
{
    return h2->life >= SES_H2_DEAD;
}

static inline bool ses_h2_request_ended(const struct ses_h2_stream *stream)
{
    return stream->request >= SES_H2_REQUEST_WAITING;
}

static inline bool ses_h2_answer_begun(const struct ses_h2_stream *stream)
{
    return stream->answer != SES_H2_ANSWER_NONE;
}

static inline bool ses_h2_encoding_is(const struct ses_h2_stream *stream, enum ses_h2_encoding encoding)
{
    return (stream->encodings & encoding) != 0;
}

static inline void ses_h2_encoding_set(struct ses_h2_stream *stream, enum ses_h2_encoding encoding, bool is)
{
    unsigned others = stream->encodings & ~(unsigned)encoding;

    stream->encodings = (uint8_t)(others | (is ? (unsigned)encoding : 0));
}

/* Nothing will be added to it. */
static inline bool ses_h2_answer_ended(const struct ses_h2_stream *stream)
{
    return stream->answer >= SES_H2_ANSWER_ENDED;
}

/* ---- h2_state.c */
/* false: it has come so far already, or further. */
bool ses_h2_advance(struct ses_h2 *h2, enum ses_h2_life life);
/* Asks for ses_h2_produce, once a turn. */
void ses_h2_want_write(struct ses_h2 *h2);
/* The connection ends with GOAWAY(code) of ours; callable anywhere, nghttp2's callbacks included. */
void ses_h2_die(struct ses_h2 *h2, uint32_t code);
/* Counts and logs that the connection ends for an error: ours, or one that nghttp2 has found and answered
 * itself. */
void ses_h2_tell_refused(struct ses_h2 *h2, uint32_t code);
/* Something was answered, or added to an answer that goes on. */
void ses_h2_answered(struct ses_h2_stream *stream);
/* Out of whichever list. */
void ses_h2_answer_leave(struct ses_h2_stream *stream);
/* Bytes of the answer not yet in frames. */
size_t ses_h2_stream_unsent(const struct ses_h2_stream *stream);

/* ---- h2_halves.c */
/* false: not in this state, nothing was changed. */
bool ses_h2_request_on(struct ses_h2_stream *stream, enum ses_h2_request_event event);
/* An event that does not belong to the state is a fault of the program. */
void ses_h2_answer_on(struct ses_h2_stream *stream, enum ses_h2_answer_event event);

/* ---- h2_held.c */
/* Brings the connection's sum up to date with what the stream holds now; false: it has grown beyond
 * held_bytes_max. */
bool ses_h2_hold(struct ses_h2_stream *stream);
/* Parts of requests, answers that are not read and streams that linger: what is bounded for each
 * connection. */
size_t ses_h2_held(const struct ses_h2 *h2);
/* Tells the connection, once a turn, with the requests that have only begun: there may be streams_max of
 * them. */
void ses_h2_tell_held(struct ses_h2 *h2);

/* ---- h2.c */
SES_MUST_CHECK enum ses_status ses_h2_new(struct ses_h2_shared *shared, const struct ses_h2_io *io,
                                          void *io_arg, const char *peer, struct ses_h2 **ret_h2);
/* Cancels every open exchange. NULL is fine. */
void ses_h2_free(struct ses_h2 *h2);
/* SES_MALFORMED: the connection is over, what ses_h2_produce gives is the last of it. */
SES_MUST_CHECK enum ses_status ses_h2_receive(struct ses_h2 *h2, struct ses_slice bytes);
SES_MUST_CHECK enum ses_status ses_h2_produce(struct ses_h2 *h2, struct ses_buf *out);
void ses_h2_drain(struct ses_h2 *h2);
/* A stream was opened. */
void ses_h2_was_asked(struct ses_h2 *h2);
void ses_h2_idle(struct ses_h2 *h2);
/* What was produced has left. */
void ses_h2_drained(struct ses_h2 *h2);
/* Ends all streams and the session; only GOAWAY is left to say. No callback of nghttp2's may be on the
 * stack. */
void ses_h2_let_go(struct ses_h2 *h2);
/* The worker holds too much, and this connection much of it. */
void ses_h2_shed(struct ses_h2 *h2);
/* The ping behind the first GOAWAY came back. */
void ses_h2_drain_acknowledged(struct ses_h2 *h2);

/* ---- h2_shared.c */
SES_MUST_CHECK enum ses_status ses_h2_shared_new(struct ses_doors *doors, struct ses_h2_shared **ret_shared);

/* ---- h2_session.c */
/* A session of these doors. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_h2_session_new(struct ses_h2 *h2);
void ses_h2_session_free(struct ses_h2 *h2);

/* ---- h2_guard.c */
/* Counts one event; true once there were more than max in the window. */
bool ses_h2_rate_exceeded(struct ses_h2_rate *rate, unsigned max);
/* Judges and counts a frame by its head. true: the connection must end. */
bool ses_h2_frame_is_flood(struct ses_h2 *h2, const nghttp2_frame_hd *hd);
/* A PING of the client's: it asks more often than it may whether we are there (gRPC A8 and keepalive.md). true: the
 * connection ends, in the words that clients know. */
bool ses_h2_ping_is_abuse(struct ses_h2 *h2);
/* The same for DATA that has turned out to be empty. */
bool ses_h2_empty_is_flood(struct ses_h2 *h2);
/* A stream that we reset or refused. */
void ses_h2_count_reset(struct ses_h2 *h2);

/* ---- h2_wait.c */
/* nghttp2 has nothing more to write: what was answered and has not left waits from now on. */
void ses_h2_settle_answers(struct ses_h2 *h2);
/* len bytes of a waiting answer have left. */
void ses_h2_answer_moved(struct ses_h2_stream *stream, size_t len);

/* ---- h2_linger.c */
/* END_STREAM is written, the request is not whole: reads on for a moment, then resets. Lets go of all that
 * the stream holds, the exchange too. */
void ses_h2_linger(struct ses_h2_stream *stream);
/* len bytes of a lingering request have come, and are gone. */
void ses_h2_linger_read(struct ses_h2_stream *stream, size_t len);

/* ---- h2_stream.c */
/* NULL: no memory. The stream may lack an exchange (pool exhausted). */
struct ses_h2_stream *ses_h2_stream_open(struct ses_h2 *h2, int32_t id);
/* Cancels and releases the exchange, recycles. */
void ses_h2_stream_close(struct ses_h2_stream *stream);
/* The stream goes on without its exchange, which is cancelled unless it was answered. */
void ses_h2_stream_drop_exchange(struct ses_h2_stream *stream);
/* May one more call of this stream's route begin? Counts it. */
bool ses_h2_streaming_admitted(struct ses_h2_stream *stream);
/* The first use of a stream's timer: the request must be whole in delay_ms. */
void ses_h2_stream_timer(struct ses_h2_stream *stream, uint64_t delay_ms, ses_timer_fn fn);
void ses_h2_stream_reset(struct ses_h2_stream *stream, uint32_t code);

/* ---- h2_recv.c */
void ses_h2_recv_callbacks(nghttp2_session_callbacks *callbacks);

/* ---- h2_send.c */
void ses_h2_send_callbacks(nghttp2_session_callbacks *callbacks);
/* name and value must outlive the frame: literals, or in the exchange. */
nghttp2_nv ses_h2_nv(struct ses_slice name, struct ses_slice value);
/* The same for values that never repeat. */
nghttp2_nv ses_h2_nv_once(struct ses_slice name, struct ses_slice value);
/* Whichever of the two it is. */
nghttp2_nv ses_h2_field(const struct ses_header *header);
/* Response headers, once; fields[0] is left for ":status". */
void ses_h2_stream_headers(struct ses_h2_stream *stream, nghttp2_nv *fields, size_t count,
                           enum ses_h2_rest rest);
/* Something was added to the backlog. */
void ses_h2_stream_resume(struct ses_h2_stream *stream);
/* Nothing will be added to an answer that has begun. */
void ses_h2_stream_end(struct ses_h2_stream *stream);
/* Ends an answer that has begun with its trailers at once, whatever data waits. */
void ses_h2_stream_break_off(struct ses_h2_stream *stream);

/* ---- the kinds */
extern const struct ses_h2_kind ses_h2_http_kind; /* h2_http.c */
extern const struct ses_h2_kind ses_grpc_kind;    /* grpc.c */
/* A header of the request that steers gRPC or the engine; false: an ordinary one. */
bool ses_grpc_take_header(struct ses_h2_stream *stream, struct ses_slice name, struct ses_slice value);
/* Answers before the kind is chosen; the exchange may be missing. message is a literal. */
void ses_grpc_refuse(struct ses_h2_stream *stream, const char *message);
void ses_h2_http_refuse(struct ses_h2_stream *stream, int http_status, enum ses_status status,
                        const char *message);

#endif
