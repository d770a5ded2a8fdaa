#include "connector_fixture.h"

#include <sessiond/base/random.h>
#include "credential_cache.h"

static const char config_a[] =
    "{\"config\":{\"Nuvei\":{\"merchant_id\":\"m\",\"merchant_site_id\":\"s\",\"merchant_secret\":"
    "\"secret-a\",\"base_url\":\"https://x\"}}}";
static const char config_b[] = "{\"config\":{\"Stripe\":{\"api_key\":\"secret-b\"}}}";

static void resolve(struct ses_credential_cache *cache, const struct ses_connector_headers *headers,
                    struct fixture *f, enum ses_status expected)
{
    f->credentials = (struct ses_credentials){0};
    assert_int_equal(ses_credentials_resolve(cache, SES_STR("0123456789abcdef"), headers, &f->arena,
                                             &f->credentials, &f->error),
                     expected);
}

static void a_hit_gives_the_same_in_the_callers_arena(void **state)
{
    const struct ses_connector_headers headers = {.connector_config = text(config_a)};
    struct ses_credential_cache *cache;
    struct fixture first, second;

    (void)state;
    fixture_init(&first, "stripe", "");
    fixture_init(&second, "stripe", "");
    assert_int_equal(ses_credential_cache_new(4, &cache), SES_OK);
    resolve(cache, &headers, &first, SES_OK);
    assert_int_equal(ses_lru_count(cache->lru), 1);
    fixture_done(&first);
    resolve(cache, &headers, &second, SES_OK);
    assert_int_equal(ses_lru_count(cache->lru), 1);
    ses_credential_cache_free(cache); /* what was handed out does not point into it */
    assert_string_equal(second.credentials.connector->name, "nuvei");
    assert_slice(ses_credential_get(&second.credentials, "merchant_id"), "m");
    assert_slice(ses_credential_get(&second.credentials, "merchant_site_id"), "s");
    assert_slice(ses_credential_get(&second.credentials, "merchant_secret"), "secret-a");
    assert_slice(second.credentials.base_url, "https://x");
    assert_int_equal(second.credentials.fields_count, 3);
    fixture_done(&second);
}

/* Its row is in no table: it lives with the copy. */
static void a_newcomers_row_goes_along(void **state)
{
    const struct ses_connector_headers headers = {
        .connector_config =
            text("{\"config\":{\"NewComer\":{\"api_key\":\"k\",\"base_url\":\"https://x\"}}}")};
    struct ses_credential_cache *cache;
    struct fixture first, second;

    (void)state;
    fixture_init(&first, "stripe", "");
    fixture_init(&second, "stripe", "");
    assert_int_equal(ses_credential_cache_new(4, &cache), SES_OK);
    resolve(cache, &headers, &first, SES_OK);
    assert_string_equal(first.credentials.connector->name, "new_comer");
    fixture_done(&first);
    resolve(cache, &headers, &second, SES_OK);
    assert_int_equal(ses_lru_count(cache->lru), 1);
    ses_credential_cache_free(cache);
    assert_string_equal(second.credentials.connector->name, "new_comer");
    assert_int_equal(second.credentials.connector->number, 0);
    assert_null(second.credentials.connector->ops);
    assert_slice(second.credentials.base_url, "https://x");
    fixture_done(&second);
}

#define VARIANTS 15

static void every_header_is_part_of_the_key(void **state)
{
    struct ses_connector_headers base = {.connector = text("noon"), .auth = text("no-key")};
    struct ses_connector_headers variants[VARIANTS];
    struct ses_credential_cache *cache;
    uint8_t keys[VARIANTS][SES_HASH_BYTES];

    (void)state;
    ses_random_init();
    assert_int_equal(ses_credential_cache_new(4, &cache), SES_OK);
    for (size_t i = 0; i < VARIANTS; i++)
        variants[i] = base;
    variants[1].connector = text("stripe");
    variants[2].connector_config = text("v");
    variants[3].connector_auth = text("v");
    variants[4].auth = text("v");
    variants[5].api_key = text("v");
    variants[6].key1 = text("v");
    variants[7].key2 = text("v");
    variants[8].api_secret = text("v");
    variants[9].auth_key_map = text("v");
    variants[10].key1_present = true;
    variants[11].key2_present = true;
    variants[12].api_key_present = true;
    variants[13].api_secret_present = true;
    variants[14].auth = text(""); /* the same value under another name */
    variants[14].key1 = text("no-key");
    for (size_t i = 0; i < VARIANTS; i++) {
        ses_credential_cache_key(cache, &variants[i], keys[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], SES_HASH_BYTES);
    }
    ses_credential_cache_free(cache);
}

