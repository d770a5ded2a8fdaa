/* test_credentials_legacy.c - x-connector with x-auth and its key headers. */
#include "credential_fixture.h"

static const struct {
    const char *kind;
    const char *headers; /* demanded, by the letters of the samples; m = x-auth-key-map */
} kinds[] = {
    {"header-key", "a"}, {"body-key", "a1"},     {"signature-key", "a1s"},   {"multi-auth-key", "a1s2"},
    {"no-key", ""},      {"temporary-auth", ""}, {"currency-auth-key", "m"},
};

static struct ses_connector_headers legacy_headers(const char *connector, const char *kind)
{
    return (struct ses_connector_headers){
        .connector = text(connector),
        .auth = text(kind),
        .api_key = text("val-a"),
        .key1 = text("val-1"),
        .key2 = text("val-2"),
        .api_secret = text("val-s"),
        .auth_key_map = text("{\"USD\":{\"api_key\":\"k\"}}"),
        .api_key_present = true,
        .key1_present = true,
        .key2_present = true,
        .api_secret_present = true,
    };
}

/* The part of a sample's legacy text that is about this kind; NULL if the connector does not take it. */
static const char *legacy_of(const struct sample *sample, const char *kind)
{
    const char *at = sample->legacy;
    size_t len = strlen(kind);

    if (at[0] == '\0')
        return at; /* any, under no name */
    while (at != NULL) {
        if (strncmp(at, kind, len) == 0 && (at[len] == ' ' || at[len] == '\0' || at[len] == ';'))
            return at + len;
        at = strchr(at, ';');
        if (at != NULL)
            at += 2;
    }
    return NULL;
}

static void assert_legacy(const struct fixture *f, const char *spec)
{
    size_t count = 0;

    for (const char *at = spec; *at == ' '; count++) {
        char name[48] = "";
        char expected[] = "val-?";
        size_t len = strcspn(at + 1, "=");

        memcpy(name, at + 1, len);
        expected[4] = at[len + 2];
        assert_slice(ses_credential_get(&f->credentials, name), at[len + 2] == 'm' ? "k" : expected);
        at += len + 3;
    }
    assert_int_equal(f->credentials.fields_count, count);
}

static void every_legacy_form_is_converted(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < samples_count; i++) {
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
            const struct ses_connector_headers headers = legacy_headers(samples[i].connector, kinds[k].kind);
            const char *spec = legacy_of(&samples[i], kinds[k].kind);

            if (spec == NULL) {
                assert_int_equal(resolve(&f, &headers), SES_INVALID_ARGUMENT);
                assert_refused(&f, "AUTH_CONVERSION_FAILED", "x-auth", samples[i].connector);
                continue;
            }
            assert_int_equal(resolve(&f, &headers), SES_OK);
            assert_string_equal(f.credentials.connector->name, samples[i].connector);
            assert_legacy(&f, spec);
        }
    }
    fixture_done(&f);
}

static void take_away(struct ses_connector_headers *headers, char letter)
{
    if (letter == 'a')
        headers->api_key_present = false;
    else if (letter == '1')
        headers->key1_present = false;
    else if (letter == '2')
        headers->key2_present = false;
    else if (letter == 's')
        headers->api_secret_present = false;
    else
        headers->auth_key_map = SES_SLICE_EMPTY;
}

static const char *header_name(char letter)
{
    switch (letter) {
    case 'a':
        return "x-api-key";
    case '1':
        return "x-key1";
    case '2':
        return "x-key2";
    case 's':
        return "x-api-secret";
    default:
        return "x-auth-key-map";
    }
}

static void every_kind_demands_its_headers(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        for (const char *letter = "a12sm"; *letter != '\0'; letter++) {
            struct ses_connector_headers headers = legacy_headers("noon", kinds[k].kind);

            take_away(&headers, *letter);
            if (strchr(kinds[k].headers, *letter) == NULL) {
                assert_int_equal(resolve(&f, &headers), SES_OK);
                continue;
            }
            assert_int_equal(resolve(&f, &headers), SES_INVALID_ARGUMENT);
            assert_refused(&f, "MISSING_METADATA", header_name(*letter), NULL);
        }
    }
    fixture_done(&f);
}

