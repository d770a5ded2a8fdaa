/* worker_store.h - a worker's store, of the driver that the configuration names: the one place of a worker that knows more
 * than one. Everything else works with store.h. */
#ifndef SESSIOND_SRC_RUNTIME_WORKER_STORE_H
#define SESSIOND_SRC_RUNTIME_WORKER_STORE_H

#include "worker.h"

/* [worker] Before it is confined: the driver's secret, if it has one. Logs what is wrong. */
SES_MUST_CHECK enum ses_status ses_worker_load_password(struct ses_worker *worker);
/* [worker] LMDB: settles what a dead predecessor of this slot has left before it returns, which may take seconds.
 * PostgreSQL: begins to connect and returns. */
SES_MUST_CHECK enum ses_status ses_worker_open_store(struct ses_worker *worker);
/* [worker] A few times a second: what the driver does beside the contract, and what it tells the board. */
void ses_worker_tend_store(struct ses_worker *worker);
/* [worker] Before the first connection is accepted: until the store answers, or for a while. What it says then stands on the
 * board. */
void ses_worker_await_store(struct ses_worker *worker);
/* Why the worker is replaced when its store acknowledges nothing any more. */
const char *ses_worker_store_failure(const struct ses_worker *worker);
/* A drain begins: nothing more is begun that nobody has asked for. */
void ses_worker_leave_store(struct ses_worker *worker);

#endif
