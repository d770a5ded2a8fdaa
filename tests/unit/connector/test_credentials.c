#include "credential_fixture.h"

#include "credential_table.h"
#include "registry.h"

enum key_kind { KEY_SECRET, KEY_STRING, KEY_FLAG, KEY_LIST, KEY_MAP, KEY_KEPT };

struct key {
    char name[48];
    bool mandatory;
    enum key_kind kind;
};

#define KEYS_MAX 16

static size_t read_keys(const char *spec, struct key *ret_keys)
{
    size_t count = 0;

    for (const char *at = spec; *at != '\0'; count++) {
        size_t len = strcspn(at, " ");
        size_t name = strcspn(at, " ?[{");
        struct key *key = &ret_keys[count];

        assert_true(count < KEYS_MAX && name < sizeof(key->name));
        *key = (struct key){.mandatory = at[name] != '?'};
        memcpy(key->name, at, name);
        key->kind = at[name] == '[' ? KEY_LIST : at[name] == '{' ? KEY_MAP : KEY_SECRET;
        if (len == name + 2 && at[name] == '?')
            key->kind = at[name + 1] == 's' ? KEY_STRING : at[name + 1] == 'k' ? KEY_KEPT : KEY_FLAG;
        at += len + (at[len] == ' ');
    }
    return count;
}

enum change { CHANGE_NONE, CHANGE_ABSENT, CHANGE_NULL, CHANGE_NUMBER, CHANGE_VALUE_OBJECT };

static void write_value(char *json, size_t room, const struct key *key, enum change change)
{
    static const char *const usual[] = {"\"v-%s\"", "\"v-%s\"", "true", "[\"a\",\"b\"]",
                                        "{\"USD\":{\"api_key\":\"k\",\"processing_account_id\":\"p\"}}"};
    size_t len = strlen(json);

    (void)snprintf(json + len, room - len, "%s\"%s\":", json[len - 1] == '{' ? "" : ",", key->name);
    len = strlen(json);
    if (change == CHANGE_NULL)
        (void)snprintf(json + len, room - len, "null");
    else if (change == CHANGE_NUMBER)
        (void)snprintf(json + len, room - len, "7");
    else if (change == CHANGE_VALUE_OBJECT && key->kind == KEY_SECRET)
        (void)snprintf(json + len, room - len, "{\"value\":\"v-%s\"}", key->name);
    else if (key->kind == KEY_SECRET || key->kind == KEY_STRING || key->kind == KEY_KEPT)
        (void)snprintf(json + len, room - len, "\"v-%s\"", key->name);
    else
        (void)snprintf(json + len, room - len, "%s", usual[key->kind]);
}

/* {"<outer>":{"<variant>":{..}}} with one key changed; changed == count changes all. */
static const char *write_config(const struct sample *sample, const char *outer, bool optional, size_t changed,
                                enum change change)
{
    static char json[4096];
    struct key keys[KEYS_MAX];
    size_t count = read_keys(sample->keys, keys);

    (void)snprintf(json, sizeof(json), "{\"%s\":{\"%s\":{", outer, sample->variant);
    for (size_t i = 0; i < count; i++) {
        enum change now = i == changed || changed == count ? change : CHANGE_NONE;

        if (now != CHANGE_ABSENT && (keys[i].mandatory || optional || i == changed))
            write_value(json, sizeof(json), &keys[i], now);
    }
    (void)snprintf(json + strlen(json), sizeof(json) - strlen(json), "}}}");
    return json;
}

static enum ses_status resolve_config(struct fixture *f, const char *json)
{
    const struct ses_connector_headers headers = {.connector_config = text(json)};

    return resolve(f, &headers);
}

