/* Lines: built field by field in storage of fixed size. A field that does not fit is left out whole, a text
 * is cut between two characters: whatever happens the line is one JSON object. Where lines go: log_write.c.
 */
#include <sessiond/base/log.h>

#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/eight.h>
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

static void copy(char *at, const char *text, size_t len)
{
    if (len >
        0) /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): nobody passes NULL with a length */
        memcpy(at, text, len);
}

static bool put_raw(struct ses_log_line *line, const char *text, size_t len)
{
    if (len > room_left(line))
        return false;
    copy(line->text + line->len, text, len);
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

/* All eight bytes stand for themselves: printable, none of the two marks. */
static inline bool eight_plain(const uint8_t *bytes)
{
    uint64_t eight = ses_eight(bytes);

    return ses_eight_printable(eight) && (ses_eight_has(eight, '"') | ses_eight_has(eight, '\\')) == 0;
}

/* Length of the longest start of s that stands for itself: nearly every value, whole. */
static size_t plain_run(struct ses_slice s)
{
    size_t i = 0;

    while (i + 8 <= s.len && eight_plain(s.data + i))
        i += 8;
    /* The rest with what stands before it, in one look. */
    if (s.len >= 8 && i + 8 > s.len && eight_plain(s.data + s.len - 8))
        return s.len;
    while (i < s.len && s.data[i] < 0x7F && !ses_json_must_escape(s.data[i]))
        i++;
    return i;
}

/* A value that stands for itself and fits, as nearly every one. */
static bool put_plain(struct ses_log_line *line, struct ses_slice value, size_t run)
{
    char *at = line->text + line->len;

    if (run < value.len || run + 2 > room_left(line))
        return false;
    at[0] = '"';
    copy(at + 1, (const char *)value.data, run);
    at[run + 1] = '"';
    line->len += run + 2;
    return true;
}

/* A value too long is cut between two characters; the closing quote always fits. */
static void put_string(struct ses_log_line *line, struct ses_slice value)
{
    size_t run = plain_run(value);

    if (put_plain(line, value, run) || !put_raw(line, "\"", 1))
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
static bool put_key(struct ses_log_line *line, struct ses_slice key, size_t value_bytes)
{
    size_t begin = 0;
    char *at;

    /* Of a line that is not written nothing else is set (log_bound.c). */
    if (line->log == NULL || key.len + 4 + value_bytes > room_left(line))
        return false;
    at = line->text + line->len;
    if (line->len > 1)
        at[begin++] = ',';
    at[begin++] = '"';
    copy(at + begin, (const char *)key.data, key.len);
    at[begin + key.len] = '"';
    at[begin + key.len + 1] = ':';
    line->len += begin + key.len + 2;
    return true;
}

void ses_log_text_field(struct ses_log_line *line, struct ses_slice key, struct ses_slice value)
{
    if (put_key(line, key, 2))
        put_string(line, value);
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

void ses_log_number_field(struct ses_log_line *line, struct ses_slice key, uint64_t value)
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

    if (!put_key(line, ses_slice_str(key), DIGITS_MAX + 1))
        return;
    if (value < 0)
        (void)put_raw(line, "-", 1);
    (void)put_raw(line, digits, len);
}

/* {"ts":"2026-01-01T00:00:00.000Z","level":"info","role":"worker-0" */
#define TS_FRACTION 27 /* where the milliseconds stand in it */

/* ts is the world's time with milliseconds: whoever reads a log compares it with other machines' logs. */
static void make_head(struct ses_log *log, struct ses_log_line *line)
{
    char time_text[SES_RFC3339_SIZE + 4];

    ses_rfc3339_encode(log->head_second * 1000, time_text);
    (void)snprintf(time_text + SES_RFC3339_LEN - 1, sizeof(time_text) - SES_RFC3339_LEN + 1, ".000Z");
    (void)put_raw(line, "{", 1);
    ses_log_str(line, "ts", time_text);
    ses_log_str(line, "level", level_names[log->head_level]);
    ses_log_str(line, "role", log->role);
    SES_REQUIRE(line->len <= sizeof(log->head));
    memcpy(log->head, line->text, line->len);
    log->head_len = line->len;
}

/* Lines of one second and level begin alike but for the milliseconds. log NULL: nothing is written. */
static void begin(struct ses_log *log, enum ses_log_level level, const char *event,
                  struct ses_log_line *ret_line)
{
    uint64_t now_ms;

    ret_line->log = log;
    ret_line->level = level;
    ret_line->len = 0;
    if (log == NULL)
        return;
    now_ms = ses_clock_wall_ms();
    if (log->head_len > 0 && log->head_second == now_ms / 1000 && log->head_level == level) {
        (void)put_raw(ret_line, log->head, log->head_len);
    } else {
        log->head_second = now_ms / 1000;
        log->head_level = level;
        make_head(log, ret_line);
    }
    for (unsigned i = 3, fraction = (unsigned)(now_ms % 1000); i-- > 0; fraction /= 10)
        ret_line->text[TS_FRACTION + i] = (char)('0' + fraction % 10);
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
