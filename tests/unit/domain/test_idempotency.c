#include <sessiond/domain/idempotency.h>

#include <sessiond/base/arena.h>

#include "domain/request_fixture.h"
#include "unit.h"

#define NOW UINT64_C(1000000)
#define TTL UINT64_C(900000)

static const struct ses_tag_key key = {{9}};
static const struct ses_connector_identity stripe = {.number = 40, .name = "stripe"};
static const struct ses_connector_identity other_number = {.number = 41, .name = "stripe"};
static const struct ses_connector_identity other_name = {.number = 40, .name = "stripe_v2"};

static struct ses_payload payload_of(const struct ses_session_request *request)
{
    struct ses_payload payload;

    ses_payload_take(request, &stripe, &key, NOW, &payload);
    return payload;
}

static struct ses_session session_of(const struct ses_session_request *request)
{
    struct ses_payload payload = payload_of(request);
    struct ses_session session = {
        .created_ms = NOW, .updated_ms = NOW, .token_issued_ms = NOW, .expires_ms = NOW + TTL};

    ses_session_begin(&session, &payload);
    return session;
}

static void expect(enum ses_decision expected, const struct ses_session *stored,
                   const struct ses_payload *given, uint64_t now_ms, uint64_t differing)
{
    uint64_t got = 77;

    assert_int_equal(ses_idempotency_decide(stored, given, now_ms, &got), expected);
    assert_int_equal(got, differing);
}

static void test_none_or_expired_creates(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_payload payload = payload_of(&request);
    struct ses_session stored = session_of(&request);

    (void)state;
    expect(SES_DECISION_CREATE, NULL, &payload, NOW, 0);
    expect(SES_DECISION_REPLAY, &stored, &payload, NOW + TTL - 1, 0);
    expect(SES_DECISION_CREATE, &stored, &payload, NOW + TTL, 0);
    stored.status = SES_SESSION_REVOKED;
    expect(SES_DECISION_CREATE, &stored, &payload, NOW + TTL, 0); /* expired wins */
    stored.status = SES_SESSION_EXPIRED;
    expect(SES_DECISION_CREATE, &stored, &payload, NOW, 0);
}

static void test_same_payload_replays(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored;
    struct ses_payload given;

    (void)state;
    set_access_token(&request, "tok");
    stored = session_of(&request);
    given = payload_of(&request);
    expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0); /* state equal to what is stored */
    clear_field(&request, SES_FIELD_STATE_TOKEN);
    given = payload_of(&request);
    expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0); /* no state */
}

static void test_every_open_status_is_live(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given = payload_of(&request);

    (void)state;
    for (int status = SES_SESSION_OPEN; status <= SES_SESSION_PROCESSING; status++) {
        stored.status = (enum ses_session_status)status;
        expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0);
    }
}

static void test_closed(void **state)
{
    static const enum ses_session_status closed[] = {SES_SESSION_COMPLETED, SES_SESSION_FAILED,
                                                     SES_SESSION_REVOKED};
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given = payload_of(&request);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        stored.status = closed[i];
        expect(SES_DECISION_CLOSED, &stored, &given, NOW, 0);
        given.minor_amount = 5; /* whatever the request says */
        expect(SES_DECISION_CLOSED, &stored, &given, NOW, 0);
    }
}

/* Without a differing state every part of the payload counts. */
static void test_any_other_part_conflicts(void **state)
{
    struct ses_session_request base = full_request();
    struct ses_session stored = session_of(&base);
    struct ses_payload given = payload_of(&base);

    (void)state;
    for (unsigned i = 0; i < SES_FIELD_TEXTS + SES_FIELD_NUMBERS; i++) {
        struct ses_session_request other = base;

        if (i == SES_FIELD_MERCHANT_SESSION_ID ||
            (i >= SES_FIELD_STATE_TOKEN && i <= SES_FIELD_STATE_CUSTOMER) || i == SES_FIELD_STATE_EXPIRES_IN)
            continue;
        if (i < SES_FIELD_TEXTS)
            other.text[i] = SES_STR("1.2.3.4");
        else
            other.number[i - SES_FIELD_TEXTS]++;
        given = payload_of(&other);
        if ((SES_SOFT_FIELDS & SES_FIELD_BIT(i)) != 0) /* another network, another page: the same payment */
            expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0);
        else
            expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(i));
    }
    ses_payload_take(&base, &other_number, &key, NOW, &given);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CONNECTOR));
    ses_payload_take(&base, &other_name, &key, NOW, &given);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CONNECTOR));
}

