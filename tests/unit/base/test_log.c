#include "unit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* What a terminal would hide or turn round is written as an escape; other letters stand for themselves. */
static void what_is_not_seen_is_escaped(void **state)
{
    struct ses_log log;
    struct ses_log_line line;
    char text[SES_LOG_LINE_MAX + 16];
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    ses_log_init(&log, fds[1], SES_LOG_INFO, "w");
    ses_log_begin(&log, SES_LOG_WARN, "event", &line);
    ses_log_str(&line, "name",
                "a\xE2\x80\x8B\xE2\x80\xAE\xE2\x80\xA8\xC2\x85\xF3\xA0\x81\x81\xC3\xA9\xF0\x9F\x98\x80");
    ses_log_end(&line);
    ssize_t len = read(fds[0], text, sizeof(text) - 1);
    assert_true(len > 0);
    text[len] = '\0';
    assert_non_null(
        strstr(text, "\"name\":\"a\\u200b\\u202e\\u2028\\u0085\\udb40\\udc41\xC3\xA9\xF0\x9F\x98\x80\""));
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
    struct ses_log_line line;
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
    memset(&line, 0xAA, sizeof(line)); /* what a stack holds */
    ses_log_begin_bounded(NULL, SES_LOG_ERROR, "event", "", &line);
    ses_log_str(&line, "key", "value");
    ses_log_u64(&line, "number", 1);
    ses_log_end(&line);
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
    ses_log_done(&log);
    close(fds[0]);
    close(fds[1]);
}

/* The same with a descriptor that nobody made non-blocking: a write to it would hang this test. */
static void a_pipe_that_would_block_is_not_written(void **state)
{
    struct ses_log log;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    ses_log_init(&log, fds[1], SES_LOG_INFO, "w");
    for (int i = 0; i < 3000; i++)
        ses_log_msg(&log, SES_LOG_WARN, "event", "%d", i);
    assert_true(log.lines_lost > 0);
    ses_log_done(&log);
    close(fds[0]);
    close(fds[1]);
}

/* Reads all lines that are there; each must be whole JSON. Returns the sum of what "log_lines_lost" tells. */
static uint64_t read_lines(int fd, uint64_t *lines)
{
    static char text[1 << 20];
    ssize_t len = read(fd, text, sizeof(text) - 1);
    uint64_t told = 0;
    char *rest = text;
    char *line;

    if (len <= 0)
        return 0;
    text[len] = '\0';
    assert_int_equal(text[len - 1], '\n');
    while ((line = strsep(&rest, "\n")) != NULL && *line != '\0') {
        json_t *root = json_loads(line, 0, NULL);

        assert_non_null(root);
        if (strcmp(json_string_value(json_object_get(root, "event")), "log_lines_lost") == 0)
            told += (uint64_t)json_integer_value(json_object_get(root, "lost"));
        else
            (*lines)++;
        json_decref(root);
    }
    return told;
}

/* A reader that comes back: whole lines, and what is missing is told by its number. */
static void every_line_is_read_or_counted(void **state)
{
    static struct ses_metrics metrics;
    struct ses_log log;
    uint64_t sent = 0;
    uint64_t told = 0;
    uint64_t lines = 0;
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    ses_log_init(&log, fds[1], SES_LOG_INFO, "w");
    log.metrics = &metrics;
    for (int round = 0; round < 5; round++) {
        for (; sent < (uint64_t)(round + 1) * 2000; sent++)
            ses_log_msg(&log, SES_LOG_INFO, "event", "%.*s", (int)(sent % 900), "a value of some length");
        for (int turn = 0; turn < 40; turn++) {
            told += read_lines(fds[0], &lines);
            ses_log_flush(&log);
        }
    }
    ses_log_done(&log);
    told += read_lines(fds[0], &lines);
    assert_true(told > 0);
    assert_int_equal(lines + told, sent);
    assert_int_equal(metrics.counter[SES_C_LOG_LINES_LOST], told);
    close(fds[0]);
    close(fds[1]);
}

/* pipe(7): only PIPE_BUF bytes at most are written as one piece beside other writers. */
static void no_write_to_a_pipe_is_larger_than_pipe_buf(void **state)
{
    struct ses_log log;
    char text[65536];
    int fds[2];
    ssize_t got;

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_DIRECT), 0); /* packets: each read returns one write */
    ses_log_init(&log, fds[1], SES_LOG_INFO, "w");
    for (int i = 0; i < 90; i++)
        ses_log_msg(&log, SES_LOG_INFO, "event", "%.*s", i, "a value of some length");
    ses_log_flush(&log);
    while ((got = read(fds[0], text, sizeof(text))) > 0) {
        assert_true(got <= PIPE_BUF);
        assert_int_equal(text[0], '{');
        assert_int_equal(text[got - 1], '\n');
    }
    assert_int_equal(log.lines.len, 0);
    ses_log_done(&log);
    close(fds[0]);
    close(fds[1]);
}

