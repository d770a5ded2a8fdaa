/* exchange_pool.h - the pool's inside, shared by the exchange's two source files. */
#ifndef SESSIOND_SRC_EXCHANGE_EXCHANGE_POOL_H
#define SESSIOND_SRC_EXCHANGE_EXCHANGE_POOL_H

#include <sessiond/exchange/exchange.h>

struct ses_exchange_pool {
    struct ses_exchange_pool_options options; /* defaults filled in */
    struct ses_exchange *idle; /* recycled ones, each with its arena's first chunk; linked by cancel_arg */
    unsigned idle_count;
    unsigned open_count;
};

#endif
