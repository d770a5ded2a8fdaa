#include "connector_fixture.h"

#include "url.h"

static const char *const listed[] = {"api.partner.example", "api.partner.example:8443", "127.0.0.1:8090",
                                     "[::1]:8090", "localhost:8090"};

static enum ses_status choose(struct fixture *f, const struct ses_connector_policy *policy, bool test_mode,
                              const char *base_url, struct ses_slice *ret_url)
{
    f->credentials.base_url = text(base_url);
    f->error = (struct ses_error){0};
    return ses_connector_base_url(policy, &f->credentials, test_mode, &f->arena, ret_url, &f->error);
}

static void connectors_have_published_urls(void **state)
{
    static const struct {
        const char *connector, *sandbox, *production;
    } expected[] = {
        {"nuvei", "https://ppp-test.nuvei.com/ppp/api/v1", "https://secure.safecharge.com/ppp/api/v1"},
        {"paytm", "https://securestage.paytmpayments.com/", "https://secure.paytmpayments.com/"},
        {"payu", "https://secure.snd.payu.com", "https://secure.payu.com/api"},
        {"authorizedotnet", "https://apitest.authorize.net/xml/v1/request.api",
         "https://api.authorize.net/xml/v1/request.api"},
        {"stripe", "https://api.stripe.com/", "https://api.stripe.com/"},
        {"noon", "", ""},
    };
    const struct ses_connector_policy policy = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct ses_slice url;
        struct fixture f;

        fixture_init(&f, expected[i].connector, "");
        assert_int_equal(choose(&f, &policy, true, NULL, &url), SES_OK);
        assert_slice(url, expected[i].sandbox);
        assert_int_equal(choose(&f, &policy, false, NULL, &url), SES_OK);
        assert_slice(url, expected[i].production);
        fixture_done(&f);
    }
}

static void the_operator_may_replace_them(void **state)
{
    struct ses_connector_url overrides[] = {{NULL, "https://other/", "https://other/"},
                                            {NULL, "http://127.0.0.1:8090/nuvei", NULL}};
    const struct ses_connector_policy policy = {.overrides = overrides, .overrides_count = 2};
    struct ses_slice url;
    struct fixture f;

    (void)state;
    fixture_init(&f, "nuvei", "");
    overrides[0].connector = ses_connector_by_name(text("stripe"));
    overrides[1].connector = f.credentials.connector;
    assert_int_equal(choose(&f, &policy, true, NULL, &url), SES_OK);
    assert_slice(url, "http://127.0.0.1:8090/nuvei");
    assert_int_equal(choose(&f, &policy, false, NULL, &url), SES_OK);
    assert_slice(url, "https://secure.safecharge.com/ppp/api/v1");
    fixture_done(&f);
}

