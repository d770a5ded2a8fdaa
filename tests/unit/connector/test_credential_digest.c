#include "connector_fixture.h"

#include <malloc.h>

#include <sessiond/base/random.h>
#include "credential_cache.h"
#include "credential_draft.h"
#include "json.h"

#define KEY SES_STR("0123456789abcdef")

/* What two calls bring: equal in meaning or not. Each is a list of headers "name: value" on one line. */
struct spelling {
    const char *connector, *config, *auth_config, *kind, *api_key, *key1, *api_secret, *key2, *map;
};

static void digest_of(const struct spelling *s, struct ses_credential_cache *cache,
                      uint8_t ret_digest[SES_CREDENTIALS_DIGEST_BYTES])
{
    const struct ses_connector_headers headers = {
        .connector = text(s->connector),
        .connector_config = text(s->config),
        .connector_auth = text(s->auth_config),
        .auth = text(s->kind),
        .api_key = text(s->api_key),
        .key1 = text(s->key1),
        .api_secret = text(s->api_secret),
        .key2 = text(s->key2),
        .auth_key_map = text(s->map),
        .api_key_present = s->api_key != NULL,
        .key1_present = s->key1 != NULL,
        .api_secret_present = s->api_secret != NULL,
        .key2_present = s->key2 != NULL,
    };
    struct fixture f;

    fixture_init(&f, "stripe", "");
    if (ses_credentials_resolve(cache, KEY, &headers, &f.arena, &f.credentials, &f.error) != SES_OK)
        fail_msg("%.*s", SES_FMT(f.error.message));
    memcpy(ret_digest, f.credentials.digest, SES_CREDENTIALS_DIGEST_BYTES);
    fixture_done(&f);
}

static bool same(const struct spelling *a, const struct spelling *b)
{
    uint8_t one[SES_CREDENTIALS_DIGEST_BYTES], two[SES_CREDENTIALS_DIGEST_BYTES];

    digest_of(a, NULL, one);
    digest_of(b, NULL, two);
    return memcmp(one, two, sizeof(one)) == 0;
}

static const struct spelling stripe = {.config = "{\"config\":{\"Stripe\":{\"api_key\":\"sk\"}}}"};

