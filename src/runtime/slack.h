/* slack.h - memory that a burst leaves behind, given back when it is over.
 *
 * What thousands of requests or connections at once have taken is freed with them, but stays with the process: what is
 * recycled (exchanges, HTTP/2 streams) lies scattered over the heap, and the allocator gives back only what is free at
 * the heap's end. */
#ifndef SESSIOND_SRC_RUNTIME_SLACK_H
#define SESSIOND_SRC_RUNTIME_SLACK_H

#include <sessiond/base/metrics.h>
#include <sessiond/exchange/exchange.h>
#include <sessiond/http/door.h>
#include <sessiond/net/conn.h>

/* Fewer at once leave too little behind to look for it. */
#define SES_SLACK_BURST_MIN 512u

struct ses_slack {
    unsigned connections_peak; /* since memory was last given back */
    unsigned quiet_looks;
};

/* [worker] Once a second. After a burst, at the second look at which an eighth of its peak or less is left, what is kept for
 * recycling is let go, but for a few, and the allocator gives back what is free: once a burst, some milliseconds. */
void ses_slack_look(struct ses_slack *slack, struct ses_exchange_pool *pool, struct ses_doors *doors,
                    const struct ses_conns *conns, struct ses_metrics *metrics);

#endif
