#include "budget.h"

#include <stdlib.h>

#include "h2.h"
#include "usual.h"

#define TURN 64u

/* An engine with one route that answers at once, and an nghttp2 client that is not counted. */
struct rig {
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
static const uint8_t request[180] = {0, 0, 0, 0, 175};

static void answer(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_reply(x, ses_slice(reply, sizeof(reply)));
}

static const struct ses_route routes[] = {
    {.path = "/types.MerchantAuthenticationService/CreateSessionToken",
     .kind = SES_ROUTE_UNARY,
     .flow = "CreateSessionToken",
     .metric = -1,
     .start = answer},
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
    const size_t counts[] = {1};
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

static nghttp2_nv pair(const char *name, const char *value)
{
    union {
        const char *in;
        uint8_t *out;
    } n = {name}, v = {value}; /* nghttp2 takes them writable and does not write */

    return (nghttp2_nv){n.out, v.out, strlen(name), strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static ssize_t on_read_body(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length,
                            uint32_t *flags, nghttp2_data_source *source, void *arg)
{
    (void)session;
    (void)id;
    (void)source;
    (void)arg;
    SES_REQUIRE(length >= sizeof(request));
    memcpy(buf, request, sizeof(request));
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    return sizeof(request);
}

static void submit(struct rig *rig)
{
    const nghttp2_nv headers[] = {
        pair(":method", "POST"),
        pair(":scheme", "http"),
        pair(":path", routes[0].path),
        pair(":authority", "127.0.0.1:8080"),
        pair("content-type", "application/grpc"),
        pair("te", "trailers"),
        pair("x-connector", "adyen"),
        pair("x-connector-config", "{\"config\":{\"Adyen\":{\"api_key\":\"k\",\"merchant_account\":\"m\"}}}"),
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

/* Frames and header blocks both ways, gRPC framing, the exchange and the route of calls that come 64 at a
 * time. */
void budget_http2_turn(const char *dir, unsigned operations)
{
    static struct rig rig;
    struct ses_buf in, out;

    (void)dir;
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
