#include "ring_fixture.h"

#include <sessiond/base/random.h>
#include "claims.h"

static struct ses_arena arena;

static size_t encode(const struct ses_claims *claims, char ret_json[2048])
{
    size_t len = 0;

    assert_int_equal(ses_claims_encode(claims, (uint8_t *)ret_json, 2047, &len), SES_OK);
    ret_json[len] = '\0';
    return len;
}

/* The whole text, so that no change of the format goes unseen: tokens live across releases. */
static void text_is_fixed(void **state)
{
    struct ses_claims claims = fixture_claims();
    char json[2048];

    (void)state;
    (void)encode(&claims, json);
    assert_string_equal(
        json, "{\"iss\":\"sessiond\",\"aud\":\"payments\",\"jti\":\"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\","
              "\"iat\":\"2026-01-02T03:04:05Z\",\"nbf\":\"2026-01-02T03:04:03Z\","
              "\"exp\":\"2026-01-02T03:19:05Z\",\"sub\":\"merchant_1\",\"gen\":3,\"con\":\"stripe\","
              "\"amt\":10000,\"cur\":\"USD\",\"test\":true,"
              "\"msh\":\"ERERERERERERERERERERERERERERERERERERERERERE\","
              "\"bih\":\"_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v4\","
              "\"bnd\":\"color_depth java_enabled os_type\"}");
}

static void nothing_bound_leaves_both_claims_out(void **state)
{
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    char json[2048];

    (void)state;
    claims.browser_fields = SES_SLICE_EMPTY;
    size_t len = encode(&claims, json);
    assert_null(strstr(json, "bih"));
    assert_null(strstr(json, "bnd"));
    assert_int_equal(ses_claims_decode(ses_slice(json, len), &arena, &got), SES_OK);
    assert_int_equal(got.browser_fields.len, 0);
}

/* Every byte below U+0020, both marks, every length of UTF-8. (U+0000 is written escaped, and refused when
 * read.) */
