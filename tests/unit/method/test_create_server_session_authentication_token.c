/* CreateServerSessionAuthenticationToken: another message for what CreateSessionToken does
 * (test_create_session_token.c). Both names lead to one core; here are its own fields, names and answers. */
#include "create.h"

#include "method/session_calls.h"

typedef Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenRequest new_request;

static struct call *new_call(struct core *core, const char *metadata, const char *customer_name)
{
    struct call *call = call_new(core, NEW_PATH, 0);
    new_request message =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SERVER_SESSION_AUTHENTICATION_TOKEN_REQUEST__INIT;
    Types__PaymentSessionContext payment = TYPES__PAYMENT_SESSION_CONTEXT__INIT;
    Types__Customer customer = TYPES__CUSTOMER__INIT;
    struct order order = {.metadata = metadata};
    old_request old = TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SESSION_TOKEN_REQUEST__INIT;
    Types__Money money;
    Types__BrowserInformation browser;
    Types__ConnectorState state;
    Types__SecretString secret;

    call_connector(call, NULL, NULL);
    order_fill(&order, &old, &money, &browser, &state, &secret);
    message._merchant_server_session_id_case = 1;
    message.merchant_server_session_id = old.merchant_session_id;
    message._test_mode_case = 4;
    message.test_mode = true;
    message.domain_context_case = 5;
    message.payment = &payment;
    payment.amount = &money;
    payment._browser_info_case = 3;
    payment.browser_info = &browser;
    if (metadata != NULL) {
        payment._metadata_case = 2;
        payment.metadata = &secret;
    }
    if (customer_name != NULL) {
        customer._name_case = 1;
        customer.name = (char *)(uintptr_t)customer_name;
        payment._customer_case = 4;
        payment.customer = &customer;
    }
    call_body(call, &message.base);
    call_start(call);
    return call;
}

/* Both names lead to one core: the same payment under the other name is the same session. */
static void test_both_rpcs_share_sessions(void **state)
{
    struct core *core = *state;
    struct call *old = core_call(core, (struct order){.id = NULL});
    struct ses_claims a = call_claims(old), b;
    struct call *newer = new_call(core, NULL, NULL);

    b = call_claims(newer); /* the two answers have the same fields under the same numbers */
    assert_memory_equal(a.session_id, b.session_id, 16);
    assert_true(call_replayed(newer));
    call_free(old);
    call_free(newer);
}

static void test_the_newer_rpc_names_its_own_fields(void **state)
{
    struct core *core = *state;
    struct call *first = new_call(core, NULL, "Ann");
    struct call *other;
    const struct ses_error *error;

    (void)call_claims(first);
    other = new_call(core, "x", "Bob");
    error = call_error(other, SES_ALREADY_EXISTS, "SESSION_CONFLICT");
    assert_true(ses_slice_eq_str(error->metadata[0].value, "payment.metadata, payment.customer"));
    call_free(other);
    other = new_call(core, "5555555555554444", NULL);
    error = call_error(other, SES_INVALID_ARGUMENT, "CARD_DATA_REFUSED");
    assert_true(ses_slice_eq_str(error->violations[0].key, "payment.metadata"));
    call_free(other);
    call_free(first);
}

static void test_card_data_in_a_customer(void **state)
{
    struct core *core = *state;
    struct call *call = new_call(core, NULL, "4111 1111 1111 1111");
    const struct ses_error *error = call_error(call, SES_INVALID_ARGUMENT, "CARD_DATA_REFUSED");

    assert_true(ses_slice_eq_str(error->violations[0].key, "payment.customer.name"));
    call_free(call);
}

static void test_the_newer_rpc_needs_its_payment(void **state)
{
    struct core *core = *state;
    struct call *call = call_new(core, NEW_PATH, 0);
    const struct ses_error *error;

    call_connector(call, NULL, NULL);
    ses_exchange_settle_request_id(call->x);
    call_start(call);
    error = call_error(call, SES_INVALID_ARGUMENT, "INVALID_FIELDS");
    assert_int_equal(error->violations_count, 1);
    assert_true(ses_slice_eq_str(error->violations[0].key, "payment"));
    call_free(call);
}

/* As the platform's clients call: no id in the message. NULL: no such header. */
static struct call *nameless_call(struct core *core, const char *reference, const char *request_id)
{
    struct call *call = call_new(core, NEW_PATH, 0);
    new_request message =
        TYPES__MERCHANT_AUTHENTICATION_SERVICE_CREATE_SERVER_SESSION_AUTHENTICATION_TOKEN_REQUEST__INIT;
    Types__PaymentSessionContext payment = TYPES__PAYMENT_SESSION_CONTEXT__INIT;
    Types__Money money = TYPES__MONEY__INIT;

