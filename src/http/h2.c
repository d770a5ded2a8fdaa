/* Life and I/O of an HTTP/2 engine: bytes into nghttp2, frames out of it once a turn, and the ways in
 * which a connection ends. There are three: drained (GOAWAY twice, the streams run out), idle (GOAWAY,
 * nothing was open), and dead (GOAWAY of our own for an error; nothing goes through nghttp2 any more). */
#include "h2.h"

#include <stdlib.h>

#include <sessiond/net/conn.h>

/* One whole message of the largest size fits (up to SES_H2_STREAM_WINDOW_MAX), so that a client does not
 * have to wait for our WINDOW_UPDATE. */
static int32_t stream_window(const struct ses_door_limits *limits)
{
    size_t window = limits->body_bytes_max + SES_GRPC_PREFIX_BYTES;

    if (window < NGHTTP2_INITIAL_WINDOW_SIZE)
        window = NGHTTP2_INITIAL_WINDOW_SIZE;
    return window > SES_H2_STREAM_WINDOW_MAX ? SES_H2_STREAM_WINDOW_MAX : (int32_t)window;
}

/* What we promise to take. By default the connection's window is four times a stream's, so that one
 * upload does not stop the others. */
static enum ses_status start_session(struct ses_h2 *h2)
{
    const struct ses_door_limits *limits = &h2->shared->doors->options.limits;
    /* NO_RFC7540_PRIORITIES: no priority tree for a client to grow and to make us walk. */
    nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, h2->streams_told},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)stream_window(limits)},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)limits->header_bytes_max},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
    };

    SES_TRY(ses_h2_session_new(h2));
    if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings,
                                sizeof settings / sizeof settings[0]) != 0 ||
        nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0, SES_H2_CONNECTION_WINDOW) !=
            0)
        return SES_NO_MEMORY;
    return SES_OK;
}

enum ses_status ses_h2_new(struct ses_h2_shared *shared, const struct ses_h2_io *io, void *io_arg,
                           const char *peer, struct ses_h2 **ret_h2)
{
    struct ses_h2 *h2 = calloc(1, sizeof *h2);

    if (h2 == NULL)
        return SES_NO_MEMORY;
    h2->shared = shared;
    h2->io = io;
    h2->io_arg = io_arg;
    h2->peer = peer;
    h2->streams_max = h2->streams_told = shared->doors->options.limits.streams_max;
    ses_list_init(&h2->streams);
    ses_list_init(&h2->fresh);
    ses_list_init(&h2->waiting);
    ses_list_init(&h2->lingering);
    ses_timer_init(&h2->header_timer);
    ses_timer_init(&h2->drain_timer);
    ses_timer_init(&h2->wait_timer);
    ses_timer_init(&h2->linger_timer);
    enum ses_status status = start_session(h2);

    if (status != SES_OK) {
        ses_h2_free(h2);
        return status;
    }
    ses_h2_want_write(h2);
    *ret_h2 = h2;
    return SES_OK;
}

/* dead first: what the streams' ends bring about must find a connection that answers nothing. */
void ses_h2_free(struct ses_h2 *h2)
{
    if (h2 == NULL)
        return;
    (void)ses_h2_advance(h2, SES_H2_DEAD);
    ses_h2_let_go(h2);
    free(h2);
}

void ses_h2_let_go(struct ses_h2 *h2)
{
    /* Answers go nowhere any more. nghttp2_session_del does not report its streams closed: we do. */
    SES_REQUIRE(ses_h2_is_dead(h2));
    while (!ses_list_empty(&h2->streams))
        ses_h2_stream_close(SES_CONTAINER(h2->streams.next, struct ses_h2_stream, node));
    ses_timer_stop(&h2->header_timer);
    ses_timer_stop(&h2->drain_timer);
    ses_timer_stop(&h2->wait_timer);
    ses_timer_stop(&h2->linger_timer);
    ses_h2_tell_held(h2);
    if (h2->session == NULL)
        return;
    /* Our own GOAWAY comes after the session is gone and still has to name the last stream that was
     * looked at. */
    h2->last_stream = nghttp2_session_get_last_proc_stream_id(h2->session);
    ses_h2_session_free(h2);
}

void ses_h2_shed(struct ses_h2 *h2)
{
    ses_h2_die(h2, NGHTTP2_ENHANCE_YOUR_CALM);
    ses_h2_let_go(h2);
}