static void other_spellings_are_the_same(void **state)
{
    static const struct spelling spellings[] = {
        {.config = " { \"config\" : { \"Stripe\" : { \"api_key\" : \"sk\" } } } "},
        {.config = "{\"config\":{\"Stripe\":{\"api_key\":{\"value\":\"sk\"}}}}"},
        {.config = "{\"config\":{\"Stripe\":{\"base_url\":null,\"api_key\":\"s\\u006b\"}}}"},
        {.connector = "stripe", .config = "{\"config\":{\"Stripe\":{\"api_key\":\"sk\",\"unknown\":1}}}"},
        {.auth_config = "{\"auth_type\":{\"Stripe\":{\"api_key\":\"sk\"}}}"},
        {.auth_config = "{\"config\":{\"Stripe\":{\"api_key\":\"sk\"}}}"},
        {.connector = "stripe", .kind = "header-key", .api_key = "sk"},
        {.connector = "stripe", .kind = "header-key", .api_key = "sk", .key1 = "not asked for"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
        if (!same(&stripe, &spellings[i]))
            fail_msg("spelling %zu counts as other credentials", i);
    }
}

static void other_keys_are_other_credentials(void **state)
{
    static const struct spelling others[] = {
        {.config = "{\"config\":{\"Stripe\":{\"api_key\":\"sk2\"}}}"},
        {.config = "{\"config\":{\"Stripe\":{\"api_key\":\"\"}}}"},
        {.auth_config = "{\"auth_type\":{\"Stripe\":{\"api_key\":\"SK\"}}}"},
        {.connector = "stripe", .kind = "header-key", .api_key = "sk "},
        {.connector = "stripe", .kind = "header-key", .api_key = ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(same(&stripe, &others[i]));
}

/* Every secret counts, the optional ones too, and each at its own place. */
static void every_secret_counts(void **state)
{
    static const struct spelling adyen = {
        .config = "{\"config\":{\"Adyen\":{\"merchant_account\":\"m\",\"api_key\":\"k\"}}}"};
    static const struct spelling legacy = {
        .connector = "adyen", .kind = "body-key", .api_key = "k", .key1 = "m"};
    static const struct spelling swapped = {
        .connector = "adyen", .kind = "body-key", .api_key = "m", .key1 = "k"};
    static const struct spelling more = {
        .connector = "adyen", .kind = "signature-key", .api_key = "k", .key1 = "m", .api_secret = "r"};
    static const struct spelling empty = {
        .connector = "adyen", .kind = "signature-key", .api_key = "k", .key1 = "m", .api_secret = ""};

    (void)state;
    assert_true(same(&adyen, &legacy));
    assert_true(same(&adyen, &empty));
    assert_false(same(&adyen, &swapped));
    assert_false(same(&adyen, &more));
}

/* Keys that the table does not know count as they come. */
static void connectors_without_a_row(void **state)
{
    static const struct spelling config = {.config = "{\"config\":{\"Noon\":{\"key1\":\"b\",\"api_key\":{"
                                                     "\"value\":\"a\"},\"list\":[1,\"x\"],\"no\":null}}}"};
    static const struct spelling again = {
        .config = "{\"config\":{\"Noon\":{\"list\":[1, "
                  "\"x\"],\"api_key\":\"a\",\"key1\":\"b\",\"base_url\":\"https://x\"}}}"};
    static const struct spelling other = {
        .config = "{\"config\":{\"Noon\":{\"key1\":\"b\",\"api_key\":\"c\",\"list\":[1,\"x\"]}}}"};
    static const struct spelling list = {
        .config = "{\"config\":{\"Noon\":{\"key1\":\"b\",\"api_key\":\"a\",\"list\":[\"x\",1]}}}"};
    static const struct spelling plain = {.config =
                                              "{\"config\":{\"Noon\":{\"key1\":\"b\",\"api_key\":\"a\"}}}"};
    static const struct spelling legacy = {
        .connector = "noon", .kind = "body-key", .api_key = "a", .key1 = "b"};
    static const struct spelling legacy_other = {
        .connector = "noon", .kind = "body-key", .api_key = "a", .key1 = "c"};
    static const struct spelling none = {.connector = "noon", .kind = "no-key", .api_key = "a"};

    (void)state;
    assert_true(same(&config, &again));
    assert_false(same(&config, &other));
    assert_false(same(&config, &list));
    assert_false(same(&config, &plain));
    assert_true(same(&plain, &legacy));
    assert_false(same(&legacy, &legacy_other));
    assert_false(same(&legacy, &none));
}

static void keys_by_currency(void **state)
{
    static const struct spelling config = {.config = "{\"config\":{\"Payload\":{\"auth_key_map\":{\"USD\":{"
                                                     "\"api_key\":\"u\"},\"EUR\":{\"api_key\":\"e\"}}}}}"};
    static const struct spelling legacy = {.connector = "payload",
                                           .kind = "currency-auth-key",
                                           .map = "{\"EUR\":{\"api_key\":{\"value\":\"e\"},\"processing_"
                                                  "account_id\":null},\"USD\":{\"api_key\":\"u\"}}"};
    static const struct spelling other = {
        .connector = "payload",
        .kind = "currency-auth-key",
        .map = "{\"EUR\":{\"api_key\":\"e\"},\"USD\":{\"api_key\":\"stolen\"}}"};

    (void)state;
    assert_true(same(&config, &legacy));
    assert_false(same(&config, &other));
}

static void the_cache_keeps_it_and_the_key_matters(void **state)
{
    uint8_t fresh[SES_CREDENTIALS_DIGEST_BYTES], cached[SES_CREDENTIALS_DIGEST_BYTES];
    const struct ses_connector_headers headers = {.connector_config = text(stripe.config)};
    struct ses_credential_cache *cache;
    struct fixture f;

    (void)state;
    ses_random_init();
    assert_int_equal(ses_credential_cache_new(4, &cache), SES_OK);
    digest_of(&stripe, cache, fresh);
    digest_of(&stripe, cache, cached);
    assert_int_equal(ses_lru_count(cache->lru), 1);
    assert_memory_equal(fresh, cached, sizeof(fresh));
    ses_credential_cache_free(cache);
    fixture_init(&f, "stripe", "");
    assert_int_equal(ses_credentials_resolve(NULL, SES_STR("another key, 16."), &headers, &f.arena,
                                             &f.credentials, &f.error),
                     SES_OK);
    assert_memory_not_equal(fresh, f.credentials.digest, sizeof(fresh));
    fixture_done(&f);
}

#define SECRET "sk_0123456789abcdef"

/* A value's head and its text have at most so much. What jansson does when memory ends between the two is
 * its own affair: what is asked here are the places where a whole value is handed over. */
#define VALUE_BYTES_MAX 40

static unsigned hand_overs_left;
static unsigned freed_secrets;

static void *failing_malloc(size_t bytes)
{
    if (bytes > VALUE_BYTES_MAX && hand_overs_left-- == 0) {
        hand_overs_left = 0;
        return NULL;
    }
    return malloc(bytes);
}

static void watching_free(void *block)
{
    if (block != NULL && memmem(block, malloc_usable_size(block), SECRET, strlen(SECRET)) != NULL)
        freed_secrets++;
    free(block);
}

/* Wherever memory ends, what was copied until then is wiped before it is given back. */
static void without_memory_no_secret_is_left(void **state)
{
    static const char config[] = "{\"a\":{\"value\":\"" SECRET "\"},\"b\":[1,2,3,4,5,6,7,8,\"" SECRET
                                 "\",[\"" SECRET "\"]],\"c\":{\"d\":\"" SECRET "\"}}";
    struct ses_credential_draft draft;
    json_t *parsed;
    unsigned n = 0;

    (void)state;
    assert_ok(ses_json_parse(text(config), SES_JSON_CONFIG_DEPTH_MAX, &parsed));
    json_set_alloc_funcs(failing_malloc, watching_free);
    do {
        draft = (struct ses_credential_draft){0};
        hand_overs_left = n++;
        ses_credential_mean_json(&draft, "config", parsed);
        ses_credential_mean_text(&draft, "key", text(SECRET));
        ses_json_wipe(draft.meaning);
        assert_int_equal(freed_secrets, 0);
    } while (draft.no_memory);
    assert_true(n > 10);
    json_set_alloc_funcs(malloc, free);
    ses_json_wipe(parsed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_spellings_are_the_same),
        cmocka_unit_test(other_keys_are_other_credentials),
        cmocka_unit_test(every_secret_counts),
        cmocka_unit_test(connectors_without_a_row),
        cmocka_unit_test(keys_by_currency),
        cmocka_unit_test(the_cache_keeps_it_and_the_key_matters),
        cmocka_unit_test(without_memory_no_secret_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
