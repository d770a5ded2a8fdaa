/* log.h - structured log: one JSON object a line, on a descriptor, buffered until the loop turns.
 *
 * Nothing here waits. A reader that does not read costs lines, never a payment: lines wait in a buffer of 64
 * KiB while the descriptor takes none, what comes after that is dropped, counted, and told in a line of its
 * own (log_lines_lost) as soon as there is room. What a stranger can cause by the thousand is bounded
 * (ses_log_begin_bounded) and summed up. A line is never torn: on anything but a file, a write is whole lines
 * of PIPE_BUF bytes at most, which a pipe takes whole or not at all (pipe(7)).
 *
 * A line is built field by field in storage of fixed size; a value too long is cut, never the line's form.
 * Keys are literals. Strings are escaped (RFC 8259), bytes that are not UTF-8 become U+FFFD. Nothing here
 * takes a struct ses_secret, and callers pass no token, credential, card number or raw session id: a test
 * searches for canaries.
 */
#ifndef SESSIOND_BASE_LOG_H
#define SESSIOND_BASE_LOG_H

#include <sessiond/base/buf.h>

struct ses_metrics;

enum ses_log_level { SES_LOG_DEBUG, SES_LOG_INFO, SES_LOG_WARN, SES_LOG_ERROR };

/* "debug"; static storage. */
const char *ses_log_level_name(enum ses_log_level level);

#define SES_LOG_LINE_MAX  2048
#define SES_LOG_HEAD_MAX  208   /* time, level and role, were each byte of the role an escape */
#define SES_LOG_SAME_MAX  1000  /* lines of one kind in a window, see ses_log_begin_bounded */
#define SES_LOG_WINDOW_MS 10000 /* ... of this length */
#define SES_LOG_KINDS_MAX 32    /* told apart at a time; more than these share one sum */

/* One kind of bounded line in its present window. */
struct ses_log_kind {
    const char *event; /* NULL: free */
    const char *cause;
    enum ses_log_level level;
    uint64_t began_mono_ns;
    unsigned lines;
    uint64_t more; /* not written */
};

enum ses_log_target { SES_LOG_TO_FILE, SES_LOG_TO_STREAM, SES_LOG_TO_SOCKET };

struct ses_log {
    int fd;
    enum ses_log_target target;
    bool waits; /* the descriptor is not O_NONBLOCK: asked before each write */
    enum ses_log_level level;
    char role[24];               /* "supervisor", "worker-0", ... in every line */
    struct ses_buf lines;        /* complete lines not yet written; the first one perhaps in part */
    struct ses_metrics *metrics; /* counts what is lost and what is summed up; NULL: nobody counts */
    uint64_t lines_lost;         /* dropped because the descriptor did not take them */
    uint64_t lines_lost_told;
    bool torn;     /* the last line that was written is not whole: the next one begins behind a line break */
    uint64_t more; /* summed up and not told yet, all kinds */
    uint64_t
        head_second; /* of what the last line began with, up to its event; the next may begin with it too */
    enum ses_log_level head_level;
    size_t head_len; /* 0: none yet */
    char head[SES_LOG_HEAD_MAX];
    struct ses_log_kind kinds[SES_LOG_KINDS_MAX];
};

struct ses_log_line {
    struct ses_log *log; /* NULL: the level is off, every call on the line is a no-op */
    enum ses_log_level level;
    size_t len;
    char text[SES_LOG_LINE_MAX];
};

/* [any] Once, first thing in a program, before it opens anything: a standard descriptor (0, 1, 2) that is
 * closed becomes /dev/null, or the next file opened would take its number and get what is written there. */
void ses_log_fill_standard(void);
/* [supervisor] Before fork and before the process gives up its right to look at itself: makes descriptor 2
 * one on which no write waits, for this process and its children only. A pipe or terminal is opened anew,
 * because O_NONBLOCK belongs to the open file, which the shell or the service manager shares with us. */
void ses_log_detach_standard_error(void);

/* [any] fd is borrowed (usually 2). */
void ses_log_init(struct ses_log *log, int fd, enum ses_log_level level, const char *role);
/* [any] Writes what is buffered, waiting for a slow reader for SES_LOG_DONE_MS in all, frees. */
#define SES_LOG_DONE_MS 200
void ses_log_done(struct ses_log *log);
/* [any] Starts a line with ts, level, role and event. */
void ses_log_begin(struct ses_log *log, enum ses_log_level level, const char *event,
                   struct ses_log_line *ret_line);
/* [any] The same for what must be written down whatever the level is (as "info"): what operators do. */
void ses_log_begin_audit(struct ses_log *log, const char *event, struct ses_log_line *ret_line);
/* [any] The same for a line that a stranger can cause: of SES_LOG_WINDOW_MS not more than SES_LOG_SAME_MAX
 * lines of one event and cause (both literals: compared by address; cause may be NULL). The rest are counted
 * and told in one line (log_summary: of, cause, more) when the window is over. */
void ses_log_begin_bounded(struct ses_log *log, enum ses_log_level level, const char *event,
                           const char *cause, struct ses_log_line *ret_line);
/* [any] A field. Below: keys are literals, so that their length is known where they are written. */
void ses_log_text_field(struct ses_log_line *line, struct ses_slice key, struct ses_slice value);
void ses_log_number_field(struct ses_log_line *line, struct ses_slice key, uint64_t value);

static inline void ses_log_str(struct ses_log_line *line, const char *key, const char *value)
{
    ses_log_text_field(line, ses_slice_str(key), ses_slice_str(value));
}

static inline void ses_log_slice(struct ses_log_line *line, const char *key, struct ses_slice value)
{
    ses_log_text_field(line, ses_slice_str(key), value);
}

static inline void ses_log_u64(struct ses_log_line *line, const char *key, uint64_t value)
{
    ses_log_number_field(line, ses_slice_str(key), value);
}

void ses_log_i64(struct ses_log_line *line, const char *key, int64_t value);
/* Ends the line. Warnings and errors are written at once, the rest at ses_log_flush or when 16 KiB wait. */
void ses_log_end(struct ses_log_line *line);
/* [any] Writes what the descriptor takes now; the rest waits for the next call. Tells the sums of windows
 * that are over. */
void ses_log_flush(struct ses_log *log);
/* [housekeeper, once a second] A log in a file: what it has been given since goes to the disk now, and nobody waits
 * for it but perhaps the caller. Left alone the kernel keeps it for half a minute and then writes all of it at once,
 * and a commit's sync waits behind that (bench/README.md). */
void ses_log_write_back(const struct ses_log *log);
/* [any] Shorthand: a line with one "msg" field, printf style. */
void ses_log_msg(struct ses_log *log, enum ses_log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
