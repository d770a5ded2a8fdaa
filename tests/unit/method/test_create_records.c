/* Creates that meet a session as an earlier version, another method or an accident has left it. */
#include "create.h"

#include "method/session_calls.h"

static void expect_conflict(struct core *core, struct order order, const char *fields)
{
    refused_with(core_call(core, order), SES_ALREADY_EXISTS, "SESSION_CONFLICT", "differing_fields", fields);
}

/* Writes the next revision of a session as change leaves it. */
static void store_changed(struct core *core, const char *id,
                          void (*change)(struct ses_session *session, int arg), int arg)
{
    struct ses_store_op read;
    struct ses_session session;

    assert_ok(core_stored(core, id, &read, &session));
    change(&session, arg);
    assert_ok(ses_session_record_encode(&session, NULL, NULL, &core->read, &read.record.body));
    assert_ok(core_put(core, &read.version, &read.record));
}

static void set_status(struct ses_session *session, int status)
{
    session->status = (enum ses_session_status)status;
}

/* As later methods do. */
static void store_status(struct core *core, const char *id, enum ses_session_status status)
{
    store_changed(core, id, set_status, (int)status);
}

static void assume_connector(struct ses_session *session, int assumed)
{
    session->connector.assumed = assumed != 0;
}

/* A live session of the version before, whose record has only the number: its retry must not be refused. */
static void test_a_record_that_only_numbers_its_connector(void **state)
{
    static const char *const customers[] = {NULL, "cus_1"};
    struct core *core = *state;
    struct order order = {.connector = "razorpay_v2"};
    struct call *call = core_call(core, order);
    struct ses_claims first = call_claims(call);

    call_free(call);
    store_changed(core, "session_001", assume_connector, true);
    for (int i = 0; i < 2; i++) { /* a replay, then a continuation */
        struct ses_claims claims;

        order.customer = customers[i];
        call = core_call(core, order);
        claims = call_claims(call);
        assert_true(ses_slice_eq_str(claims.connector, "razorpay_v2"));
        assert_memory_equal(claims.session_id, first.session_id, sizeof(first.session_id));
        assert_int_equal(call_replayed(call), i == 0);
        call_free(call);
    }
    order.connector = "razorpay"; /* the continuation has named it */
    expect_conflict(core, order, "connector");
}

static void forget_credentials(struct ses_session *session, int unused)
{
    (void)unused;
    session->credentials.known = false;
}

static struct call *call_with_key(struct core *core, const char *api_key)
{
    return core_call(core, (struct order){.connector = "adyen", .api_key = api_key});
}

/* A live session of a version that kept no hash: the first that repeats its payload is its caller, from then
 * on nobody else, and not by a continuation either. */
static void test_a_record_without_credentials_takes_those_of_one_call(void **state)
{
    struct core *core = *state;
    struct call *call = call_with_key(core, "k");
    struct ses_claims first = call_claims(call), claims;

    call_free(call);
    store_changed(core, "session_001", forget_credentials, 0);
    for (int i = 0; i < 2; i++) {
        call = call_with_key(core, "k2");
        claims = call_claims(call);
        assert_true(call_replayed(call));
        assert_memory_equal(claims.session_id, first.session_id, sizeof(first.session_id));
        assert_int_equal(claims.generation, first.generation);
        call_free(call);
    }
    expect_conflict(core, (struct order){.api_key = "k"}, "credentials");
    expect_conflict(core, (struct order){.api_key = "k", .customer = "cus_1"}, "credentials");
    expect_conflict(core, (struct order){.api_key = "k", .amount = 5}, "credentials"); /* and nothing else */
}

static void test_closed_sessions_stay_closed(void **state)
{
    static const enum ses_session_status closed[] = {SES_SESSION_COMPLETED, SES_SESSION_FAILED,
                                                     SES_SESSION_REVOKED};
    struct core *core = *state;
    struct call *first = core_call(core, (struct order){.id = "a"});

    (void)call_claims(first);
    for (size_t i = 0; i < 3; i++) {
        struct call *again;
        const struct ses_error *error;

        store_status(core, "a", closed[i]);
        again = core_call(core, (struct order){.id = "a", .amount = (int64_t)i + 1});
        error = call_error(again, SES_FAILED_PRECONDITION, "SESSION_CLOSED");
        assert_true(ses_slice_eq_str(error->metadata[0].value, ses_session_status_name(closed[i])));
        call_free(again);
    }
    call_free(first);
}

static void test_a_record_that_does_not_read_is_data_loss(void **state)
{
    struct core *core = *state;
    struct ses_record record = {.key = core_key(core, "DefaultMerchantId", "a"),
                                .kind = SES_RECORD_SESSION,
                                .expires_ms = ses_clock_wall_ms() + 60000,
                                .body = SES_STR("\x08\x63")}; /* format 99 */
    struct call *call;

    assert_ok(core_put(core, &SES_VERSION_ABSENT, &record));
    call = core_call(core, (struct order){.id = "a"});
    (void)call_error(call, SES_DATA_LOSS, "SESSION_UNREADABLE");
    call_free(call);
    call = core_call(core, (struct order){.id = "b"}); /* that session alone */
    (void)call_claims(call);
    call_free(call);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_record_that_only_numbers_its_connector),
        T(test_a_record_without_credentials_takes_those_of_one_call),
        T(test_closed_sessions_stay_closed),
        T(test_a_record_that_does_not_read_is_data_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
