/* Step handles: back and forth, size, alphabet, and every way of not being ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sessiond/base/random.h>
#include <sessiond/token/token.h>

static struct ses_secret key;

static int setup(void **state)
{
    (void)state;
    ses_random_init();
    if (ses_secret_new(SES_STEP_KEY_BYTES, &key) != SES_OK)
        return -1;
    memset(key.bytes, 7, key.len);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_secret_free(&key);
    return 0;
}

static struct ses_step_claims sample(void)
{
    struct ses_step_claims claims = {.expires_ms = UINT64_C(1800000000000), .test = true};

    memset(claims.key, 1, sizeof(claims.key));
    memset(claims.session_id, 2, sizeof(claims.session_id));
    memset(claims.step_id, 3, sizeof(claims.step_id));
    return claims;
}

static size_t seal(const struct ses_step_claims *claims, char text[SES_STEP_HANDLE_SIZE_MAX])
{
    size_t len = 0;

    assert_int_equal(ses_step_seal(&key, claims, text, &len), SES_OK);
    return len;
}

static void test_back_and_forth(void **state)
{
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];

    (void)state;
    for (int live = 0; live < 2; live++) {
        claims.test = live == 0;
        size_t len = seal(&claims, text);
        assert_int_equal(ses_step_open(&key, ses_slice(text, len), &again), SES_OK);
        assert_memory_equal(again.key, claims.key, sizeof(claims.key));
        assert_memory_equal(again.session_id, claims.session_id, sizeof(claims.session_id));
        assert_memory_equal(again.step_id, claims.step_id, sizeof(claims.step_id));
        assert_int_equal(again.expires_ms, claims.expires_ms);
        assert_int_equal(again.test, claims.test);
    }
}

static void test_part_of_a_second_is_rounded_up(void **state)
{
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];

    (void)state;
    claims.expires_ms += 1;
    size_t len = seal(&claims, text);
    assert_int_equal(ses_step_open(&key, ses_slice(text, len), &again), SES_OK);
    assert_int_equal(again.expires_ms, UINT64_C(1800000001000));
}

static void test_fits_where_banks_carry_it(void **state)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    struct ses_step_claims claims = sample();
    char text[SES_STEP_HANDLE_SIZE_MAX];
    char other[SES_STEP_HANDLE_SIZE_MAX];

    (void)state;
    size_t len = seal(&claims, text);
    assert_int_equal(len,
                     150); /* with "https://pay.example/r/" 172, with a public_url of 64 characters 217 */
    for (size_t i = 0; i < len; i++)
        assert_non_null(memchr(alphabet, text[i], sizeof(alphabet) - 1));
    assert_int_equal(seal(&claims, other), len);
    assert_memory_not_equal(text, other, len); /* same claims, another text */
}

static void test_every_altered_character_is_refused(void **state)
{
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];

    (void)state;
    size_t len = seal(&claims, text);
    for (size_t i = 0; i < len; i++) {
        char kept = text[i];

        text[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ses_step_open(&key, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
        text[i] = kept;
    }
    for (size_t cut = 0; cut < len; cut += 7)
        assert_int_equal(ses_step_open(&key, ses_slice(text, cut), &again), SES_UNAUTHENTICATED);
    assert_int_equal(ses_step_open(&key, ses_slice(text, len), &again), SES_OK);
}

static void test_another_key(void **state)
{
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];

    (void)state;
    size_t len = seal(&claims, text);
    key.bytes[0] ^= 1;
    assert_int_equal(ses_step_open(&key, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
    key.bytes[0] ^= 1;
}

/* What is under way when a server is replaced still ends in the shop. */
static void test_handles_of_the_version_before(void **state)
{
    static const char *const handles[] = {
        "v4.local.UcZ7BwccVQk2Uj108pOFLnTb2wHViXIbUZZjqEkdPxxq565EzcWYqyeT39aCTVj0_t7ALzxKCWERnN_2i"
        "P3NeFJ0huMnmV6hRmHEXstXZwPGIrEhSn7vgF5vDSNIG5FMzCrzvbb5MUYZ79MCTJCOloTV15noLg4mx0tHng1JJeh"
        "B12FMc8JG-rUlF3Rco63SVoCKOhLs7IHrd4LK9zp3CdvqUWWy8lD3vNeAzM7V6fMNhipnWdeGIw7nfOBm0u1gbalmw"
        "pYbHSHG0jpaiP_6h1cgRV2_cR1cUrETipo7SeTXq16CpJIJoJTiV_jWIwk0",
        "v4.local.kT3VPvKel1Fzxz0le8X8msvk5rUaE5QqPVZzYMb_w9x7ig1yaKpvLsGKmzGietpsOoHxLJqsKDgUYb2T2"
        "uOTwoAeVcHS1JY8BmMVCYs4blhOhZ61NsnZsckmTV2OdXsTcSKqKlz0sds4y2t7oaK2groUDwcVlpVXUn1ZajnAwjo"
        "OfmRSkddnCDGTEju59JT_IZEeYSETmXvtcz9IQ5lmUkI_luz2q6FI8YKTkz-f9ECghmJ4qPWkbEYEg2ifDoyfu_Wdg"
        "NxIZDYLcyRPZeeZAKXD9w8jmVY72qeNp7JhLrnR-Ve4kpESWRp5TuBHJAfJKg",
    };
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;

    (void)state;
    for (int live = 0; live < 2; live++) {
        struct ses_slice handle = ses_slice_str(handles[live]);

        assert_int_equal(ses_step_open(&key, handle, &again), SES_OK);
        assert_memory_equal(again.key, claims.key, sizeof(claims.key));
        assert_memory_equal(again.session_id, claims.session_id, sizeof(claims.session_id));
        assert_memory_equal(again.step_id, claims.step_id, sizeof(claims.step_id));
        assert_int_equal(again.expires_ms, claims.expires_ms);
        assert_int_equal(again.test, live == 0);
        assert_int_equal(ses_step_open(&key, ses_slice_cut(handle, 0, handle.len - 1), &again),
                         SES_UNAUTHENTICATED);
    }
}

static void test_oversize_is_not_read(void **state)
{
    static char text[8 * SES_STEP_HANDLE_SIZE_MAX];
    struct ses_step_claims again;

    (void)state;
    memset(text, 'A', sizeof(text));
    memcpy(text, "v4.local.", 9);
    assert_int_equal(ses_step_open(&key, ses_slice(text, sizeof(text)), &again), SES_UNAUTHENTICATED);
    assert_int_equal(ses_step_open(&key, ses_slice(text, SES_STEP_HANDLE_SIZE_MAX), &again),
                     SES_UNAUTHENTICATED);
}

static void test_a_time_without_a_text(void **state)
{
    struct ses_step_claims claims = sample();
    char text[SES_STEP_HANDLE_SIZE_MAX];
    size_t len = 0;

    (void)state;
    claims.expires_ms = UINT64_MAX - 5000;
    assert_int_equal(ses_step_seal(&key, &claims, text, &len), SES_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_and_forth),
        cmocka_unit_test(test_part_of_a_second_is_rounded_up),
        cmocka_unit_test(test_fits_where_banks_carry_it),
        cmocka_unit_test(test_every_altered_character_is_refused),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_handles_of_the_version_before),
        cmocka_unit_test(test_oversize_is_not_read),
        cmocka_unit_test(test_a_time_without_a_text),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
