#include "upstream_rig.h"

#include <sessiond/base/random.h>

void on_told(void *arg, const struct ses_upstream_answer *answer)
{
    struct told *told = arg;

    told->times++;
    told->outcome = answer->outcome;
    told->grpc_status = answer->grpc_status;
    (void)snprintf(told->why, sizeof(told->why), "%.*s", SES_FMT(answer->why));
    (void)snprintf(told->text, sizeof(told->text), "%.*s", SES_FMT(answer->grpc_message));
    told->message_len = answer->message.len;
    if (answer->message.len > 0 && answer->message.len <= sizeof(told->message))
        memcpy(told->message, answer->message.data, answer->message.len);
}

static char last_headers_room[PEER_HEADERS_SIZE];
const char *last_headers;

void answer_pong(struct peer *peer, struct peer_request *request)
{
    (void)peer;
    (void)snprintf(last_headers_room, sizeof(last_headers_room), "%s", request->headers);
    last_headers = last_headers_room;
    peer_answer(request, 0, SES_STR("pong"));
}

struct peer_request *kept[CALLS_MAX];
unsigned kept_count;
static unsigned refused_count;

void keep_waiting(struct peer *peer, struct peer_request *request)
{
    (void)peer;
    kept[kept_count++] = request;
}

void refuse_stream(struct peer *peer, struct peer_request *request)
{
    (void)peer;
    peer_reset(request, NGHTTP2_REFUSED_STREAM);
}

void refuse_once(struct peer *peer, struct peer_request *request)
{
    if (refused_count++ == 0)
        refuse_stream(peer, request);
    else
        answer_pong(peer, request);
}

void reset_stream(struct peer *peer, struct peer_request *request)
{
    (void)peer;
    peer_reset(request, NGHTTP2_INTERNAL_ERROR);
}

void open_upstream(struct rig *rig)
{
    assert_ok(ses_upstream_new(&rig->options, &rig->upstream));
}

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));

    ses_random_init();
    kept_count = 0;
    refused_count = 0;
    last_headers = NULL;
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_ok(ses_timers_new(&rig->loop, &rig->timers));
    server_open(&rig->server, &rig->loop, 0);
    rig->server.on_request = answer_pong;
    rig->metrics = calloc(1, sizeof(*rig->metrics));
    rig->options = (struct ses_upstream_options){
        .loop = &rig->loop,
        .timers = rig->timers,
        .host = "127.0.0.1",
        .port = rig->server.port,
        .authority = "payments.example:8000",
        .connections = 2,
        .calls_max = 32,
        .streams_max = 100,
        .owner_percent = 100,
        .connect_ms = 30000,
        .deadline_ms = 60000,
        .idle_ms = 600000,
        .keepalive_ms = 600000,
        .health_ms = 600000,
        .connection_life_ms = 3600000,
        .answer_bytes_max = 4096,
        .breaker_failures = 3,
        .breaker_open_ms = 600000,
        .metrics = rig->metrics,
    };
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;

    ses_upstream_free(rig->upstream);
    server_close(&rig->server);
    ses_timers_free(rig->timers);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    server_free(&rig->server);
    for (int i = SES_C_UPSTREAM_CONNECTIONS; i <= SES_C_UPSTREAM_CALLS_OPEN; i++)
        assert_int_equal(atomic_load(&rig->metrics->counter[i]), 0); /* as if it had never been */
    free(rig->metrics);
    free(rig);
    return 0;
}

void turn(struct rig *rig)
{
    server_flush(&rig->server);
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
}

void hear_out(struct rig *rig, unsigned connection)
{
    struct peer *peer = &rig->server.connections[connection]->peer;
    unsigned before = peer->acknowledged;

    assert_int_equal(nghttp2_submit_ping(peer->session, 0, NULL), 0);
    RUN_UNTIL(rig, peer->acknowledged > before);
}

void start_within(struct rig *rig, unsigned call, bool effect, uint64_t within_ms)
{
    const struct ses_upstream_pair metadata[] = {{SES_STR("x-merchant-id"), SES_STR("m1")},
                                                 {SES_STR("x-raw-bin"), SES_STR("\1\2\3")}};
    struct ses_upstream_request request = {.path = SES_STR("/types.PaymentService/Authorize"),
                                           .metadata = metadata,
                                           .metadata_count = 2,
                                           .message = SES_STR("ping"),
                                           .effect = effect};
    struct ses_upstream_place place;

    assert_ok(ses_upstream_take(rig->upstream, 0, &place));
    assert_ok(ses_upstream_start(rig->upstream, &place, &request,
                                 ses_clock_mono_ns() + within_ms * SES_NS_PER_MS, on_told, &rig->told[call]));
    assert_false(place.taken);
    assert_int_equal(rig->told[call].times, 0); /* never from inside */
}

void start(struct rig *rig, unsigned call, bool effect)
{
    start_within(rig, call, effect, 60000);
}
