/* connector_call.h - one HTTP call to a connector on behalf of an exchange, whatever it is for: its place among those in
 * flight, its time, the trace that it is told of, and how a call that cannot be made is refused.
 *
 *   take    a place, before anything is written for the call      --> leave: it is not made after all
 *   start   the call, in that place; from here on it is awaited   --> answered
 */
#ifndef SESSIOND_SRC_METHOD_CONNECTOR_CALL_H
#define SESSIOND_SRC_METHOD_CONNECTOR_CALL_H

#include "service_core.h"

struct ses_connector_call {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_connector *connector;
    struct ses_outbound_request request;
    struct ses_outbound_place place; /* until the call is made */
    uint64_t called_mono_ns;         /* when the connector was asked */
    /* Its answer, or why there is none (driver.h: ses_outbound_fn). */
    void (*answered)(struct ses_connector_call *call, uint32_t http_status,
                     enum ses_connector_outcome outcome, struct ses_slice body);
};

/* [worker] How long a lease has to last that the call is made under: until its end, and for the put behind it. */
uint64_t ses_connector_call_lease_ms(const struct ses_connector_call *call);
/* [worker] A place for request. As ses_outbound_take, and SES_DEADLINE_EXCEEDED. */
SES_MUST_CHECK enum ses_status ses_connector_call_take(struct ses_connector_call *call,
                                                       ses_store_owner owner);
/* [worker] No call will be made, or not yet; none taken is fine. */
void ses_connector_call_leave(struct ses_connector_call *call);
/* [worker] Makes it; answered is called later from the loop. As ses_outbound_start, and SES_DEADLINE_EXCEEDED. */
SES_MUST_CHECK enum ses_status ses_connector_call_start(struct ses_connector_call *call);
/* [worker] Why no call was made, for the caller: what take or start returned. Counts it. */
void ses_connector_call_refusal(const struct ses_connector_call *call, enum ses_status status,
                                struct ses_error *ret_error);

#endif
