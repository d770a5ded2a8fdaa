#include "budget.h"

#include "sample.h"
#include "session.h"

#define TURN 64u

/* Our session, and a payment server of nghttp2 that is not counted. */
struct rig {
    struct ses_up_session session;
    struct ses_up_stream streams[TURN];
    nghttp2_session *server;
    struct ses_buf out;
    struct ses_buf in;
    unsigned answered;
    unsigned gone;
};

static const uint8_t request[400];
static uint8_t reply[] = "\0\0\0\0\x1e\x0a\x18"
                         "load-ghij-aaaaaaaaabcd-t"
                         "\x18\x08\x28\x08";

static void on_verdict(void *arg, struct ses_up_stream *stream)
{
    struct rig *rig = arg;

    SES_REQUIRE(stream->outcome == SES_UPSTREAM_ANSWERED && stream->grpc_status == 0);
    rig->answered++;
}

static void on_gone(void *arg, struct ses_up_stream *stream)
{
    struct rig *rig = arg;

    ses_up_stream_done(stream);
    rig->gone++;
}

static const struct ses_up_session_ops ops = {.on_verdict = on_verdict, .on_gone = on_gone};

/* ---- the server ------------------------------------------------------------------------------------- */

static ssize_t on_read_reply(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                             uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    const nghttp2_nv trailer = budget_field("grpc-status", "0");

    (void)source;
    (void)arg;
    SES_REQUIRE(length >= sizeof(reply) - 1);
    memcpy(buf, reply, sizeof(reply) - 1);
    *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    SES_REQUIRE(nghttp2_submit_trailer(session, id, &trailer, 1) == 0);
    return (ssize_t)sizeof(reply) - 1;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
    const nghttp2_nv headers[] = {budget_field(":status", "200"),
                                  budget_field("content-type", "application/grpc")};
    const nghttp2_data_provider provider = {.read_callback = on_read_reply};

    (void)arg;
    if (frame->hd.type == NGHTTP2_DATA && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
        SES_REQUIRE(nghttp2_submit_response(session, frame->hd.stream_id, headers, 2, &provider) == 0);
    return 0;
}

static void open_server(struct rig *rig)
{
    nghttp2_session_callbacks *callbacks;

    SES_REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    SES_REQUIRE(nghttp2_session_server_new(&rig->server, callbacks, rig) == 0);
    nghttp2_session_callbacks_del(callbacks);
    SES_REQUIRE(nghttp2_submit_settings(rig->server, 0, NULL, 0) == 0);
}

/* It reads all that was sent, and what it has to say lies in `in`. */
static void serve(struct rig *rig)
{
    const uint8_t *bytes;
    ssize_t n;

    SES_REQUIRE(nghttp2_session_mem_recv(rig->server, rig->out.data, rig->out.len) == (ssize_t)rig->out.len);
    ses_buf_clear(&rig->out);
    while ((n = nghttp2_session_mem_send(rig->server, &bytes)) > 0)
        BUDGET_OK(ses_buf_append(&rig->in, ses_slice(bytes, (size_t)n)));
}

/* ---- turns ------------------------------------------------------------------------------------------ */

static void hear(struct rig *rig)
{
    if (rig->in.len > 0)
        BUDGET_OK(ses_up_session_receive(&rig->session, ses_buf_view(&rig->in)));
}

static void say(struct rig *rig)
{
    BUDGET_OK(ses_up_session_produce(&rig->session, &rig->out, 1u << 20));
}

static void submit(struct rig *rig)
{
    static const struct ses_upstream_pair metadata[] = {
        {SES_STR_INIT("x-connector"), SES_STR_INIT("adyen")},
        {SES_STR_INIT("x-connector-config"),
         SES_STR_INIT("{\"config\":{\"Adyen\":{\"api_key\":\"k\",\"merchant_account\":\"m\"}}}")},
        {SES_STR_INIT("x-request-id"), SES_STR_INIT("0123456789abcdef0123456789abcdef")}};
    const struct ses_upstream_request call = {.path = SES_STR("/types.PaymentService/Authorize"),
                                              .metadata = metadata,
                                              .metadata_count = 3,
                                              .message = ses_slice(request, sizeof(request)),
                                              .effect = true};

    for (unsigned i = 0; i < TURN; i++) {
        BUDGET_OK(ses_up_stream_init(&rig->streams[i], &call, "127.0.0.1:1", false, 1u << 20));
        BUDGET_OK(ses_up_session_submit(&rig->session, &rig->streams[i]));
    }
}

static void open_rig(struct rig *rig)
{
    ses_buf_init(&rig->out, 1u << 22);
    ses_buf_init(&rig->in, 1u << 22);
    BUDGET_OK(ses_up_session_open(&rig->session, TURN, 1u << 20, &ops, rig));
    open_server(rig);
    for (unsigned i = 0; i < 2; i++) {
        say(rig);
        serve(rig);
        hear(rig);
        ses_buf_clear(&rig->in);
    }
    SES_REQUIRE(ses_up_session_room(&rig->session) == TURN);
}

/* Requests made and written, answers read, of calls that leave 64 at a time. */
void budget_upstream_turn(const char *dir, unsigned operations)
{
    static struct rig rig;

    (void)dir;
    open_rig(&rig);
    for (unsigned i = 0; i < operations; i += TURN) {
        BUDGET_COUNT({
            submit(&rig);
            say(&rig);
        });
        serve(&rig);
        BUDGET_COUNT(hear(&rig));
        ses_buf_clear(&rig.in);
    }
    SES_REQUIRE(rig.answered == operations && rig.gone == operations);
    ses_up_session_close(&rig.session);
    nghttp2_session_del(rig.server);
    ses_buf_done(&rig.out);
    ses_buf_done(&rig.in);
}
