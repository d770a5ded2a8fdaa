#include "unit.h"

#include <sessiond/base/buf.h>
#include "web_text.h"

/* Decodes text in pieces of `split`, into room bytes at a time. */
static enum ses_status decode(const char *text, size_t split, size_t room, struct ses_buf *out,
                              bool *ret_inside)
{
    struct ses_slice rest = ses_slice_str(text);
    struct ses_web_text state = {.len = 0};
    uint8_t bytes[64];

    assert_true(room <= sizeof bytes);
    ses_buf_clear(out);
    while (rest.len > 0) {
        struct ses_slice piece = ses_slice_cut(rest, 0, split);

        rest = ses_slice_cut(rest, piece.len, rest.len);
        while (piece.len > 0) {
            size_t len;

            SES_TRY(ses_web_text_decode(&state, &piece, bytes, room, &len));
            assert_true(len <= room);
            assert_ok(ses_buf_append(out, ses_slice(bytes, len)));
        }
    }
    *ret_inside = ses_web_text_inside(&state);
    return SES_OK;
}

/* However the network cuts it, and however little room there is. */
static void expect_text(const char *text, const char *bytes)
{
    struct ses_buf out;
    bool inside;

    ses_buf_init(&out, 1000);
    for (size_t split = 1; split <= strlen(text) + 1; split++) {
        for (size_t room = 3; room <= 9; room++) {
            assert_ok(decode(text, split, room, &out, &inside));
            assert_true(ses_slice_eq_str(ses_buf_view(&out), bytes));
            assert_false(inside);
        }
    }
    ses_buf_done(&out);
}

static void groups(void **state)
{
    (void)state;
    expect_text("", "");
    expect_text("YWJj", "abc");
    expect_text("YWJjZGVmZ2hp", "abcdefghi");
    expect_text("+/+/", "\xfb\xff\xbf");
}

/* Each write of a sender is padded by itself. */
static void padding_anywhere(void **state)
{
    (void)state;
    expect_text("YQ==", "a");
    expect_text("YWI=", "ab");
    expect_text("YQ==YWI=YWJjYQ==", "aababca");
}

static void broken(void **state)
{
    static const char *const texts[] = {"YQ=a", "=AAA",       "====", "YQ==YR==", "YWJ!",
                                        "YW J", "YWJj\nYQ==", "-_-_", "YWJjY==="};
    struct ses_buf out;
    bool inside;

    (void)state;
    ses_buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        for (size_t split = 1; split <= 8; split++)
            assert_int_equal(decode(texts[i], split, 9, &out, &inside), SES_MALFORMED);
    }
    ses_buf_done(&out);
}

/* However it is cut, what comes before the broken group is told before it. */
static void what_comes_before_the_fault(void **state)
{
    static const char text[] = "YWJjZGVmYQ==YWJjYmL=YWJj";

    (void)state;
    for (size_t split = 1; split <= sizeof text; split++) {
        struct ses_slice rest = ses_slice_str(text);
        struct ses_web_text reader = {.len = 0};
        enum ses_status status = SES_OK;
        uint8_t bytes[64];
        size_t at = 0;

        while (status == SES_OK) {
            struct ses_slice piece = ses_slice_cut(rest, 0, split);
            size_t len;

            rest = ses_slice_cut(rest, piece.len, rest.len);
            while (status == SES_OK && piece.len > 0) {
                status = ses_web_text_decode(&reader, &piece, bytes + at, sizeof bytes - at, &len);
                at += status == SES_OK ? len : 0;
            }
        }
        assert_int_equal(status, SES_MALFORMED);
        assert_int_equal(at, 10);
        assert_memory_equal(bytes, "abcdefaabc", 10);
    }
}

static void cut_inside_a_group(void **state)
{
    static const char *const texts[] = {"Y", "YW", "YWJ", "YWJjY", "YQ==YQ="};
    struct ses_buf out;
    bool inside;

    (void)state;
    ses_buf_init(&out, 1000);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_ok(decode(texts[i], 3, 9, &out, &inside));
        assert_true(inside);
    }
    ses_buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups),
        cmocka_unit_test(padding_anywhere),
        cmocka_unit_test(broken),
        cmocka_unit_test(what_comes_before_the_fault),
        cmocka_unit_test(cut_inside_a_group),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
