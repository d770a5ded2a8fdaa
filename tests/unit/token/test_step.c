/* Step handles: back and forth, size, alphabet, and every way of not being ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>
#include <sessiond/token/token.h>

static struct ses_secret key;
static const struct ses_seal_key keys[] = {{1, &key}};
/* The same bytes under another number: a rotated ring, whose first key still opens. */
static const struct ses_seal_key rotated[] = {{513, &key}, {1, &key}};

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

    assert_int_equal(ses_step_seal(&keys[0], claims, text, &len), SES_OK);
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
        assert_int_equal(ses_step_open(keys, 1, ses_slice(text, len), &again), SES_OK);
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
    assert_int_equal(ses_step_open(keys, 1, ses_slice(text, len), &again), SES_OK);
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
        assert_int_equal(ses_step_open(keys, 1, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
        text[i] = kept;
    }
    for (size_t cut = 0; cut < len; cut += 7)
        assert_int_equal(ses_step_open(keys, 1, ses_slice(text, cut), &again), SES_UNAUTHENTICATED);
    assert_int_equal(ses_step_open(keys, 1, ses_slice(text, len), &again), SES_OK);
}

static void test_another_key(void **state)
{
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];

    (void)state;
    size_t len = seal(&claims, text);
    key.bytes[0] ^= 1;
    assert_int_equal(ses_step_open(keys, 1, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
    key.bytes[0] ^= 1;
}

/* A key behind the first one puts its number in front, and nobody can put another one there. */
static void test_rotated_key(void **state)
{
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];
    size_t len = 0;

    (void)state;
    assert_int_equal(ses_step_seal(&rotated[0], &claims, text, &len), SES_OK);
    assert_int_equal(len, 153);
    assert_memory_equal(text, "s3.Ag",
                        5); /* 0x0201, its last bits in a character with the nonce's first ones */
    assert_int_equal(ses_step_open(rotated, 2, ses_slice(text, len), &again), SES_OK);
    assert_memory_equal(again.step_id, claims.step_id, sizeof(claims.step_id));
    assert_int_equal(again.expires_ms, claims.expires_ms);
    assert_int_equal(ses_step_open(keys, 1, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
    for (size_t i = 0; i < len; i++) {
        char kept = text[i];

        text[i] = kept == 'A' ? 'B' : 'A';
        assert_int_equal(ses_step_open(rotated, 2, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
        text[i] = kept;
    }
    for (size_t cut = 0; cut < len; cut += 7)
        assert_int_equal(ses_step_open(rotated, 2, ses_slice(text, cut), &again), SES_UNAUTHENTICATED);
}

/* The number in front is sealed too: two keys of the same bytes do not stand in for each other. */
static void test_number_is_authenticated(void **state)
{
    static const struct ses_seal_key twins[] = {{513, &key}, {514, &key}};
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];
    uint8_t bytes[112];
    size_t len = 0;
    size_t raw = 0;

    (void)state;
    assert_int_equal(ses_step_seal(&twins[0], &claims, text, &len), SES_OK);
    assert_int_equal(ses_base64url_decode(ses_slice(text + 3, len - 3), bytes, sizeof(bytes), &raw), SES_OK);
    bytes[1] = 2; /* 514 */
    assert_int_equal(3 + ses_base64url_encode(ses_slice(bytes, raw), text + 3), len);
    assert_int_equal(ses_step_open(twins, 2, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
    bytes[1] = 1;
    assert_int_equal(3 + ses_base64url_encode(ses_slice(bytes, raw), text + 3), len);
    assert_int_equal(ses_step_open(twins, 2, ses_slice(text, len), &again), SES_OK);
}

/* Key 1 has one form: what "s2." says is not said a second time as "s3." with a 1. */
static void test_first_key_has_one_form(void **state)
{
    struct ses_step_claims claims = sample();
    struct ses_step_claims again;
    char text[SES_STEP_HANDLE_SIZE_MAX];
    uint8_t bytes[112] = {0, 1};
    size_t len;

    (void)state;
    len = seal(&claims, text);
    assert_int_equal(ses_base64url_decode(ses_slice(text + 3, len - 3), bytes + 2, sizeof(bytes) - 2, &len),
                     SES_OK);
    memcpy(text, "s3.", 3);
    len = 3 + ses_base64url_encode(ses_slice(bytes, sizeof(bytes)), text + 3);
    assert_int_equal(len, 153);
    assert_int_equal(ses_step_open(rotated, 2, ses_slice(text, len), &again), SES_UNAUTHENTICATED);
}

/* What is under way when a server is replaced still ends in the shop. */
static void test_handles_of_versions_before(void **state)
{
    static const char *const handles[] = {
        "s2.Xcwaf2yoTnjnMar_VuiTlI9AIAI069WMhOBaEA2Fl3fV2CKIxKDsY9GcWKuAdHabmf57qhL3XwbdZKpX1BT4wmV"
        "iWhfsx3JOq9YwetEvb-ohglbvULLNpQEWBMRJDXz8P9WetG4QK55AbE6SMd0",
        "s2.8jQ55VO4KNj-nRZYPm92HbrwG5rAI_vo5HNow3y2MTggIf3nq-4tl0O5SufhIyaAwokL26RxQ5p5mBdWmsUO_7-"
        "wCyW_qZyTlaUd5p_UCSTg5CGnHu7jmwhi8jLi52L015zh5Xw6NWVWUt1dmWk",
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
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++) {
        struct ses_slice handle = ses_slice_str(handles[i]);

        assert_int_equal(ses_step_open(keys, 1, handle, &again), SES_OK);
        assert_memory_equal(again.key, claims.key, sizeof(claims.key));
        assert_memory_equal(again.session_id, claims.session_id, sizeof(claims.session_id));
        assert_memory_equal(again.step_id, claims.step_id, sizeof(claims.step_id));
        assert_int_equal(again.expires_ms, claims.expires_ms);
        assert_int_equal(again.test, i % 2 == 0);
        assert_int_equal(ses_step_open(rotated, 2, handle, &again), SES_OK);
        assert_int_equal(ses_step_open(rotated, 1, handle, &again), SES_UNAUTHENTICATED);
        assert_int_equal(ses_step_open(keys, 1, ses_slice_cut(handle, 0, handle.len - 1), &again),
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
    assert_int_equal(ses_step_open(keys, 1, ses_slice(text, sizeof(text)), &again), SES_UNAUTHENTICATED);
    assert_int_equal(ses_step_open(keys, 1, ses_slice(text, SES_STEP_HANDLE_SIZE_MAX), &again),
                     SES_UNAUTHENTICATED);
}

static void test_a_time_without_a_text(void **state)
{
    struct ses_step_claims claims = sample();
    char text[SES_STEP_HANDLE_SIZE_MAX];
    size_t len = 0;

    (void)state;
    claims.expires_ms = UINT64_MAX - 5000;
    assert_int_equal(ses_step_seal(&keys[0], &claims, text, &len), SES_INVALID_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_back_and_forth),
        cmocka_unit_test(test_part_of_a_second_is_rounded_up),
        cmocka_unit_test(test_fits_where_banks_carry_it),
        cmocka_unit_test(test_every_altered_character_is_refused),
        cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_rotated_key),
        cmocka_unit_test(test_number_is_authenticated),
        cmocka_unit_test(test_first_key_has_one_form),
        cmocka_unit_test(test_handles_of_versions_before),
        cmocka_unit_test(test_oversize_is_not_read),
        cmocka_unit_test(test_a_time_without_a_text),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