static void test_other_credentials_are_another_caller(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given = payload_of(&request);
    const uint64_t credentials = SES_FIELD_BIT(SES_FIELD_CREDENTIALS);

    (void)state;
    stored.credentials = (struct ses_credentials_tag){{1}, true};
    given.credentials = (struct ses_credentials_tag){{1}, true};
    expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0);
    given.credentials.bytes[15] = 1;
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, credentials);
    given.minor_amount = 5; /* nobody else learns that */
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, credentials);
    set_access_token(&request, "tok"); /* a continuation */
    given = payload_of(&request);
    given.credentials = (struct ses_credentials_tag){{2}, true};
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, credentials);
    given.connector = other_name;
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CONNECTOR));
    stored.credentials.known = false; /* of an earlier version */
    given.connector = stripe;
    expect(SES_DECISION_CONTINUE, &stored, &given, NOW, 0);
    ses_session_continue(&stored, &given, NOW, TTL);
    assert_true(stored.credentials.known);
    assert_int_equal(stored.credentials.bytes[0], 2);
}

/* A record that was written before names were: whatever has the number is taken for the same. */
static void test_an_assumed_connector_agrees_by_number(void **state)
{
    struct ses_session_request base = full_request();
    struct ses_session stored = session_of(&base);
    struct ses_payload given = payload_of(&base);

    (void)state;
    stored.connector.assumed = true;
    expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0);
    ses_payload_take(&base, &other_name, &key, NOW, &given);
    expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0);
    ses_payload_take(&base, &other_number, &key, NOW, &given);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CONNECTOR));
    /* One that only a newer version knows is none of ours. */
    stored.connector = (struct ses_connector_identity){.number = stripe.number};
    given = payload_of(&base);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CONNECTOR));
}

static void test_all_differing_fields_are_named(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given;

    (void)state;
    set_number(&request, SES_FIELD_MINOR_AMOUNT, 1);
    set_text(&request, SES_FIELD_METADATA, "other");
    clear_field(&request, SES_FIELD_DEVICE_MODEL);
    given = payload_of(&request);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW,
           SES_FIELD_BIT(SES_FIELD_MINOR_AMOUNT) | SES_FIELD_BIT(SES_FIELD_METADATA) |
               SES_FIELD_BIT(SES_FIELD_DEVICE_MODEL));
}

static void test_new_state_continues(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given;

    (void)state;
    set_access_token(&request, "tok");
    given = payload_of(&request);
    expect(SES_DECISION_CONTINUE, &stored, &given, NOW, 0);
    /* What another page may change. */
    set_text(&request, SES_FIELD_METADATA, "page 2");
    clear_field(&request, SES_FIELD_FEATURE_DATA);
    set_text(&request, SES_FIELD_ACCEPT_HEADER, "*/*");
    set_text(&request, SES_FIELD_REFERER, "https://shop.example/2");
    set_text(&request, SES_FIELD_IP_ADDRESS, "198.51.100.1");
    set_text(&request, SES_FIELD_ACCEPT_LANGUAGE, "fr");
    set_text(&request, SES_FIELD_USER_AGENT, "Mozilla/5.0 Chrome/121.0 Safari/537.36");
    clear_field(&request, SES_FIELD_COLOR_DEPTH);
    given = payload_of(&request);
    expect(SES_DECISION_CONTINUE, &stored, &given, NOW, 0);
}

static void test_a_continuation_must_agree(void **state)
{
    struct ses_session_request base = full_request();
    struct ses_session stored = session_of(&base);
    struct ses_session_request other;
    struct ses_payload given;

    (void)state;
    set_access_token(&base, "tok");
    other = base;
    set_number(&other, SES_FIELD_MINOR_AMOUNT, 10001);
    given = payload_of(&other);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_MINOR_AMOUNT));
    other = base;
    set_number(&other, SES_FIELD_CURRENCY, 1);
    given = payload_of(&other);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CURRENCY));
    ses_payload_take(&base, &other_number, &key, NOW, &given);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CONNECTOR));
    ses_payload_take(&base, &other_name, &key, NOW, &given);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_CONNECTOR));
    other = base;
    set_text(&other, SES_FIELD_USER_AGENT, "Mozilla/5.0 Firefox/121.0");
    set_number(&other, SES_FIELD_SCREEN_WIDTH, 800);
    given = payload_of(&other);
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW,
           SES_FIELD_BIT(SES_FIELD_USER_AGENT) | SES_FIELD_BIT(SES_FIELD_SCREEN_WIDTH));
}

