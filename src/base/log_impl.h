/* log_impl.h - between the files of the log. */
#ifndef SESSIOND_BASE_LOG_IMPL_H
#define SESSIOND_BASE_LOG_IMPL_H

#include <sessiond/base/log.h>

/* Takes one line with its line break; what does not fit into the buffer is lost and counted. */
void ses_log_push(struct ses_log *log, struct ses_slice line);
/* Tells the sums of windows that are over at now_mono_ns, or of all (a log that ends). */
void ses_log_tell_sums(struct ses_log *log, bool all);

#endif
