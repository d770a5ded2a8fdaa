#include "unit.h"

#include <sessiond/base/status.h>
#include <sessiond/base/error.h>

static void maps_to_grpc_codes(void **state)
{
    (void)state;
    assert_int_equal(ses_status_grpc(SES_OK), 0);
    assert_int_equal(ses_status_grpc(SES_UNAUTHENTICATED), 16);
    assert_int_equal(ses_status_grpc(SES_CONFLICT), 10);
    assert_int_equal(ses_status_grpc(SES_MALFORMED), 3);
    assert_int_equal(ses_status_grpc(SES_FULL), 8);
}

static void maps_to_both_http_families(void **state)
{
    (void)state;
    assert_int_equal(ses_status_http_connect(SES_FAILED_PRECONDITION), 400);
    assert_int_equal(ses_status_http_route(SES_FAILED_PRECONDITION), 412);
    assert_int_equal(ses_status_http_connect(SES_CANCELLED), 499);
    assert_int_equal(ses_status_http_route(SES_CANCELLED), 408);
    assert_string_equal(ses_status_connect_name(SES_CANCELLED), "canceled");
}

static void names_every_grpc_code(void **state)
{
    (void)state;
    assert_string_equal(ses_status_grpc_name(ses_status_grpc(SES_CONFLICT)), "ABORTED");
    assert_string_equal(ses_status_grpc_name(16), "UNAUTHENTICATED");
    assert_string_equal(ses_status_grpc_name(17), "UNKNOWN");
    for (int s = 0; s < SES_STATUS_COUNT; s++)
        assert_true(ses_status_grpc((enum ses_status)s) <= 16);
}

/* All that is told of an error: the pairs behind the counts are nobody's. */
static void a_cleared_error_is_none_whatever_lay_there(void **state)
{
    struct ses_error error;

    (void)state;
    memset(&error, 0xEE, sizeof(error));
    ses_error_clear(&error);
    assert_int_equal(error.status, SES_OK);
    assert_int_equal(error.reason, SES_REASON_NONE);
    assert_int_equal(error.message.len, 0);
    assert_int_equal(error.metadata_count, 0);
    assert_int_equal(error.retry_delay_ms, 0);
    assert_null(error.details);
    assert_int_equal(error.details_count, 0);
    ses_error_violation(&error, SES_STR("field"), SES_STR("is required"));
    assert_int_equal(error.status, SES_INVALID_ARGUMENT);
    assert_int_equal(error.violations_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_to_grpc_codes),
        cmocka_unit_test(maps_to_both_http_families),
        cmocka_unit_test(names_every_grpc_code),
        cmocka_unit_test(a_cleared_error_is_none_whatever_lay_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
