/* The http_refused line: for requests that never become an exchange, with a limit. */
#include "h1_text.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static struct ses_log log_under_test;
static int pipe_fds[2];

static int with_log(void **state)
{
    if (h1_rig_setup(state) != 0 || pipe(pipe_fds) != 0)
        return -1;
    ses_log_init(&log_under_test, pipe_fds[1], SES_LOG_INFO, "test");
    h1_rig.doors->options.log = &log_under_test;
    return 0;
}

static int without_log(void **state)
{
    ses_log_done(&log_under_test);
    (void)close(pipe_fds[0]);
    (void)close(pipe_fds[1]);
    return h1_rig_teardown(state);
}

/* All lines written so far, as one text. */
static const char *lines(void)
{
    static char text[64 * 1024];
    ssize_t got;

    if (log_under_test.lines.len == 0)
        return "";
    ses_log_flush(&log_under_test);
    got = read(pipe_fds[0], text, sizeof(text) - 1);
    text[got < 0 ? 0 : got] = '\0';
    return text;
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    while ((text = strstr(text, word)) != NULL) {
        text += strlen(word);
        n++;
    }
    return n;
}

static void test_one_line_with_reason_and_peer(void **state)
{
    const char *text;

    (void)state;
    fresh(SES_STR("GET /CANARY HTTP/1.1\r\nHost: a\r\nX Y: CANARY\r\n\r\n"));
    expect("HTTP/1.1 400 ");
    text = lines();
    assert_int_equal(count(text, "\n"), 1);
    assert_non_null(strstr(text, "\"event\":\"http_refused\",\"protocol\":\"http/1.1\",\"http_status\":400"));
    assert_non_null(strstr(text, "\"reason\":\"white space between a header name and its colon\""));
    assert_non_null(strstr(text, "\"peer\":\"192.0.2.1:4711\""));
    assert_null(strstr(text, "CANARY"));
}

static void test_what_is_answered_as_an_exchange_has_none(void **state)
{
    (void)state;
    fresh(SES_STR("GET /nothing HTTP/1.1\r\n" HOST "\r\n"));
    expect("HTTP/1.1 404 ");
    assert_string_equal(lines(), "");
}

static void test_a_flood_is_counted_not_written(void **state)
{
    const char *text;
    unsigned written = 0;

    (void)state;
    for (int i = 0; i < SES_LOG_SAME_MAX + 500; i++) {
        ses_doors_log_refused(h1_rig.doors, "peer", "h2", 0, "flood");
        written += count(lines(), "\"event\":\"http_refused\"");
    }
    assert_int_equal(written, SES_LOG_SAME_MAX);
    for (unsigned i = 0; i < SES_LOG_KINDS_MAX; i++) /* a window later */
        log_under_test.kinds[i].began_mono_ns -= SES_LOG_WINDOW_MS * UINT64_C(1000000);
    ses_doors_log_refused(h1_rig.doors, "peer", "h2", 0, "flood");
    text = lines();
    assert_int_equal(count(text, "\"event\":\"http_refused\""), 1);
    assert_int_equal(count(text, "\"of\":\"http_refused\",\"cause\":\"h2\",\"more\":500"), 1); /* told once */
}

static void test_without_a_log(void **state)
{
    (void)state;
    h1_rig.doors->options.log = NULL;
    ses_doors_log_refused(h1_rig.doors, "peer", "h2", 0, "nobody listens");
    assert_string_equal(lines(), "");
}

int main(void)
{
#define LOGGED(name) cmocka_unit_test_setup_teardown(name, with_log, without_log)
    const struct CMUnitTest tests[] = {
        LOGGED(test_one_line_with_reason_and_peer),
        LOGGED(test_what_is_answered_as_an_exchange_has_none),
        LOGGED(test_a_flood_is_counted_not_written),
        LOGGED(test_without_a_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
