#include "budget.h"

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/exchange/message.h>

#include "h2.h"
#include "usual.h"
#include "sample.h"

#define TURN 64u

struct call {
    const char *path;
    const char *content_type;
    struct ses_slice body;
};

/* An engine with routes that answer at once, and an nghttp2 client that is not counted. */
struct rig {
    const struct call *call;
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_exchange_pool *pool;
    struct ses_router *router;
    struct ses_doors *doors;
    struct ses_h2 *h2;
    nghttp2_session *client;
    unsigned answered;
};

static char reply[420];
static const uint8_t grpc_request[180] = {0, 0, 0, 0, 175};
/* What curl sends. */
static const char json_request[] =
    "{\"merchant_session_id\": \"load-ghij-aaaaaaaaabcd\", \"amount\": {\"minor_amount\": 10000, \"currency\": \"USD\"}, "
    "\"test_mode\": true, \"browser_info\": {\"accept_header\": \"text/html\", \"user_agent\": \"Mozilla/5.0 (X11; Linux "
    "x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36\"}}";
static char token_text[401];

static void answer(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_reply(x, ses_slice(reply, sizeof(reply)));
}

/* The codec both ways. */
static void answer_in_json(struct ses_exchange *x, void *arg)
{
    Types__MerchantAuthenticationServiceCreateSessionTokenResponse response;
    ProtobufCMessage *message;
    struct ses_error error;
    struct ses_slice bytes;

    (void)arg;
    BUDGET_OK(ses_message_decode(
        x, x->body, &types__merchant_authentication_service_create_session_token_request__descriptor,
        &message, &error));
    types__merchant_authentication_service_create_session_token_response__init(&response);
    response.status_code = 200;
    response.session_token = token_text;
    BUDGET_OK(ses_message_encode(x, &response.base, &bytes));
    ses_exchange_reply(x, bytes);
}

static const struct ses_route routes[] = {
    {.path = "/types.MerchantAuthenticationService/CreateSessionToken",
     .kind = SES_ROUTE_UNARY,
     .flow = "CreateSessionToken",
     .metric = -1,
     .start = answer},
    {.path = "/types.MerchantAuthenticationService/CreateServerSessionAuthenticationToken",
     .kind = SES_ROUTE_UNARY,
     .flow = "CreateServerSessionAuthenticationToken",
     .metric = -1,
     .start = answer_in_json},
};

static void io_nothing(void *arg)
{
    (void)arg;
}

static void io_hold(void *arg, size_t bytes)
{
    (void)arg;
    (void)bytes;
}

static const struct ses_h2_io io = {io_nothing, io_nothing, io_nothing, io_nothing,
                                    io_nothing, io_nothing, io_hold,    io_nothing};

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
    (void)session;
    (void)id;
    SES_REQUIRE(code == 0);
    ((struct rig *)arg)->answered++;
    return 0;
}

static void open_client(struct rig *rig)
{
    nghttp2_session_callbacks *callbacks;
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20}};

    SES_REQUIRE(nghttp2_session_callbacks_new(&callbacks) == 0);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    SES_REQUIRE(nghttp2_session_client_new(&rig->client, callbacks, rig) == 0);
    nghttp2_session_callbacks_del(callbacks);
    SES_REQUIRE(nghttp2_submit_settings(rig->client, 0, settings, 1) == 0);
    SES_REQUIRE(nghttp2_session_set_local_window_size(rig->client, 0, 0, 1 << 24) == 0);
}