static const struct {
    const char *url;
    bool live, sandbox; /* accepted by a live server, by one with --sandbox */
} urls[] = {
    {"https://api.partner.example", true, false},
    {"https://api.partner.example/", true, false},
    {"https://api.partner.example/v1", true, false},
    {"https://API.Partner.example/v1", true, false},
    {"https://api.partner.example:443/v1", true, false},
    {"https://api.partner.example:8443/v1", true, false},
    {"http://127.0.0.1:8090/stripe/", false, true},
    {"https://127.0.0.1:8090/stripe/", true, true}, /* the sandbox leaves the machine for nobody */
    {"http://[::1]:8090/", false, true},
    {"http://localhost:8090/", false, true},
    /* not on the list */
    {"https://api.partner.example:444/", false, false},
    {"https://evil.example/", false, false},
    {"https://api.partner.example.evil.example/", false, false},
    {"https://evil-api.partner.example/", false, false},
    {"https://api.partner.example./", false, false},
    {"http://127.0.0.1:8091/", false, false},
    {"http://127.0.0.1/", false, false},
    {"http://127.0.0.2:8090/", false, false},
    {"https://169.254.169.254/latest/meta-data", false, false},
    /* plain http to anything but loopback */
    {"http://api.partner.example/", false, false},
    {"http://api.partner.example:8443/", false, false},
    /* user information, and hosts that are not what they look like */
    {"https://user@api.partner.example/", false, false},
    {"https://user:pass@api.partner.example/", false, false},
    {"https://api.partner.example@evil.example/", false, false},
    {"https://evil.example\\@api.partner.example/", false, false},
    {"https://api.partner.example\\.evil.example/", false, false},
    {"https://evil.example#@api.partner.example/", false, false},
    {"https://evil.example?@api.partner.example/", false, false},
    {"https://api.partner.example%2eevil.example/", false, false},
    {"https://api%2Epartner.example/", false, false},
    {"https://api.partner.example%00.evil.example/", false, false},
    {"https://api.partner.example:8443@evil.example/", false, false},
    {"https://api.partner.example:08443/", false, false},
    {"https://api.partner.example:/", false, false},
    {"https://api.partner.example:0/", false, false},
    {"https://api.partner.example:99999/", false, false},
    {"https://api.partner.example:8443:1/", false, false},
    {"https://\xc3\xa0pi.partner.example/", false, false},
    {"https://api.partner.example\t/", false, false},
    {"https://api.partner.example/\r\nhost: evil", false, false},
    {" https://api.partner.example/", false, false},
    /* the same address in other clothes */
    {"http://2130706433:8090/", false, false},
    {"http://0x7f000001:8090/", false, false},
    {"http://0x7f.1:8090/", false, false},
    {"http://0177.0.0.1:8090/", false, false},
    {"http://127.1:8090/", false, false},
    {"http://[0:0:0:0:0:0:0:1]:8090/", false, false},
    {"http://[::ffff:127.0.0.1]:8090/", false, false},
    {"http://[::1%25lo]:8090/", false, false},
    /* no http at all */
    {"ftp://api.partner.example/", false, false},
    {"file:///etc/passwd", false, false},
    {"gopher://127.0.0.1:8090/", false, false},
    {"javascript:alert(1)", false, false},
    {"//api.partner.example/", false, false},
    {"api.partner.example", false, false},
    {"HTTPS://api.partner.example/", false, false},
    {"https:/api.partner.example/", false, false},
    {"https:///api.partner.example/", false, false},
    {"https://", false, false},
    {"/v1", false, false},
    /* what would swallow the path that is added */
    {"https://api.partner.example/?x=", false, false},
    {"https://api.partner.example/#", false, false},
};

static void a_callers_url_must_be_on_the_list(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        for (int sandbox = 0; sandbox < 2; sandbox++) {
            const struct ses_connector_policy policy = {
                .base_url_hosts = listed, .base_url_hosts_count = 5, .sandbox = sandbox == 1};
            bool accepted = sandbox == 1 ? urls[i].sandbox : urls[i].live;
            struct ses_slice url = text("untouched");
            struct fixture f;

            fixture_init(&f, "stripe", "");
            assert_int_equal(choose(&f, &policy, true, urls[i].url, &url),
                             accepted ? SES_OK : SES_INVALID_ARGUMENT);
            assert_slice(url, accepted ? urls[i].url : "untouched");
            if (!accepted) {
                assert_int_equal(f.error.status, SES_INVALID_ARGUMENT);
                assert_string_equal(ses_reason_name(f.error.reason), "BASE_URL_REFUSED");
            }
            fixture_done(&f);
        }
    }
}

/* Also where no call is made: the record would keep it. */
static void an_empty_list_allows_nothing(void **state)
{
    const struct ses_connector_policy policy = {.sandbox = true};
    struct ses_slice url;
    struct fixture f;

    (void)state;
    fixture_init(&f, "noon", "");
    assert_int_equal(choose(&f, &policy, true, "http://127.0.0.1:8090/", &url), SES_INVALID_ARGUMENT);
    assert_string_equal(ses_reason_name(f.error.reason), "BASE_URL_REFUSED");
    fixture_done(&f);
}

