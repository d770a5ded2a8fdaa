/* What comes of answers, good and bad, in pieces of every size. */
#include "unit.h"

#include "answer.h"

struct field {
    const char *name;
    const char *value;
};

#define HEADERS                                                                                              \
    {":status", "200"},                                                                                      \
    {                                                                                                        \
        "content-type", "application/grpc+proto"                                                             \
    }

static void list(struct ses_up_answer *answer, const struct field *fields)
{
    ses_up_answer_list_begin(answer);
    for (; fields->name != NULL; fields++)
        (void)ses_up_answer_field(answer, ses_slice_str(fields->name), ses_slice_str(fields->value));
    ses_up_answer_list_end(answer);
}

static void list_headers(struct ses_up_answer *answer)
{
    const struct field fields[] = {HEADERS, {NULL, NULL}};

    list(answer, fields);
}

static void list_status(struct ses_up_answer *answer, const char *status)
{
    const struct field fields[] = {{"grpc-status", status}, {NULL, NULL}};

    list(answer, fields);
}

static void judged(struct ses_up_answer *answer, enum ses_upstream_outcome outcome, uint32_t grpc_status,
                   const char *why)
{
    char text[SES_UPSTREAM_WHY_SIZE] = "";
    uint32_t status;

    assert_int_equal(ses_up_answer_verdict(answer, &status, text), outcome);
    assert_int_equal(status, grpc_status);
    assert_string_equal(text, why);
    ses_up_answer_done(answer);
}

static void an_answer_is_taken_in_pieces_of_any_size(void **state)
{
    const struct ses_slice body = SES_STR("\0\0\0\0\5hello");
    struct ses_upstream_pair pairs[SES_UPSTREAM_METADATA_MAX];

    (void)state;
    for (size_t piece = 1; piece <= body.len; piece++) {
        struct ses_upstream_answer shown = {.outcome = SES_UPSTREAM_ANSWERED};
        struct ses_up_answer answer;

        ses_up_answer_init(&answer, 16);
        list_headers(&answer);
        for (size_t at = 0; at < body.len; at += piece)
            assert_true(ses_up_answer_data(&answer, ses_slice_cut(body, at, at + piece)));
        list_status(&answer, "0");
        ses_up_answer_show(&answer, pairs, &shown);
        assert_slice_equal(shown.message, "hello");
        assert_int_equal(shown.metadata_count, 0);
        judged(&answer, SES_UPSTREAM_ANSWERED, 0, "");
    }
}

static void metadata_and_words_are_decoded(void **state)
{
    const struct field headers[] = {
        HEADERS, {"x-one", "1"}, {"x-bytes-bin", "AAEC"}, {"grpc-encoding", "identity"}, {NULL, NULL}};
    const struct field trailers[] = {{"grpc-status", "3"},
                                     {"grpc-message", "a%20b%C3%A4%zz%4"},
                                     {"grpc-status-details-bin", "/wA"},
                                     {"x-two", "2"},
                                     {"x-bad-bin", "!"},
                                     {NULL, NULL}};
    struct ses_upstream_pair pairs[SES_UPSTREAM_METADATA_MAX];
    struct ses_upstream_answer shown = {.outcome = SES_UPSTREAM_ANSWERED};
    struct ses_up_answer answer;

    (void)state;
    ses_up_answer_init(&answer, 16);
    list(&answer, headers);
    list(&answer, trailers);
    ses_up_answer_show(&answer, pairs, &shown);
    assert_slice_equal(shown.grpc_message, "a b\xc3\xa4%zz%4");
    assert_slice_equal(shown.details, "\xff\0");
    assert_int_equal(shown.metadata_count, 3);
    assert_slice_equal(pairs[0].name, "x-one");
    assert_slice_equal(pairs[1].name, "x-bytes-bin");
    assert_slice_equal(pairs[1].value, "\0\1\2");
    assert_slice_equal(pairs[2].value, "2");
    assert_int_equal(shown.message.len, 0);
    judged(&answer, SES_UPSTREAM_ANSWERED, 3, "");
}

