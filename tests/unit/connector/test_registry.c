#include "connector_fixture.h"

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

/* Counted from the protocol: 88 fields in the oneof, 5 of them without a connector. */
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
    assert_int_equal(variants, 83);
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

static void only_three_are_called(void **state)
{
    int metric = 0;
    size_t with_ops = 0;

    (void)state;
    for (; ses_connector_metric_name(metric) != NULL; metric++) {
        const struct ses_connector *connector =
            ses_connector_by_name(text(ses_connector_metric_name(metric)));

        assert_non_null(connector->ops);
        assert_int_equal(connector->metric, metric);
    }
    assert_int_equal(metric, 3);
    assert_null(ses_connector_metric_name(-1));
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++) {
        with_ops += ses_connector_table[i].ops != NULL;
        assert_true((ses_connector_table[i].ops == NULL) == (ses_connector_table[i].metric == -1));
    }
    assert_int_equal(with_ops, 3);
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
        cmocka_unit_test(only_three_are_called),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
