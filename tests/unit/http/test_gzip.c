/* Bounded gzip: whole streams only, never more than allowed. */
#include "unit.h"

#include <zlib.h>

#include "gzip.h"

static struct ses_arena arena;

static int setup(void **state)
{
    (void)state;
    ses_arena_init(&arena, 8 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ses_arena_done(&arena);
    return 0;
}

static struct ses_slice zip(struct ses_slice plain)
{
    struct ses_slice packed;

    assert_ok(ses_gzip_deflate(plain, &arena, &packed));
    return packed;
}

/* In a block of its own size, so that a sanitizer sees a read behind it. */
static enum ses_status unzip(struct ses_slice packed, size_t max, struct ses_slice *ret_plain)
{
    uint8_t *exact = malloc(packed.len > 0 ? packed.len : 1);
    enum ses_status status;

    if (packed.len > 0)
        memcpy(exact, packed.data, packed.len);
    status = ses_gzip_inflate(ses_slice(exact, packed.len), max, &arena, ret_plain);
    free(exact);
    return status;
}

static void test_round_trip(void **state)
{
    static const size_t sizes[] = {0, 1, 100, 4095, 4096, 4097, 300000};
    uint8_t *bytes = malloc(300000);

    (void)state;
    for (size_t i = 0; i < 300000; i++)
        bytes[i] = (uint8_t)((i * i) >> 3);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct ses_slice plain = ses_slice(bytes, sizes[i]), back;

        assert_ok(unzip(zip(plain), sizes[i], &back));
        assert_true(ses_slice_eq(plain, back));
        if (sizes[i] > 0)
            assert_int_equal(unzip(zip(plain), sizes[i] - 1, &back), SES_TOO_LARGE);
    }
    free(bytes);
}

/* 4 MiB of zeros are 4 KiB; the memory is not spent before the limit is seen. */
static void test_bomb(void **state)
{
    uint8_t *zeros = calloc(1, 4 << 20);
    struct ses_slice packed, plain;

    (void)state;
    packed = zip(ses_slice(zeros, 4 << 20));
    free(zeros);
    assert_true(packed.len < 64 * 1024);
    assert_int_equal(unzip(packed, 256 * 1024, &plain), SES_TOO_LARGE);
}

static void test_every_truncation(void **state)
{
    struct ses_slice packed = zip(SES_STR("the quick brown fox jumps over the lazy dog")), plain;

    (void)state;
    for (size_t len = 0; len < packed.len; len++)
        assert_int_equal(unzip(ses_slice_cut(packed, 0, len), 1000, &plain), SES_MALFORMED);
}

static void test_damage(void **state)
{
    struct ses_slice packed = zip(SES_STR("the quick brown fox jumps over the lazy dog")), plain;
    uint8_t *copy = malloc(packed.len + 1);

    (void)state;
    memcpy(copy, packed.data, packed.len);
    copy[packed.len - 5] ^= 1; /* checksum */
    assert_int_equal(unzip(ses_slice(copy, packed.len), 1000, &plain), SES_MALFORMED);
    memcpy(copy, packed.data, packed.len);
    copy[packed.len - 1] ^= 1; /* length */
    assert_int_equal(unzip(ses_slice(copy, packed.len), 1000, &plain), SES_MALFORMED);
    memcpy(copy, packed.data, packed.len);
    copy[packed.len] = 'x'; /* something behind it */
    assert_int_equal(unzip(ses_slice(copy, packed.len + 1), 1000, &plain), SES_MALFORMED);
    assert_int_equal(unzip(SES_STR("plain text, no gzip"), 1000, &plain), SES_MALFORMED);
    free(copy);
}

/* zlib's own format is not gzip. */
static void test_zlib_format_is_refused(void **state)
{
    uint8_t bytes[100];
    uLongf len = sizeof(bytes);
    struct ses_slice plain;

    (void)state;
    assert_int_equal(compress(bytes, &len, (const Bytef *)"abc", 3), Z_OK);
    assert_int_equal(unzip(ses_slice(bytes, len), 1000, &plain), SES_MALFORMED);
}

static void test_members_are_joined(void **state)
{
    struct ses_slice a = zip(SES_STR("one ")), b = zip(SES_STR("two")), plain;
    uint8_t *both = malloc(a.len + b.len);

    (void)state;
    memcpy(both, a.data, a.len);
    memcpy(both + a.len, b.data, b.len);
    assert_ok(unzip(ses_slice(both, a.len + b.len), 7, &plain));
    assert_slice_equal(plain, "one two");
    assert_int_equal(unzip(ses_slice(both, a.len + b.len), 6, &plain), SES_TOO_LARGE);
    free(both);
}

static void test_arena_is_the_ceiling(void **state)
{
    struct ses_arena small;
    uint8_t *bytes = calloc(1, 65536);
    struct ses_slice packed, out;

    (void)state;
    ses_arena_init(&small, 4096);
    packed = zip(ses_slice(bytes, 65536));
    assert_int_equal(ses_gzip_inflate(packed, 1 << 20, &small, &out), SES_NO_MEMORY);
    assert_int_equal(ses_gzip_deflate(ses_slice(bytes, 65536), &small, &out), SES_NO_MEMORY);
    ses_arena_done(&small);
    free(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_bomb),
        TEST(test_every_truncation),
        TEST(test_damage),
        TEST(test_zlib_format_is_refused),
        TEST(test_members_are_joined),
        TEST(test_arena_is_the_ceiling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