static void test_continuation_counts_and_merges(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session session = session_of(&request);
    struct ses_payload given;

    (void)state;
    set_access_token(&request, "tok");
    set_text(&request, SES_FIELD_METADATA, "page 2");
    clear_field(&request, SES_FIELD_FEATURE_DATA);
    given = payload_of(&request);
    ses_session_continue(&session, &given, NOW + 10, TTL);
    assert_int_equal(session.version, 2);
    assert_int_equal(session.generation, 2);
    assert_int_equal(session.created_ms, NOW);
    assert_int_equal(session.updated_ms, NOW + 10);
    assert_int_equal(session.token_issued_ms, NOW + 10);
    assert_int_equal(session.expires_ms, NOW + 10 + TTL);
    assert_true(ses_slice_eq_str(session.state.access_token, "tok"));
    assert_true(ses_slice_eq_str(session.metadata, "page 2"));
    assert_true(ses_slice_eq_str(session.feature_data, "{\"mode\":[1,2]}")); /* not said again: kept */
    /* The continuation sent again is a repetition, not another one. */
    expect(SES_DECISION_REPLAY, &session, &given, NOW + 20, 0);
}

/* What a continuation leaves out it does not take back: the first call, word for word, is still a repetition,
 * and so is the continuation. */
static void test_a_continuation_may_leave_out_what_stays(void **state)
{
    struct ses_session_request first = full_request();
    struct ses_session_request next = minimal_request();
    struct ses_session session = session_of(&first);
    struct ses_payload given;

    (void)state;
    set_access_token(&next, "tok");
    set_text(&next, SES_FIELD_CUSTOMER, "new");
    given = payload_of(&next);
    ses_session_continue(&session, &given, NOW + 10, TTL);
    expect(SES_DECISION_REPLAY, &session, &given, NOW + 20, 0);
    given = payload_of(&first);
    expect(SES_DECISION_CONFLICT, &session, &given, NOW + 20,
           SES_FIELD_BIT(SES_FIELD_CUSTOMER)); /* said anew */
    set_text(&first, SES_FIELD_CUSTOMER, "new");
    given = payload_of(&first);
    expect(SES_DECISION_REPLAY, &session, &given, NOW + 20, 0);
    set_text(&first, SES_FIELD_METADATA, "other");
    given = payload_of(&first);
    expect(SES_DECISION_CONFLICT, &session, &given, NOW + 20, SES_FIELD_BIT(SES_FIELD_METADATA));
}

static void test_values_are_compared_by_meaning(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given;
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    set_text(&request, SES_FIELD_METADATA, " { \"order\" : \"A\\u002d17\" } ");
    set_text(&request, SES_FIELD_FEATURE_DATA, "{\"mode\":[1.0, 20e-1]}");
    set_text(&request, SES_FIELD_OS_TYPE, "LINUX");
    set_text(&request, SES_FIELD_USER_AGENT, "Mozilla/5.0 (X11; Linux x86_64) Chrome/121.0 Safari/537.36");
    given = payload_of(&request);
    given.arena = &arena;
    expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0);
    set_text(&request, SES_FIELD_METADATA, "{\"order\":\"A-18\"}");
    set_text(&request, SES_FIELD_FEATURE_DATA, "{\"mode\":[2,1]}");
    set_text(&request, SES_FIELD_OS_TYPE, "Windows");
    given = payload_of(&request);
    given.arena = &arena;
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW,
           SES_FIELD_BIT(SES_FIELD_METADATA) | SES_FIELD_BIT(SES_FIELD_FEATURE_DATA) |
               SES_FIELD_BIT(SES_FIELD_OS_TYPE));
    ses_arena_done(&arena);
}

static void test_free_text_is_no_json(void **state)
{
    static const struct ses_slice texts[][2] = {{SES_STR_INIT("1.0"), SES_STR_INIT("1.00")},
                                                {SES_STR_INIT("order 1"), SES_STR_INIT("order  1")},
                                                {SES_STR_INIT("\"a\""), SES_STR_INIT("\"\\u0061\"")}};
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    for (size_t i = 0; i < 3; i++)
        assert_false(ses_field_text_same(SES_FIELD_METADATA, texts[i][0], texts[i][1], &key, &arena));
    assert_true(ses_field_text_same(SES_FIELD_FEATURE_DATA, texts[0][0], texts[0][1], &key, &arena));
    assert_false(ses_field_text_same(SES_FIELD_DEVICE_MODEL, texts[0][0], texts[0][1], &key, &arena));
    assert_true(ses_field_text_same(SES_FIELD_DEVICE_MODEL, texts[0][0], texts[0][0], &key, NULL));
    ses_arena_done(&arena);
}

/* A session of an earlier version has tags of soft fields too. */
static void test_soft_tags_of_older_records_do_not_count(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given = payload_of(&request);

    (void)state;
    stored.fingerprint.fields |= SES_SOFT_FIELDS;
    stored.fingerprint.tag[SES_FIELD_REFERER] = 77;
    expect(SES_DECISION_REPLAY, &stored, &given, NOW, 0);
}