static void assert_all_found(const struct fixture *f, const struct sample *sample, bool optional)
{
    struct key keys[KEYS_MAX];
    size_t count = read_keys(sample->keys, keys);
    size_t secrets = 0;

    assert_string_equal(f->credentials.connector->name, sample->connector);
    for (size_t i = 0; i < count; i++) {
        char expected[64];

        (void)snprintf(expected, sizeof(expected), "v-%.47s", keys[i].name);
        if (keys[i].kind == KEY_MAP) {
            secrets++;
            assert_slice(ses_credential_get(&f->credentials, "api_key"), "k");
        }
        if ((keys[i].kind != KEY_SECRET && keys[i].kind != KEY_KEPT) || (!keys[i].mandatory && !optional))
            continue;
        secrets++;
        assert_slice(ses_credential_get(&f->credentials, keys[i].name), expected);
    }
    assert_int_equal(f->credentials.fields_count, secrets);
    assert_slice(f->credentials.base_url, optional ? "v-base_url" : "");
}

/* None of the table is left out here. */
static void every_row_has_its_sample(void **state)
{
    size_t rows = 0;

    (void)state;
    for (size_t i = 0; i < SES_CONNECTOR_ROWS; i++)
        rows += ses_credential_row(&ses_connector_table[i]) != NULL;
    assert_int_equal(samples_count, rows);
}

static void every_row_is_recognised(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < samples_count; i++) {
        assert_int_equal(resolve_config(&f, write_config(&samples[i], "config", true, KEYS_MAX, CHANGE_NONE)),
                         SES_OK);
        assert_all_found(&f, &samples[i], true);
        assert_int_equal(
            resolve_config(&f, write_config(&samples[i], "config", false, KEYS_MAX, CHANGE_NONE)), SES_OK);
        assert_all_found(&f, &samples[i], false);
    }
    fixture_done(&f);
}

static void every_secret_may_be_an_object(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < samples_count; i++) {
        struct key keys[KEYS_MAX];
        size_t all = read_keys(samples[i].keys, keys);

        assert_int_equal(
            resolve_config(&f, write_config(&samples[i], "config", true, all, CHANGE_VALUE_OBJECT)), SES_OK);
        assert_all_found(&f, &samples[i], true);
    }
    fixture_done(&f);
}

/* Absent and null are the same for a secret; a list or map must be there. */
static void every_mandatory_key_is_demanded(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < samples_count; i++) {
        struct key keys[KEYS_MAX];
        size_t count = read_keys(samples[i].keys, keys);

        for (size_t k = 0; k < count; k++) {
            const char *reason =
                keys[k].kind == KEY_SECRET ? "AUTH_CONVERSION_FAILED" : "INVALID_CONNECTOR_CONFIG_JSON";

            for (int change = CHANGE_ABSENT; change <= CHANGE_NULL; change++) {
                const char *json = write_config(&samples[i], "config", true, k, (enum change)change);

                if (!keys[k].mandatory) {
                    assert_int_equal(resolve_config(&f, json), SES_OK);
                    continue;
                }
                assert_int_equal(resolve_config(&f, json), SES_INVALID_ARGUMENT);
                assert_refused(&f, reason, "x-connector-config", keys[k].name);
            }
        }
    }
    fixture_done(&f);
}

static void every_key_has_a_type(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < samples_count; i++) {
        struct key keys[KEYS_MAX];
        size_t count = read_keys(samples[i].keys, keys);

        for (size_t k = 0; k < count; k++) {
            assert_int_equal(resolve_config(&f, write_config(&samples[i], "config", false, k, CHANGE_NUMBER)),
                             SES_INVALID_ARGUMENT);
            assert_refused(&f, "INVALID_CONNECTOR_CONFIG_JSON", "x-connector-config", keys[k].name);
        }
    }
    fixture_done(&f);
}

static void the_deprecated_twin_is_read(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < samples_count; i++) {
        for (int outer = 0; outer < 2; outer++) {
            const char *json =
                write_config(&samples[i], outer == 0 ? "auth_type" : "config", true, KEYS_MAX, CHANGE_NONE);
            const struct ses_connector_headers headers = {.connector_auth = text(json)};

            assert_int_equal(resolve(&f, &headers), SES_OK);
            assert_all_found(&f, &samples[i], true);
        }
    }
    fixture_done(&f);
}