static void open_rig(struct rig *rig)
{
    const struct ses_route *tables[] = {routes};
    const size_t counts[] = {sizeof(routes) / sizeof(routes[0])};
    struct ses_exchange_pool_options pool_options = usual_pool();

    pool_options.exchanges_max = 1000;
    pool_options.keep = 256;

    SES_REQUIRE(uv_loop_init(&rig->loop) == 0);
    BUDGET_OK(ses_timers_new(&rig->loop, &rig->timers));
    BUDGET_OK(ses_exchange_pool_new(&pool_options, &rig->pool));
    BUDGET_OK(ses_router_new(tables, counts, 1, &rig->router));
    const struct ses_door_options options = {.router = rig->router,
                                             .pool = rig->pool,
                                             .timers = rig->timers,
                                             .limits = ses_usual_door_limits(),
                                             .http2 = true,
                                             .server_name = "sessiond"};

    BUDGET_OK(ses_doors_new(&options, &rig->doors));
    BUDGET_OK(ses_h2_shared_new(rig->doors, &rig->doors->h2));
    BUDGET_OK(ses_h2_new(rig->doors->h2, &io, NULL, "127.0.0.1:1", &rig->h2));
    open_client(rig);
}

static ssize_t on_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    (void)session;
    (void)id;
    (void)source;
    const struct ses_slice body = ((const struct rig *)arg)->call->body;

    SES_REQUIRE(length >= body.len);
    memcpy(buf, body.data, body.len);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)body.len;
}

static void submit(struct rig *rig)
{
    const nghttp2_nv headers[] = {
        budget_field(":method", "POST"),
        budget_field(":scheme", "http"),
        budget_field(":path", rig->call->path),
        budget_field(":authority", "127.0.0.1:8080"),
        budget_field("content-type", rig->call->content_type),
        budget_field("te", "trailers"),
        budget_field("x-connector", "adyen"),
        budget_field("x-connector-config",
                     "{\"config\":{\"Adyen\":{\"api_key\":\"k\",\"merchant_account\":\"m\"}}}"),
    };
    const nghttp2_data_provider provider = {.read_callback = on_read_body};

    SES_REQUIRE(nghttp2_submit_request(rig->client, NULL, headers, 8, &provider, NULL) > 0);
}

/* One turn: what the client wrote in one piece, the answers in one piece. */
static void turn(struct rig *rig, unsigned calls, struct ses_buf *in, struct ses_buf *out)
{
    const uint8_t *bytes;
    ssize_t n;

    for (unsigned i = 0; i < calls; i++)
        submit(rig);
    while ((n = nghttp2_session_mem_send(rig->client, &bytes)) > 0)
        BUDGET_OK(ses_buf_append(in, ses_slice(bytes, (size_t)n)));
    BUDGET_COUNT({
        BUDGET_OK(ses_h2_receive(rig->h2, ses_buf_view(in)));
        BUDGET_OK(ses_h2_produce(rig->h2, out));
        ses_h2_drained(rig->h2);
    });
    SES_REQUIRE(nghttp2_session_mem_recv(rig->client, out->data, out->len) == (ssize_t)out->len);
    ses_buf_clear(in);
    ses_buf_clear(out);
}

static void play(const struct call *call, unsigned operations)
{
    static struct rig rig;
    struct ses_buf in, out;

    rig.call = call;
    ses_buf_init(&in, 1u << 20);
    ses_buf_init(&out, 1u << 20);
    open_rig(&rig);
    turn(&rig, 0, &in, &out);
    for (unsigned i = 0; i < operations; i += TURN)
        turn(&rig, TURN, &in, &out);
    SES_REQUIRE(rig.answered == operations);
    ses_buf_done(&in);
    ses_buf_done(&out);
}

/* Frames and header blocks both ways, gRPC framing, the exchange and the route of calls that come 64 at a
 * time. */
void budget_http2_turn(const char *dir, unsigned operations)
{
    const struct call call = {routes[0].path, "application/grpc",
                              ses_slice(grpc_request, sizeof(grpc_request))};

    (void)dir;
    play(&call, operations);
}

/* The same by Connect with JSON, and the codec. */
void budget_json_turn(const char *dir, unsigned operations)
{
    const struct call call = {routes[1].path, "application/json",
                              ses_slice(json_request, sizeof(json_request) - 1)};

    (void)dir;
    memset(token_text, 'A', sizeof(token_text) - 1);
    play(&call, operations);
}
