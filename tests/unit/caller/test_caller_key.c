/* The form of a key, and what the file keeps of it. */
#include "unit.h"

#include <sessiond/base/random.h>
#include <sessiond/caller/caller_key.h>

static struct ses_secret make_secret(uint8_t byte)
{
    struct ses_secret secret;

    assert_ok(ses_secret_new(32, &secret));
    memset(secret.bytes, byte, secret.len);
    return secret;
}

static void a_key_is_recognised_by_its_form(void **state)
{
    char one[SES_CALLER_KEY_SIZE];
    char other[SES_CALLER_KEY_SIZE];
    char digits[SES_CALLER_KEY_ID_LEN + 1];
    uint64_t id = 0;

    (void)state;
    ses_caller_key_make(one);
    ses_caller_key_make(other);
    assert_int_equal(strlen(one), SES_CALLER_KEY_LEN);
    assert_string_not_equal(one, other);
    assert_true(ses_caller_key_is_one(ses_slice_str(one)));
    assert_ok(ses_caller_key_parse(ses_slice_str(one), &id));
    ses_caller_key_id_text(id, digits);
    assert_memory_equal(digits, one + strlen(SES_CALLER_KEY_PREFIX), SES_CALLER_KEY_ID_LEN);
}

/* What has the prefix is meant as a key even if it is none: it must not reach a connector. */
static void other_texts_are_none(void **state)
{
    static const char *const texts[] = {
        "",
        "sk_test_x",
        "sesskey_",
        "sesskey_0123456789abcde_0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoTEE",
        "sesskey_0123456789ABCDEF_0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoTE",
        "sesskey_0123456789abcdeg_0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoTE",
        "sesskey_0123456789abcdef-0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoTE",
        "sesskey_0123456789abcdef_0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoT",
        "sesskey_0123456789abcdef_0Jc3V5m8Qe1wJt2yqk7bVn4x9sPz6LhRaUfGdYiOoTEx",
    };
    uint64_t id = 7;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(ses_caller_key_parse(ses_slice_str(texts[i]), &id), SES_MALFORMED);
    assert_int_equal(id, 7);
    assert_false(ses_caller_key_is_one(SES_STR("sk_test_x")));
    assert_true(ses_caller_key_is_one(SES_STR("sesskey_")));
}

static void the_hash_is_keyed(void **state)
{
    struct ses_secret one = make_secret(1);
    struct ses_secret two = make_secret(2);
    uint8_t hash_one[SES_HASH_BYTES];
    uint8_t hash_two[SES_HASH_BYTES];
    char name_one[SES_CALLER_KEYED_BY_SIZE];
    char name_two[SES_CALLER_KEYED_BY_SIZE];

    (void)state;
    ses_caller_key_hash(&one, SES_STR("sesskey_a"), hash_one);
    ses_caller_key_hash(&two, SES_STR("sesskey_a"), hash_two);
    assert_memory_not_equal(hash_one, hash_two, SES_HASH_BYTES);
    ses_caller_key_hash(&one, SES_STR("sesskey_b"), hash_two);
    assert_memory_not_equal(hash_one, hash_two, SES_HASH_BYTES);
    ses_caller_keyed_by(&one, name_one);
    ses_caller_keyed_by(&two, name_two);
    assert_string_not_equal(name_one, name_two);
    assert_int_equal(strlen(name_one), SES_CALLER_KEYED_BY_LEN);
    ses_secret_free(&one);
    ses_secret_free(&two);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_recognised_by_its_form),
        cmocka_unit_test(other_texts_are_none),
        cmocka_unit_test(the_hash_is_keyed),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