static void test_missing_facets_where_the_merchant_refuses_them(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session stored = session_of(&request);
    struct ses_payload given;

    (void)state;
    set_access_token(&request, "tok");
    clear_field(&request, SES_FIELD_OS_TYPE);
    clear_field(&request, SES_FIELD_IP_ADDRESS); /* soft */
    given = payload_of(&request);
    expect(SES_DECISION_CONTINUE, &stored, &given, NOW, 0);
    given.missing_refused = true;
    expect(SES_DECISION_CONFLICT, &stored, &given, NOW, SES_FIELD_BIT(SES_FIELD_OS_TYPE));
}

static void test_binding_is_fixed_by_the_first_browser(void **state)
{
    struct ses_session_request bare = minimal_request();
    struct ses_session_request full = full_request();
    struct ses_session session = session_of(&bare);
    struct ses_payload given;
    struct ses_binding first;

    (void)state;
    assert_int_equal(session.binding.facets, 0);
    set_text(&full, SES_FIELD_STATE_CUSTOMER, "c1");
    given = payload_of(&full);
    expect(SES_DECISION_CONTINUE, &session, &given, NOW, 0);
    ses_session_continue(&session, &given, NOW, TTL);
    first = session.binding;
    assert_int_not_equal(first.facets, 0);
    set_text(&full, SES_FIELD_STATE_CUSTOMER, "c2");
    set_text(&full, SES_FIELD_IP_ADDRESS, "198.51.100.1"); /* soft */
    given = payload_of(&full);
    expect(SES_DECISION_CONTINUE, &session, &given, NOW, 0);
    ses_session_continue(&session, &given, NOW, TTL);
    assert_memory_equal(session.binding.hash, first.hash, SES_HASH_BYTES);
}

static void test_expiry(void **state)
{
    struct ses_session_request request = full_request();
    struct ses_session session = session_of(&request);
    struct ses_payload given;

    (void)state;
    assert_int_equal(ses_session_expiry(NOW, TTL, 0), NOW + TTL);
    assert_int_equal(ses_session_expiry(NOW, TTL, NOW + 5), NOW + 5);
    assert_int_equal(ses_session_expiry(NOW, TTL, NOW + TTL + 5), NOW + TTL);
    session.connector_session_present = true;
    session.connector_session.expires_ms = NOW + 50;
    set_access_token(&request, "tok");
    given = payload_of(&request);
    ses_session_continue(&session, &given, NOW + 10, TTL);
    assert_int_equal(session.expires_ms, NOW + 50); /* never past the connector's */
}

static void test_idempotency_key(void **state)
{
    struct ses_slice secret = SES_STR("0123456789abcdef0123456789abcdef");
    struct ses_session_request request = full_request();
    struct ses_payload payload = payload_of(&request);
    char first[SES_IDEMPOTENCY_KEY_SIZE], other[SES_IDEMPOTENCY_KEY_SIZE];

    (void)state;
    ses_idempotency_key(secret, SES_STR("natural"), &payload, first);
    assert_int_equal(strlen(first), 64);
    ses_idempotency_key(secret, SES_STR("natural"), &payload, other);
    assert_string_equal(first, other);
    set_access_token(&request, "tok"); /* not part of the payload */
    payload = payload_of(&request);
    ses_idempotency_key(secret, SES_STR("natural"), &payload, other);
    assert_string_equal(first, other);
    ses_idempotency_key(secret, SES_STR("natura2"), &payload, other);
    assert_string_not_equal(first, other);
    set_text(&request, SES_FIELD_METADATA, "x");
    payload = payload_of(&request);
    ses_idempotency_key(secret, SES_STR("natural"), &payload, other);
    assert_string_not_equal(first, other);
    request = full_request();
    set_number(&request, SES_FIELD_MINOR_AMOUNT, 1);
    payload = payload_of(&request);
    ses_idempotency_key(secret, SES_STR("natural"), &payload, other);
    assert_string_not_equal(first, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_or_expired_creates),
        cmocka_unit_test(test_same_payload_replays),
        cmocka_unit_test(test_every_open_status_is_live),
        cmocka_unit_test(test_closed),
        cmocka_unit_test(test_any_other_part_conflicts),
        cmocka_unit_test(test_other_credentials_are_another_caller),
        cmocka_unit_test(test_an_assumed_connector_agrees_by_number),
        cmocka_unit_test(test_all_differing_fields_are_named),
        cmocka_unit_test(test_new_state_continues),
        cmocka_unit_test(test_a_continuation_must_agree),
        cmocka_unit_test(test_continuation_counts_and_merges),
        cmocka_unit_test(test_a_continuation_may_leave_out_what_stays),
        cmocka_unit_test(test_values_are_compared_by_meaning),
        cmocka_unit_test(test_free_text_is_no_json),
        cmocka_unit_test(test_soft_tags_of_older_records_do_not_count),
        cmocka_unit_test(test_missing_facets_where_the_merchant_refuses_them),
        cmocka_unit_test(test_binding_is_fixed_by_the_first_browser),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_idempotency_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
