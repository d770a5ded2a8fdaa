/* Everything that can be called, as the table of methods has it: routes, their metrics, and the plain
 * resources. */
#include "method/core_fixture.h"

static void test_routes(void **state)
{
    struct core *core = *state;

    assert_int_equal(core_route(core, "/payments/server_session_authentication_token")->kind,
                     SES_ROUTE_ALIAS);
    assert_int_equal(core_route(core, "/grpc.health.v1.Health/Check")->kind, SES_ROUTE_UNARY);
    assert_int_equal(core_route(core, "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo")->kind,
                     SES_ROUTE_BIDI);
    assert_true(core_route(core, "/health")->get);
    for (int metric = 0; ses_method_metric_name(metric) != NULL; metric++)
        assert_true(strlen(ses_method_metric_name(metric)) > 0); /* resources have no service */
    assert_null(ses_method_metric_name(-1));
    assert_null(ses_method_metric_name(ses_method_metric_unknown() + 1));
    assert_string_equal(ses_method_metric_name(core_route(core, NEW_PATH)->metric), &NEW_PATH[1]);
}

static void expect_raw(struct core *core, const char *path, int status)
{
    struct call *call = call_new(core, path, 0);

    call_start(call);
    assert_int_equal(call->door.raws, 1);
    assert_int_equal(call->door.http_status, status);
    assert_true(call->door.message_len[0] > 0);
    call_free(call);
}

static void test_resources(void **state)
{
    struct core *core = *state;

    expect_raw(core, "/health", 200);
    expect_raw(core, "/.well-known/paseto-keys", 200);
    ses_service_set_draining(core->service, true);
    expect_raw(core, "/health", 503);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_routes),
        T(test_resources),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
