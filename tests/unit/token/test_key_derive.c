/* What is derived from a signing key: the values, computed by Python's hashlib, and which keys of a ring have it. */
#include "ring_fixture.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>

#include "ring.h"

/* hashlib.blake2b(b"sessiond token tag 1", key=bytes(range(32)), digest_size=32), and so on. */
static const char *const derived_hex[SES_DERIVED_COUNT] = {
    [SES_DERIVED_TAG] = "a68e4853815bda35cf70d0f7e16f344b6e1b3343ed476eb016351b2e9e55ee6a",
    [SES_DERIVED_LOCAL] = "fe4ea853cbb018ccc7f6526db3d8b071edbf65718801a85c37232406611e0aec",
};

static void keys_are_those_of_the_definition(void **state)
{
    uint8_t secret_key[SES_PASETO_SECRET_BYTES];
    char hex[SES_HEX_SIZE(SES_DERIVED_KEY_BYTES)];
    struct ses_secret keys;

    (void)state;
    /* The public half does not count. */
    for (size_t i = 0; i < sizeof(secret_key); i++)
        secret_key[i] = (uint8_t)(i < 32 ? i : 0xa5);
    assert_int_equal(ses_keys_derive(secret_key, &keys), SES_OK);
    for (size_t i = 0; i < SES_DERIVED_COUNT; i++) {
        (void)ses_hex_encode(
            ses_slice(ses_derived_key(&keys, (enum ses_derived_use)i), SES_DERIVED_KEY_BYTES), hex);
        assert_string_equal(hex, derived_hex[i]);
    }
    ses_secret_free(&keys);
}

static const struct ses_key *find(const struct ses_keyring *ring, const char *kid)
{
    const struct ses_key *key = ses_key_set_find(&ring->set[SES_KEY_TEST], ses_slice_str(kid));

    assert_non_null(key);
    return key;
}

static void set_state(struct fixture *f, const char *kid, enum ses_key_state state)
{
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(kid), state, &f->fault), SES_OK);
}

/* A key stays the same whatever becomes of it, in each process that loads it: what one worker has made by it, another
 * one checks. */
static void every_key_that_verifies_has_them(void **state)
{
    struct fixture *f = *state;
    char old_kid[SES_KID_SIZE];
    char active_kid[SES_KID_SIZE];
    char next_kid[SES_KID_SIZE];

    fixture_kid(f, SES_KEY_TEST, SES_KEY_ACTIVE, old_kid);
    struct ses_keyring *before = fixture_load(f);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, active_kid), SES_OK);
    set_state(f, active_kid, SES_KEY_ACTIVE);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, next_kid), SES_OK);
    struct ses_keyring *after = fixture_load(f);

    const struct ses_secret *was = &find(before, old_kid)->derived;
    const struct ses_secret *old = &find(after, old_kid)->derived;
    const struct ses_secret *active = &find(after, active_kid)->derived;
    assert_int_equal(find(after, old_kid)->state, SES_KEY_VERIFY_ONLY);
    assert_memory_equal(was->bytes, old->bytes, was->len);
    assert_memory_not_equal(old->bytes, active->bytes, old->len);
    assert_int_equal(find(after, next_kid)->derived.len, was->len);
    ses_keyring_free(before);
    ses_keyring_free(after);
}

static void a_revoked_key_has_none(void **state)
{
    struct fixture *f = *state;
    char kid[SES_KID_SIZE];

    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_TEST, &f->fault, kid), SES_OK);
    set_state(f, kid, SES_KEY_REVOKED);
    struct ses_keyring *ring = fixture_load(f);
    assert_int_equal(find(ring, kid)->derived.len, 0);
    ses_keyring_free(ring);
}

#define WITH_RING(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_those_of_the_definition),
        WITH_RING(every_key_that_verifies_has_them),
        WITH_RING(a_revoked_key_has_none),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
