#include "exchange/door.h"

#include <grpc/health/v1/health.pb-c.h>

#include <sessiond/exchange/health.h>

enum { CHECK, WATCH, LIST };

#define SERVING         "\x08\x01"
#define NOT_SERVING     "\x08\x02"
#define SERVICE_UNKNOWN "\x08\x03"
#define SERVICE         "types.MerchantAuthenticationService"

static struct ses_exchange_pool *pool;
static struct ses_health *health;
static struct ses_route routes[SES_HEALTH_ROUTES];
static struct door doors[4];

static int setup(void **state)
{
    (void)state;
    static const char *const services[] = {SERVICE, "grpc.health.v1.Health"};

    pool = door_pool(0);
    memset(doors, 0, sizeof(doors));
    if (ses_health_new(services, 2, 3, &health) != SES_OK)
        return -1;
    ses_health_routes(health, 4, routes);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_health_free(health);
    if (ses_exchange_pool_open(pool) != 0)
        return -1;
    ses_exchange_pool_free(pool);
    return 0;
}

static struct ses_exchange *call(int method, struct ses_slice body, struct door *door)
{
    struct ses_exchange *x = door_exchange(pool, door, &routes[method]);

    x->body = body;
    x->route->start(x, x->route->arg);
    return x;
}

static void test_routes(void **state)
{
    (void)state;
    assert_string_equal(routes[CHECK].path, "/grpc.health.v1.Health/Check");
    assert_int_equal(routes[CHECK].kind, SES_ROUTE_UNARY);
    assert_string_equal(routes[WATCH].path, "/grpc.health.v1.Health/Watch");
    assert_int_equal(routes[WATCH].kind, SES_ROUTE_SERVER_STREAM);
    assert_int_equal(routes[LIST].metric, 6);
}

static void test_check(void **state)
{
    (void)state;
    ses_exchange_release(call(CHECK, SES_SLICE_EMPTY, &doors[0]));
    assert_slice_equal(door_message(&doors[0], 0), NOT_SERVING);
    ses_health_set_all(health, true);
    ses_exchange_release(call(CHECK, SES_STR("\x0a\x23" SERVICE), &doors[1]));
    assert_slice_equal(door_message(&doors[1], 0), SERVING);
    ses_exchange_release(call(CHECK, SES_STR("\x0a\x05other"), &doors[2]));
    assert_int_equal(doors[2].error.status, SES_NOT_FOUND);
    assert_slice_equal(doors[2].error.message,
                       "no such service here: List tells which there are, and an empty name is all of them");
    ses_exchange_release(call(CHECK, SES_STR("\x0a\x05oth"), &doors[3]));
    assert_int_equal(doors[3].error.status, SES_INVALID_ARGUMENT);
}

static void test_check_in_json(void **state)
{
    (void)state;
    struct ses_exchange *x = door_exchange(pool, &doors[0], &routes[CHECK]);

    ses_health_set(health, "", true);
    x->encoding = SES_ENCODING_JSON;
    x->body = SES_STR("{}");
    x->route->start(x, x->route->arg);
    assert_slice_equal(door_message(&doors[0], 0), "{\"status\":\"SERVING\"}");
    ses_exchange_release(x);
}

static void test_list(void **state)
{
    (void)state;
    struct ses_exchange *x = door_exchange(pool, &doors[0], &routes[LIST]);

    ses_health_set(health, SERVICE, true);
    x->encoding = SES_ENCODING_JSON;
    x->body = SES_STR("{}");
    x->route->start(x, x->route->arg);
    assert_slice_equal(door_message(&doors[0], 0),
                       "{\"statuses\":{\"\":{\"status\":\"NOT_SERVING\"},\"" SERVICE
                       "\":{\"status\":\"SERVING\"},"
                       "\"grpc.health.v1.Health\":{\"status\":\"NOT_SERVING\"}}}");
    ses_exchange_release(x);
}

/* The request is empty, but not just anything. */
static void test_list_of_nothing_that_is_a_request(void **state)
{
    (void)state;
    struct ses_exchange *x = door_exchange(pool, &doors[0], &routes[LIST]);

    x->encoding = SES_ENCODING_JSON;
    x->body = SES_STR("[null]");
    x->route->start(x, x->route->arg);
    assert_true(doors[0].failed);
    assert_int_equal(doors[0].error.reason, SES_REASON_MALFORMED_REQUEST);
    ses_exchange_release(x);
}

static void test_watch_hears_changes_of_its_service(void **state)
{
    (void)state;
    struct ses_exchange *whole = call(WATCH, SES_SLICE_EMPTY, &doors[0]);
    struct ses_exchange *unknown = call(WATCH, SES_STR("\x0a\x01x"), &doors[1]);

    assert_slice_equal(door_message(&doors[0], 0), NOT_SERVING);
    assert_slice_equal(door_message(&doors[1], 0), SERVICE_UNKNOWN);
    ses_health_set(health, SERVICE, true); /* not theirs */
    assert_int_equal(doors[0].sent, 1);
    ses_health_set_all(health, true);
    ses_health_set_all(health, true); /* no change */
    ses_health_set(health, "", false);
    assert_int_equal(doors[0].sent, 3);
    assert_slice_equal(door_message(&doors[0], 1), SERVING);
    assert_slice_equal(door_message(&doors[0], 2), NOT_SERVING);
    assert_int_equal(doors[1].sent, 1);
    assert_int_equal(doors[0].ended, 0);

    ses_exchange_cancel(whole, SES_CANCELLED);
    ses_health_set_all(health, true);
    assert_int_equal(doors[0].sent, 3);
    ses_exchange_release(whole);
    assert_int_equal(ses_exchange_pool_open(pool), 1);
    ses_exchange_cancel(unknown, SES_CANCELLED);
    ses_exchange_release(unknown);
}

