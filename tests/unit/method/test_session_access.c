/* What every method of SessionService refuses, in the order that session.proto promises: the token's form,
 * its time, what it was made for, what is stored, and the browser. */
#include <sessiond/config/usual.h>

#include "method/each_method.h"
#include "service_core.h"

static void test_a_good_token_is_taken_by_all(void **state)
{
    struct core *core = *state;
    const char *method;
    size_t i = 0;

    for (; (method = method_name(core, i)) != NULL; i++) { /* each has a session of its own */
        char *token = create(core, (struct order){.id = method});

        accepted(method_call(core, method, (struct caller){.token = token, .id = method}));
        free(token);
    }
    assert_int_equal(i, 6);
}

/* ---- the call -------------------------------------------------------------------------------- */

static void test_a_name_is_required(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    const char *method;

    for (size_t i = 0; (method = method_name(core, i)) != NULL; i++) {
        violates(method_call(core, method, (struct caller){.token = token, .id = ""}), "merchant_session_id");
        if (strcmp(method, "AdvanceSession") != 0) /* a webhook has no token */
            violates(method_call(core, method, (struct caller){.token = ""}), "session_token");
    }
    free(token);
}

/* ---- the token ------------------------------------------------------------------------------- */

static void issue_elsewhere(struct ses_claims *claims)
{
    claims->issuer = SES_STR("another");
}

static void address_elsewhere(struct ses_claims *claims)
{
    claims->audience = SES_STR("another");
}

static void test_tokens_that_are_not_ours(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char long_text[SES_TOKEN_SIZE_MAX + 2];
    char *tokens[] = {strdup(token),
                      token_changed(core, token, issue_elsewhere),
                      token_changed(core, token, address_elsewhere),
                      strdup("sess_"),
                      strdup("x"),
                      long_text};

    memset(long_text, 'x', sizeof(long_text) - 1);
    long_text[sizeof(long_text) - 1] = '\0';
    memcpy(long_text, token, strlen(token));
    tokens[0][strlen(token) - 10] ^= 1;
    for (int i = 0; i < 6; i++) {
        all_refuse(core, (struct caller){.token = tokens[i]}, SES_UNAUTHENTICATED, "TOKEN_INVALID", NULL,
                   NULL);
        if (i < 5)
            free(tokens[i]);
    }
    free(token);
}

/* Before anything that it says is compared: also with another tenant, also of a session that is not there. */
static void test_a_token_whose_time_is_over(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});

    unit_clock_pass_ms(900000 - 5000);
    accepted(get(core, token));
    unit_clock_pass_ms(SES_TOKEN_LEEWAY_MS + 6000);
    all_refuse(core, (struct caller){.token = token}, SES_FAILED_PRECONDITION, "TOKEN_EXPIRED", NULL, NULL);
    all_refuse(core, (struct caller){.token = token, .tenant = "another"}, SES_FAILED_PRECONDITION,
               "TOKEN_EXPIRED", NULL, NULL);
    free(token);
}