static void a_url_has_a_maximum(void **state)
{
    const struct ses_connector_policy policy = {.base_url_hosts = listed, .base_url_hosts_count = 5};
    char url[SES_BASE_URL_BYTES_MAX + 2] = "https://api.partner.example/";
    struct ses_slice chosen;
    struct fixture f;

    (void)state;
    memset(url + strlen(url), 'a', sizeof(url) - strlen(url) - 1);
    fixture_init(&f, "stripe", "");
    assert_int_equal(choose(&f, &policy, true, url, &chosen), SES_INVALID_ARGUMENT);
    url[SES_BASE_URL_BYTES_MAX] = '\0';
    assert_int_equal(choose(&f, &policy, true, url, &chosen), SES_OK);
    fixture_done(&f);
}

/* Upstream concatenates: "https://host" + "v1/.." would be another host. */
static void a_path_cannot_extend_the_host(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f, "stripe", "https://api.partner.example");
    fixture_key(&f, "api_key", "sk_test_x");
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_slice(f.request.url, "https://api.partner.example/v1/payment_intents");
    fixture_done(&f);
    fixture_init(&f, "nuvei", "https://api.partner.example:8443/x/");
    fixture_key(&f, "merchant_id", "m");
    fixture_key(&f, "merchant_site_id", "m");
    fixture_key(&f, "merchant_secret", "m");
    assert_int_equal(fixture_build(&f), SES_OK);
    assert_slice(f.request.url, "https://api.partner.example:8443/x/getSessionToken.do");
    fixture_done(&f);
}

static void the_sandbox_calls_loopback_only(void **state)
{
    struct ses_connector_url override = {NULL, "http://127.0.0.1:8090/stripe/", NULL};
    const struct ses_connector_policy policy = {
        .overrides = &override, .overrides_count = 1, .sandbox = true};
    struct ses_slice url = text("untouched");
    struct fixture f;

    (void)state;
    fixture_init(&f, "stripe", "");
    override.connector = f.credentials.connector;
    assert_int_equal(choose(&f, &policy, false, NULL, &url), SES_FAILED_PRECONDITION);
    assert_string_equal(ses_reason_name(f.error.reason), "SANDBOX_LIVE_CALL");
    assert_non_null(strstr((const char *)f.error.message.data, "set test_mode: true"));
    assert_slice(url, "untouched");
    override.production = "https://127.0.0.1.example/"; /* of a configuration that is meant for production */
    assert_int_equal(choose(&f, &policy, false, NULL, &url), SES_FAILED_PRECONDITION);
    override.production = "http://127.0.0.1:8090/live/";
    assert_int_equal(choose(&f, &policy, false, NULL, &url), SES_OK);
    assert_slice(url, "http://127.0.0.1:8090/live/");
    assert_int_equal(choose(&f, &policy, true, NULL, &url), SES_OK);
    override.sandbox = NULL; /* the published address of the connector's own sandbox */
    assert_int_equal(choose(&f, &policy, true, NULL, &url), SES_FAILED_PRECONDITION);
    fixture_done(&f);
    fixture_init(&f, "noon", ""); /* makes no call */
    assert_int_equal(choose(&f, &policy, false, NULL, &url), SES_OK);
    assert_slice(url, "");
    fixture_done(&f);
}

static void loopback_is_known(void **state)
{
    static const struct {
        const char *url;
        bool loopback;
    } cases[] = {{"http://127.0.0.1/", true},
                 {"http://127.8.9.1:80/", true},
                 {"http://[::1]/", true},
                 {"http://localhost:5/", true},
                 {"http://128.0.0.1/", false},
                 {"http://localhost.example/", false},
                 {"http://127.0.0.1.example/", false},
                 {"http://[::2]/", false}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ses_url url;

        assert_int_equal(ses_url_parse(text(cases[i].url), &url), SES_OK);
        assert_int_equal(ses_url_loopback(&url), cases[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connectors_have_published_urls),
        cmocka_unit_test(the_operator_may_replace_them),
        cmocka_unit_test(a_callers_url_must_be_on_the_list),
        cmocka_unit_test(an_empty_list_allows_nothing),
        cmocka_unit_test(a_url_has_a_maximum),
        cmocka_unit_test(a_path_cannot_extend_the_host),
        cmocka_unit_test(the_sandbox_calls_loopback_only),
        cmocka_unit_test(loopback_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
