/* Lines: built field by field in storage of fixed size. A field that does not fit is left out whole, a text
 * is cut between two characters: whatever happens the line is one JSON object. Where lines go: log_write.c.
 */
#include <sessiond/base/log.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/json_text.h>
#include <sessiond/base/rfc3339.h>
#include <sessiond/base/units.h>

#include "log_impl.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};

const char *ses_log_level_name(enum ses_log_level level)
{
    return level_names[level];
}

static size_t room_left(const struct ses_log_line *line)
{
    return SES_LOG_LINE_MAX - SES_LOG_TAIL_BYTES - line->len;
}

static bool put_raw(struct ses_log_line *line, const char *text, size_t len)
{
    if (len > room_left(line))
        return false;
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): nobody passes NULL with a length */
    memcpy(line->text + line->len, text, len);
    line->len += len;
    return true;
}

/* Length of a character's escape, 0 when it stands for itself. What a reader of the log would not see, or
 * would read in another order, is escaped. */
static size_t escape_character(uint32_t c, char escape[SES_JSON_ESCAPE_MAX])
{
    bool plain = c != '"' && c != '\\' && ses_code_point_printable(c);

    return plain ? 0 : ses_json_escape(c, escape);
}

/* Length of the longest start of s that stands for itself: nearly every value, whole. */
static size_t plain_run(struct ses_slice s)
{
    size_t i = 0;

    while (i < s.len && s.data[i] < 0x7F && !ses_json_must_escape(s.data[i]))
        i++;
    return i;
}

/* A value too long is cut between two characters; the closing quote always fits. */
static void put_string(struct ses_log_line *line, struct ses_slice value)
{
    size_t run = plain_run(value);

    if (!put_raw(line, "\"", 1))
        return;
    if (run > 0 && run < room_left(line)) {
        (void)put_raw(line, (const char *)value.data, run);
        value = ses_slice_cut(value, run, value.len);
    }
    while (value.len > 0 && room_left(line) > 6 + 1) { /* an escape of one unit, and the quote */
        char escape[SES_JSON_ESCAPE_MAX];
        uint32_t c = 0;
        size_t taken = ses_utf8_first(value, &c);
        size_t len = taken == 0 ? 0 : escape_character(c, escape);

        if (len + 1 >= room_left(line))
            break;
        if (taken == 0)
            (void)put_raw(line, "\xEF\xBF\xBD", 3);
        else if (len > 0)
            (void)put_raw(line, escape, len);
        else
            (void)put_raw(line, (const char *)value.data, taken);
        taken = taken == 0 ? 1 : taken;
        value = ses_slice_cut(value, taken, value.len);
    }
    (void)put_raw(line, "\"", 1);
}

/* True when the key and a value of value_bytes at least fit. 4: comma, two quotes, colon. */
static bool put_key(struct ses_log_line *line, const char *key, size_t value_bytes)
{
    size_t len = strlen(key);

    if (line->log == NULL || len + 4 + value_bytes > room_left(line))
        return false;
    (void)put_raw(line, line->len == 1 ? "\"" : ",\"", line->len == 1 ? 1 : 2);
    (void)put_raw(line, key, len);
    (void)put_raw(line, "\":", 2);
    return true;
}

void ses_log_slice(struct ses_log_line *line, const char *key, struct ses_slice value)
{
    if (put_key(line, key, 2))
        put_string(line, value);
}

void ses_log_str(struct ses_log_line *line, const char *key, const char *value)
{
    ses_log_slice(line, key, ses_slice_str(value));
}

#define DIGITS_MAX 20 /* of 2^64 - 1 */

static size_t print_u64(uint64_t value, char *ret_digits)
{
    char backwards[DIGITS_MAX];
    size_t len = 0;

    do {
        backwards[len++] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    for (size_t i = 0; i < len; i++)
        ret_digits[i] = backwards[len - 1 - i];
    return len;
}

void ses_log_u64(struct ses_log_line *line, const char *key, uint64_t value)
{
    char digits[DIGITS_MAX];
    size_t len = print_u64(value, digits);

    if (put_key(line, key, DIGITS_MAX))
        (void)put_raw(line, digits, len);
}

void ses_log_i64(struct ses_log_line *line, const char *key, int64_t value)
{
    char digits[DIGITS_MAX];
    size_t len = print_u64(value < 0 ? 0 - (uint64_t)value : (uint64_t)value, digits);

    if (!put_key(line, key, DIGITS_MAX + 1))
        return;
    if (value < 0)
        (void)put_raw(line, "-", 1);
    (void)put_raw(line, digits, len);
}

/* ts is the world's time with milliseconds: whoever reads a log compares it with other machines' logs. log NULL:
 * nothing is written. */
static void begin(struct ses_log *log, enum ses_log_level level, const char *event,
                  struct ses_log_line *ret_line)
{
    char time_text[SES_RFC3339_SIZE + 4];
    uint64_t now_ms;
    unsigned fraction;

    ret_line->log = log;
    ret_line->level = level;
    ret_line->len = 0;
    if (log == NULL)
        return;
    now_ms = ses_clock_wall_ms();
    ses_rfc3339_encode(now_ms, time_text);
    fraction = (unsigned)(now_ms % 1000);
    time_text[19] = '.';
    time_text[20] = (char)('0' + fraction / 100);
    time_text[21] = (char)('0' + fraction / 10 % 10);
    time_text[22] = (char)('0' + fraction % 10);
    time_text[23] = 'Z';
    time_text[24] = '\0';
    (void)put_raw(ret_line, "{", 1);
    ses_log_str(ret_line, "ts", time_text);
    ses_log_str(ret_line, "level", level_names[level]);
    ses_log_str(ret_line, "role", log->role);
    ses_log_str(ret_line, "event", event);
}

void ses_log_begin(struct ses_log *log, enum ses_log_level level, const char *event,
                   struct ses_log_line *ret_line)
{
    begin(log != NULL && level >= log->level ? log : NULL, level, event, ret_line);
}

void ses_log_begin_audit(struct ses_log *log, const char *event, struct ses_log_line *ret_line)
{
    begin(log, SES_LOG_INFO, event, ret_line);
}
