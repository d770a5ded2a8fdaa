/* CreateSessionToken: what a token means, and what the same name says again: a replay, a conflict, a
 * continuation, or another session. Sessions that were stored otherwise are test_create_records.c's; the
 * connector, waiting and what is no request have test_create_connector.c, test_create_wait.c and
 * test_create_input.c. */
#include "create.h"

#include "method/session_calls.h"

/* ---- creation -------------------------------------------------------------------------------- */

static void test_a_token_means_that_the_session_is_stored(void **state)
{
    struct core *core = *state;
    struct call *call = core_call(core, (struct order){.customer = "cus_1", .metadata = "note"});
    struct ses_claims claims = call_claims(call);
    struct ses_store_op read;
    struct ses_session session;
    uint8_t hash[SES_HASH_BYTES];

    assert_ok(core_stored(core, "session_001", &read, &session));
    assert_memory_equal(read.record.session_id, claims.session_id, 16);
    assert_int_equal(read.record.kind, SES_RECORD_SESSION);
    assert_int_equal(read.record.revision, 1);
    assert_int_equal(read.record.expires_ms, session.expires_ms + 600000); /* remembered for a while */
    assert_int_equal(claims.expires_ms, session.expires_ms / 1000 * 1000);
    assert_int_equal(session.expires_ms - session.created_ms, 900000);
    assert_int_equal(claims.generation, 1);
    assert_string_equal(call_header_told(call, "x-session-durability"),
                        core_has_toy(core) ? "replica" : "process");
    assert_int_equal(session.version, 1);
    assert_int_equal(session.status, SES_SESSION_OPEN);
    assert_true(ses_slice_eq_str(session.state.connector_customer_id, "cus_1"));
    assert_true(ses_slice_eq_str(session.metadata, "note"));
    assert_true(ses_slice_eq_str(session.merchant_session_id, "session_001"));
    assert_true(ses_slice_eq_str(claims.merchant, "DefaultMerchantId"));
    assert_true(ses_slice_eq_str(claims.connector, "adyen"));
    assert_true(ses_slice_eq_str(claims.currency, "USD"));
    assert_true(ses_slice_eq_str(claims.browser_fields, "user_agent_family user_agent_version"));
    assert_memory_equal(claims.browser_hash, session.binding.hash, SES_HASH_BYTES);
    assert_int_equal(claims.minor_amount, 10000);
    assert_true(claims.test);
    ses_hash(SES_SLICE_EMPTY, SES_STR("session_001"), hash);
    assert_memory_equal(claims.merchant_session_hash, hash, sizeof(hash));
    assert_false(call_replayed(call));
    assert_int_equal(core_count(core, SES_C_SESSIONS_CREATED), 1);
    assert_string_equal(call->x->connector, "adyen");
    assert_int_equal(strlen(call->x->session_pseudonym), 16);
    call_free(call);
}

/* The whole session on disk must stay within 1 KiB; this is the part of it that is ours. */
static void test_the_example_is_small(void **state)
{
    struct core *core = *state;
    struct call *call = core_call(core, (struct order){.id = "session_001"});
    struct ses_store_op read;
    struct ses_session session;

    call_wait(call);
    assert_ok(core_stored(core, "session_001", &read, &session));
    assert_in_range(read.record.body.len, 100, 220);
    call_free(call);
}

static void test_nothing_is_answered_before_the_commit(void **state)
{
    struct core *core = *state;
    struct call *call = core_call(core, (struct order){.id = "a"});

    assert_int_equal(call->door.ended, 0);
    assert_int_equal(ses_service_in_flight(core->service), 1);
    ses_service_turn(core->service); /* signed, not yet known to be on disk */
    assert_int_equal(call->door.ended, 0);
    call_wait(call);
    assert_int_equal(call->door.sent, 1);
    assert_int_equal(ses_service_in_flight(core->service), 0);
    call_free(call);
}

