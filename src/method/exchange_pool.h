/* exchange_pool.h - the pool's inside and the log line, shared by the exchange's three source files. */
#ifndef SESSIOND_SRC_METHOD_EXCHANGE_POOL_H
#define SESSIOND_SRC_METHOD_EXCHANGE_POOL_H

#include <sessiond/method/exchange.h>

struct ses_exchange_pool {
    struct ses_exchange_pool_options options; /* defaults filled in */
    struct ses_exchange *idle; /* recycled ones, each with its arena's first chunk; linked by cancel_arg */
    unsigned idle_count;
    unsigned open_count;
};

/* One line, event "request". No header value but the request id, the tenant and the merchant gets into it. */
void ses_exchange_log(const struct ses_exchange *x, uint32_t grpc_code, int http_status, uint64_t took_ns);

#endif
