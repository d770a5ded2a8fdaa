#include "driver_fixture.h"

#include <poll.h>

void rig_start(struct rig *rig, struct ses_driver_options options)
{
    ses_random_init();
    *rig = (struct rig){0};
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    rig->metrics = aligned_alloc(64, (sizeof(struct ses_metrics) + 63) / 64 * 64);
    assert_non_null(rig->metrics);
    memset(rig->metrics, 0, sizeof(*rig->metrics));
    options.loop = &rig->loop;
    options.metrics = rig->metrics;
    assert_int_equal(ses_driver_new(&options, &rig->driver), SES_OK);
}

void rig_start_sandbox(struct rig *rig)
{
    rig_start(rig, usual_driver());
}

/* The kernel has something for the loop. */
static bool rig_is_busy(const struct rig *rig)
{
    struct pollfd loop = {.fd = uv_backend_fd(&rig->loop), .events = POLLIN};

    return poll(&loop, 1, 0) == 1;
}

void rig_turn(struct rig *rig)
{
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
    for (unsigned i = 0; i < 5 && !rig_is_busy(rig); i++)
        (void)usleep(100);
    if (unit_clock_is_stopped() && !rig_is_busy(rig))
        unit_clock_pass_ms(1);
}

void rig_wait_ms(struct rig *rig, const struct rig_call *call, uint64_t ms)
{
    uint64_t end_ns = ses_clock_mono_ns() + ms * MS;

    while ((call == NULL || call->ends == 0) && ses_clock_mono_ns() < end_ns)
        rig_turn(rig);
}

void rig_wait(struct rig *rig, const struct rig_call *call)
{
    WAIT_DOING(rig_turn(rig), call->ends != 0);
    assert_int_equal(call->ends, 1);
}

void rig_pass_timeout(const struct rig *rig)
{
    unit_clock_pass_ms(rig->driver->options.total_timeout_ms);
}

void rig_stop(struct rig *rig)
{
    ses_driver_free(rig->driver);
    WAIT_DOING(rig_turn(rig), uv_run(&rig->loop, UV_RUN_NOWAIT) == 0);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    free(rig->metrics);
}

void rig_on_end(void *arg, uint32_t http_status, enum ses_connector_outcome outcome, struct ses_slice body)
{
    struct rig_call *call = arg;

    call->ends++;
    call->http_status = http_status;
    call->outcome = outcome;
    call->ended_ns = ses_clock_mono_ns();
    uv_stop(&call->rig->loop);
    assert_true(body.len < sizeof(call->body));
    if (body.len > 0)
        memcpy(call->body, body.data, body.len);
    call->body[body.len] = '\0';
}

enum ses_status rig_begin_to(struct rig *rig, struct rig_call *call, const char *connector,
                             const struct ses_outbound_request *request, uint64_t deadline_mono_ns)
{
    struct ses_outbound_place place;
    enum ses_status status;

    *call = (struct rig_call){.rig = rig};
    SES_TRY(ses_outbound_take(rig->driver, ses_connector_by_name(text(connector)), request->url, 0, &place));
    status = ses_outbound_start(rig->driver, &place, request, deadline_mono_ns, rig_on_end, call);
    assert_null(place.host);
    assert_int_equal(call->ends, 0); /* never from inside */
    return status;
}

enum ses_status rig_begin(struct rig *rig, struct rig_call *call, const struct ses_outbound_request *request,
                          uint64_t deadline_mono_ns)
{
    return rig_begin_to(rig, call, "nuvei", request, deadline_mono_ns);
}

struct ses_outbound_request rig_request(char *ret_url, size_t url_room, int port, bool idempotent)
{
    struct ses_outbound_request request = {.body = text("{\"hello\":\"world\"}"), .idempotent = idempotent};

    (void)snprintf(ret_url, url_room, "http://127.0.0.1:%d/path", port);
    request.url = text(ret_url);
    request.headers[request.headers_count++] =
        (struct ses_http_pair){text("content-type"), text("application/json")};
    request.headers[request.headers_count++] = (struct ses_http_pair){text("via"), text("HyperSwitch")};
    return request;
}

void rig_post(struct rig *rig, struct rig_call *call, int port, bool idempotent)
{
    char url[64];
    const struct ses_outbound_request request = rig_request(url, sizeof(url), port, idempotent);

    assert_int_equal(rig_begin(rig, call, &request, FAR_AWAY), SES_OK);
}

void assert_end(const struct rig_call *call, uint32_t http_status, enum ses_connector_outcome outcome)
{
    assert_int_equal(call->ends, 1);
    assert_int_equal(call->http_status, http_status);
    assert_int_equal(call->outcome, outcome);
}
