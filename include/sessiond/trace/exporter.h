/* exporter.h - takes the spans of a worker to a collector: OTLP/HTTP in JSON, POST <endpoint>/v1/traces
 * (https://opentelemetry.io/docs/specs/otlp/).
 *
 * One batch is on its way at a time, by a driver of its own (connector/driver.h): TLS verified, no redirects, bounded
 * answers, a deadline, a breaker. What a collector does touches no call: while it does not take them, spans wait in
 * their bounded queue and are dropped beyond it, counted. Nothing is sent twice.
 */
#ifndef SESSIOND_TRACE_EXPORTER_H
#define SESSIOND_TRACE_EXPORTER_H

#include <uv.h>

#include <sessiond/base/log.h>
#include <sessiond/base/span.h>

#define SES_EXPORTER_BATCH_MAX 64 /* spans; what a request of the driver has room for */

struct ses_exporter_options {
    uv_loop_t *loop;
    struct ses_spans *spans;
    const char *endpoint;         /* https://.., or http:// of a loopback host; without '/' at its end */
    struct ses_slice ca;          /* PEM: who may vouch for the collector; empty: whom the machine trusts */
    struct ses_slice certificate; /* PEM, with its key: as whom we come; empty: as nobody */
    struct ses_slice key;
    const char *service_name;
    const char *instance; /* service.instance.id: which process */
    unsigned batch;       /* 1 to SES_EXPORTER_BATCH_MAX */
    uint32_t timeout_ms;  /* of one request, not 0 */
    struct ses_log *log;  /* failures, bounded */
    struct ses_metrics *metrics;
};

struct ses_exporter;

/* [worker] All texts are borrowed. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_exporter_new(const struct ses_exporter_options *options,
                                                struct ses_exporter **ret_exporter);
/* What waits or is on its way is dropped, and counted. Handles finish on the loop. */
void ses_exporter_free(struct ses_exporter *exporter);

#endif