static void legacy_headers_are_checked(void **state)
{
    static const struct {
        const char *connector, *auth, *api_key, *map, *reason, *header;
    } cases[] = {
        {NULL, "header-key", "k", "{}", "MISSING_METADATA", "x-connector-config"},
        {"no-body", "header-key", "k", "{}", "INVALID_CONNECTOR", "x-connector"},
        {"a4111111111111111", "header-key", "k", "{}", "INVALID_CONNECTOR", "x-connector"},
        {"Stripe", "header-key", "k", "{}", "INVALID_CONNECTOR", "x-connector"},
        {"str\xc3\xa9pe", "header-key", "k", "{}", "INVALID_METADATA", "x-connector"},
        {"ebanx", "header-key", "k", "{}", "UNSUPPORTED_CONNECTOR", "x-connector"},
        {"stripe", NULL, "k", "{}", "MISSING_METADATA", "x-connector-config"},
        {"stripe", "certificate-auth", "k", "{}", "INVALID_AUTH_TYPE", "x-auth"},
        {"stripe", "Header-Key", "k", "{}", "INVALID_AUTH_TYPE", "x-auth"},
        {"stripe", "header-key", "k\xff", "{}", "INVALID_METADATA", "x-api-key"},
        {"payload", "currency-auth-key", "k", "[]", "INVALID_AUTH_KEY_MAP", "x-auth-key-map"},
        {"payload", "currency-auth-key", "k", "{", "INVALID_AUTH_KEY_MAP", "x-auth-key-map"},
        {"payload", "currency-auth-key", "k", "{\"a\":1,\"a\":2}", "INVALID_AUTH_KEY_MAP", "x-auth-key-map"},
        {"payload", "currency-auth-key", "k", "{\"\xff\":1}", "INVALID_METADATA", "x-auth-key-map"},
    };
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ses_connector_headers headers = legacy_headers(cases[i].connector, cases[i].auth);

        headers.api_key = text(cases[i].api_key);
        headers.auth_key_map = text(cases[i].map);
        assert_int_equal(resolve(&f, &headers), SES_INVALID_ARGUMENT);
        assert_refused(&f, cases[i].reason, cases[i].header, NULL);
    }
    fixture_done(&f);
}

static void an_empty_legacy_value_is_accepted(void **state)
{
    struct ses_connector_headers headers = legacy_headers("stripe", "header-key");
    struct fixture f;

    (void)state;
    init(&f);
    headers.api_key = SES_SLICE_EMPTY;
    assert_int_equal(resolve(&f, &headers), SES_OK);
    assert_int_equal(f.credentials.fields_count, 1);
    fixture_done(&f);
}

/* One without a row, and one whose older form is not known. */
static void a_newcomer_takes_every_kind(void **state)
{
    static const char *const names[] = {"newcomer", "tamara", "checkout"};
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct ses_connector_headers headers = legacy_headers(names[i], "header-key");
        uint8_t digest[SES_CREDENTIALS_DIGEST_BYTES];

        headers.api_key = text("k");
        assert_int_equal(resolve(&f, &headers), SES_OK);
        assert_string_equal(f.credentials.connector->name, names[i]);
        memcpy(digest, f.credentials.digest, sizeof(digest));
        headers.api_key = text("other");
        assert_int_equal(resolve(&f, &headers), SES_OK);
        assert_memory_not_equal(f.credentials.digest, digest, sizeof(digest));
    }
    fixture_done(&f);
}

static void headers_have_a_maximum(void **state)
{
    static char large[20000];
    struct ses_connector_headers headers = legacy_headers("stripe", "header-key");
    struct fixture f;

    (void)state;
    init(&f);
    memset(large, 'k', sizeof(large));
    headers.api_key = ses_slice(large, sizeof(large));
    assert_int_equal(resolve(&f, &headers), SES_INVALID_ARGUMENT);
    assert_refused(&f, "INVALID_METADATA", "x-api-key", NULL);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_legacy_form_is_converted), cmocka_unit_test(every_kind_demands_its_headers),
        cmocka_unit_test(legacy_headers_are_checked),     cmocka_unit_test(an_empty_legacy_value_is_accepted),
        cmocka_unit_test(a_newcomer_takes_every_kind),    cmocka_unit_test(headers_have_a_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