static void texts_survive_escaping(void **state)
{
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    char json[2048];
    char text[64];
    size_t len = 0;

    (void)state;
    for (char c = 1; c < 0x20; c++)
        text[len++] = c;
    const struct ses_slice rest = SES_STR("\"\\/\x7f\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    memcpy(text + len, rest.data, rest.len);
    claims.merchant = ses_slice(text, len + rest.len);
    claims.issuer = SES_SLICE_EMPTY;
    size_t json_len = encode(&claims, json);
    assert_int_equal(ses_claims_decode(ses_slice(json, json_len), &arena, &got), SES_OK);
    assert_true(ses_slice_eq(got.merchant, claims.merchant));
    assert_int_equal(got.issuer.len, 0);
    for (size_t i = 0; i < json_len; i++)
        assert_true((unsigned char)json[i] >= 0x20);
}

static void numbers_survive_at_their_bounds(void **state)
{
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    char json[2048];

    (void)state;
    claims.minor_amount = INT64_MAX;
    claims.generation = UINT32_MAX;
    size_t len = encode(&claims, json);
    assert_int_equal(ses_claims_decode(ses_slice(json, len), &arena, &got), SES_OK);
    assert_true(got.minor_amount == INT64_MAX);
    assert_true(got.generation == UINT32_MAX);
    claims.minor_amount = 0;
    claims.generation = 0;
    len = encode(&claims, json);
    assert_int_equal(ses_claims_decode(ses_slice(json, len), &arena, &got), SES_OK);
    assert_true(got.minor_amount == 0 && got.generation == 0);
}

static void what_cannot_be_said_is_refused(void **state)
{
    struct ses_claims claims = fixture_claims();
    uint8_t json[2048];
    size_t len = 0;

    (void)state;
    claims.minor_amount = -1;
    assert_int_equal(ses_claims_encode(&claims, json, sizeof(json), &len), SES_INVALID_ARGUMENT);
    claims = fixture_claims();
    claims.connector = SES_STR("\xff\xfe");
    assert_int_equal(ses_claims_encode(&claims, json, sizeof(json), &len), SES_INVALID_ARGUMENT);
    claims = fixture_claims();
    claims.expires_ms = UINT64_MAX;
    assert_int_equal(ses_claims_encode(&claims, json, sizeof(json), &len), SES_INVALID_ARGUMENT);
    claims.expires_ms = 253402300799999u; /* the last millisecond of the year 9999 */
    assert_int_equal(ses_claims_encode(&claims, json, sizeof(json), &len), SES_OK);
}

static void every_room_is_respected(void **state)
{
    struct ses_claims claims = fixture_claims();
    char json[2048];
    size_t whole = encode(&claims, json);
    size_t len = 0;

    (void)state;
    for (size_t room = 0; room < whole; room++) {
        uint8_t *exact = malloc(room + 1); /* the sanitizer watches its end */
        assert_int_equal(ses_claims_encode(&claims, exact, room, &len), SES_TOO_LARGE);
        free(exact);
    }
    assert_int_equal(ses_claims_encode(&claims, (uint8_t *)json, whole, &len), SES_OK);
}

/* Each edit breaks one rule of a good object. */
static void every_broken_rule_is_refused(void **state)
{
    static const char *const edits[][2] = {
        {"\"iss\":\"sessiond\"", "\"iss\":5"},
        {"\"iss\":\"sessiond\",", ""},
        {"\"aud\":\"payments\"", "\"aud\":null"},
        {"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", "A5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"},
        {"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"},
        {"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"},
        {"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5", "g5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"},
        {"\"nbf\":\"2026-01-02T03:04:03Z\"", "\"nbf\":\"2026-01-02T03:04:04Z\""},
        {"\"exp\":\"2026-01-02T03:19:05Z\"", "\"exp\":\"2026-02-30T03:19:05Z\""},
        {"\"exp\":\"2026-01-02T03:19:05Z\"", "\"exp\":\"2026-01-02T03:19:05+00:00\""},
        {"\"exp\":\"2026-01-02T03:19:05Z\"", "\"exp\":1767323945"},
        {"\"gen\":3", "\"gen\":\"3\""},
        {"\"gen\":3", "\"gen\":3.0"},
        {"\"gen\":3", "\"gen\":-1"},
        {"\"gen\":3", "\"gen\":4294967296"},
        {"\"gen\":3", "\"gen\":true"},
        {"\"amt\":10000", "\"amt\":-10000"},
        {"\"amt\":10000", "\"amt\":1e4"},
        {"\"amt\":10000", "\"amt\":9223372036854775808"},
        {"\"cur\":\"USD\"", "\"cur\":{}"},
        {"\"test\":true", "\"test\":1"},
        {"\"test\":true", "\"test\":\"true\""},
        {"\"msh\":\"ER", "\"msh\":\"E"},
        {"\"msh\":\"ERERERERERERERERERERERERERERERERERERERERERE\"", "\"msh\":\"\""},
        {"RERERERE\",\"bih\"", "RERERERF\",\"bih\""}, /* unused bits not zero */
        {"RERERERE\",\"bih\"", "RERERERE=\",\"bih\""},
        {"\"bih\":\"_v7-", "\"bih\":\"/v7+"},
        {",\"bnd\":\"color_depth java_enabled os_type\"", ""},
        {"\"bnd\":\"color_depth java_enabled os_type\"", "\"bnd\":\"\""},
        {"\"bih\":\"_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v4\",", ""},
        {"{", "{\"x\":1,"},
        {"{", "{\"iss\":\"sessiond\","},
        {"{", "{\"\\u0069ss\":\"sessiond\","}, /* a duplicate behind an escape */
        {"{", "{\"ISS\":\"sessiond\","},
        {"merchant_1", "merchant\\u0000_1"},
        {"merchant_1", "merchant\xff_1"},
        {"merchant_1", "merchant\\ud800_1"},
        {"merchant_1", "merchant\n_1"},
        {"}", ""},
        {"}", "}}"},
        {"}", "} x"},
    };
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    char json[2048];
    char edited[4096];
    size_t len = encode(&claims, json);

    (void)state;
    assert_int_equal(ses_claims_decode(ses_slice(json, len), &arena, &got), SES_OK);
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        const char *at = strstr(json, edits[i][0]);
        assert_non_null(at);
        int edited_len = snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - json), json, edits[i][1],
                                  at + strlen(edits[i][0]));
        if (ses_claims_decode(ses_slice(edited, (size_t)edited_len), &arena, &got) != SES_MALFORMED)
            fail_msg("accepted: %s", edited);
    }
    ses_arena_done(&arena);
}

