#include "connector_fixture.h"

#include <sessiond/base/metrics.h>

#include "credential_table.h"
#include "registry.h"

static void numbers_have_no_gap_and_names_are_unique(void **state)
{
    (void)state;
    for (uint32_t number = 1; number <= SES_CONNECTOR_NUMBER_MAX; number++) {
        const struct ses_connector *connector = ses_connector_find(number, SES_SLICE_EMPTY);

        assert_non_null(connector);
        assert_int_equal(connector->number, number);
    }
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        const struct ses_connector *row = &ses_connector_table[i];

        assert_ptr_equal(ses_connector_by_name(text(row->name)), row);
        assert_ptr_equal(ses_connector_find(row->number, text(row->name)), row);
    }
    assert_null(ses_connector_find(0, SES_SLICE_EMPTY));
    assert_null(ses_connector_find(0, text("razorpay")));
    assert_null(ses_connector_find(SES_CONNECTOR_NUMBER_MAX + 1, SES_SLICE_EMPTY));
}

static void names_are_exact(void **state)
{
    (void)state;
    assert_int_equal(ses_connector_by_name(text("nuvei"))->number, 57);
    assert_int_equal(ses_connector_by_name(text("paytm"))->number, 94);
    assert_int_equal(ses_connector_by_name(text("stripe"))->number, 75);
    assert_int_equal(ses_connector_by_name(text("twoc_twop_paco"))->number, 121);
    assert_int_equal(ses_connector_by_name(text("authorizedotnet"))->number, 5);
    assert_null(ses_connector_by_name(text("Stripe")));
    assert_null(ses_connector_by_name(text("strip")));
    assert_null(ses_connector_by_name(text("stripes")));
    assert_null(ses_connector_by_name(text("")));
    assert_null(ses_connector_by_name(text("connector_unspecified")));
}

static void razorpay_v2_shares_a_number(void **state)
{
    (void)state;
    assert_int_equal(ses_connector_by_name(text("razorpay_v2"))->number, 69);
    assert_string_equal(ses_connector_find(69, SES_SLICE_EMPTY)->name, "razorpay");
    assert_string_equal(ses_connector_find(69, text("razorpay"))->name, "razorpay");
    assert_string_equal(ses_connector_find(69, text("razorpay_v2"))->name, "razorpay_v2");
    assert_null(ses_connector_find(68, text("razorpay_v2")));
    assert_null(ses_connector_find(69, text("razorpay_v3")));
    assert_null(ses_connector_find(69, text("stripe")));
}

/* ses_idempotency_key counts on it: it knows the number only. */
static void no_connector_that_is_called_shares_a_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        size_t of_number = 0;

        for (size_t k = 0; k < SES_CONNECTOR_ROWS; k++)
            of_number += ses_connector_table[k].number == ses_connector_table[i].number;
        assert_true(of_number == 1 || ses_connector_table[i].ops == NULL);
    }
}

/* Counted from the protocol: 103 fields in the oneof, 5 of them without a connector, 2 (interpayments, affirm) without a
 * number; sanlam is what one was called before. */
static void variants_lead_back_to_their_connector(void **state)
{
    size_t variants = 0;

    (void)state;
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        if (ses_connector_table[i].variant == NULL)
            continue;
        variants++;
        assert_ptr_equal(ses_connector_by_variant(ses_connector_table[i].variant), &ses_connector_table[i]);
    }
    assert_int_equal(variants, 96);
    assert_string_equal(ses_connector_by_variant("PinelabsOnline")->name, "pinelabs_online");
    assert_string_equal(ses_connector_by_variant("Bankofamerica")->name, "bankofamerica");
    assert_null(ses_connector_by_variant("nuvei"));
}

static void some_variants_have_no_connector(void **state)
{
    static const char *const variants[] = {"Screenstream", "Ebanx", "Globepay", "Coinbase", "Coingate"};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        assert_true(ses_connector_variant_unsupported(variants[i]));
        assert_null(ses_connector_by_variant(variants[i]));
    }
    assert_false(ses_connector_supported(ses_connector_by_name(text("ebanx"))));
    assert_true(ses_connector_supported(ses_connector_by_name(text("stripe"))));
    assert_false(ses_connector_variant_unsupported("Stripe"));
}

/* The board has a row for each, and nobody but them. */
static void who_is_called_has_a_metric(void **state)
{
    int metric = 0;
    int with_ops = 0;

    (void)state;
    for (; ses_connector_metric_name(metric) != NULL; metric++) {
        const struct ses_connector *connector =
            ses_connector_by_name(text(ses_connector_metric_name(metric)));

        assert_non_null(connector->ops);
        assert_int_equal(connector->metric, metric);
    }
    assert_null(ses_connector_metric_name(-1));
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        with_ops += ses_connector_table[i].ops != NULL;
        assert_true((ses_connector_table[i].ops == NULL) == (ses_connector_table[i].metric == -1));
    }
    assert_int_equal(with_ops, metric);
    assert_in_range(with_ops, 3, SES_METRIC_CONNECTORS_MAX);
}

static const char *const ends[] = {"production", "sandbox"};