/* A refusal by headers alone, whatever the HTTP status and type are. */
static void a_status_counts_whatever_is_around_it(void **state)
{
    static const struct field forms[][4] = {
        {HEADERS, {"grpc-status", "7"}, {NULL, NULL}},
        {{":status", "200"}, {"grpc-status", "7"}, {NULL, NULL}},
        {{":status", "503"}, {"content-type", "text/html"}, {"grpc-status", "7"}, {NULL, NULL}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct ses_up_answer answer;

        ses_up_answer_init(&answer, 16);
        list(&answer, forms[i]);
        judged(&answer, SES_UPSTREAM_ANSWERED, 7, "");
    }
}

static void what_comes_before_the_answer_is_none(void **state)
{
    const struct field early[] = {{":status", "103"}, {"grpc-status", "0"}, {"link", "x"}, {NULL, NULL}};
    struct ses_up_answer answer;

    (void)state;
    ses_up_answer_init(&answer, 16);
    list(&answer, early);
    list(&answer, early);
    assert_false(answer.final);
    list_headers(&answer);
    list_status(&answer, "5");
    assert_int_equal(answer.fields_count, 0);
    judged(&answer, SES_UPSTREAM_ANSWERED, 5, "");
}

static void an_http_status_without_grpcs_is_no_answer(void **state)
{
    static const struct {
        const char *http;
        uint32_t grpc;
    } forms[] = {{"400", 13}, {"401", 16}, {"403", 7}, {"404", 12}, {"429", 14}, {"502", 14},
                 {"503", 14}, {"504", 14}, {"500", 2}, {"302", 2},  {"204", 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        const struct field fields[] = {
            {":status", forms[i].http}, {"content-type", "text/html"}, {NULL, NULL}};
        struct ses_up_answer answer;
        char why[128];

        ses_up_answer_init(&answer, 16);
        list(&answer, fields);
        assert_true(
            ses_up_answer_data(&answer, SES_STR("<html>this is more than a message may have</html>")));
        (void)snprintf(why, sizeof(why), "the answer is HTTP status %s without a grpc-status", forms[i].http);
        judged(&answer, SES_UPSTREAM_UNKNOWN, forms[i].grpc, why);
    }
}

static void another_content_is_no_answer(void **state)
{
    static const char *const types[] = {"application/grpcx", "application/json", "application/grp", ""};

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const struct field fields[] = {{":status", "200"}, {"content-type", types[i]}, {NULL, NULL}};
        struct ses_up_answer answer;

        ses_up_answer_init(&answer, 16);
        list(&answer, fields);
        assert_true(ses_up_answer_data(&answer, SES_STR("\0\0\0\0\1a")));
        judged(&answer, SES_UPSTREAM_UNKNOWN, 13, "the answer is not one of gRPC (content-type)");
    }
}

static void a_body_that_is_not_one_message_is_no_answer(void **state)
{
    static const struct {
        struct ses_slice body;
        bool taken;
        const char *why;
    } forms[] = {
        {SES_STR_INIT(""), true, "the answer is OK and has no whole message"},
        {SES_STR_INIT("\0\0\0\0"), true, "the answer is OK and has no whole message"},
        {SES_STR_INIT("\0\0\0\0\2a"), true, "the answer is OK and has no whole message"},
        {SES_STR_INIT("\0\0\0\0\1ab"), false, "the answer has no message of gRPC in it"},
        {SES_STR_INIT("\0\0\0\0\1a\0\0\0\0\1b"), false, "the answer has more than one message"},
        {SES_STR_INIT("\0\0\0\0\0\0\0\0\0\0"), false, "the answer has more than one message"},
        {SES_STR_INIT("\0\0\0\0\1a\0\0"), true, "the answer is OK and has no whole message"},
        {SES_STR_INIT("\1\0\0\0\1a"), false, "the answer is compressed, though no compression was offered"},
        {SES_STR_INIT("\2\0\0\0\1a"), false, "the answer has no message of gRPC in it"},
        {SES_STR_INIT("\0\0\0\0\21"), false, "the answer is larger than upstream.answer_bytes_max"},
        {SES_STR_INIT("\0\377\377\377\377"), false, "the answer is larger than upstream.answer_bytes_max"},
        {SES_STR_INIT("HTTP/1.1 200 OK"), false, "the answer has no message of gRPC in it"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct ses_up_answer answer;

        ses_up_answer_init(&answer, 16);
        list_headers(&answer);
        assert_int_equal(ses_up_answer_data(&answer, forms[i].body), forms[i].taken);
        list_status(&answer, "0");
        judged(&answer, SES_UPSTREAM_UNKNOWN, 13, forms[i].why);
    }
}

/* An empty message is one. */
static void a_message_may_be_empty_or_the_largest(void **state)
{
    static const struct ses_slice bodies[] = {SES_STR_INIT("\0\0\0\0\0"), SES_STR_INIT("\0\0\0\0\20"
                                                                                       "0123456789abcdef")};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct ses_up_answer answer;

        ses_up_answer_init(&answer, 16);
        list_headers(&answer);
        assert_true(ses_up_answer_data(&answer, bodies[i]));
        list_status(&answer, "0");
        judged(&answer, SES_UPSTREAM_ANSWERED, 0, "");
    }
}

static void a_status_that_is_none_is_no_answer(void **state)
{
    static const char *const words[] = {"", "OK", "-1", "0x0", " 0", "99999999999"};

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct ses_up_answer answer;

        ses_up_answer_init(&answer, 16);
        list_headers(&answer);
        list_status(&answer, words[i]);
        judged(&answer, SES_UPSTREAM_UNKNOWN, 13, "the answer's grpc-status is no number, or there are two");
    }
}

