/* admin.h - one connection to one node for who looks after a database: an operator's command, a start. It blocks, each
 * wait with a deadline; nothing that serves payments uses it.
 *
 * What was not answered in time is not cancelled (a cancelled commit is acknowledged without its standby): the connection
 * is closed, and the server goes on with the statement as far as it can.
 */
#ifndef SESSIOND_STORE_ADMIN_H
#define SESSIOND_STORE_ADMIN_H

#include <libpq-fe.h>

#include <sessiond/base/secret.h>
#include <sessiond/store/store_pg_admin.h>

#include "target.h"

#define PG_ADMIN_PARAMETERS_MAX 4

struct pg_admin {
    PGconn *conn; /* NULL: there is none (any more) */
    uint64_t timeout_ms;
    uint64_t copied; /* rows that the COPY of the last statements has read or written */
    bool warned;     /* their answer came with a warning: a commit that says so is not acknowledged */
};

/* A statement's parameter: bytes, sent as bytea; data NULL is NULL. */
struct pg_admin_value {
    const void *data;
    size_t len;
};

/* [any] To one node of the target. SES_UNAVAILABLE: the fault says what the node or the network said, never a password.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_admin_connect(struct pg_admin *admin, const struct pg_target *target,
                                                    unsigned node, const struct ses_secret *password,
                                                    uint64_t timeout_ms, struct ses_fault *fault);
/* [any] The same to the node that is the primary, of two the one of the newer timeline. SES_UNAVAILABLE: none of them is,
 * the fault says what each said. */
SES_MUST_CHECK enum ses_status ses_pg_admin_connect_primary(struct pg_admin *admin,
                                                            const struct pg_target *target,
                                                            const struct ses_secret *password,
                                                            uint64_t timeout_ms, struct ses_fault *fault);
/* [any] The same, of a place that is named. SES_INVALID_ARGUMENT (conninfo). */
SES_MUST_CHECK enum ses_status ses_pg_admin_open(struct pg_admin *admin, const struct ses_pg_place *place,
                                                 struct ses_fault *fault);
void ses_pg_admin_close(struct pg_admin *admin);

/* [any] One statement; the caller clears the result, whose columns are text. SES_UNAVAILABLE: no answer in time, or the
 * connection is lost: whether it was done is not known. SES_IO: the server refused it, the fault has its words; ret_result
 * is then NULL. */
SES_MUST_CHECK enum ses_status ses_pg_admin_ask(struct pg_admin *admin, const char *text,
                                                const struct pg_admin_value *values, int count,
                                                struct ses_fault *fault, PGresult **ret_result);

/* [any] Several statements without parameters, one after the other, in one round trip: BEGIN and COMMIT among them. The result
 * is the last one's; where one is a COPY FROM STDIN, the one that says that rows are waited for, and the others follow them. Else
 * as ses_pg_admin_ask. */
SES_MUST_CHECK enum ses_status ses_pg_admin_tell(struct pg_admin *admin, const char *texts,
                                                 struct ses_fault *fault, PGresult **ret_result);

/* [any] For other waits on the connection. false: the deadline (ses_clock_mono_ms) has come. */
SES_MUST_CHECK bool ses_pg_admin_wait(const struct pg_admin *admin, short events, uint64_t deadline_ms);
/* [any] Closes a connection that is lost; the fault says why. SES_UNAVAILABLE. */
SES_MUST_CHECK enum ses_status ses_pg_admin_lost(struct pg_admin *admin, struct ses_fault *fault);
/* [any] What is left of a statement's answer, as ses_pg_admin_ask: behind the rows of a COPY, whose beginning that one gave. */
SES_MUST_CHECK enum ses_status ses_pg_admin_receive(struct pg_admin *admin, struct ses_fault *fault,
                                                    PGresult **ret_result);

/* [any] A column of the first row; "" where there is no row, no such column, or NULL. */
const char *ses_pg_admin_text(const PGresult *result, const char *column);
int64_t ses_pg_admin_number(const PGresult *result, const char *column);
bool ses_pg_admin_is(const PGresult *result, const char *column); /* PostgreSQL's true */

#endif