/* Without fields of its own no caller could bring credentials, without an address no call could be made. */
static void who_is_called_has_fields_and_addresses(void **state)
{
    const struct ses_connector_policy policy = {.overrides_count = 0};
    struct ses_arena arena;
    struct ses_error error;

    (void)state;
    ses_arena_init(&arena, 4096);
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        struct ses_credentials credentials = {.connector = &ses_connector_table[i]};

        if (credentials.connector->ops == NULL)
            continue;
        assert_non_null(ses_credential_row(credentials.connector));
        for (int test_mode = 0; test_mode < 2; test_mode++) {
            struct ses_slice url;

            assert_int_equal(
                ses_connector_base_url(&policy, &credentials, test_mode == 1, &arena, &url, &error), SES_OK);
            if (url.len == 0)
                fail_msg("%s has no %s address", credentials.connector->name, ends[test_mode]);
        }
    }
    ses_arena_done(&arena);
}

/* The worst is taken for granted of a row that says nothing, so that one is slow, not wrong; and yet each has to say. */
static void who_is_called_says_what_it_leaves_behind(void **state)
{
    static const struct {
        const char *name;
        enum ses_call_leaves leaves;
    } known[] = {{"nuvei", SES_CALL_LEAVES_NOTHING},
                 {"paytm", SES_CALL_LEAVES_EFFECT},
                 {"stripe", SES_CALL_LEAVES_EFFECT},
                 {"payu", SES_CALL_LEAVES_NOTHING},
                 {"authorizedotnet", SES_CALL_LEAVES_NOTHING}};
    size_t called = 0;

    (void)state;
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        const struct ses_connector *row = &ses_connector_table[i];

        if ((row->leaves != SES_CALL_LEAVES_UNSTATED) != (row->ops != NULL))
            fail_msg("%s: %s", row->name,
                     row->ops != NULL ? "what does its call leave?" : "it makes no call");
        called += row->ops != NULL;
    }
    assert_int_equal(called, sizeof(known) / sizeof(known[0])); /* a new one is judged here too */
    for (size_t i = 0; i < called; i++)
        assert_int_equal(ses_connector_by_name(text(known[i].name))->leaves, known[i].leaves);
}

static void a_number_keeps_its_former_name(void **state)
{
    (void)state;
    assert_string_equal(ses_connector_find(116, SES_SLICE_EMPTY)->name, "absa_sanlam");
    assert_string_equal(ses_connector_find(116, text("sanlam"))->name, "sanlam");
    assert_string_equal(ses_connector_by_variant("Sanlam")->name, "sanlam");
    assert_string_equal(ses_connector_by_variant("AbsaSanlam")->name, "absa_sanlam");
}

static void what_may_be_a_name(void **state)
{
    static const char *const good[] = {
        "a",       "nobody",    "tsys_transit",
        "revolv3", "x12345678", "a234567_bcdefghijklmnopqrstuvwxyz_bcdefghijklmnopqrstuvwxyz_bcdef"};
    static const char *const bad[] = {"",
                                      "Adyen",
                                      "adyen ",
                                      "a-b",
                                      "_a",
                                      "3ds",
                                      "a.b",
                                      "\xc3\xa9",
                                      "x123456789",
                                      "a4111111111111111",
                                      "a234567_bcdefghijklmnopqrstuvwxyz_bcdefghijklmnopqrstuvwxyz_bcdefg"};

    (void)state;
    assert_int_equal(strlen(good[5]), SES_CONNECTOR_NAME_BYTES_MAX + 1);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]) - 1; i++)
        assert_true(ses_connector_name_check(text(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ses_connector_name_check(text(bad[i])));
}

/* NULL: no connector's variant. */
static void variants_have_names(void **state)
{
    static const struct {
        const char *variant;
        const char *name;
        uint32_t number;
    } cases[] = {
        {"Newcomer", "newcomer", 0},
        {"TwoWordsMore", "two_words_more", 0},
        {"Affirm", "affirm", 0},
        {"Square", "square", 73},
        {"Razorpay", "razorpay", 69},
        {"nuvei", NULL, 0},
        {"NUVEI", NULL, 0},
        {"New_comer", NULL, 0},
        {"New comer", NULL, 0},
        {"SKtestCanary", NULL, 0},
        {"", NULL, 0},
        {"A4111111111111111", NULL, 0},
    };
    struct ses_arena arena;

    (void)state;
    ses_arena_init(&arena, 4096);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ses_connector *connector = NULL;
        enum ses_status status = ses_connector_of_variant(cases[i].variant, &arena, &connector);

        assert_int_equal(status, cases[i].name == NULL ? SES_MALFORMED : SES_OK);
        if (cases[i].name == NULL)
            continue;
        assert_string_equal(connector->name, cases[i].name);
        assert_int_equal(connector->number, cases[i].number);
        assert_null(connector->ops);
        assert_int_equal(connector->metric, -1);
    }
    ses_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_have_no_gap_and_names_are_unique),
        cmocka_unit_test(names_are_exact),
        cmocka_unit_test(razorpay_v2_shares_a_number),
        cmocka_unit_test(no_connector_that_is_called_shares_a_number),
        cmocka_unit_test(variants_lead_back_to_their_connector),
        cmocka_unit_test(some_variants_have_no_connector),
        cmocka_unit_test(who_is_called_has_a_metric),
        cmocka_unit_test(who_is_called_has_fields_and_addresses),
        cmocka_unit_test(a_number_keeps_its_former_name),
        cmocka_unit_test(what_may_be_a_name),
        cmocka_unit_test(variants_have_names),
        cmocka_unit_test(who_is_called_says_what_it_leaves_behind),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
