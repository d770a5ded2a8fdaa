/* log_impl.h - between the files of the log.
 *
 *   log_end.c     the end of a line; flushes, sums, losses, the end of the log
 *   log_bound.c   how many lines of a kind are let through
 *   log.c         a line's fields           log_write.c   where lines go
 */
#ifndef SESSIOND_SRC_BASE_LOG_IMPL_H
#define SESSIOND_SRC_BASE_LOG_IMPL_H

#include <sessiond/base/log.h>
#include <sessiond/base/units.h>

/* Kept free in every line for the closing brace and newline, so that a line cut short is still JSON. */
#define SES_LOG_TAIL_BYTES 2
#define SES_LOG_WINDOW_NS  (SES_LOG_WINDOW_MS * SES_NS_PER_MS)

/* Takes one line with its line break; what does not fit into the buffer is lost and counted. */
void ses_log_push(struct ses_log *log, struct ses_slice line);
/* As much as the descriptor takes now. */
void ses_log_write_out(struct ses_log *log);
/* The descriptor refuses for good: nothing is kept for it. */
void ses_log_drop_all(struct ses_log *log);
/* Tells the sum of a kind whose window is over, and frees its row. */
void ses_log_end_window(struct ses_log *log, struct ses_log_kind *kind);

#endif