static const struct {
    const char *config, *auth, *reason;
} malformed[] = {
    {"{", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"[]", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"7", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{}", NULL, "INVALID_CONNECTOR_CONFIG_FORMAT"},
    {"{\"config\":null}", NULL, "INVALID_CONNECTOR_CONFIG_FORMAT"},
    {"{\"config\":{}}", NULL, "INVALID_CONNECTOR_CONFIG_FORMAT"},
    {"{\"auth_type\":{\"Stripe\":{\"api_key\":\"k\"}}}", NULL, "INVALID_CONNECTOR_CONFIG_FORMAT"},
    {"{\"config\":[]}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":\"Stripe\"}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":null}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":\"k\"}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"stripe\":{\"api_key\":\"k\"}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"NoBODY\":{\"api_key\":\"k\"}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"No body\":{\"api_key\":\"k\"}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Nobody\":7}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Nobody\":{\"base_url\":7}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"k\"},\"Nmi\":{\"api_key\":\"k\"}}}", NULL,
     "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"k\",\"api_key\":\"l\"}}}", NULL,
     "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"k\"}},\"config\":{}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"k\"}}} x", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"k\\u0000\"}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":{\"value\":5}}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":{}}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"k\",\"x\":[[[[[[[[[[]]]]]]]]]]}}}", NULL,
     "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"\xc3\xa9\"}}}", NULL, "INVALID_CONNECTOR_CONFIG_HEADER"},
    {"{\"config\":{\"Stripe\":{\"api_key\":\"\x01\"}}}", NULL, "INVALID_CONNECTOR_CONFIG_HEADER"},
    {"{\"config\":{\"Screenstream\":{}}}", NULL, "UNSUPPORTED_CONNECTOR"},
    {"{\"config\":{\"Ebanx\":{\"api_key\":\"k\"}}}", NULL, "UNSUPPORTED_CONNECTOR"},
    {"{\"config\":{\"Globepay\":{}}}", NULL, "UNSUPPORTED_CONNECTOR"},
    {"{\"config\":{\"Coinbase\":{}}}", NULL, "UNSUPPORTED_CONNECTOR"},
    {"{\"config\":{\"Coingate\":{}}}", NULL, "UNSUPPORTED_CONNECTOR"},
    {"{\"config\":{\"Payload\":{\"auth_key_map\":{\"USD\":\"k\"}}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Payload\":{\"auth_key_map\":{\"USD\":{}}}}}", NULL, "AUTH_CONVERSION_FAILED"},
    {"{\"config\":{\"Payload\":{\"auth_key_map\":[]}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Aci\":{}}}", NULL, "AUTH_CONVERSION_FAILED"},
    {"{\"config\":{\"Checkout\":{}}}", NULL, "AUTH_CONVERSION_FAILED"},
    {"{\"config\":{\"Bambora\":[]}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {"{\"config\":{\"Bambora\":{\"base_url\":5}}}", NULL, "INVALID_CONNECTOR_CONFIG_JSON"},
    {NULL, "{", "INVALID_CONNECTOR_CONFIG_JSON"},
    {NULL, "{}", "INVALID_CONNECTOR_CONFIG_FORMAT"},
    {NULL, "{\"auth_type\":{\"Stripe\":{}},\"config\":{\"Stripe\":{}}}", "INVALID_CONNECTOR_CONFIG_JSON"},
    {NULL, "{\"auth_type\":{\"Stripe\":{}}}", "AUTH_CONVERSION_FAILED"},
    {NULL, "\x80", "INVALID_CONNECTOR_CONFIG_HEADER"},
};

static void malformed_configs_are_refused(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        const struct ses_connector_headers headers = {.connector_config = text(malformed[i].config),
                                                      .connector_auth = text(malformed[i].auth)};

        assert_int_equal(resolve(&f, &headers), SES_INVALID_ARGUMENT);
        assert_refused(&f, malformed[i].reason,
                       malformed[i].config != NULL ? "x-connector-config" : "x-connector-auth", NULL);
    }
    fixture_done(&f);
}