static void a_kind_is_summed_up_beyond_its_bound(void **state)
{
    static const char *const causes[] = {"a", "b"};
    static struct ses_metrics metrics;
    struct ses_log log;
    struct ses_log_line line;
    uint64_t lines = 0;
    int fds[2];

    (void)state;
    assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
    ses_log_init(&log, fds[1], SES_LOG_INFO, "w");
    log.metrics = &metrics;
    for (unsigned i = 0; i < 2 * (SES_LOG_SAME_MAX + 10); i++) {
        ses_log_begin_bounded(&log, SES_LOG_INFO, "request", causes[i % 2], &line);
        ses_log_end(&line);
        ses_log_flush(&log);
        (void)read_lines(fds[0], &lines);
    }
    assert_int_equal(lines, 2 * SES_LOG_SAME_MAX); /* each cause for itself */
    assert_int_equal(metrics.counter[SES_C_LOG_LINES_SUMMED], 20);
    ses_log_flush(&log);
    assert_int_equal(read_lines(fds[0], &lines), 0);
    assert_int_equal(lines, 2 * SES_LOG_SAME_MAX); /* the window is not over */
    log.kinds[0].began_mono_ns -= SES_LOG_WINDOW_MS * UINT64_C(1000000);
    ses_log_flush(&log);
    (void)read_lines(fds[0], &lines);
    assert_int_equal(lines, 2 * SES_LOG_SAME_MAX + 1);
    ses_log_done(&log); /* an end tells what is left */
    (void)read_lines(fds[0], &lines);
    assert_int_equal(lines, 2 * SES_LOG_SAME_MAX + 2);
    close(fds[0]);
    close(fds[1]);
}

/* More kinds than there are rows: one of them takes the rest, nothing is written without a bound. */
static void kinds_without_end_are_bounded_too(void **state)
{
    static char causes[3 * SES_LOG_KINDS_MAX][2];
    struct ses_log log;
    struct ses_log_line line;
    int fd = open("/dev/null", O_WRONLY);

    (void)state;
    ses_log_init(&log, fd, SES_LOG_INFO, "w");
    for (unsigned i = 0; i < 3 * SES_LOG_KINDS_MAX * (SES_LOG_SAME_MAX + 1); i++) {
        ses_log_begin_bounded(&log, SES_LOG_INFO, "request", causes[i % (3 * SES_LOG_KINDS_MAX)], &line);
        ses_log_end(&line);
        if (log.lines.len > 4096)
            ses_log_flush(&log);
    }
    assert_true(log.more >= (2 * SES_LOG_KINDS_MAX - 1) * SES_LOG_SAME_MAX);
    ses_log_done(&log);
    close(fd);
}

/* In a child, since it is about descriptors 0 to 2. */
static int closed_standard_descriptors(void)
{
    struct stat status;
    int fd;

    (void)close(0);
    (void)close(1);
    (void)close(2);
    ses_log_fill_standard();
    fd = open("/dev/zero", O_RDONLY);
    return fd > 2 && fstat(2, &status) == 0 && S_ISCHR(status.st_mode) && write(2, "x", 1) == 1 ? 0 : 1;
}

static int pipe_with_a_friend(void)
{
    int fds[2];

    if (pipe(fds) != 0 || dup2(fds[1], 2) != 2)
        return 1;
    ses_log_detach_standard_error();
    if ((fcntl(2, F_GETFL) & O_NONBLOCK) == 0)
        return 2;
    return (fcntl(fds[1], F_GETFL) & O_NONBLOCK) == 0 ? 0 : 3; /* what others hold stays as it was */
}

static void in_child(int (*scene)(void))
{
    pid_t pid = fork();
    int status;

    if (pid == 0)
        _exit(scene());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void standard_descriptors_are_never_somebody_elses(void **state)
{
    (void)state;
    in_child(closed_standard_descriptors);
}

static void only_our_end_of_standard_error_changes(void **state)
{
    (void)state;
    in_child(pipe_with_a_friend);
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
        cmocka_unit_test(what_is_not_seen_is_escaped),
        cmocka_unit_test(too_long_values_are_cut_not_the_line),
        cmocka_unit_test(levels_below_are_silent),
        cmocka_unit_test(a_reader_that_does_not_read_costs_lines_not_time),
        cmocka_unit_test(a_pipe_that_would_block_is_not_written),
        cmocka_unit_test(every_line_is_read_or_counted),
        cmocka_unit_test(no_write_to_a_pipe_is_larger_than_pipe_buf),
        cmocka_unit_test(a_kind_is_summed_up_beyond_its_bound),
        cmocka_unit_test(kinds_without_end_are_bounded_too),
        cmocka_unit_test(standard_descriptors_are_never_somebody_elses),
        cmocka_unit_test(only_our_end_of_standard_error_changes),
        cmocka_unit_test(histogram_buckets_hold_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