/* The commit may be done before the turn's signature. */
static void test_commit_before_signature(void **state)
{
    struct core *core = *state;
    struct call *call = core_call(core, (struct order){.id = "a"});

    ses_store_flush(core->store);
    WAIT_DOING(ses_store_complete(core->store), call->door.ended != 0);
    (void)call_claims(call);
    ses_service_turn(core->service);
    assert_int_equal(call->door.sent, 1);
    call_free(call);
}

/* Tenant, merchant, test_mode and id each make another session. */
static void test_the_natural_key_has_four_parts(void **state)
{
    struct core *core = *state;
    struct order orders[] = {
        {.id = "a"}, {.id = "b"}, {.id = "a", .merchant = "m2"}, {.id = "a", .live = true}};
    struct ses_claims seen[4];

    for (size_t i = 0; i < 4; i++) {
        struct call *call = core_call(core, orders[i]);

        seen[i] = call_claims(call);
        assert_int_equal(seen[i].test, !orders[i].live);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(seen[i].session_id, seen[k].session_id, 16);
        call_free(call);
    }
    assert_int_equal(core_count(core, SES_C_SESSIONS_CREATED), 4);
}

/* ---- what is stored and what that means ------------------------------------------------------ */

static void test_replay(void **state)
{
    struct core *core = *state;
    struct call *first = core_call(core, (struct order){.customer = "cus_1"});
    struct ses_claims a = call_claims(first), b;
    uint64_t puts = core_puts(core);
    static const char *const customers[] = {"cus_1", NULL}; /* equal state, no state */

    for (size_t i = 0; i < 2; i++) {
        struct call *again = core_call(core, (struct order){.customer = customers[i]});

        b = call_claims(again);
        assert_true(call_replayed(again));
        assert_memory_equal(a.session_id, b.session_id, 16);
        assert_int_equal(a.generation, b.generation);
        assert_int_equal(a.expires_ms, b.expires_ms);
        assert_int_equal(a.issued_ms, b.issued_ms);
        assert_memory_equal(a.browser_hash, b.browser_hash, SES_HASH_BYTES);
        assert_string_equal(first->x->session_pseudonym, again->x->session_pseudonym);
        call_free(again);
    }
    assert_int_equal(core_puts(core), puts);
    assert_int_equal(core_count(core, SES_C_SESSIONS_REPLAYED), 2);
    call_free(first);
}

static void expect_conflict(struct core *core, struct order order, const char *fields)
{
    refused_with(core_call(core, order), SES_ALREADY_EXISTS, "SESSION_CONFLICT", "differing_fields", fields);
}

static void test_conflict_names_the_fields(void **state)
{
    struct core *core = *state;
    struct call *first = core_call(core, (struct order){.id = NULL});

    (void)call_claims(first);
    expect_conflict(core, (struct order){.amount = 10001}, "amount.minor_amount");
    expect_conflict(core, (struct order){.metadata = "SecretValue"}, "metadata");
    expect_conflict(core, (struct order){.connector = "airwallex"}, "connector");
    expect_conflict(core, (struct order){.amount = 1, .user_agent = "x", .metadata = "y"},
                    "metadata, browser_info.user_agent, amount.minor_amount");
    /* A continuation may bring other metadata, but no other amount and no other browser. */
    expect_conflict(core, (struct order){.amount = 1, .customer = "c", .metadata = "y"},
                    "amount.minor_amount");
    expect_conflict(core, (struct order){.user_agent = "curl/8", .customer = "c"}, "browser_info.user_agent");
    assert_int_equal(core_count(core, SES_C_SESSIONS_CONFLICT), 6);
    call_free(first);
}

