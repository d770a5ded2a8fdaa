/* What a line says: every byte at every place of a value, and what lines of one second have in common. */
#include "unit_clock.h"

#include <stdio.h>
#include <unistd.h>

#include <jansson.h>

#include <sessiond/base/log.h>

#define VALUE_LEN 19 /* two looks at eight bytes, and a rest */

struct fixture {
    struct ses_log log;
    int fds[2];
};

static void open_log(struct fixture *f)
{
    assert_int_equal(pipe(f->fds), 0);
    ses_log_init(&f->log, f->fds[1], SES_LOG_DEBUG, "worker-0");
}

static void close_log(struct fixture *f)
{
    ses_log_done(&f->log);
    close(f->fds[0]);
    close(f->fds[1]);
}

static json_t *say(struct fixture *f, enum ses_log_level level, struct ses_slice value)
{
    char text[SES_LOG_LINE_MAX];
    struct ses_log_line line;

    ses_log_begin(&f->log, level, "event", &line);
    ses_log_slice(&line, "value", value);
    ses_log_end(&line);
    ses_log_flush(&f->log);
    ssize_t len = read(f->fds[0], text, sizeof(text));

    assert_true(len > 1);
    json_t *root = json_loadb(text, (size_t)len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

    assert_non_null(root);
    return root;
}

static void expect(const json_t *root, const char *key, const char *value)
{
    assert_string_equal(json_string_value(json_object_get(root, key)), value);
}

static void every_byte_is_told_at_every_place(void **state)
{
    struct fixture f;
    char value[VALUE_LEN + 1] = "", wanted[VALUE_LEN + 3];

    (void)state;
    open_log(&f);
    for (unsigned byte = 1; byte < 256; byte++) {
        for (size_t at = 0; at < VALUE_LEN; at++) {
            memset(value, 'a', VALUE_LEN);
            value[at] = (char)byte;
            (void)snprintf(wanted, sizeof(wanted), "%.*s%s%s", (int)at, value,
                           byte < 0x80 ? (char[]){(char)byte, '\0'} : "\xEF\xBF\xBD", value + at + 1);
            json_t *root = say(&f, SES_LOG_INFO, ses_slice(value, VALUE_LEN));

            expect(root, "value", wanted);
            json_decref(root);
        }
    }
    close_log(&f);
}

static void each_line_has_its_own_time_and_level(void **state)
{
    static const struct {
        uint64_t pass_ms;
        enum ses_log_level level;
        const char *ts;
    } lines[] = {
        {0, SES_LOG_INFO, "2026-01-02T03:04:05.006Z"},
        {993, SES_LOG_INFO, "2026-01-02T03:04:05.999Z"},
        {0, SES_LOG_WARN, "2026-01-02T03:04:05.999Z"},
        {1, SES_LOG_WARN, "2026-01-02T03:04:06.000Z"},
        {70, SES_LOG_INFO, "2026-01-02T03:04:06.070Z"},
        {3600000, SES_LOG_INFO, "2026-01-02T04:04:06.070Z"},
        {1000, SES_LOG_DEBUG, "2026-01-02T04:04:07.070Z"},
    };
    struct fixture f;

    (void)state;
    unit_clock_stop_at(UINT64_C(1767323045006));
    open_log(&f);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        unit_clock_pass_ms(lines[i].pass_ms);
        json_t *root = say(&f, lines[i].level, SES_STR("v"));

        expect(root, "ts", lines[i].ts);
        expect(root, "level", ses_log_level_name(lines[i].level));
        expect(root, "role", "worker-0");
        expect(root, "event", "event");
        json_decref(root);
    }
    close_log(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_told_at_every_place),
        cmocka_unit_test(each_line_has_its_own_time_and_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
