/* buf, arena and secret: ownership, growth, ceilings. */
#include "unit.h"

#include <sessiond/base/arena.h>
#include <sessiond/base/buf.h>
#include <sessiond/base/random.h>
#include <sessiond/base/secret.h>
#include <sessiond/base/wiping.h>

static void buf_grows_to_its_ceiling_and_no_further(void **state)
{
    struct ses_buf buf;

    (void)state;
    ses_buf_init(&buf, 1000);
    for (int i = 0; i < 1000; i++)
        assert_ok(ses_buf_append_byte(&buf, (uint8_t)i));
    assert_int_equal(ses_buf_append_byte(&buf, 1), SES_TOO_LARGE);
    assert_int_equal(buf.len, 1000);
    assert_int_equal(buf.data[999], 999 & 255);
    ses_buf_consume(&buf, 990);
    assert_int_equal(buf.len, 10);
    assert_int_equal(buf.data[0], 990 & 255);
    assert_int_equal(ses_buf_reserve(&buf, SIZE_MAX), SES_TOO_LARGE);
    ses_buf_done(&buf);
}

static size_t wiped_bytes;

void __real_ses_wipe(void *bytes, size_t len);
void __wrap_ses_wipe(void *bytes, size_t len);

void __wrap_ses_wipe(void *bytes, size_t len)
{
    wiped_bytes += len;
    __real_ses_wipe(bytes, len);
}

/* Each block that it had, whole. */
static void buf_wipes_what_it_gives_back(void **state)
{
    struct ses_buf buf;

    (void)state;
    wiped_bytes = 0;
    ses_buf_init_wiped(&buf, 4096);
    ses_buf_done(&buf);
    assert_int_equal(wiped_bytes, 0);
    ses_buf_init_wiped(&buf, 4096);
    for (unsigned i = 0; i < 1000; i++)
        assert_ok(ses_buf_append_byte(&buf, (uint8_t)i));
    assert_int_equal(wiped_bytes, 256 + 512);
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(buf.data[i], i & 255);
    ses_buf_done(&buf);
    assert_int_equal(wiped_bytes, 256 + 512 + 1024);
}

static void buf_prints(void **state)
{
    struct ses_buf buf;

    (void)state;
    ses_buf_init(&buf, 16);
    assert_ok(ses_buf_append_str(&buf, "a="));
    assert_ok(ses_buf_appendf(&buf, "%d", 1234));
    assert_slice_equal(ses_buf_view(&buf), "a=1234");
    assert_int_equal(ses_buf_appendf(&buf, "%s", "0123456789abc"), SES_TOO_LARGE);
    assert_slice_equal(ses_buf_view(&buf), "a=1234");
    ses_buf_done(&buf);
}

static void arena_aligns_and_stops_at_its_ceiling(void **state)
{
    struct ses_arena arena;
    size_t got = 0;

    (void)state;
    ses_arena_init(&arena, 40000);
    for (;;) {
        void *place = ses_arena_alloc(&arena, 100);

        if (place == NULL)
            break;
        assert_int_equal((uintptr_t)place % 16, 0);
        memset(place, 0xAA, 100);
        got++;
    }
    assert_true(got >= 300 && got <= 400);
    assert_null(ses_arena_alloc(&arena, SIZE_MAX));
    ses_arena_reset(&arena);
    assert_non_null(ses_arena_alloc(&arena, 30000));
    assert_null(ses_arena_alloc(&arena, 30000));
    ses_arena_done(&arena);
}

