#include "overload_told.h"

void ses_overload_tell(const struct ses_overload *overload, struct ses_metrics *metrics, struct ses_log *log)
{
    struct ses_log_line line;

    ses_gauge_set(metrics, SES_C_SHEDDING, overload->shedding ? 1 : 0);
    if (log == NULL)
        return;
    ses_log_begin_bounded(log, SES_LOG_WARN, overload->shedding ? "overload" : "overload_over", NULL, &line);
    if (line.log == NULL)
        return;
    if (overload->shedding)
        ses_log_u64(&line, "room_percent", (uint64_t)(overload->room * 100));
    ses_log_u64(&line, "target_ms", overload->target_ns / SES_NS_PER_MS);
    ses_log_end(&line);
}
