/* What we ask of nghttp2. */
#include "session.h"

#include "memory.h"
#include "session_impl.h"

#define GRPC_UNAVAILABLE 14u
/* Entries of one SETTINGS frame; RFC 9113 defines six. */
#define SETTINGS_ENTRIES_MAX 16
#define CONTINUATIONS_MAX    8
#define ID_MAX               INT32_MAX

static nghttp2_option *make_option(void)
{
    nghttp2_option *option = NULL;

    if (nghttp2_option_new(&option) != 0)
        return NULL;
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_max_settings(option, SETTINGS_ENTRIES_MAX);
    nghttp2_option_set_max_continuations(option, CONTINUATIONS_MAX);
    nghttp2_option_set_max_send_header_block_length(option, 2 * SES_UPSTREAM_HEADERS_MAX);
    /* Until the peer's SETTINGS have come no stream is begun at all. */
    nghttp2_option_set_peer_max_concurrent_streams(option, UINT32_MAX);
    return option;
}

static int open_session(struct ses_up_session *session)
{
    nghttp2_session_callbacks *callbacks = NULL;
    nghttp2_option *option = make_option();
    int rv = nghttp2_session_callbacks_new(&callbacks);

    if (rv == 0 && option != NULL) {
        ses_up_recv_callbacks(callbacks);
        ses_up_send_callbacks(callbacks);
        rv = nghttp2_session_client_new3(&session->session, callbacks, session, option, ses_up_memory());
    }
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    return option == NULL ? NGHTTP2_ERR_NOMEM : rv;
}

static int submit_preface(nghttp2_session *session)
{
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, SES_UP_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, SES_UPSTREAM_HEADERS_MAX},
    };
    int rv =
        nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, sizeof(settings) / sizeof(settings[0]));

    if (rv == 0)
        rv = nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, SES_UP_CONNECTION_WINDOW);
    return rv;
}

enum ses_status ses_up_session_open(struct ses_up_session *session, unsigned streams_max,
                                    size_t late_bytes_max, const struct ses_up_session_ops *ops, void *arg)
{
    *session = (struct ses_up_session){
        .ops = ops, .arg = arg, .streams_max = streams_max, .late_bytes_max = late_bytes_max};
    ses_list_init(&session->streams);
    if (open_session(session) == 0 && submit_preface(session->session) == 0)
        return SES_OK;
    ses_up_session_close(session);
    return SES_NO_MEMORY;
}

void ses_up_session_close(struct ses_up_session *session)
{
    SES_REQUIRE(session->streams_count == 0);
    nghttp2_session_del(session->session);
    session->session = NULL;
}

/* ---- streams ------------------------------------------------------------------------------------------ */

unsigned ses_up_session_streams_max(const struct ses_up_session *session)
{
    uint32_t peers =
        nghttp2_session_get_remote_settings(session->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

    return peers < session->streams_max ? (unsigned)peers : session->streams_max;
}

unsigned ses_up_session_room(const struct ses_up_session *session)
{
    unsigned max = ses_up_session_streams_max(session);

    if (!session->ready || session->leaving || session->streams_count >= max)
        return 0;
    return max - session->streams_count;
}

size_t ses_up_session_headers_max(const struct ses_up_session *session)
{
    return nghttp2_session_get_remote_settings(session->session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE);
}

enum ses_status ses_up_session_submit(struct ses_up_session *session, struct ses_up_stream *stream)
{
    nghttp2_data_provider body = {.source.ptr = stream, .read_callback = ses_up_read_body};
    int32_t id;

    SES_REQUIRE(ses_up_session_room(session) > 0);
    id = nghttp2_submit_request(session->session, NULL, stream->fields, stream->fields_count, &body, stream);
    if (id == NGHTTP2_ERR_NOMEM)
        return SES_NO_MEMORY;
    if (id < 0) { /* all ids of this connection are used up */
        session->leaving = true;
        return SES_UNAVAILABLE;
    }
    stream->id = id;
    ses_list_push_back(&session->streams, &stream->node);
    session->streams_count++;
    return SES_OK;
}

void ses_up_session_leave(struct ses_up_session *session)
{
    session->leaving = true;
    if (session->dead == NULL &&
        nghttp2_submit_goaway(session->session, NGHTTP2_FLAG_NONE, 0, NGHTTP2_NO_ERROR, NULL, 0) != 0)
        ses_up_session_die(session, "no memory");
}

void ses_up_session_ping(struct ses_up_session *session)
{
    session->ping_waits = true;
    if (nghttp2_submit_ping(session->session, NGHTTP2_FLAG_NONE, NULL) != 0)
        ses_up_session_die(session, "no memory");
}

void ses_up_session_lost(struct ses_up_session *session, const char *why)
{
    ses_up_session_die(session, why);
    while (!ses_list_empty(&session->streams)) {
        struct ses_up_stream *stream = SES_CONTAINER(session->streams.next, struct ses_up_stream, node);

        if (!stream->has_verdict) {
            stream->lost = true;
            ses_up_stream_verdict(stream, stream->left ? SES_UPSTREAM_UNKNOWN : SES_UPSTREAM_NOT_SENT,
                                  GRPC_UNAVAILABLE, "the connection was lost: %s", why);
            ses_up_stream_verdict_told(session, stream);
        }
        ses_up_stream_gone(session, stream);
    }
}
