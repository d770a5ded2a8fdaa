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

#define SES_TRACEPARENT "traceparent"

struct ses_exchange_pool {
    struct ses_exchange_pool_options options;
    struct ses_exchange *idle; /* recycled ones, each with its arena's first chunk; linked by cancel_arg */
    unsigned idle_count;
    unsigned open_count;
    unsigned open_peak;
};

/* Of each header as it is added, by its name in lower case: who sends none pays a comparison of lengths. */
static inline void ses_exchange_see_traceparent(struct ses_exchange *x, struct ses_slice name)
{
    if (name.len == sizeof(SES_TRACEPARENT) - 1 && ses_slice_eq(name, SES_STR(SES_TRACEPARENT)))
        x->traceparents++;
}

/* exchange_trace.c: after all headers, if there was one; its value. */
void ses_exchange_take_trace(struct ses_exchange *x, struct ses_slice traceparent);
/* exchange_trace.c: the same if there was none: a trace begins if it is sampled here. */
void ses_exchange_begin_trace(struct ses_exchange *x);
/* exchange_trace.c: the exchange's own span, when it is answered or cancelled. */
void ses_exchange_end_trace(const struct ses_exchange *x, uint32_t grpc_code, int http_status,
                            uint64_t ended_mono_ns);

#endif
