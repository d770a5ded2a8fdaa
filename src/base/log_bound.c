/* Lines that a stranger can cause: so many of one kind in a window, then a sum. */
#include <sessiond/base/log.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/units.h>

#include "log_impl.h"

/* The kind's row, a free one, or NULL when all are in use by other kinds. Windows that are over are ended on
 * the way. */
static struct ses_log_kind *kind_of(struct ses_log *log, const char *event, const char *cause,
                                    uint64_t now_ns)
{
    struct ses_log_kind *unused = NULL;

    for (unsigned i = 0; i < SES_LOG_KINDS_MAX; i++) {
        struct ses_log_kind *kind = &log->kinds[i];

        if (kind->event != NULL && now_ns - kind->began_mono_ns >= SES_LOG_WINDOW_NS)
            ses_log_end_window(log, kind);
        if (kind->event == event && kind->cause == cause)
            return kind;
        if (kind->event == NULL && unused == NULL)
            unused = kind;
    }
    if (unused != NULL)
        *unused = (struct ses_log_kind){.event = event, .cause = cause, .began_mono_ns = now_ns};
    return unused;
}

void ses_log_begin_bounded(struct ses_log *log, enum ses_log_level level, const char *event,
                           const char *cause, struct ses_log_line *ret_line)
{
    struct ses_log_kind *kind;

    ret_line->log = NULL;
    if (log == NULL || level < log->level)
        return;
    kind = kind_of(log, event, cause, ses_clock_mono_ns());
    if (kind == NULL) /* more kinds than rows: the last row's bound and sum hold for all that find none */
        kind = &log->kinds[SES_LOG_KINDS_MAX - 1];
    if (kind->lines == SES_LOG_SAME_MAX) {
        kind->more++;
        log->more++;
        ses_count(log->metrics, SES_C_LOG_LINES_SUMMED, 1);
        return;
    }
    kind->lines++;
    kind->level = level;
    ses_log_begin(log, level, event, ret_line);
}