/* The same claims, and JSON that means the same, in a form that no release has written. */
static void another_form_is_refused(void **state)
{
    static const char *const edits[][2] = {
        {"{\"iss\":\"sessiond\",\"aud\":\"payments\"", "{\"aud\":\"payments\",\"iss\":\"sessiond\""},
        {"{", " {"},
        {"{", "{ "},
        {"}", " }"},
        {"}", "}\n"},
        {":", ": "},
        {",", " ,"},
        {"\"iss\"", "\"\\u0069ss\""},
        {"merchant_1", "\\u006derchant_1"},
        {"merchant_1", "merchant\\/1"},
        {"merchant_1", "merchant\\n1"},
        {"merchant_1", "merchant\\u000A1"},
        {"merchant_1", "merchant\\u00221"},
        {"merchant_1", "merchant\\"},
        {"merchant_1", "merchant\\u00"},
        {"\"USD\"", "\"US\\u0044\""},
    };
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    char json[2048];
    char edited[4096];

    (void)state;
    (void)encode(&claims, json);
    for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
        const char *at = strstr(json, edits[i][0]);
        assert_non_null(at);
        int len = snprintf(edited, sizeof(edited), "%.*s%s%s", (int)(at - json), json, edits[i][1],
                           at + strlen(edits[i][0]));
        if (ses_claims_decode(ses_slice(edited, (size_t)len), &arena, &got) != SES_MALFORMED)
            fail_msg("accepted: %s", edited);
    }
}

/* Until nbf was two seconds before iat it was the same. */
static void a_former_releases_nbf_is_read(void **state)
{
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    char json[2048];
    size_t len = encode(&claims, json);

    (void)state;
    memcpy(strstr(json, "03:04:03Z"), "03:04:05Z", 9);
    assert_int_equal(ses_claims_decode(ses_slice(json, len), &arena, &got), SES_OK);
    assert_true(got.issued_ms == claims.issued_ms / 1000 * 1000);
}

static void no_memory_is_told(void **state)
{
    struct ses_claims claims = fixture_claims();
    struct ses_claims got = {0};
    struct ses_arena none;
    char json[2048];
    size_t len = encode(&claims, json);

    (void)state;
    ses_arena_init(&none, 16);
    assert_int_equal(ses_claims_decode(ses_slice(json, len), &none, &got), SES_NO_MEMORY);
    assert_int_equal(ses_claims_decode(SES_SLICE_EMPTY, &arena, &got), SES_MALFORMED);
    ses_arena_done(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_fixed),
        cmocka_unit_test(nothing_bound_leaves_both_claims_out),
        cmocka_unit_test(texts_survive_escaping),
        cmocka_unit_test(numbers_survive_at_their_bounds),
        cmocka_unit_test(what_cannot_be_said_is_refused),
        cmocka_unit_test(every_room_is_respected),
        cmocka_unit_test(another_form_is_refused),
        cmocka_unit_test(a_former_releases_nbf_is_read),
        cmocka_unit_test(no_memory_is_told),
        cmocka_unit_test(every_broken_rule_is_refused),
    };

    ses_random_init();
    ses_arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ses_arena_done(&arena);
    return failed;
}
