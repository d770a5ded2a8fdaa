#include "h2_alloc.h"
#include "http/h2_rig.h"

/* What h2_alloc.c saves, and that nobody notices. */

static void pages_are_zero_whenever_taken(void **state)
{
    struct ses_h2_pages *pages = ses_h2_pages_new();
    struct ses_h2 owner = {.page_used = true};
    static const uint8_t zeros[SES_H2_PAGE_BYTES];
    int elsewhere = 0;

    (void)state;
    assert_non_null(pages);
    uint8_t *a = ses_h2_pages_take(pages, &owner), *b = ses_h2_pages_take(pages, &owner);

    assert_memory_equal(a, zeros, sizeof zeros);
    memset(a, 1, SES_H2_PAGE_BYTES);
    memset(b, 1, 1);
    assert_false(ses_h2_pages_give(pages, &elsewhere));
    assert_true(ses_h2_pages_give(pages, a));
    assert_ptr_equal(ses_h2_pages_take(pages, &owner), a);
    assert_memory_equal(a, zeros, sizeof zeros);
    assert_int_equal(b[0], 1);
    ses_h2_pages_free(pages);
}

/* Neither a session that is made later gets it, nor does a sweep look at who had it. */
static void an_abandoned_page_is_nobodys(void **state)
{
    struct ses_h2_pages *pages = ses_h2_pages_new();
    struct ses_h2 gone = {.page_used = true}, other = {0};

    (void)state;
    assert_non_null(pages);
    uint8_t *page = ses_h2_pages_take(pages, &gone);

    ses_h2_pages_abandon(pages, &gone);
    assert_int_equal(ses_h2_pages_sweep(pages), 0);
    assert_true(gone.page_used);
    assert_ptr_not_equal(ses_h2_pages_take(pages, &other), page);
    ses_h2_pages_free(pages);
}

static void sweep_takes_only_zeros_of_quiet_engines(void **state)
{
    struct ses_h2_pages *pages = ses_h2_pages_new();
    struct ses_h2 quiet = {.page_used = true}, busy = {.page_used = true, .streams_count = 1}, unused = {0},
                  dirty = {.page_used = true};

    (void)state;
    uint8_t *bytes[] = {ses_h2_pages_take(pages, &quiet), ses_h2_pages_take(pages, &busy),
                        ses_h2_pages_take(pages, &unused), ses_h2_pages_take(pages, &dirty)};

    bytes[3][100] = 7;
    assert_int_equal(ses_h2_pages_sweep(pages), 1);
    assert_int_equal(bytes[3][100], 7);
    assert_false(quiet.page_used);
    assert_true(busy.page_used);
    assert_int_equal(ses_h2_pages_sweep(pages), 0);
    ses_h2_pages_free(pages);
}

/* What h2_alloc.c counts on to be of use: nghttp2's empty table is all zeros. */
static void connection_serves_before_and_after_a_sweep(void **state)
{
    (void)state;
    rig_client(0, false);
    for (unsigned round = 0; round < 3; round++) {
        int32_t ids[50];

        for (unsigned i = 0; i < 50; i++)
            ids[i] = rig_call("/t.T/Echo", NULL, SES_STR("x"));
        rig_pump();
        for (unsigned i = 0; i < 50; i++)
            rig_expect_reply(ids[i], false, SES_STR("x"));
        assert_int_equal(ses_h2_alloc_sweep(rig.doors->h2->alloc), 1);
    }
}

/* All engines make their frames in one buffer: one that stopped half way is not disturbed by another. */
static void engines_share_a_frame_buffer(void **state)
{
    static uint8_t message[200 * 1024];
    struct ses_h2 *other;
    struct ses_buf out;
    int32_t ids[4];

    (void)state;
    for (size_t i = 0; i < sizeof message; i++)
        message[i] = (uint8_t)(i * 31);
    rig_client(1u << 24, false);
    assert_int_equal(nghttp2_session_set_local_window_size(rig.client, 0, 0, 1 << 26), 0);
    for (unsigned i = 0; i < 4; i++)
        ids[i] = rig_call("/t.T/Hold", NULL, ses_slice(message, sizeof message));
    rig_pump();
    for (unsigned i = 0; i < 4; i++) {
        ses_exchange_reply(rig.held[i], ses_slice(message, sizeof message));
        rig_release_held(i);
    }
    rig_produce(); /* stops at the bound of a turn */
    assert_false(rig_stream(ids[3])->ended);
    assert_ok(ses_h2_new(rig.doors->h2, &rig_io, NULL, "other", &other));
    ses_buf_init(&out, 1 << 20);
    assert_ok(ses_h2_receive(other, SES_STR(NGHTTP2_CLIENT_MAGIC "\0\0\0\4\0\0\0\0\0")));
    assert_ok(ses_h2_produce(other, &out));
    assert_true(out.len > 30);
    assert_int_equal(out.data[3], NGHTTP2_SETTINGS);
    ses_buf_done(&out);
    ses_h2_free(other);
    rig.want_write = true;
    rig_pump();
    for (unsigned i = 0; i < 4; i++)
        rig_expect_reply(ids[i], false, ses_slice(message, sizeof message));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
        TEST(pages_are_zero_whenever_taken),
        TEST(an_abandoned_page_is_nobodys),
        TEST(sweep_takes_only_zeros_of_quiet_engines),
        TEST(connection_serves_before_and_after_a_sweep),
        TEST(engines_share_a_frame_buffer),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
