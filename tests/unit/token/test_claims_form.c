/* The reader takes all that we write, and nothing that we would not write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "claims.h"

static struct ses_arena arena;

static struct ses_claims sample(void)
{
    struct ses_claims claims = {
        .issuer = SES_STR("sessiond"),
        .audience = SES_STR("pay"),
        .merchant = SES_STR("m1"),
        .issued_ms = UINT64_C(1767323046000),
        .expires_ms = UINT64_C(1767323945000),
        .generation = 3,
        .connector = SES_STR("stripe"),
        .minor_amount = 10000,
        .currency = SES_STR("USD"),
        .test = true,
        .browser_fields = SES_STR("os_type"),
    };

    memset(claims.session_id, 0xab, sizeof(claims.session_id));
    memset(claims.merchant_session_hash, 1, sizeof(claims.merchant_session_hash));
    memset(claims.browser_hash, 2, sizeof(claims.browser_hash));
    return claims;
}

static bool read_claims(struct ses_slice json, struct ses_claims *ret_claims)
{
    ses_arena_reset(&arena);
    return ses_claims_decode(json, &arena, ret_claims) == SES_OK;
}

static struct ses_slice encode(const struct ses_claims *claims, uint8_t room[1536])
{
    size_t len = 0;

    assert_int_equal(ses_claims_encode(claims, room, 1536, &len), SES_OK);
    return ses_slice(room, len);
}

static void assert_same(const struct ses_claims *a, const struct ses_claims *b)
{
    assert_true(ses_slice_eq(a->issuer, b->issuer) && ses_slice_eq(a->audience, b->audience));
    assert_true(ses_slice_eq(a->merchant, b->merchant) && ses_slice_eq(a->connector, b->connector));
    assert_true(ses_slice_eq(a->currency, b->currency) && ses_slice_eq(a->browser_fields, b->browser_fields));
    assert_memory_equal(a->session_id, b->session_id, 16);
    assert_memory_equal(a->merchant_session_hash, b->merchant_session_hash, SES_HASH_BYTES);
    assert_memory_equal(a->browser_hash, b->browser_hash, SES_HASH_BYTES);
    assert_int_equal(a->issued_ms, b->issued_ms);
    assert_int_equal(a->expires_ms, b->expires_ms);
    assert_int_equal(a->generation, b->generation);
    assert_true(a->minor_amount == b->minor_amount && a->test == b->test);
    assert_true(ses_slice_eq(a->tenant_tag, b->tenant_tag));
}

static void test_all_that_we_write(void **state)
{
    struct ses_claims claims = sample();
    struct ses_claims read;
    uint8_t room[1536];

    (void)state;
    assert_true(read_claims(encode(&claims, room), &read));
    assert_same(&claims, &read);
    claims.tenant_tag = SES_STR("0123456789abcdef");
    assert_true(read_claims(encode(&claims, room), &read));
    assert_same(&claims, &read);
    claims.browser_fields = SES_SLICE_EMPTY;
    memset(claims.browser_hash, 0, sizeof(claims.browser_hash));
    claims.test = false;
    claims.minor_amount = INT64_MAX;
    claims.generation = UINT32_MAX;
    claims.merchant = SES_STR("h\xc3\xa4ndler");
    assert_true(read_claims(encode(&claims, room), &read));
    assert_same(&claims, &read);
    claims.minor_amount = 0;
    assert_true(read_claims(encode(&claims, room), &read));
}

/* Undone in the copy, not in the verifier's text. */
static void test_escapes_are_undone(void **state)
{
    struct ses_claims claims = sample();
    struct ses_claims read;
    uint8_t room[1536];
    uint8_t again[1536];

    (void)state;
    claims.merchant = SES_STR("a\"b\\c\td");
    claims.issuer = SES_STR("\x01");
    claims.browser_fields = SES_STR("\\\\\"");
    struct ses_slice json = encode(&claims, room);
    assert_true(read_claims(json, &read));
    assert_same(&claims, &read);
    assert_true(ses_slice_eq(encode(&claims, again), json));
}

/* Every byte replaced by several others: whatever is read, our writer writes back to the byte. Another text for
 * the same claims would be a second token for one. (None of these digits makes iat the same as nbf, which is a
 * former release's form.) */
static void test_whatever_it_takes_is_what_we_write(void **state)
{
    static const char others[] = "\"\\{},:0193azAZ -_\x01\x80\xc3";
    struct ses_claims claims = sample();
    uint8_t room[1536];
    uint8_t again[1536];

    (void)state;
    claims.merchant = SES_STR("m\"\\\n1");
    struct ses_slice json = encode(&claims, room);
    for (size_t i = 0; i < json.len; i++) {
        uint8_t kept = room[i];

        for (size_t k = 0; k < sizeof(others) - 1; k++) {
            struct ses_claims read;

            room[i] = (uint8_t)others[k];
            if (read_claims(json, &read))
                assert_true(ses_slice_eq(encode(&read, again), json));
        }
        room[i] = kept;
    }
    for (size_t cut = 0; cut < json.len; cut++) {
        struct ses_claims read;

        assert_false(read_claims(ses_slice(room, cut), &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_we_write),
        cmocka_unit_test(test_escapes_are_undone),
        cmocka_unit_test(test_whatever_it_takes_is_what_we_write),
    };

    ses_arena_init(&arena, 1 << 16);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ses_arena_done(&arena);
    return failed;
}