static void on_header_timeout(void *arg)
{
    struct ses_h2 *h2 = arg;

    ses_count(h2->shared->doors->options.metrics, SES_C_REQUESTS_LATE, 1);
    ses_h2_die(h2, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A header block blocks its whole connection, and so does a preface, so one timer is enough. */
static void watch_headers(struct ses_h2 *h2)
{
    const struct ses_door_options *options = &h2->shared->doors->options;

    if (h2->in_headers == NULL && h2->settings_seen)
        ses_timer_stop(&h2->header_timer);
    else if (h2->header_timer.timers == NULL)
        ses_timer_start(options->timers, &h2->header_timer, options->limits.header_ms - h2->spent_ms,
                        on_header_timeout, h2);
    h2->spent_ms = 0;
}

/* Which of nghttp2's errors mean a client that asks too much rather than one that cannot speak. */
static uint32_t goaway_code(ssize_t error)
{
    switch (error) {
    case NGHTTP2_ERR_FLOODED:
    case NGHTTP2_ERR_TOO_MANY_SETTINGS:
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
        return NGHTTP2_ENHANCE_YOUR_CALM;
    case NGHTTP2_ERR_NOMEM:
        return NGHTTP2_INTERNAL_ERROR;
    default:
        return NGHTTP2_PROTOCOL_ERROR;
    }
}

/* Answers that the callbacks gave are not written here but by produce, all in one write at the end of
 * the turn; where there are very many (FLUSH_ANSWERS) the connection is asked to write before it reads
 * on. */
enum ses_status ses_h2_receive(struct ses_h2 *h2, struct ses_slice bytes)
{
    if (ses_h2_is_dead(h2))
        return SES_MALFORMED;
    ssize_t taken = nghttp2_session_mem_recv(h2->session, bytes.data, bytes.len);

    if (taken < 0) {
        if (!ses_h2_is_dead(h2) && goaway_code(taken) == NGHTTP2_ENHANCE_YOUR_CALM)
            ses_count(h2->shared->doors->options.metrics, SES_C_FRAME_FLOODS, 1);
        ses_h2_die(h2, goaway_code(taken));
    }
    if (ses_h2_is_dead(h2))
        return SES_MALFORMED;
    watch_headers(h2);
    ses_h2_tell_held(h2);
    if (h2->fresh_count >= SES_H2_FLUSH_ANSWERS)
        h2->io->flush_soon(h2->io_arg);
    /* Also when nothing is to be written but the session is over: produce sees it. */
    if (nghttp2_session_want_write(h2->session) || !nghttp2_session_want_read(h2->session) ||
        h2->life == SES_H2_LEAVES)
        ses_h2_want_write(h2);
    return SES_OK;
}

/* false: there may be more than the output takes in one turn. A round is one frame, or several
 * of DATA (send_data). HIGH_WATER bounds what a client that does not read can make us hold in the output. */
static bool pull(struct ses_h2 *h2, struct ses_buf *out)
{
    while (!ses_h2_is_dead(h2) && out->len < SES_CONN_HIGH_WATER) {
        const uint8_t *data;
        ssize_t len = nghttp2_session_mem_send(h2->session, &data);

        if (len == 0)
            return out->len < SES_CONN_HIGH_WATER;
        if (len < 0 || ses_buf_append(out, ses_slice(data, (size_t)len)) != SES_OK)
            ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
        h2->settings_written = true;
    }
    return false;
}

/* RFC 9113 section 6.8. Written by hand: nghttp2 sends nothing more after an error of its own, and what waits
 * in its queues (an attacker's thousand acknowledgements) must not go first. */
static enum ses_status write_goaway(struct ses_h2 *h2, struct ses_buf *out)
{
    static const uint8_t settings[9] = {0, 0, 0, NGHTTP2_SETTINGS};
    uint32_t last = (uint32_t)h2->last_stream;
    uint32_t code = h2->dead_code;
    struct ses_slice text = ses_slice_str(h2->dead_text);
    uint8_t frame[17] = {0, 0, (uint8_t)(8 + text.len), NGHTTP2_GOAWAY};

    if (!ses_h2_advance(h2, SES_H2_SILENT))
        return SES_OK;
    for (unsigned i = 0; i < 4; i++) {
        frame[9 + i] = (uint8_t)(last >> (24 - 8 * i));
        frame[13 + i] = (uint8_t)(code >> (24 - 8 * i));
    }
    if (!h2->settings_written)
        SES_TRY(ses_buf_append(out, ses_slice(settings, sizeof settings)));
    SES_TRY(ses_buf_append(out, ses_slice(frame, sizeof frame)));
    return ses_buf_append(out, text);
}

/* Over when nghttp2 wants neither to write nor to read, or when we have said that we leave and nothing
 * is open. */
static bool finished(struct ses_h2 *h2)
{
    /* During the notice of a drain requests may be on their way, though nghttp2 no longer asks for them. */
    if (nghttp2_session_want_write(h2->session) ||
        (h2->drain != SES_H2_DRAIN_NONE && h2->life != SES_H2_LEAVES))
        return false;
    return !nghttp2_session_want_read(h2->session) || (h2->life == SES_H2_LEAVES && h2->streams_count == 0);
}

/* h2->out is set only inside pull: send_data writes DATA straight into it. settle_answers runs only
 * when nghttp2 had nothing more to write: what has not left then waits for the client's window, not for
 * our turn. */
enum ses_status ses_h2_produce(struct ses_h2 *h2, struct ses_buf *out)
{
    enum ses_status status = SES_OK;

    h2->write_wanted = false;
    if (!ses_h2_is_dead(h2)) {
        h2->out = out;
        if (pull(h2, out))
            ses_h2_settle_answers(h2);
        h2->out = NULL;
        ses_h2_tell_held(h2);
    }
    if (ses_h2_is_dead(h2)) {
        ses_h2_let_go(h2);
        status = write_goaway(h2, out);
    }
    if (ses_h2_is_dead(h2) || (out->len < SES_CONN_HIGH_WATER && finished(h2))) {
        h2->io->finish(h2->io_arg); /* may end the engine */
        return status;
    }
    /* A client that does not read its answers is not read either. */
    if (out->len >= SES_CONN_HIGH_WATER && !h2->read_paused) {
        h2->read_paused = true;
        h2->io->read_pause(h2->io_arg);
    }
    return SES_OK;
}

/* Reading and writing were stopped by the same mark, and go on together. */
void ses_h2_drained(struct ses_h2 *h2)
{
    if (h2->read_paused) {
        h2->read_paused = false;
        h2->io->read_resume(h2->io_arg);
    }
    if (!ses_h2_is_dead(h2) && nghttp2_session_want_write(h2->session))
        ses_h2_want_write(h2);
}

/* The next node is taken before leave, which may close the stream. Only streams without an end of their
 * own do anything here. */
static void end_streaming(void *arg)
{
    struct ses_h2 *h2 = arg;
    struct ses_list *node = h2->streams.next;

    while (node != &h2->streams) {
        struct ses_h2_stream *stream = SES_CONTAINER(node, struct ses_h2_stream, node);

        node = node->next;
        if (stream->kind != NULL)
            stream->kind->leave(stream);
    }
    ses_h2_want_write(h2);
}

/* The second GOAWAY names the last stream that is served; from here on the client opens new ones
 * elsewhere. By the ping's answer or by the time for it: a client that does not answer a ping is not
 * waited for. */
static void on_notice_over(void *arg)
{
    struct ses_h2 *h2 = arg;

    if (!ses_h2_advance(h2, SES_H2_LEAVES))
        return;
    int32_t last = nghttp2_session_get_last_proc_stream_id(h2->session);

    if (nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, NULL, 0) != 0) {
        ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    ses_timer_start(h2->shared->doors->options.timers, &h2->drain_timer, SES_H2_DRAIN_STREAMS_MS,
                    end_streaming, h2);
    ses_h2_want_write(h2);
}

void ses_h2_drain_acknowledged(struct ses_h2 *h2)
{
    if (h2->drain == SES_H2_DRAIN_NOTICED)
        on_notice_over(h2);
}

static void give_notice(void *arg)
{
    struct ses_h2 *h2 = arg;

    if (ses_h2_is_dead(h2) || h2->drain == SES_H2_DRAIN_NOTICED)
        return;
    h2->drain = SES_H2_DRAIN_NOTICED;
    /* A ping follows it (h2_send.c). Requests already on their way arrive before the ping's answer: none is lost
     * (RFC 9113 section 6.8). */
    if (nghttp2_submit_shutdown_notice(h2->session) != 0) {
        ses_h2_die(h2, NGHTTP2_INTERNAL_ERROR);
        return;
    }
    ses_timer_start(h2->shared->doors->options.timers, &h2->drain_timer, SES_H2_DRAIN_NOTICE_MS,
                    on_notice_over, h2);
    ses_h2_want_write(h2);
}

/* A client that reads a GOAWAY before it has asked anything goes elsewhere with it. When there is no
 * elsewhere (the last worker, nobody at all), it comes back here and never gets an answer: so the first
 * request is awaited for a moment. */
void ses_h2_drain(struct ses_h2 *h2)
{
    if (ses_h2_is_dead(h2) || h2->drain != SES_H2_DRAIN_NONE)
        return;
    h2->drain = SES_H2_DRAIN_AWAITS;
    if (h2->asked)
        give_notice(h2);
    else
        ses_timer_start(h2->shared->doors->options.timers, &h2->drain_timer, SES_DRAIN_GRACE_MS, give_notice,
                        h2);
}

void ses_h2_was_asked(struct ses_h2 *h2)
{
    h2->asked = true;
    if (h2->drain != SES_H2_DRAIN_NONE)
        give_notice(h2);
}

/* Nothing open: say goodbye. Else the peer may be gone without a word, and only a PING can tell. */
void ses_h2_idle(struct ses_h2 *h2)
{
    if (ses_h2_is_dead(h2))
        return;
    if (h2->streams_count == 0) {
        (void)ses_h2_advance(h2, SES_H2_LEAVES);
        (void)nghttp2_submit_goaway(h2->session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(h2->session), NGHTTP2_NO_ERROR,
                                    NULL, 0);
        ses_h2_want_write(h2);
        return;
    }
    /* Streams that wait (Watch): ask whether the peer still lives; no answer in a whole idle time means
     * no. */
    if (h2->ping_unanswered) {
        h2->io->cut(h2->io_arg); /* ends the engine */
        return;
    }
    h2->ping_unanswered = nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, NULL) == 0;
    h2->io->touch(h2->io_arg);
    ses_h2_want_write(h2);
}
