/* The quick reader agrees with the parser wherever it answers, and answers for all that we write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "claims.h"
#include "claims_scan.h"

static struct ses_claims sample(void)
{
    struct ses_claims claims = {
        .issuer = SES_STR("sessiond"),
        .audience = SES_STR("pay"),
        .merchant = SES_STR("m1"),
        .issued_ms = UINT64_C(1767323045000),
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
    assert_true(ses_claims_scan(encode(&claims, room), &read));
    assert_same(&claims, &read);
    claims.tenant_tag = SES_STR("0123456789abcdef");
    assert_true(ses_claims_scan(encode(&claims, room), &read));
    assert_same(&claims, &read);
    claims.browser_fields = SES_SLICE_EMPTY;
    memset(claims.browser_hash, 0, sizeof(claims.browser_hash));
    claims.test = false;
    claims.minor_amount = INT64_MAX;
    claims.generation = UINT32_MAX;
    claims.merchant = SES_STR("h\xc3\xa4ndler");
    assert_true(ses_claims_scan(encode(&claims, room), &read));
    assert_same(&claims, &read);
    claims.minor_amount = 0;
    assert_true(ses_claims_scan(encode(&claims, room), &read));
}

/* A name with an escape is left to the parser, and is read. */
static void test_escapes_fall_back(void **state)
{
    struct ses_claims claims = sample();
    struct ses_claims read;
    struct ses_arena arena;
    uint8_t room[1536];

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    claims.merchant = SES_STR("a\"b\\c\td");
    assert_false(ses_claims_scan(encode(&claims, room), &read));
    assert_int_equal(ses_claims_decode(encode(&claims, room), &arena, &read), SES_OK);
    assert_same(&claims, &read);
    ses_arena_done(&arena);
}

/* Every byte replaced by several others: whatever the quick reader takes, our writer writes back to the byte.
 * A text that it took otherwise would be one the parser may read differently. */
static void test_whatever_it_takes_is_what_we_write(void **state)
{
    static const char others[] = "\"\\{},:0193azAZ -_\x01\x80\xc3";
    struct ses_claims claims = sample();
    uint8_t room[1536];
    uint8_t again[1536];

    (void)state;
    struct ses_slice json = encode(&claims, room);
    for (size_t i = 0; i < json.len; i++) {
        uint8_t kept = room[i];

        for (size_t k = 0; k < sizeof(others) - 1; k++) {
            struct ses_claims read;

            room[i] = (uint8_t)others[k];
            if (ses_claims_scan(json, &read))
                assert_true(ses_slice_eq(encode(&read, again), json));
        }
        room[i] = kept;
    }
    for (size_t cut = 0; cut < json.len; cut++) {
        struct ses_claims read;

        assert_false(ses_claims_scan(ses_slice(room, cut), &read));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_that_we_write),
        cmocka_unit_test(test_escapes_fall_back),
        cmocka_unit_test(test_whatever_it_takes_is_what_we_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
