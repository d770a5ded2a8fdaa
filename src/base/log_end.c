/* What the end of a line leads to: it is handed over (log_write.c), and with a flush go the sums of what was bounded
 * (log_bound.c) and the news of lines that were lost. All that is written by itself is a line, too, hence above both. */
#include <sessiond/base/log.h>

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "log_impl.h"

#define FLUSH_AT (16 * SES_KIB)

static void tell_sum(struct ses_log *log, const struct ses_log_kind *kind)
{
    struct ses_log_line line;

    ses_log_begin(log, kind->level, "log_summary", &line);
    ses_log_str(&line, "of", kind->event);
    if (kind->cause != NULL)
        ses_log_str(&line, "cause", kind->cause);
    ses_log_u64(&line, "more", kind->more);
    ses_log_u64(&line, "window_ms", SES_LOG_WINDOW_MS);
    ses_log_end(&line);
}

/* The row is free before the sum is told: the line of the sum may flush, and a flush ends windows. */
void ses_log_end_window(struct ses_log *log, struct ses_log_kind *kind)
{
    struct ses_log_kind over = *kind;

    *kind = (struct ses_log_kind){.event = NULL};
    log->more -= over.more;
    if (over.more > 0)
        tell_sum(log, &over);
}

/* Without anything summed up this costs one comparison: it is called at each flush. */
static void tell_sums(struct ses_log *log, bool all)
{
    uint64_t now_ns;

    if (log->more == 0)
        return;
    now_ns = ses_clock_mono_ns();
    for (unsigned i = 0; i < SES_LOG_KINDS_MAX; i++) {
        struct ses_log_kind *kind = &log->kinds[i];

        if (kind->more > 0 && (all || now_ns - kind->began_mono_ns >= SES_LOG_WINDOW_NS))
            ses_log_end_window(log, kind);
    }
}

/* Told when there is room again; if the telling itself is lost, it is counted and told the next time. */
static void tell_lost(struct ses_log *log)
{
    uint64_t lost = log->lines_lost - log->lines_lost_told;
    struct ses_log_line line;

    if (lost == 0 || log->lines.len > 0)
        return;
    log->lines_lost_told = log->lines_lost;
    ses_log_begin(log, SES_LOG_WARN, "log_lines_lost", &line);
    ses_log_u64(&line, "lost", lost);
    line.level = SES_LOG_INFO; /* not urgent: no flush within a flush */
    ses_log_end(&line);
    ses_log_write_out(log);
}

void ses_log_flush(struct ses_log *log)
{
    tell_sums(log, false);
    ses_log_write_out(log);
    tell_lost(log);
}

/* The end of a process is the one place that waits for a reader, and not for long. */
void ses_log_done(struct ses_log *log)
{
    uint64_t end_ns = ses_clock_mono_ns() + SES_LOG_DONE_MS * SES_NS_PER_MS;
    struct pollfd ready = {.fd = log->fd, .events = POLLOUT};

    tell_sums(log, true);
    ses_log_flush(log);
    while (log->lines.len > 0 && ses_clock_mono_ns() < end_ns) {
        (void)poll(&ready, 1, SES_LOG_DONE_MS / 10);
        ses_log_flush(log);
    }
    ses_log_drop_all(log);
    ses_buf_done(&log->lines);
}

void ses_log_end(struct ses_log_line *line)
{
    struct ses_log *log = line->log;
    bool urgent;

    if (log == NULL)
        return;
    memcpy(line->text + line->len, "}\n", SES_LOG_TAIL_BYTES);
    line->len += SES_LOG_TAIL_BYTES;
    line->log = NULL; /* a second end does nothing */
    ses_log_push(log, ses_slice(line->text, line->len));
    urgent = line->level >= SES_LOG_WARN; /* a warning is what a crash would otherwise swallow */
    if (urgent || log->lines.len >= FLUSH_AT)
        ses_log_flush(log);
}

void ses_log_msg(struct ses_log *log, enum ses_log_level level, const char *event, const char *format, ...)
{
    struct ses_log_line line;
    char text[1024];
    va_list args;

    ses_log_begin(log, level, event, &line);
    if (line.log == NULL)
        return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    ses_log_str(&line, "msg", text);
    ses_log_end(&line);
}
