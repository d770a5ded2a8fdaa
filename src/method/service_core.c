/* What the methods ask of their service. */
#include "service_core.h"

#include <sessiond/exchange/exchange_trace.h>

/* A walk over at most 256 rows, each of which says one of the two; a merchant may have one row of each
 * kind. */
struct ses_binding_policy ses_service_binding(const struct ses_service *service, struct ses_slice merchant)
{
    struct ses_binding_policy policy = service->options.binding;

    for (size_t i = 0; i < service->options.bindings_count; i++) {
        const struct ses_merchant_binding *row = &service->options.bindings[i];

        if (!ses_slice_eq_str(merchant, row->merchant))
            continue;
        if (row->policy.mode != SES_BINDING_DEFAULT)
            policy.mode = row->policy.mode;
        if (row->policy.missing != SES_BINDING_MISSING_DEFAULT)
            policy.missing = row->policy.missing;
    }
    return policy;
}

/* A warning although nothing failed here: money has moved for a payment that the merchant took for
 * lost. */
void ses_tell_late_success(const struct ses_service *service, const struct ses_exchange *x)
{
    struct ses_log_line line;

    ses_count(service->options.metrics, SES_C_SESSIONS_LATE_SUCCESS, 1);
    if (service->options.log == NULL)
        return;
    ses_log_begin(service->options.log, SES_LOG_WARN, "late_success", &line);
    ses_log_str(&line, "request_id", x->request_id);
    ses_exchange_log_trace(x, &line);
    ses_log_slice(&line, "merchant", x->merchant);
    ses_log_str(&line, "session", x->session_pseudonym);
    ses_log_end(&line);
}

/* stopping and not draining: a worker that a reload replaces leaves a server behind that serves. */
bool ses_service_serving(const struct ses_service *service)
{
    return !service->stopping && !service->unready && ses_store_health(service->options.store).writes;
}

void ses_service_tell_durability(const struct ses_service *service, struct ses_exchange *x)
{
    enum ses_durability durability = ses_store_durability(service->options.store);

    ses_exchange_reply_header(x, SES_STR("x-session-durability"),
                              ses_slice_str(ses_durability_name(durability)));
}

void ses_service_reply(const struct ses_service *service, struct ses_exchange *x, struct ses_slice message)
{
    ses_service_tell_durability(service, x);
    ses_exchange_reply(x, message);
}
