/* exchange_pool.h - the pool's inside, shared by the exchange's two source files.
 *
 * Who holds a reference on an exchange, and until when:
 *
 *   the door                 from ses_exchange_new until its stream is gone or has let go of it
 *   a call of the service    from its first wait or put until it has answered (in_flight counts them)
 *   a Watch stream           from its start until it ended
 *   whoever is speaking      over one call of the door's functions or of a cancel function
 *
 * Everything of a request lies in its arena, the structs of its method included: the last reference frees
 * them all together.
 */
#ifndef SESSIOND_SRC_EXCHANGE_EXCHANGE_POOL_H
#define SESSIOND_SRC_EXCHANGE_EXCHANGE_POOL_H

#include <sessiond/exchange/exchange.h>

struct ses_exchange_pool {
    struct ses_exchange_pool_options options;
    struct ses_exchange *idle; /* recycled ones, each with its arena's first chunk; linked by cancel_arg */
    unsigned idle_count;
    unsigned open_count;
};

#endif
