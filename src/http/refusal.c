/* What the doors refuse before there is a request that could be answered. */
#include "engine.h"

void ses_doors_log_refused(struct ses_doors *doors, const char *peer, const char *protocol, int http_status,
                           const char *reason)
{
    struct ses_log_line line;

    ses_log_begin_bounded(doors->options.log, SES_LOG_INFO, "http_refused", protocol, &line);
    if (line.log == NULL)
        return;
    ses_log_str(&line, "protocol", protocol);
    if (http_status != 0)
        ses_log_u64(&line, "http_status", (uint64_t)http_status);
    ses_log_str(&line, "reason", reason);
    ses_log_str(&line, "peer", peer);
    ses_log_end(&line);
}
