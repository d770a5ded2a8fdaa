/* log.h - structured log: one JSON object a line, on a descriptor, buffered until the loop turns.
 *
 * A line is built field by field in storage of fixed size; a value too long is cut, never the line's form.
 * Keys are literals. Strings are escaped (RFC 8259), bytes that are not UTF-8 become U+FFFD. Nothing here
 * takes a struct ses_secret, and callers pass no token, credential, card number or raw session id: a test
 * searches for canaries.
 */
#ifndef SESSIOND_BASE_LOG_H
#define SESSIOND_BASE_LOG_H

#include <sessiond/base/buf.h>

enum ses_log_level { SES_LOG_DEBUG, SES_LOG_INFO, SES_LOG_WARN, SES_LOG_ERROR };

struct ses_log {
    int fd;
    enum ses_log_level level;
    char role[24];        /* "supervisor", "worker-0", ... in every line */
    struct ses_buf lines; /* complete lines not yet written */
    uint64_t lines_lost;  /* lines dropped because the descriptor did not take them */
};

#define SES_LOG_LINE_MAX 2048

struct ses_log_line {
    struct ses_log *log; /* NULL: the level is off, every call on the line is a no-op */
    enum ses_log_level level;
    size_t len;
    char text[SES_LOG_LINE_MAX];
};

/* [any] fd is borrowed (usually 2). */
void ses_log_init(struct ses_log *log, int fd, enum ses_log_level level, const char *role);
/* [any] Writes what is buffered, frees. */
void ses_log_done(struct ses_log *log);
/* [any] Starts a line with ts, level, role and event. */
void ses_log_begin(struct ses_log *log, enum ses_log_level level, const char *event,
                   struct ses_log_line *ret_line);
void ses_log_str(struct ses_log_line *line, const char *key, const char *value);
void ses_log_slice(struct ses_log_line *line, const char *key, struct ses_slice value);
void ses_log_u64(struct ses_log_line *line, const char *key, uint64_t value);
void ses_log_i64(struct ses_log_line *line, const char *key, int64_t value);
/* Ends the line. Warnings and errors are written at once, the rest at ses_log_flush or when 64 KiB wait. */
void ses_log_end(struct ses_log_line *line);
/* [any] One write(2) for all buffered lines; what does not fit is dropped and counted. */
void ses_log_flush(struct ses_log *log);
/* [any] Shorthand: a line with one "msg" field, printf style. */
void ses_log_msg(struct ses_log *log, enum ses_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