/* One key is wrong and another is missing: the platform's parser comes first. */
static void a_wrong_type_is_told_before_a_missing_key(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    assert_int_equal(resolve_config(&f, "{\"config\":{\"Nuvei\":{\"merchant_secret\":5}}}"),
                     SES_INVALID_ARGUMENT);
    assert_refused(&f, "INVALID_CONNECTOR_CONFIG_JSON", "x-connector-config", "merchant_secret");
    assert_int_equal(resolve_config(&f, "{\"config\":{\"Nuvei\":{\"merchant_site_id\":\"x\"}}}"),
                     SES_INVALID_ARGUMENT);
    assert_refused(&f, "AUTH_CONVERSION_FAILED", "x-connector-config", "merchant_id");
    fixture_done(&f);
}

static void other_variants_take_any_object(void **state)
{
    static const char *const names[] = {"Bambora", "Noon", "TwocTwopPaco", "Finix", "Sanlam", "Trustly"};
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char json[256];

        (void)snprintf(
            json, sizeof(json),
            "{\"config\":{\"%s\":{\"a\":\"b\",\"c\":true,\"d\":[\"e\"],\"f\":{\"g\":\"h\"},\"base_url\":"
            "\"https://x\"}},\"more\":1}",
            names[i]);
        assert_int_equal(resolve_config(&f, json), SES_OK);
        assert_string_equal(f.credentials.connector->variant, names[i]);
        assert_slice(f.credentials.base_url, "https://x");
        assert_int_equal(f.credentials.fields_count, 0);
    }
    fixture_done(&f);
}

static void a_newcomer_is_taken_by_its_name(void **state)
{
    struct fixture f;
    uint8_t digest[SES_CREDENTIALS_DIGEST_BYTES];

    (void)state;
    init(&f);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(
            resolve_config(&f, "{\"config\":{\"NewComer\":{\"api_key\":\"k\",\"base_url\":\"https://x\"}}}"),
            SES_OK);
        assert_string_equal(f.credentials.connector->name, "new_comer");
        assert_int_equal(f.credentials.connector->number, 0);
        assert_null(f.credentials.connector->ops);
        assert_slice(f.credentials.base_url, "https://x");
        if (round == 0)
            memcpy(digest, f.credentials.digest, sizeof(digest));
        assert_memory_equal(f.credentials.digest, digest, sizeof(digest));
    }
    assert_int_equal(resolve_config(&f, "{\"config\":{\"NewComer\":{\"api_key\":\"other\"}}}"), SES_OK);
    assert_memory_not_equal(f.credentials.digest, digest, sizeof(digest));
    fixture_done(&f);
}

static void unknown_keys_and_empty_secrets_are_accepted(void **state)
{
    struct fixture f;

    (void)state;
    init(&f);
    assert_int_equal(
        resolve_config(&f, "{\"config\":{\"Stripe\":{\"api_key\":\"\",\"x\":{\"y\":[1]}}},\"z\":2}"), SES_OK);
    assert_int_equal(f.credentials.fields_count, 1);
    assert_slice(ses_credential_get(&f.credentials, "api_key"), "");
    assert_slice(ses_credential_get(&f.credentials, "x"), "");
    fixture_done(&f);
}

static void a_contradiction_is_refused(void **state)
{
    static const char config[] = "{\"config\":{\"Stripe\":{\"api_key\":\"k\"}}}";
    static const char auth[] = "{\"auth_type\":{\"Stripe\":{\"api_key\":\"k\"}}}";
    static const struct {
        const char *connector;
        enum ses_status status;
    } cases[] = {{"stripe", SES_OK},
                 {NULL, SES_OK},
                 {"nuvei", SES_INVALID_ARGUMENT},
                 {"Stripe", SES_INVALID_ARGUMENT},
                 {"nobody", SES_INVALID_ARGUMENT}};
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct ses_connector_headers by_config = {.connector = text(cases[i].connector),
                                                        .connector_config = text(config)};
        const struct ses_connector_headers by_auth = {.connector = text(cases[i].connector),
                                                      .connector_auth = text(auth)};

        assert_int_equal(resolve(&f, &by_config), cases[i].status);
        if (cases[i].status != SES_OK)
            assert_refused(&f, "CONNECTOR_CONTRADICTION", "x-connector", NULL);
        assert_int_equal(resolve(&f, &by_auth), cases[i].status);
    }
    fixture_done(&f);
}