    call_connector(call, NULL, NULL);
    if (reference != NULL)
        call_header(call, "x-connector-request-reference-id", reference);
    if (request_id != NULL)
        call_header(call, "x-request-id", request_id);
    ses_exchange_settle_request_id(call->x);
    money.minor_amount = 1000;
    money.currency = TYPES__CURRENCY__USD;
    payment.amount = &money;
    message._test_mode_case = 4;
    message.test_mode = true;
    message.domain_context_case = 5;
    message.payment = &payment;
    call_body(call, &message.base);
    call_start(call);
    return call;
}

/* The session that it made; the id that it was told must be this one, NULL: one of the server's. */
static struct ses_claims named(struct call *call, const char *name)
{
    struct ses_claims claims = call_claims(call);
    const char *told = call_header_told(call, "x-merchant-session-id");

    if (name != NULL)
        assert_string_equal(told, name);
    else
        assert_int_equal(strlen(told), 36);
    call_free(call);
    return claims;
}

static void test_a_session_without_a_name_of_its_own(void **state)
{
    struct core *core = *state;
    struct ses_claims a = named(nameless_call(core, "ref 1", "req-1"), "ref 1"), b;

    b = named(nameless_call(core, "ref 1", "req-2"), "ref 1");
    assert_memory_equal(a.session_id, b.session_id, sizeof(a.session_id));
    b = named(nameless_call(core, NULL, "req-1"), "req-1");
    assert_memory_not_equal(a.session_id, b.session_id, sizeof(a.session_id));
    a = named(nameless_call(core, "", "req-1"), "req-1");
    assert_memory_equal(a.session_id, b.session_id, sizeof(a.session_id));
    a = named(nameless_call(core, NULL, NULL), NULL);
    b = named(nameless_call(core, NULL, "no id of a request"), NULL);
    assert_memory_not_equal(a.session_id, b.session_id, sizeof(a.session_id));
    /* One that the message names is nobody's news. */
    struct call *call = new_call(core, NULL, NULL);

    (void)call_claims(call);
    assert_string_equal(call_header_told(call, "x-merchant-session-id"), "");
    call_free(call);
}

static void test_a_reference_that_is_no_name(void **state)
{
    static char long_text[257];
    static const struct {
        const char *reference, *reason;
    } cases[] = {
        {long_text, "INVALID_METADATA"},
        {"   ", "INVALID_METADATA"},
        {"a\tb", "INVALID_METADATA"},
        {"z\xc3\xbcrich", "INVALID_METADATA"},
        {"5555555555554444", "CARD_DATA_REFUSED"},
    };
    struct core *core = *state;

    memset(long_text, 'r', sizeof(long_text) - 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct call *call = nameless_call(core, cases[i].reference, "req-1");
        const struct ses_error *error = call_error(call, SES_INVALID_ARGUMENT, cases[i].reason);

        assert_int_equal(error->violations_count, 1);
        assert_true(ses_slice_eq_str(error->violations[0].key, "x-connector-request-reference-id"));
        assert_string_equal(call_header_told(call, "x-merchant-session-id"), "");
        call_free(call);
    }
    assert_int_equal(core_puts(core), 0);
    (void)named(nameless_call(core, &long_text[1], NULL), &long_text[1]);
}

static void test_a_continuation_by_the_other_name(void **state)
{
    struct core *core = *state;
    struct call *newer = new_call(core, NULL, NULL);
    struct call *old;

    assert_int_equal(call_claims(newer).generation, 1);
    call_free(newer);
    old = core_call(core, (struct order){.customer = "cus_1"});
    assert_int_equal(call_claims(old).generation, 2);
    call_free(old);
    newer = new_call(core, NULL, NULL);
    assert_int_equal(call_claims(newer).generation, 2);
    assert_true(call_replayed(newer));
    call_free(newer);
}

/* Customers are compared, and not stored: what is stored of the payment is what the older message has too. */
static void test_what_is_stored_of_its_payment(void **state)
{
    struct core *core = *state;
    struct call *call = new_call(core, "note", "Ann");
    uint64_t puts;
    struct ses_session session;

    (void)call_claims(call);
    assert_string_equal(call_header_told(call, "x-session-durability"),
                        core_has_toy(core) ? "replica" : "process");
    call_free(call);
    session = stored_session(core);
    assert_int_equal(session.minor_amount, 10000);
    assert_true(ses_slice_eq_str(session.metadata, "note"));
    assert_int_not_equal(session.binding.facets, 0);
    puts = core_puts(core);
    call = new_call(core, "note", "Ann");
    assert_true(call_claims(call).generation == 1 && call_replayed(call));
    call_free(call);
    refused_with(new_call(core, "note", "Bob"), SES_ALREADY_EXISTS, "SESSION_CONFLICT", "differing_fields",
                 "payment.customer");
    assert_int_equal(core_puts(core), puts);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_both_rpcs_share_sessions),
        T(test_the_newer_rpc_names_its_own_fields),
        T(test_card_data_in_a_customer),
        T(test_the_newer_rpc_needs_its_payment),
        T(test_a_continuation_by_the_other_name),
        T(test_what_is_stored_of_its_payment),
        T(test_a_session_without_a_name_of_its_own),
        T(test_a_reference_that_is_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