static void test_continuation(void **state)
{
    struct core *core = *state;
    struct call *first = core_call(core, (struct order){.metadata = "one"});
    struct ses_claims a = call_claims(first);
    struct call *second = core_call(core, (struct order){.customer = "cus_1", .metadata = "two"});
    struct ses_claims b = call_claims(second);
    struct call *third = core_call(core, (struct order){.customer = "cus_1", .metadata = "two"});
    struct ses_claims c = call_claims(third);
    struct ses_store_op read;
    struct ses_session session;

    assert_memory_equal(a.session_id, b.session_id, 16);
    assert_int_equal(b.generation, 2);
    assert_false(call_replayed(second));
    assert_true(call_replayed(third));
    assert_int_equal(c.generation, 2);
    assert_int_equal(c.expires_ms, b.expires_ms);
    assert_ok(core_stored(core, "session_001", &read, &session));
    assert_int_equal(read.record.revision, 2);
    assert_int_equal(session.version, 2);
    assert_int_equal(session.generation, 2);
    assert_true(ses_slice_eq_str(session.state.connector_customer_id, "cus_1"));
    assert_true(ses_slice_eq_str(session.metadata, "two"));
    assert_int_equal(core_count(core, SES_C_SESSIONS_CONTINUED), 1);
    call_free(first);
    call_free(second);
    call_free(third);
}

static void test_connectors_that_share_a_number(void **state)
{
    static const char *const names[] = {"razorpay", "razorpay_v2", "razorpay"};
    struct core *core = *state;

    for (int i = 0; i < 2; i++) {
        struct order order = {.id = names[i], .connector = names[i]};
        struct call *first = core_call(core, order), *again, *next;

        assert_true(ses_slice_eq_str(call_claims(first).connector, names[i]));
        order.connector = names[i + 1];
        expect_conflict(core, order, "connector");
        order.customer = "cus_1";
        expect_conflict(core, order, "connector");
        order = (struct order){.id = names[i], .connector = names[i]};
        again = core_call(core, order);
        assert_true(ses_slice_eq_str(call_claims(again).connector, names[i]) && call_replayed(again));
        order.customer = "cus_1";
        next = core_call(core, order);
        assert_true(ses_slice_eq_str(call_claims(next).connector, names[i]));
        call_free(first);
        call_free(again);
        call_free(next);
    }
}

static void test_an_expired_session_is_made_anew(void **state)
{
    struct core *core = *state;
    struct call *first;
    struct call *second;
    struct ses_claims a, b;
    struct ses_store_op read;
    struct ses_session session;

    ses_service_free(core->service);
    core->ttl_ms = 61000;
    core_open_service(core);
    first = core_call(core, (struct order){.id = "a"});
    call_wait(first);
    assert_ok(core_stored(core, "a", &read, &session));
    memcpy(a.session_id, read.record.session_id, 16);
    unit_clock_pass_ms(62000);
    second = core_call(core, (struct order){.id = "a", .amount = 5}); /* any payload */
    b = call_claims(second);
    assert_memory_not_equal(a.session_id, b.session_id, 16);
    assert_int_equal(b.generation, 1);
    assert_false(call_replayed(second));
    assert_ok(core_stored(core, "a", &read, &session));
    assert_int_equal(read.record.revision, 2); /* of the key, not of the session */
    assert_int_equal(session.version, 1);
    call_free(first);
    call_free(second);
}

/* ---- a store that cannot --------------------------------------------------------------------- */

static void test_a_full_store_says_so_again(void **state)
{
    struct core *core = *state;

    if (core_has_toy(core)) /* it has no quota */
        skip();
    ses_service_free(core->service);
    ses_store_close(core->store);
    core->quota_bytes = 100;
    core_open_store(core);
    core_open_service(core);
    for (int i = 0; i < 2; i++) { /* the second is told the same, not that the session is busy */
        struct call *call = core_call(core, (struct order){.id = "a"});
        const struct ses_error *error = call_error(call, SES_RESOURCE_EXHAUSTED, "STORE_FULL");

        assert_true(error->retry_delay_ms > 0);
        call_free(call);
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_token_means_that_the_session_is_stored),
        T(test_the_example_is_small),
        T(test_nothing_is_answered_before_the_commit),
        T(test_commit_before_signature),
        T(test_the_natural_key_has_four_parts),
        T(test_replay),
        T(test_conflict_names_the_fields),
        T(test_continuation),
        T(test_connectors_that_share_a_number),
        T(test_an_expired_session_is_made_anew),
        T(test_a_full_store_says_so_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
