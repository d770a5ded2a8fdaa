/* worker_parts.h - what a worker consists of, in the order in which it is made; the worker closes them. Its store:
 * worker_store.h. */
#ifndef SESSIOND_SRC_RUNTIME_WORKER_PARTS_H
#define SESSIOND_SRC_RUNTIME_WORKER_PARTS_H

#include "worker.h"

/* [worker] Each fills the worker's own members; a failure is logged where it has a cause of its own. */
SES_MUST_CHECK enum ses_status ses_worker_load_keys(struct ses_worker *worker);
SES_MUST_CHECK enum ses_status ses_worker_open_driver(struct ses_worker *worker);
/* Nothing without upstream.grpc. */
SES_MUST_CHECK enum ses_status ses_worker_open_upstream(struct ses_worker *worker);
SES_MUST_CHECK enum ses_status ses_worker_open_service(struct ses_worker *worker);
SES_MUST_CHECK enum ses_status ses_worker_open_tls(struct ses_worker *worker);
SES_MUST_CHECK enum ses_status ses_worker_open_admission(struct ses_worker *worker);
SES_MUST_CHECK enum ses_status ses_worker_open_doors(struct ses_worker *worker);
SES_MUST_CHECK enum ses_status ses_worker_open_conns(struct ses_worker *worker);

/* The queue of spans and who sends them away; nothing without trace.endpoint. */
SES_MUST_CHECK enum ses_status ses_worker_open_trace(struct ses_worker *worker);

#endif
