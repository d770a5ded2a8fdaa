#include "h2.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "unit.h"

/* The tables of a stream's halves: what they allow, what they refuse, and the count that follows from
 * them. */

static struct ses_h2 h2;
static struct ses_h2_stream stream;

static int setup(void **state)
{
    (void)state;
    memset(&h2, 0, sizeof h2);
    memset(&stream, 0, sizeof stream);
    stream.h2 = &h2;
    return 0;
}

static void expect_request(enum ses_h2_request_event event, enum ses_h2_request to)
{
    assert_true(ses_h2_request_on(&stream, event));
    assert_int_equal(stream.request, to);
    assert_int_equal(h2.incomplete_count, to == SES_H2_REQUEST_BODY ? 1 : 0);
    assert_int_equal(ses_h2_request_ended(&stream),
                     to == SES_H2_REQUEST_WAITING || to == SES_H2_REQUEST_ENDED);
}

static void expect_refused(enum ses_h2_request_event event)
{
    enum ses_h2_request was = stream.request;

    assert_false(ses_h2_request_on(&stream, event));
    assert_int_equal(stream.request, was);
}

static void a_request_with_a_body(void **state)
{
    (void)state;
    expect_refused(SES_H2_KEPT_BACK);
    expect_request(SES_H2_HEAD_WHOLE, SES_H2_REQUEST_BODY);
    expect_refused(SES_H2_HEAD_WHOLE);
    expect_refused(SES_H2_HEAD_REFUSED);
    expect_request(SES_H2_END_STREAM, SES_H2_REQUEST_ENDED);
    expect_refused(SES_H2_END_STREAM);
    expect_refused(SES_H2_LEFT_BEHIND);
    expect_request(SES_H2_KEPT_BACK, SES_H2_REQUEST_WAITING);
    expect_refused(SES_H2_KEPT_BACK);
    expect_request(SES_H2_TAKEN_IN, SES_H2_REQUEST_ENDED);
    expect_refused(SES_H2_TAKEN_IN);
    expect_request(SES_H2_CLOSED, SES_H2_REQUEST_ENDED);
}

static void a_refused_head_is_read_to_its_end(void **state)
{
    (void)state;
    expect_request(SES_H2_HEAD_REFUSED, SES_H2_REQUEST_REFUSED);
    expect_refused(SES_H2_HEAD_REFUSED);
    expect_request(SES_H2_HEAD_WHOLE, SES_H2_REQUEST_BODY);
    expect_request(SES_H2_CLOSED, SES_H2_REQUEST_ENDED);
}

static void an_answer_may_be_out_before_the_request_is_whole(void **state)
{
    (void)state;
    expect_refused(SES_H2_LEFT_BEHIND);
    expect_request(SES_H2_HEAD_WHOLE, SES_H2_REQUEST_BODY);
    expect_request(SES_H2_LEFT_BEHIND, SES_H2_REQUEST_PASSED_OVER);
    expect_refused(SES_H2_HEAD_WHOLE);
    expect_request(SES_H2_END_STREAM, SES_H2_REQUEST_ENDED);
}

static const struct {
    enum ses_h2_answer from;
    enum ses_h2_answer_event event;
    enum ses_h2_answer to;
} answers[] = {
    {SES_H2_ANSWER_NONE, SES_H2_HEADERS, SES_H2_ANSWER_OPEN},
    {SES_H2_ANSWER_OPEN, SES_H2_DEFER, SES_H2_ANSWER_DEFERRED},
    {SES_H2_ANSWER_OPEN, SES_H2_END, SES_H2_ANSWER_ENDED},
    {SES_H2_ANSWER_OPEN, SES_H2_TRAILERS, SES_H2_ANSWER_HANDED_OVER},
    {SES_H2_ANSWER_DEFERRED, SES_H2_DEFER, SES_H2_ANSWER_DEFERRED},
    {SES_H2_ANSWER_DEFERRED, SES_H2_RESUME, SES_H2_ANSWER_OPEN},
    {SES_H2_ANSWER_DEFERRED, SES_H2_END, SES_H2_ANSWER_ENDED},
    {SES_H2_ANSWER_DEFERRED, SES_H2_TRAILERS, SES_H2_ANSWER_HANDED_OVER},
    {SES_H2_ANSWER_ENDED, SES_H2_TRAILERS, SES_H2_ANSWER_HANDED_OVER},
};

static const enum ses_h2_answer *next_answer(enum ses_h2_answer from, enum ses_h2_answer_event event)
{
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        if (answers[i].from == from && answers[i].event == event)
            return &answers[i].to;
    }
    return NULL;
}

/* What a fault of ours does: the process ends, it does not go on with an answer in two states. */
static bool crashes(enum ses_h2_answer_event event)
{
    const struct rlimit no_core = {0, 0};
    pid_t child = unit_fork();
    int status;

    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        if (setrlimit(RLIMIT_CORE, &no_core) != 0 || freopen("/dev/null", "w", stderr) == NULL)
            _exit(1);
        ses_h2_answer_on(&stream, event);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status);
}

static void an_answer_goes_only_forward(void **state)
{
    (void)state;
    for (unsigned from = 0; from < SES_H2_ANSWER_COUNT; from++) {
        for (unsigned event = 0; event < SES_H2_ANSWER_EVENT_COUNT; event++) {
            const enum ses_h2_answer *to = next_answer(from, event);

            stream.answer = from;
            if (to == NULL) {
                assert_true(crashes(event));
                continue;
            }
            ses_h2_answer_on(&stream, event);
            assert_int_equal(stream.answer, *to);
            assert_int_equal(ses_h2_answer_ended(&stream),
                             *to == SES_H2_ANSWER_ENDED || *to == SES_H2_ANSWER_HANDED_OVER);
        }
    }
}

static void encodings_are_a_set(void **state)
{
    (void)state;
    ses_h2_encoding_set(&stream, SES_H2_ENCODING_ACCEPTED, true);
    ses_h2_encoding_set(&stream, SES_H2_ENCODING_GZIP, true);
    ses_h2_encoding_set(&stream, SES_H2_ENCODING_GZIP, false);
    assert_true(ses_h2_encoding_is(&stream, SES_H2_ENCODING_ACCEPTED));
    assert_false(ses_h2_encoding_is(&stream, SES_H2_ENCODING_GZIP));
}

static void an_engine_only_goes_forward(void **state)
{
    (void)state;
    for (unsigned from = 0; from <= SES_H2_SILENT; from++) {
        for (unsigned to = 0; to <= SES_H2_SILENT; to++) {
            h2.life = from;
            assert_int_equal(ses_h2_advance(&h2, to), to > from);
            assert_int_equal(h2.life, to > from ? to : from);
            assert_int_equal(ses_h2_is_dead(&h2), h2.life == SES_H2_DEAD || h2.life == SES_H2_SILENT);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, setup)
        TEST(a_request_with_a_body),
        TEST(a_refused_head_is_read_to_its_end),
        TEST(an_answer_may_be_out_before_the_request_is_whole),
        TEST(an_answer_goes_only_forward),
        TEST(encodings_are_a_set),
        TEST(an_engine_only_goes_forward),
#undef TEST
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
