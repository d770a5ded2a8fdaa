/* test_driver_told.c - what the board is told of breakers: whose they are, their state, and no more than it has room for. */
#include "driver_fixture.h"
#include "host.h"
#include "tiny_server.h"

#define CLOSED (1u + SES_BREAKER_CLOSED)
#define OPEN   (1u + SES_BREAKER_OPEN)

static void the_state_is_told_with_whose_it_is(void **state)
{
    struct rig rig;
    struct tiny_server server;
    struct rig_call call;
    const struct ses_breaker_cell *cell;
    struct ses_driver_options options = usual_driver();
    char origin[64];
    int port;

    (void)state;
    options.breaker_failures = 2;
    options.breaker_open_ms = 100;
    rig_start(&rig, options);
    cell = &rig.metrics->breakers[0];
    port = unused_port(&rig.loop);
    assert_int_equal(cell->state, 0);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_int_equal(cell->state, CLOSED);
    (void)snprintf(origin, sizeof(origin), "http://127.0.0.1:%d", port);
    assert_string_equal(cell->origin, origin);
    assert_string_equal(ses_connector_metric_name(cell->connector), "nuvei");
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_int_equal(cell->state, OPEN);
    tiny_start(&server, &rig.loop, port);
    rig_wait_ms(&rig, NULL, 120);
    rig_post(&rig, &call, port, false);
    rig_wait(&rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    assert_int_equal(cell->state, CLOSED);
    assert_int_equal(rig.metrics->breakers[1].state, 0);
    tiny_stop(&server);
    rig_stop(&rig);
}

/* Addresses of this machine at which nobody is: each its own origin. */
static void call_nobody(struct rig *rig, unsigned number)
{
    struct rig_call call;
    char url[64];
    struct ses_outbound_request request = rig_request(url, sizeof(url), 9, false);

    (void)snprintf(url, sizeof(url), "http://127.77.%u.%u:9/", number / 250, number % 250 + 1);
    request.url = ses_slice_str(url);
    assert_ok(rig_begin(rig, &call, &request, FAR_AWAY));
    rig_wait(rig, &call);
}

/* The places go to whoever comes first; a host that is forgotten, and its breaker with it, is not told as open for ever. */
static void hosts_beyond_the_places_are_not_told(void **state)
{
    struct rig rig;
    struct ses_driver_options options = usual_driver();

    (void)state;
    options.breaker_failures = 1;
    options.breaker_open_ms = 600000;
    rig_start(&rig, options);
    for (unsigned i = 0; i < SES_HOSTS_MAX; i++)
        call_nobody(&rig, i);
    for (size_t i = 0; i < SES_METRIC_HOSTS_MAX; i++)
        assert_int_equal(rig.metrics->breakers[i].state, OPEN);
    assert_string_equal(rig.metrics->breakers[SES_METRIC_HOSTS_MAX - 1].origin, "http://127.77.0.16:9");
    call_nobody(&rig, SES_HOSTS_MAX); /* takes the place of one of them in the driver */
    assert_int_equal(rig.metrics->breakers[0].state, CLOSED);
    call_nobody(&rig, 0); /* which finds its place on the board again */
    assert_int_equal(rig.metrics->breakers[0].state, OPEN);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_state_is_told_with_whose_it_is),
        cmocka_unit_test(hosts_beyond_the_places_are_not_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