static void test_watchers_are_bounded(void **state)
{
    (void)state;
    struct ses_exchange *x[3];

    for (int i = 0; i < 3; i++)
        x[i] = call(WATCH, SES_SLICE_EMPTY, &doors[i]);
    ses_exchange_release(call(WATCH, SES_SLICE_EMPTY, &doors[3]));
    assert_int_equal(doors[3].error.status, SES_RESOURCE_EXHAUSTED);
    ses_exchange_cancel(x[0], SES_CANCELLED);
    ses_exchange_release(x[0]);
    memset(&doors[3], 0, sizeof(doors[3]));
    x[0] = call(WATCH, SES_SLICE_EMPTY, &doors[3]);
    assert_int_equal(doors[3].sent, 1);
    for (int i = 0; i < 3; i++) {
        ses_exchange_cancel(x[i], SES_CANCELLED);
        ses_exchange_release(x[i]);
    }
}

static void test_watcher_that_does_not_read(void **state)
{
    (void)state;
    struct ses_exchange *x = call(WATCH, SES_SLICE_EMPTY, &doors[0]);

    doors[0].backlog = 100000;
    ses_health_set_all(health, true);
    assert_int_equal(doors[0].sent, 1);
    assert_int_equal(doors[0].error.status, SES_RESOURCE_EXHAUSTED);
    ses_health_set_all(health, false);
    assert_int_equal(doors[0].sent, 1); /* it watches no more */
    assert_int_equal(doors[0].ended, 1);
    ses_exchange_release(x);
}

static void test_drain_tells_and_ends(void **state)
{
    (void)state;
    ses_health_set_all(health, true);
    struct ses_exchange *x = call(WATCH, SES_SLICE_EMPTY, &doors[0]);

    ses_health_drain(health, true);
    assert_slice_equal(door_message(&doors[0], 1), NOT_SERVING);
    assert_int_equal(doors[0].error.status, SES_UNAVAILABLE);
    assert_int_equal(doors[0].ended, 1);
    ses_exchange_release(x);
    ses_health_set_all(health, true); /* for ever */
    ses_exchange_release(call(CHECK, SES_SLICE_EMPTY, &doors[1]));
    assert_slice_equal(door_message(&doors[1], 0), NOT_SERVING);
    ses_exchange_release(call(WATCH, SES_SLICE_EMPTY, &doors[2]));
    assert_int_equal(doors[2].error.status, SES_UNAVAILABLE);
}

/* One connection breaks while the first of its streams is told: the other streams are cancelled inside send.
 */
static struct ses_exchange *sibling;

static void send_and_break(struct ses_exchange *x, struct ses_slice message)
{
    struct ses_exchange *other = sibling;

    door_ops.send(x, message);
    if (other == NULL)
        return;
    sibling = NULL;
    ses_exchange_cancel(other, SES_CANCELLED);
    ses_exchange_release(other);
}

static void test_watchers_that_vanish_meanwhile(void **state)
{
    (void)state;
    static struct ses_exchange_ops breaking;
    struct ses_exchange *x[3];

    breaking = door_ops;
    breaking.send = send_and_break;
    for (int i = 0; i < 3; i++) {
        x[i] = call(WATCH, SES_SLICE_EMPTY, &doors[i]);
        x[i]->ops = &breaking;
    }
    sibling = x[1];
    ses_health_set_all(health, true);
    assert_int_equal(doors[0].sent, 2);
    assert_int_equal(doors[1].sent, 1);
    assert_int_equal(doors[2].sent, 2);
    sibling = x[0]; /* itself, while being told */
    ses_health_set_all(health, false);
    assert_int_equal(doors[0].sent, 3);
    ses_health_set_all(health, true); /* one is left */
    assert_int_equal(doors[0].sent, 3);
    assert_int_equal(doors[1].sent, 1);
    assert_int_equal(doors[2].sent, 4);
    ses_exchange_cancel(x[2], SES_CANCELLED);
    ses_exchange_release(x[2]);
}

static void test_memory(void **state)
{
    (void)state;
    for (size_t ceiling = 1; ceiling < 600; ceiling += 16) {
        struct ses_exchange_pool *small = door_pool(ceiling);
        struct door *door = calloc(1, sizeof(*door));
        for (int method = CHECK; method <= WATCH; method++) {
            memset(door, 0, sizeof(*door));
            struct ses_exchange *x = door_exchange(small, door, &routes[method]);
            x->route->start(x, x->route->arg);
            assert_true(door->sent == 1 || ses_status_grpc(door->error.status) == 8);
            ses_exchange_cancel(x, SES_CANCELLED);
            ses_exchange_release(x);
        }
        free(door);
        ses_exchange_pool_free(small);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check_in_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_of_nothing_that_is_a_request, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watch_hears_changes_of_its_service, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watchers_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watcher_that_does_not_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain_tells_and_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_watchers_that_vanish_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
