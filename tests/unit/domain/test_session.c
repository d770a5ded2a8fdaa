#include <sessiond/domain/session.h>

#include "unit.h"

static void test_closed_statuses(void **state)
{
    (void)state;
    for (int status = 0; status < 20; status++) {
        bool closed = status == SES_SESSION_COMPLETED || status == SES_SESSION_FAILED ||
                      status == SES_SESSION_REVOKED || status == 0 || status >= SES_SESSION_STATUS_COUNT;

        assert_int_equal(ses_session_closed((enum ses_session_status)status), closed);
    }
    assert_string_equal(ses_session_status_name(SES_SESSION_REVOKED), "REVOKED");
    assert_string_equal(ses_session_status_name((enum ses_session_status)77), "UNSPECIFIED");
}

static struct ses_session_state token_state(const char *token, const char *type, int64_t expires_in)
{
    return (struct ses_session_state){
        .access_token_present = true,
        .access_token = ses_slice_str(token),
        .access_token_type_present = type != NULL,
        .access_token_type = ses_slice_str(type),
        .expires_in_present = true,
        .expires_in_seconds = expires_in,
        .stored_ms = 1000,
    };
}

static void test_absent_fields_say_nothing(void **state)
{
    struct ses_session_state stored = token_state("tok", "Bearer", 60);
    struct ses_session_state none = {.access_token_present = false};

    (void)state;
    assert_false(ses_session_state_differs(&stored, &none));
    assert_false(ses_session_state_differs(&none, &none));
    assert_true(ses_session_state_differs(&none, &stored));
}

static void test_each_part_counts(void **state)
{
    struct ses_session_state stored = token_state("tok", "Bearer", 60);
    struct ses_session_state given = stored;

    (void)state;
    given.stored_ms = 5000; /* a repetition comes later */
    assert_false(ses_session_state_differs(&stored, &given));
    given = token_state("tok2", "Bearer", 60);
    assert_true(ses_session_state_differs(&stored, &given));
    given = token_state("tok", "bearer", 60); /* RFC 6749 section 5.1: in any case */
    assert_false(ses_session_state_differs(&stored, &given));
    given = token_state("tok", "MAC", 60);
    assert_true(ses_session_state_differs(&stored, &given));
    given = token_state("tok", NULL, 60);
    assert_true(ses_session_state_differs(&stored, &given));
    given = token_state("tok", "Bearer", 600);
    assert_true(ses_session_state_differs(&stored, &given));
    given = (struct ses_session_state){.connector_customer_id_present = true,
                                       .connector_customer_id = SES_STR("c")};
    assert_true(ses_session_state_differs(&stored, &given));
}

static void test_merge_is_field_by_field(void **state)
{
    struct ses_session_state stored = token_state("tok", "Bearer", 60);
    struct ses_session_state given = {.connector_customer_id_present = true,
                                      .connector_customer_id = SES_STR("c")};

    (void)state;
    ses_session_state_merge(&stored, &given);
    assert_true(ses_slice_eq_str(stored.access_token, "tok"));
    assert_true(ses_slice_eq_str(stored.connector_customer_id, "c"));
    assert_false(ses_session_state_differs(&stored, &given));
    given = token_state("new", NULL, 5);
    given.stored_ms = 9000;
    ses_session_state_merge(&stored, &given);
    assert_true(ses_slice_eq_str(stored.access_token, "new"));
    assert_false(stored.access_token_type_present);
    assert_int_equal(stored.stored_ms, 9000);
    assert_true(ses_slice_eq_str(stored.connector_customer_id, "c"));
}

static void test_an_equal_token_keeps_its_age(void **state)
{
    struct ses_session_state stored = token_state("tok", "Bearer", 60);
    struct ses_session_state given = stored;

    (void)state;
    given.stored_ms = 9000;
    ses_session_state_merge(&stored, &given);
    assert_int_equal(stored.stored_ms, 1000);
}

/* The end is an instant: seconds that were worked out anew for a later try mean the same one. */
static void test_the_same_instant_is_the_same_state(void **state)
{
    struct ses_session_state stored = token_state("tok", "Bearer", 3600);
    struct ses_session_state given = token_state("tok", "Bearer", 3596);

    (void)state;
    given.stored_ms = 5000;
    assert_false(ses_session_state_differs(&stored, &given));
    given.stored_ms = 9900; /* the answer to GetSession came slowly, and told whole seconds */
    assert_false(ses_session_state_differs(&stored, &given));
    ses_session_state_merge(&stored, &given);
    assert_int_equal(stored.expires_in_seconds, 3600);
    assert_int_equal(stored.stored_ms, 1000);
    given.expires_in_seconds = 3600 - 60; /* another one */
    assert_true(ses_session_state_differs(&stored, &given));
    given.expires_in_seconds = 3600 + 60;
    assert_true(ses_session_state_differs(&stored, &given));
    given.stored_ms = 1000 + 3600000 / 2; /* word for word, half an hour later */
    given.expires_in_seconds = 3600;
    assert_false(ses_session_state_differs(&stored, &given));
    given.stored_ms = 1000 + 2 * 3600000; /* GetSession says 0 of what is over */
    given.expires_in_seconds = 0;
    assert_false(ses_session_state_differs(&stored, &given));
    given.expires_in_seconds = 900;
    assert_true(ses_session_state_differs(&stored, &given));
    given.expires_in_seconds = INT64_MAX;
    stored.expires_in_seconds = INT64_MAX - 1;
    assert_false(ses_session_state_differs(&stored, &given));
    given.expires_in_present = false;
    assert_true(ses_session_state_differs(&stored, &given));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_statuses),
        cmocka_unit_test(test_absent_fields_say_nothing),
        cmocka_unit_test(test_each_part_counts),
        cmocka_unit_test(test_the_same_instant_is_the_same_state),
        cmocka_unit_test(test_merge_is_field_by_field),
        cmocka_unit_test(test_an_equal_token_keeps_its_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