/* x-connector-config wins over all, then x-connector-auth; what they hide is not even looked at. */
static void the_first_header_decides(void **state)
{
    struct ses_connector_headers headers = {
        .connector = text("stripe"),
        .connector_config = text("{\"config\":{\"Stripe\":{\"api_key\":\"from-config\"}}}"),
        .connector_auth = text("rubbish"),
        .auth = text("rubbish"),
    };
    struct fixture f;

    (void)state;
    init(&f);
    assert_int_equal(resolve(&f, &headers), SES_OK);
    assert_slice(ses_credential_get(&f.credentials, "api_key"), "from-config");
    headers.connector_config = SES_SLICE_EMPTY;
    headers.connector_auth = text("{\"auth_type\":{\"Stripe\":{\"api_key\":\"from-auth\"}}}");
    assert_int_equal(resolve(&f, &headers), SES_OK);
    assert_slice(ses_credential_get(&f.credentials, "api_key"), "from-auth");
    headers.connector_auth = SES_SLICE_EMPTY;
    headers.auth = text("header-key");
    headers.api_key = text("from-header");
    headers.api_key_present = true;
    assert_int_equal(resolve(&f, &headers), SES_OK);
    assert_slice(ses_credential_get(&f.credentials, "api_key"), "from-header");
    fixture_done(&f);
}

static void headers_have_a_maximum(void **state)
{
    static const char config[] = "{\"config\":{\"Stripe\":{\"api_key\":\"k\"}}}";
    static char large[20000];
    struct ses_connector_headers headers = {.connector_config = {(const uint8_t *)large, sizeof(large)}};
    struct fixture f;

    (void)state;
    init(&f);
    memset(large, ' ', sizeof(large));
    memcpy(large, config, sizeof(config) - 1);
    assert_int_equal(resolve(&f, &headers), SES_INVALID_ARGUMENT);
    assert_refused(&f, "INVALID_CONNECTOR_CONFIG_HEADER", "x-connector-config", NULL);
    headers.connector_config.len = 16384;
    assert_int_equal(resolve(&f, &headers), SES_OK);
    fixture_done(&f);
}

/* No message or metadata may carry what the caller sent as a secret. */
static void errors_never_show_values(void **state)
{
    static const char *const configs[] = {
        "{\"config\":{\"Nuvei\":{\"merchant_id\":\"CANARY\"}}}",
        "{\"config\":{\"CANARY\":{\"api_key\":\"CANARY\"}}}",
        "{\"CANARY\":\"CANARY\"}",
        "CANARY",
    };
    struct fixture f;

    (void)state;
    init(&f);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(resolve_config(&f, configs[i]), SES_INVALID_ARGUMENT);
        assert_null(strstr(ses_arena_str(&f.arena, f.error.message), "CANARY"));
        for (size_t m = 0; m < f.error.metadata_count; m++)
            assert_null(strstr(ses_arena_str(&f.arena, f.error.metadata[m].value), "CANARY"));
    }
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_has_its_sample),
        cmocka_unit_test(every_row_is_recognised),
        cmocka_unit_test(every_secret_may_be_an_object),
        cmocka_unit_test(every_mandatory_key_is_demanded),
        cmocka_unit_test(every_key_has_a_type),
        cmocka_unit_test(the_deprecated_twin_is_read),
        cmocka_unit_test(malformed_configs_are_refused),
        cmocka_unit_test(a_wrong_type_is_told_before_a_missing_key),
        cmocka_unit_test(other_variants_take_any_object),
        cmocka_unit_test(a_newcomer_is_taken_by_its_name),
        cmocka_unit_test(unknown_keys_and_empty_secrets_are_accepted),
        cmocka_unit_test(a_contradiction_is_refused),
        cmocka_unit_test(the_first_header_decides),
        cmocka_unit_test(headers_have_a_maximum),
        cmocka_unit_test(errors_never_show_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
