#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>

/* Reads what the log wrote into a pipe and parses it as JSON: whatever was put in, a line must stay JSON. */
static json_t *line_of(int fd)
{
    char text[SES_LOG_LINE_MAX + 16];
    ssize_t len = read(fd, text, sizeof(text));
    json_t *root;

    assert_true(len > 1);
    assert_int_equal(text[len - 1], '\n');
    root = json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    return root;
}

static void lines_are_json_whatever_the_value(void **state)
{
    struct ses_log log;
    struct ses_log_line line;
    int fds[2];
    json_t *root;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    ses_log_init(&log, fds[1], SES_LOG_INFO, "worker-0");
    ses_log_begin(&log, SES_LOG_INFO, "request", &line);
    ses_log_slice(&line, "hostile", ses_slice("\"}\n\\\x01\xFF\xC3\xA9\0z", 10));
    ses_log_u64(&line, "big", INT64_MAX);
    ses_log_i64(&line, "low", INT64_MIN);
    ses_log_end(&line);
    ses_log_flush(&log);
    root = line_of(fds[0]);
    assert_string_equal(json_string_value(json_object_get(root, "role")), "worker-0");
    assert_string_equal(json_string_value(json_object_get(root, "event")), "request");
    assert_true(json_integer_value(json_object_get(root, "low")) == INT64_MIN);
    json_decref(root);
    ses_log_done(&log);
    close(fds[0]);
    close(fds[1]);
}

static void too_long_values_are_cut_not_the_line(void **state)
{
    struct ses_log log;
    struct ses_log_line line;
    char huge[5000];
    int fds[2];
    json_t *root;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    ses_log_init(&log, fds[1], SES_LOG_INFO, "w");
    for (int fill = 0; fill < 2; fill++) {
        memset(huge, fill == 0 ? 'x' : 1, sizeof(huge));
        ses_log_begin(&log, SES_LOG_WARN, "event", &line);
        ses_log_slice(&line, "huge", ses_slice(huge, sizeof(huge)));
        ses_log_str(&line, "after", "does not fit");
        ses_log_end(&line);
        root = line_of(fds[0]); /* a warning is written without a flush */
        assert_null(json_object_get(root, "after"));
        json_decref(root);
    }
    ses_log_done(&log);
    close(fds[0]);
    close(fds[1]);
}

static void levels_below_are_silent(void **state)
{
    struct ses_log log;
    int fds[2];
    char byte;

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    ses_log_init(&log, fds[1], SES_LOG_WARN, "w");
    ses_log_msg(&log, SES_LOG_INFO, "event", "%d", 1);
    ses_log_flush(&log);
    assert_int_equal(read(fds[0], &byte, 1), -1);
    ses_log_msg(NULL, SES_LOG_ERROR, "event", "no log, no crash");
    ses_log_done(&log);
    close(fds[0]);
    close(fds[1]);
}

static void a_reader_that_does_not_read_costs_lines_not_time(void **state)
{
    struct ses_log log;
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    ses_log_init(&log, fds[1], SES_LOG_INFO, "w");
    for (int i = 0; i < 3000; i++)
        ses_log_msg(&log, SES_LOG_WARN, "event", "%d", i);
    assert_true(log.lines_lost > 0);
    assert_int_equal(log.lines.len, 0);
    ses_log_done(&log);
    close(fds[0]);
    close(fds[1]);
}

static void histogram_buckets_hold_their_values(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 64; shift++) {
        for (uint64_t low = 0; low < 3; low++) {
            uint64_t value = (UINT64_C(1) << shift) + low - 1;
            size_t index = ses_hist_index(value);

            assert_true(index < SES_HIST_BUCKETS);
            assert_true(value <= ses_hist_upper(index));
            if (index > 0)
                assert_true(value > ses_hist_upper(index - 1));
        }
    }
    assert_true(ses_hist_index(UINT64_MAX) == SES_HIST_BUCKETS - 1);
    assert_true(ses_hist_upper(SES_HIST_BUCKETS - 1) == UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_json_whatever_the_value),
        cmocka_unit_test(too_long_values_are_cut_not_the_line),
        cmocka_unit_test(levels_below_are_silent),
        cmocka_unit_test(a_reader_that_does_not_read_costs_lines_not_time),
        cmocka_unit_test(histogram_buckets_hold_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
