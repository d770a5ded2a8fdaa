/* Nothing of a call is left in memory that is given back: every block that ours frees is looked into. */
#include "unit.h"

#include <malloc.h>

#include "link.h"

#define CARD "4111111111111111"

static bool looking;
static unsigned found;

void __real_free(void *block);
void __wrap_free(void *block);

void __wrap_free(void *block)
{
    if (looking && block != NULL && memmem(block, malloc_usable_size(block), CARD, sizeof(CARD) - 1) != NULL)
        found++;
    __real_free(block);
}

static void on_verdict(void *arg, struct ses_up_stream *stream)
{
    (void)arg;
    (void)stream;
}

static const struct ses_up_session_ops ops = {.on_verdict = on_verdict, .on_gone = on_verdict};

static int setup(void **state)
{
    (void)state;
    found = 0;
    looking = true;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    looking = false;
    return 0;
}

static void an_ordinary_block_is_seen(void **state)
{
    char *volatile block = malloc(64); /* or the compiler leaves out what is freed */

    (void)state;
    (void)snprintf(block, 64, "%s", CARD);
    free(block);
    assert_int_equal(found, 1);
}

static void begin(struct ses_up_session *session, struct ses_up_stream *stream, struct ses_buf *out)
{
    const struct ses_upstream_pair metadata = {SES_STR("x-card"), SES_STR(CARD)};
    const struct ses_upstream_request request = {.path = SES_STR("/a.B/C"),
                                                 .metadata = &metadata,
                                                 .metadata_count = 1,
                                                 .message = SES_STR("number: " CARD)};

    ses_buf_init_wiped(out, 1u << 20);
    assert_ok(ses_up_session_open(session, 10, 4096, &ops, NULL));
    assert_ok(ses_up_session_receive(session, SES_STR("\0\0\0\4\0\0\0\0\0")));
    assert_ok(ses_up_stream_init(stream, &request, "h", false, 4096));
    assert_ok(ses_up_session_submit(session, stream));
    assert_ok(ses_up_session_produce(session, out, 1u << 20));
    assert_non_null(memmem(out->data, out->len, CARD, sizeof(CARD) - 1));
}

static void end(struct ses_up_session *session, struct ses_up_stream *stream, struct ses_buf *out)
{
    ses_up_session_lost(session, "over");
    ses_up_stream_done(stream);
    ses_up_session_close(session);
    ses_buf_done(out);
    assert_int_equal(found, 0);
}

/* In headers, in a message that comes in two pieces, and in what the server says of it. */
static void a_whole_call_leaves_nothing(void **state)
{
    struct ses_up_session session;
    struct ses_up_stream stream;
    struct ses_upstream_pair pairs[SES_UPSTREAM_METADATA_MAX];
    struct ses_upstream_answer shown = {.outcome = SES_UPSTREAM_ANSWERED};
    struct ses_buf out;

    (void)state;
    begin(&session, &stream, &out);
    ses_up_answer_list_begin(&stream.answer);
    assert_true(ses_up_answer_field(&stream.answer, SES_STR(":status"), SES_STR("200")));
    assert_true(ses_up_answer_field(&stream.answer, SES_STR("content-type"), SES_STR("application/grpc")));
    assert_true(ses_up_answer_field(&stream.answer, SES_STR("x-card"), SES_STR(CARD)));
    ses_up_answer_list_end(&stream.answer);
    assert_true(ses_up_answer_data(&stream.answer, SES_STR("\0\0\0\0\30number: 41111111")));
    assert_true(ses_up_answer_data(&stream.answer, SES_STR("11111111")));
    ses_up_answer_list_begin(&stream.answer);
    assert_true(ses_up_answer_field(&stream.answer, SES_STR("grpc-status"), SES_STR("0")));
    assert_true(ses_up_answer_field(&stream.answer, SES_STR("grpc-message"), SES_STR("no%20" CARD)));
    ses_up_answer_list_end(&stream.answer);
    ses_up_answer_show(&stream.answer, pairs, &shown);
    assert_slice_equal(shown.message, "number: " CARD);
    assert_slice_equal(shown.grpc_message, "no " CARD);
    end(&session, &stream, &out);
}

/* Answered over the wire: nghttp2's own copies of header fields go through its memory, which is ours. */
static void headers_of_an_answer_leave_nothing(void **state)
{
    struct ses_up_session session;
    struct ses_up_stream stream;
    struct ses_buf out;

    (void)state;
    begin(&session, &stream, &out);
    /* :status 200, and x-card as a literal that goes into the table (RFC 7541 section 6.2.1) */
    assert_ok(ses_up_session_receive(&session, SES_STR("\0\0\x1a\1\4\0\0\0\1\x88\x40\6x-card\20" CARD)));
    assert_int_equal(stream.answer.fields_count, 1);
    end(&session, &stream, &out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_ordinary_block_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_whole_call_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(headers_of_an_answer_leave_nothing, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
