#include "engine.h"

#include <sessiond/base/clock.h>

#define WINDOW_NS UINT64_C(1000000000)

/* The window that holds now: a new one when the old one is over. */
static struct ses_refusal_log *current_window(struct ses_doors *doors)
{
    struct ses_refusal_log *window = &doors->refusals;
    uint64_t now_ns = ses_clock_mono_ns();

    if (window->lines == 0 || now_ns - window->began_mono_ns >= WINDOW_NS) {
        window->began_mono_ns = now_ns;
        window->lines = 0;
    }
    return window;
}

void ses_doors_log_refused(struct ses_doors *doors, const char *peer, const char *protocol, int http_status,
                           const char *reason)
{
    struct ses_refusal_log *window;
    struct ses_log_line line;

    if (doors->options.log == NULL)
        return;
    window = current_window(doors);
    if (window->lines == SES_REFUSAL_LINES_PER_SECOND) {
        window->suppressed++;
        return;
    }
    window->lines++;
    ses_log_begin(doors->options.log, SES_LOG_INFO, "http_refused", &line);
    ses_log_str(&line, "protocol", protocol);
    if (http_status != 0)
        ses_log_u64(&line, "http_status", (uint64_t)http_status);
    ses_log_str(&line, "reason", reason);
    ses_log_str(&line, "peer", peer);
    if (window->suppressed > 0)
        ses_log_u64(&line, "suppressed", window->suppressed);
    ses_log_end(&line);
    window->suppressed = 0;
}