/* A cached good header must not let a bad one pass. */
static void other_headers_beside_a_cached_one_are_checked(void **state)
{
    struct ses_connector_headers headers = {.connector_config = text(config_b)};
    struct ses_credential_cache *cache;
    struct fixture f;

    (void)state;
    fixture_init(&f, "stripe", "");
    assert_int_equal(ses_credential_cache_new(4, &cache), SES_OK);
    resolve(cache, &headers, &f, SES_OK);
    headers.connector = text("nuvei");
    resolve(cache, &headers, &f, SES_INVALID_ARGUMENT);
    assert_string_equal(ses_reason_name(f.error.reason), "CONNECTOR_CONTRADICTION");
    assert_int_equal(ses_lru_count(cache->lru), 1); /* failures are not kept */
    ses_credential_cache_free(cache);
    fixture_done(&f);
}

static bool cached(struct ses_credential_cache *cache, const struct ses_connector_headers *headers,
                   struct fixture *f)
{
    uint8_t key[SES_HASH_BYTES];

    ses_credential_cache_key(cache, headers, key);
    return ses_credential_cache_get(cache, key, &f->arena, &f->credentials) == SES_OK;
}

static void the_least_recently_used_goes_first(void **state)
{
    struct ses_connector_headers headers[4];
    char configs[4][64];
    struct ses_credential_cache *cache;
    struct fixture f;

    (void)state;
    fixture_init(&f, "stripe", "");
    assert_int_equal(ses_credential_cache_new(3, &cache), SES_OK);
    for (int i = 0; i < 4; i++) {
        (void)snprintf(configs[i], sizeof(configs[i]), "{\"config\":{\"Stripe\":{\"api_key\":\"k%d\"}}}", i);
        headers[i] = (struct ses_connector_headers){.connector_config = text(configs[i])};
    }
    for (int i = 0; i < 3; i++)
        resolve(cache, &headers[i], &f, SES_OK);
    resolve(cache, &headers[0], &f, SES_OK); /* 1 is the oldest now */
    resolve(cache, &headers[3], &f, SES_OK);
    assert_int_equal(ses_lru_count(cache->lru), 3);
    assert_false(cached(cache, &headers[1], &f));
    assert_true(cached(cache, &headers[0], &f));
    assert_true(cached(cache, &headers[2], &f));
    assert_true(cached(cache, &headers[3], &f));
    ses_credential_cache_free(cache);
    fixture_done(&f);
}

static void many_entries_stay_bounded(void **state)
{
    struct ses_credential_cache *cache;
    struct fixture f;

    (void)state;
    fixture_init(&f, "stripe", "");
    assert_int_equal(ses_credential_cache_new(16, &cache), SES_OK);
    for (int i = 0; i < 2000; i++) {
        char config[64];
        struct ses_connector_headers headers;
        char expected[16];

        (void)snprintf(config, sizeof(config), "{\"config\":{\"Stripe\":{\"api_key\":\"k%d\"}}}", i);
        (void)snprintf(expected, sizeof(expected), "k%d", i);
        headers = (struct ses_connector_headers){.connector_config = text(config)};
        resolve(cache, &headers, &f, SES_OK);
        assert_slice(ses_credential_get(&f.credentials, "api_key"), expected);
        ses_arena_reset(&f.arena);
    }
    assert_int_equal(ses_lru_count(cache->lru), 16);
    ses_credential_cache_free(cache);
    fixture_done(&f);
}

static void connectors_without_fields_are_cached_too(void **state)
{
    const struct ses_connector_headers headers = {.connector_config = text("{\"config\":{\"Noon\":{}}}")};
    struct ses_credential_cache *cache;
    struct fixture f;

    (void)state;
    fixture_init(&f, "stripe", "");
    assert_int_equal(ses_credential_cache_new(1, &cache), SES_OK);
    resolve(cache, &headers, &f, SES_OK);
    resolve(cache, &headers, &f, SES_OK);
    assert_string_equal(f.credentials.connector->name, "noon");
    assert_int_equal(f.credentials.fields_count, 0);
    ses_credential_cache_free(cache);
    ses_credential_cache_free(NULL);
    fixture_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hit_gives_the_same_in_the_callers_arena),
        cmocka_unit_test(a_newcomers_row_goes_along),
        cmocka_unit_test(every_header_is_part_of_the_key),
        cmocka_unit_test(other_headers_beside_a_cached_one_are_checked),
        cmocka_unit_test(the_least_recently_used_goes_first),
        cmocka_unit_test(many_entries_stay_bounded),
        cmocka_unit_test(connectors_without_fields_are_cached_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
