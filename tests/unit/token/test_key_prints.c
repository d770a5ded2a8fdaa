/* What machines may know of each other's keys: equal where the keys are, in every state, and nothing of the secret. */
#include "ring_fixture.h"

#include <sessiond/base/hash.h>

static size_t print(struct fixture *f, struct ses_key_print ret_prints[SES_KEYRING_PRINTS_MAX])
{
    size_t count = 0;

    if (ses_keyring_print(f->dir, &f->fault, ret_prints, &count) != SES_OK)
        fail_msg("%s", f->fault.text);
    return count;
}

static const struct ses_key_print *find(const struct ses_key_print *prints, size_t count,
                                        enum ses_key_print_kind kind, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (prints[i].kind == kind && (id == NULL || strcmp(prints[i].id, id) == 0))
            return &prints[i];
    }
    fail_msg("no print of kind %d, id %s", kind, id == NULL ? "any" : id);
    return NULL;
}

static void complete(struct fixture *f)
{
    struct ses_secret secret;
    char path[512];

    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_SEAL, &f->fault), SES_OK);
    assert_int_equal(ses_seal_ring_init(f->dir, SES_KEY_STEP, &f->fault), SES_OK);
    (void)snprintf(path, sizeof(path), "%s/natural.key", f->dir);
    assert_int_equal(ses_secret_file_open(path, true, &secret, &f->fault), SES_OK);
    ses_secret_free(&secret);
}

static void test_each_kind_is_there_and_used(void **state)
{
    struct fixture *f = *state;
    struct ses_key_print prints[SES_KEYRING_PRINTS_MAX];
    size_t count;

    complete(f);
    count = print(f, prints);
    assert_int_equal(count, 5);
    for (int kind = 0; kind < SES_KEY_PRINT_KIND_COUNT; kind++)
        assert_int_equal(find(prints, count, (enum ses_key_print_kind)kind, NULL)->use, SES_KEY_PRINT_USES);
    assert_string_equal(find(prints, count, SES_KEY_PRINT_NATURAL, NULL)->id, "natural");
    assert_string_equal(find(prints, count, SES_KEY_PRINT_SEAL, NULL)->id, "seal-1");
}

static void test_states(void **state)
{
    struct fixture *f = *state;
    struct ses_key_print prints[SES_KEYRING_PRINTS_MAX];
    struct ses_key_print before;
    char seal[SES_KID_SIZE];
    char live[SES_KID_SIZE];
    char old[SES_KID_SIZE];
    size_t count;

    complete(f);
    fixture_kid(f, SES_KEY_LIVE, SES_KEY_ACTIVE, old);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_SEAL, &f->fault, seal), SES_OK);
    assert_int_equal(ses_keyring_generate(f->dir, SES_KEY_LIVE, &f->fault, live), SES_OK);
    count = print(f, prints);
    before = *find(prints, count, SES_KEY_PRINT_SEAL, seal);
    assert_int_equal(before.use, SES_KEY_PRINT_NEXT);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(seal), SES_KEY_ACTIVE, &f->fault), SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(live), SES_KEY_ACTIVE, &f->fault), SES_OK);
    assert_int_equal(ses_keyring_set_state(f->dir, ses_slice_str(old), SES_KEY_REVOKED, &f->fault), SES_OK);
    count = print(f, prints);
    assert_int_equal(find(prints, count, SES_KEY_PRINT_SEAL, seal)->use, SES_KEY_PRINT_USES);
    assert_int_equal(find(prints, count, SES_KEY_PRINT_SEAL, "seal-1")->use, SES_KEY_PRINT_USED);
    assert_int_equal(find(prints, count, SES_KEY_PRINT_LIVE, live)->use, SES_KEY_PRINT_USES);
    assert_int_equal(find(prints, count, SES_KEY_PRINT_LIVE, old)->use, SES_KEY_PRINT_OVER);
    /* The state is not part of it. */
    assert_memory_equal(find(prints, count, SES_KEY_PRINT_SEAL, seal)->print, before.print,
                        SES_KEY_PRINT_BYTES);
}

/* One bit of the secret, the id, the kind: each makes another print; and it is no plain hash of the secret, which would
 * be equal to somebody else's hash of the same secret. */
static void test_print_depends_on_all(void **state)
{
    uint8_t secret[32] = {7};
    uint8_t plain[SES_HASH_BYTES];
    struct ses_key_print a;
    struct ses_key_print b;

    (void)state;
    ses_key_print_make(SES_KEY_PRINT_SEAL, SES_KEY_PRINT_USES, "seal-2", ses_slice(secret, 32), &a);
    ses_key_print_make(SES_KEY_PRINT_SEAL, SES_KEY_PRINT_NEXT, "seal-2", ses_slice(secret, 32), &b);
    assert_memory_equal(a.print, b.print, SES_KEY_PRINT_BYTES);
    ses_key_print_make(SES_KEY_PRINT_SEAL, SES_KEY_PRINT_USES, "seal-3", ses_slice(secret, 32), &b);
    assert_memory_not_equal(a.print, b.print, SES_KEY_PRINT_BYTES);
    ses_key_print_make(SES_KEY_PRINT_STEP, SES_KEY_PRINT_USES, "seal-2", ses_slice(secret, 32), &b);
    assert_memory_not_equal(a.print, b.print, SES_KEY_PRINT_BYTES);
    ses_hash(SES_SLICE_EMPTY, ses_slice(secret, 32), plain);
    assert_memory_not_equal(a.print, plain, SES_KEY_PRINT_BYTES);
    secret[31] = 1;
    ses_key_print_make(SES_KEY_PRINT_SEAL, SES_KEY_PRINT_USES, "seal-2", ses_slice(secret, 32), &b);
    assert_memory_not_equal(a.print, b.print, SES_KEY_PRINT_BYTES);
}

/* Machines of all versions compare them: one that was made is made the same for ever. */
static void test_known_print(void **state)
{
    static const uint8_t expected[SES_KEY_PRINT_BYTES] = {0x03, 0x82, 0x8c, 0x1d, 0x87, 0xfc, 0xcd, 0x9c,
                                                          0x43, 0xb1, 0xed, 0xf6, 0xd3, 0xb3, 0x5e, 0x56};
    uint8_t secret[32];
    struct ses_key_print a;

    (void)state;
    for (size_t i = 0; i < sizeof(secret); i++)
        secret[i] = (uint8_t)i;
    ses_key_print_make(SES_KEY_PRINT_SEAL, SES_KEY_PRINT_USES, "seal-1", ses_slice(secret, 32), &a);
    assert_memory_equal(a.print, expected, sizeof(expected));
}

static void test_missing_natural_key_is_named(void **state)
{
    struct fixture *f = *state;
    struct ses_key_print prints[SES_KEYRING_PRINTS_MAX];
    size_t count = 0;

    assert_int_equal(ses_keyring_print(f->dir, &f->fault, prints, &count), SES_NOT_FOUND);
    assert_non_null(strstr(f->fault.text, "natural.key"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_each_kind_is_there_and_used, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_states, fixture_setup, fixture_teardown),
        cmocka_unit_test(test_print_depends_on_all),
        cmocka_unit_test(test_known_print),
        cmocka_unit_test_setup_teardown(test_missing_natural_key_is_named, fixture_setup, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