static void test_a_token_that_was_made_for_another_call(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    const struct {
        struct caller caller;
        const char *differing;
    } rows[] = {
        {{.token = token, .live = true}, "test_mode"},
        {{.token = token, .tenant = "another"}, "tenant"},
        {{.token = token, .merchant = "another"}, "merchant"},
        {{.token = token, .id = "another"}, "merchant_session_id"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        all_refuse(core, rows[i].caller, SES_PERMISSION_DENIED, "TOKEN_MISMATCH", "differing",
                   rows[i].differing);
        accepted(get(core, token)); /* from the cache of verified tokens the second time: the same */
        all_refuse(core, rows[i].caller, SES_PERMISSION_DENIED, "TOKEN_MISMATCH", "differing",
                   rows[i].differing);
    }
    free(token);
}

static void name_no_tenant(struct ses_claims *claims)
{
    assert_int_equal(claims->tenant_tag.len, 16);
    claims->tenant_tag = SES_SLICE_EMPTY;
}

/* A token of the version before, without its tenant's tag: good while it lives. Under another tenant it finds
 * nothing, as it did. */
static void test_tokens_that_do_not_name_their_tenant(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *older = token_changed(core, token, name_no_tenant);
    struct call *call;

    assert_true(strlen(older) < strlen(token));
    call = get(core, older);
    assert_int_equal(got(call)->version, 1);
    call_free(call);
    call = get_as(core, older, "another");
    (void)call_error(call, SES_NOT_FOUND, "SESSION_NOT_FOUND");
    call_free(call);
    call = get_as(core, token, "another");
    (void)call_error(call, SES_PERMISSION_DENIED, "TOKEN_MISMATCH");
    call_free(call);
    free(older);
    free(token);
}

/* ---- what is stored --------------------------------------------------------------------------- */

static void name_nothing(struct ses_claims *claims)
{
    ses_hash(SES_SLICE_EMPTY, SES_STR("nothing"), claims->merchant_session_hash);
}

static void name_another_session(struct ses_claims *claims)
{
    claims->session_id[0] ^= 1;
}

static void last_longer(struct ses_claims *claims)
{
    claims->expires_ms += 600000;
}

static void test_a_session_that_is_not_there(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *nameless = token_changed(core, token, name_nothing);

    all_refuse(core, (struct caller){.token = nameless, .id = "nothing"}, SES_NOT_FOUND, "SESSION_NOT_FOUND",
               NULL, NULL);
    free(nameless);
    free(token);
}

static void test_another_session_has_the_name(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *former = token_changed(core, token, name_another_session);

    all_refuse(core, (struct caller){.token = former}, SES_FAILED_PRECONDITION, "SESSION_REPLACED", NULL,
               NULL);
    accepted(revoke_session(core, token, 0));
    all_refuse(core, (struct caller){.token = former}, SES_FAILED_PRECONDITION, "SESSION_REPLACED", NULL,
               NULL);
    free(former);
    free(token);
}

/* The time of a finished session is over and its name in use again: a token that is still good is the other
 * session's. */
static void test_a_token_of_the_session_before_is_refused(void **state)
{
    struct core *core = *state;

    ses_service_free(core->service);
    core->ttl_ms = 2 * SES_USUAL_session_closed_seconds * UINT64_C(1000);
    core_open_service(core);
    char *token = create(core, (struct order){.amount = 10000});

    tell(core, token, SES_EVENT_COMPLETED, SES_EVENT_APPLIED);
    unit_clock_pass_ms(SES_USUAL_session_closed_seconds * UINT64_C(1000) + 1000);
    free(create(core, (struct order){.amount = 10000}));
    refused(get(core, token), SES_FAILED_PRECONDITION, "SESSION_REPLACED");
    free(token);
}

static void test_a_revoked_session(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    const char *method;

    accepted(revoke_session(core, token, 0));
    for (size_t i = 0; (method = method_name(core, i)) != NULL; i++) {
        struct call *call = method_call(core, method, (struct caller){.token = token});

        if (strcmp(method, "RevokeSession") == 0)
            accepted(call); /* again: the same */
        else
            refused(call, SES_FAILED_PRECONDITION, "SESSION_REVOKED");
    }
    free(token);
}

/* Though nobody has written that it is over. */
static void test_a_session_whose_time_is_over(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    char *longer = token_changed(core, token, last_longer);

    unit_clock_pass_ms(901000);
    all_refuse(core, (struct caller){.token = longer}, SES_FAILED_PRECONDITION, "SESSION_EXPIRED", NULL,
               NULL);
    free(longer);
    free(token);
}

static void test_superseded_and_revoked_are_refused_though_cached(void **state)
{
    struct core *core = *state;
    char *old = create(core, (struct order){.amount = 10000});
    struct call *call = get(core, old);

    (void)got(call);
    call_free(call);
    char *new = create(core, (struct order){.customer = "cus_1"}); /* a continuation: generation 2 */
    call = get(core, old);
    assert_true(ses_slice_eq_str(
        call_error(call, SES_FAILED_PRECONDITION, "TOKEN_SUPERSEDED")->metadata[0].value, "2"));
    call_free(call);
    call = get(core, new);
    (void)got(call);
    call_free(call);
    for (int i = 0; i < 2; i++) { /* again: the same */
        call = revoke_session(core, new, 0);
        (void)revoked(call);
        call_free(call);
    }
    call = get(core, new);
    (void)call_error(call, SES_FAILED_PRECONDITION, "SESSION_REVOKED");
    call_free(call);
    free(old);
    free(new);
}

static Sessiond__V1__BrowserInformation browser_of(const char *user_agent)
{
    Sessiond__V1__BrowserInformation browser;

    sessiond__v1__browser_information__init(&browser);
    browser._user_agent_case = 9;
    browser.user_agent = text(user_agent);
    return browser;
}

/* The generation before the browser: what a caller can do about it comes first. */
static void test_a_token_of_another_generation(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    Sessiond__V1__BrowserInformation other = browser_of("curl/8");

    free(create(core, (struct order){.customer = "cus_1"}));
    all_refuse(core, (struct caller){.token = token, .browser = &other}, SES_FAILED_PRECONDITION,
               "TOKEN_SUPERSEDED", "generation", "2");
    free(token);
}

static void test_another_browser(void **state)
{
    struct core *core = *state;
    char *token = create(core, (struct order){.amount = 10000});
    Sessiond__V1__BrowserInformation same = browser_of("Mozilla/5.0...");
    Sessiond__V1__BrowserInformation other = browser_of("curl/8");
    struct caller caller = {.token = token, .browser = &other};

    all_refuse(core, caller, SES_PERMISSION_DENIED, "BROWSER_MISMATCH", "fields", "user_agent_family");
    core->service->options.binding.missing = SES_BINDING_MISSING_REFUSE;
    all_refuse(core, (struct caller){.token = token}, SES_PERMISSION_DENIED, "BROWSER_MISMATCH", "fields",
               "user_agent_family");
    accepted(ask(core, "GetSession", (struct caller){.token = token, .browser = &same}, NULL));
    core->service->options.binding.mode = SES_BINDING_OBSERVE;
    accepted(ask(core, "GetSession", caller, NULL));
    free(token);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_good_token_is_taken_by_all),
        T(test_a_name_is_required),
        T(test_tokens_that_are_not_ours),
        T(test_a_token_whose_time_is_over),
        T(test_a_token_that_was_made_for_another_call),
        T(test_tokens_that_do_not_name_their_tenant),
        T(test_a_session_that_is_not_there),
        T(test_another_session_has_the_name),
        T(test_a_token_of_the_session_before_is_refused),
        T(test_a_revoked_session),
        T(test_a_session_whose_time_is_over),
        T(test_superseded_and_revoked_are_refused_though_cached),
        T(test_a_token_of_another_generation),
        T(test_another_browser),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