static void arena_reset_keeps_one_chunk(void **state)
{
    struct ses_arena arena;
    void *first;

    (void)state;
    ses_arena_init(&arena, 1 << 20);
    first = ses_arena_zalloc(&arena, 64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(((uint8_t *)first)[i], 0);
    assert_non_null(ses_arena_alloc(&arena, 100000));
    ses_arena_reset(&arena);
    assert_ptr_equal(ses_arena_alloc(&arena, 64), first);
    ses_arena_done(&arena);
}

static void arena_goes_back_to_a_mark(void **state)
{
    struct ses_arena arena;
    struct ses_arena_mark empty, mark;
    char *kept;
    size_t total;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    empty = ses_arena_mark(&arena);
    kept = ses_arena_str(&arena, SES_STR("kept"));
    mark = ses_arena_mark(&arena);
    total = arena.total;
    for (int i = 0; i < 100; i++) { /* more than would fit without */
        assert_non_null(ses_arena_alloc(&arena, 100));
        assert_non_null(ses_arena_alloc(&arena, 30000));
        ses_arena_rewind(&arena, mark);
        assert_int_equal(arena.total, total);
    }
    assert_string_equal(kept, "kept");
    ses_arena_rewind(&arena, empty);
    assert_int_equal(ses_arena_mark(&arena).used, 0);
    ses_arena_done(&arena);
}

/* All that was given out, and nothing else; ended by whatever ends it. */
static void arena_wipes_as_far_as_it_was_used(void **state)
{
    struct ses_arena arena;
    struct ses_arena_mark mark;
    uint8_t *first, *later;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    first = ses_arena_alloc(&arena, 100);
    assert_non_null(first);
    mark = ses_arena_mark(&arena);
    wiped_bytes = 0;
    ses_arena_rewind(&arena, mark);
    assert_int_equal(wiped_bytes, 0); /* nobody asked for it */
    ses_wiping_start();
    memset(first, 0xAA, 100);
    later = ses_arena_alloc(&arena, 30);
    assert_non_null(later);
    memset(later, 0xAA, 30);
    assert_non_null(ses_arena_alloc(&arena, 5000)); /* a second chunk */
    assert_non_null(ses_arena_alloc(&arena, 9000)); /* and a third */
    ses_arena_rewind(&arena, mark);
    assert_int_equal(wiped_bytes, 32 + 5008 + 9008);
    for (unsigned i = 0; i < 30; i++)
        assert_int_equal(later[i], 0);
    assert_int_equal(first[99], 0xAA);
    wiped_bytes = 0;
    ses_arena_reset(&arena);
    assert_int_equal(wiped_bytes, 112);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(first[i], 0);
    wiped_bytes = 0;
    ses_arena_reset(&arena);
    assert_int_equal(wiped_bytes, 0);
    assert_ptr_equal(ses_arena_alloc(&arena, 64), first);
    ses_arena_done(&arena);
    assert_int_equal(wiped_bytes, 64);
}

static void arena_copies_are_terminated(void **state)
{
    struct ses_arena arena;
    struct ses_slice copy;

    (void)state;
    ses_arena_init(&arena, 1 << 16);
    assert_ok(ses_arena_copy(&arena, SES_STR("abc"), &copy));
    assert_slice_equal(copy, "abc");
    assert_int_equal(copy.data[3], 0);
    assert_string_equal(ses_arena_str(&arena, SES_STR("xy")), "xy");
    assert_string_equal(ses_arena_printf(&arena, "%s-%d", "n", 5), "n-5");
    assert_int_equal(ses_arena_copy(&arena, ses_slice(copy.data, SIZE_MAX), &copy), SES_NO_MEMORY);
    ses_arena_done(&arena);
}

static void secret_is_zeroed(void **state)
{
    struct ses_secret secret;

    (void)state;
    ses_random_init();
    assert_ok(ses_secret_new(32, &secret));
    for (size_t i = 0; i < 32; i++)
        assert_int_equal(secret.bytes[i], 0);
    ses_secret_free(&secret);
    assert_null(secret.bytes);
    ses_secret_free(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_grows_to_its_ceiling_and_no_further),
        cmocka_unit_test(buf_wipes_what_it_gives_back),
        cmocka_unit_test(buf_prints),
        cmocka_unit_test(arena_aligns_and_stops_at_its_ceiling),
        cmocka_unit_test(arena_reset_keeps_one_chunk),
        cmocka_unit_test(arena_goes_back_to_a_mark),
        cmocka_unit_test(arena_copies_are_terminated),
        cmocka_unit_test(secret_is_zeroed),
        cmocka_unit_test(arena_wipes_as_far_as_it_was_used), /* the switch stays: last */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
