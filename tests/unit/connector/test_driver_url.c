/* test_driver_url.c - a call's URL is its own, though an easy handle keeps what it has parsed for the call before. */
#include "driver_fixture.h"
#include "tiny_server.h"

/* One after the other, so that all have the same easy handle. */
static void post(struct rig *rig, struct tiny_server *server, const char *path)
{
    static char url[2 * SES_OUTBOUND_URL_KEPT + 64];
    struct ses_outbound_request request = rig_request(url, sizeof(url), server->port, false);
    struct rig_call call;
    unsigned requests = server->requests;
    char line[sizeof(url) + 16];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", server->port, path);
    request.url = text(url);
    assert_int_equal(rig_begin(rig, &call, &request, FAR_AWAY), SES_OK);
    rig_wait(rig, &call);
    assert_end(&call, 200, SES_OUTCOME_SUCCESS);
    assert_int_equal(server->requests, requests + 1);
    (void)snprintf(line, sizeof(line), "POST %s HTTP/1.1\r\n", path);
    assert_memory_equal(server->last_request, line, strlen(line));
    assert_int_equal(rig->driver->spares_count, 1);
}

static void each_call_goes_where_it_says(void **state)
{
    struct rig rig;
    struct tiny_server one, other;

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&one, &rig.loop, 0);
    tiny_start(&other, &rig.loop, 0);
    post(&rig, &one, "/a");
    post(&rig, &one, "/a");
    post(&rig, &one, "/b?x=1");
    post(&rig, &other, "/b?x=1");
    post(&rig, &one, "/b");
    post(&rig, &one, "/a");
    tiny_stop(&one);
    tiny_stop(&other);
    rig_stop(&rig);
}

/* Those that are longer than what is kept, by more or less, and equal in what would be. */
static void long_ones_too(void **state)
{
    struct rig rig;
    struct tiny_server server;
    char path[SES_OUTBOUND_URL_KEPT + 8];

    (void)state;
    rig_start_sandbox(&rig);
    tiny_start(&server, &rig.loop, 0);
    for (size_t len = SES_OUTBOUND_URL_KEPT - 40; len < sizeof(path) - 1; len++) {
        memset(path, 'a', len);
        path[0] = '/';
        path[len] = '\0';
        post(&rig, &server, path);
        path[len - 1] = 'b';
        post(&rig, &server, path);
        post(&rig, &server, "/short");
    }
    tiny_stop(&server);
    rig_stop(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_goes_where_it_says),
        cmocka_unit_test(long_ones_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