static void two_statuses_are_none(void **state)
{
    const struct field two[] = {{"grpc-status", "0"}, {"grpc-status", "0"}, {NULL, NULL}};
    struct ses_up_answer answer;

    (void)state;
    ses_up_answer_init(&answer, 16);
    list_headers(&answer);
    list(&answer, two);
    judged(&answer, SES_UPSTREAM_UNKNOWN, 13, "the answer's grpc-status is no number, or there are two");
}

static void a_code_that_nobody_knows_is_unknown(void **state)
{
    struct ses_up_answer answer;

    (void)state;
    ses_up_answer_init(&answer, 16);
    list_headers(&answer);
    list_status(&answer, "17");
    judged(&answer, SES_UPSTREAM_ANSWERED, 2, "");
}

/* Metadata beyond the bounds is left out; the status is not. */
static void too_much_metadata_costs_no_status(void **state)
{
    struct ses_upstream_pair pairs[SES_UPSTREAM_METADATA_MAX];
    struct ses_upstream_answer shown = {.outcome = SES_UPSTREAM_ANSWERED};
    struct ses_up_answer answer;
    char value[1024];
    size_t bytes = 0;

    (void)state;
    memset(value, 'v', sizeof(value));
    ses_up_answer_init(&answer, 16);
    list_headers(&answer);
    ses_up_answer_list_begin(&answer);
    for (unsigned i = 0; i < 40; i++)
        assert_true(ses_up_answer_field(&answer, SES_STR("x-long"), ses_slice(value, sizeof(value))));
    assert_true(ses_up_answer_field(&answer, SES_STR("grpc-status"), SES_STR("9")));
    ses_up_answer_list_end(&answer);
    ses_up_answer_show(&answer, pairs, &shown);
    for (size_t i = 0; i < shown.metadata_count; i++)
        bytes += shown.metadata[i].name.len + shown.metadata[i].value.len + 32;
    assert_true(shown.metadata_count > 10 && bytes <= SES_UPSTREAM_HEADERS_MAX);
    judged(&answer, SES_UPSTREAM_ANSWERED, 9, "");

    ses_up_answer_init(&answer, 16);
    ses_up_answer_list_begin(&answer);
    for (unsigned i = 0; i < SES_UPSTREAM_METADATA_MAX + 10; i++)
        assert_true(ses_up_answer_field(&answer, SES_STR("x"), SES_STR("y")));
    assert_int_equal(answer.fields_count, SES_UPSTREAM_METADATA_MAX);
    ses_up_answer_done(&answer);
}

static void endless_headers_are_a_fault(void **state)
{
    struct ses_up_answer answer;
    unsigned taken = 0;

    (void)state;
    ses_up_answer_init(&answer, 16);
    ses_up_answer_list_begin(&answer);
    while (ses_up_answer_field(&answer, SES_STR("x"), SES_STR("y")))
        taken++;
    assert_int_equal(taken, SES_UP_HEADER_EXCESS * SES_UPSTREAM_HEADERS_MAX / 34);
    judged(&answer, SES_UPSTREAM_UNKNOWN, 13, "the answer's headers are far too large");
}

static void the_end_before_a_status_is_no_answer(void **state)
{
    struct ses_up_answer answer;

    (void)state;
    ses_up_answer_init(&answer, 16);
    list_headers(&answer);
    assert_true(ses_up_answer_data(&answer, SES_STR("\0\0\0\0\1a")));
    judged(&answer, SES_UPSTREAM_UNKNOWN, 13, "the answer ended without a grpc-status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_taken_in_pieces_of_any_size),
        cmocka_unit_test(metadata_and_words_are_decoded),
        cmocka_unit_test(a_status_counts_whatever_is_around_it),
        cmocka_unit_test(what_comes_before_the_answer_is_none),
        cmocka_unit_test(an_http_status_without_grpcs_is_no_answer),
        cmocka_unit_test(another_content_is_no_answer),
        cmocka_unit_test(a_body_that_is_not_one_message_is_no_answer),
        cmocka_unit_test(a_message_may_be_empty_or_the_largest),
        cmocka_unit_test(a_status_that_is_none_is_no_answer),
        cmocka_unit_test(two_statuses_are_none),
        cmocka_unit_test(a_code_that_nobody_knows_is_unknown),
        cmocka_unit_test(too_much_metadata_costs_no_status),
        cmocka_unit_test(endless_headers_are_a_fault),
        cmocka_unit_test(the_end_before_a_status_is_no_answer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
