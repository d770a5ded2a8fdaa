/* overload_told.h - a worker begins to shed, or has ended: gauge and log line. */
#ifndef SESSIOND_SRC_ADMISSION_OVERLOAD_TOLD_H
#define SESSIOND_SRC_ADMISSION_OVERLOAD_TOLD_H

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>

#include "overload.h"

/* log NULL: none is written. */
void ses_overload_tell(const struct ses_overload *overload, struct ses_metrics *metrics, struct ses_log *log);

#endif
