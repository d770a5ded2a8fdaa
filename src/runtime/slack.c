/* When a burst is over, and what is done then. */
#include "slack.h"

#include <malloc.h>

/* Over is what has come down to this part of its peak, and stays there for so many looks: a burst that comes in waves
 * would be paid for at each of them. */
#define OVER_DIVISOR 8u
#define QUIET_LOOKS  2u

static bool is_over(unsigned peak, unsigned now)
{
    return peak >= SES_SLACK_BURST_MIN && now <= peak / OVER_DIVISOR;
}

void ses_slack_look(struct ses_slack *slack, struct ses_exchange_pool *pool, struct ses_doors *doors,
                    const struct ses_conns *conns, struct ses_metrics *metrics)
{
    unsigned connections = ses_conns_count(conns);

    ses_gauge_set(metrics, SES_C_EXCHANGES_KEPT, ses_exchange_pool_kept(pool));
    if (connections > slack->connections_peak)
        slack->connections_peak = connections;
    if (!is_over(ses_exchange_pool_peak(pool), ses_exchange_pool_open(pool)) &&
        !is_over(slack->connections_peak, connections)) {
        slack->quiet_looks = 0;
        return;
    }
    if (++slack->quiet_looks < QUIET_LOOKS)
        return;
    *slack = (struct ses_slack){.connections_peak = connections};
    ses_exchange_pool_rest(pool);
    ses_doors_rest(doors);
    (void)malloc_trim(0);
    ses_count(metrics, SES_C_HEAP_TRIMS, 1);
}
