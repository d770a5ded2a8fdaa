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

#include "target.h"

#define PG_ADMIN_PARAMETERS_MAX 4

struct pg_admin {
    PGconn *conn; /* NULL: there is none (any more) */
    uint64_t timeout_ms;
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
void ses_pg_admin_close(struct pg_admin *admin);

/* [any] One statement; the caller clears the result, whose columns are text. SES_UNAVAILABLE: no answer in time, or the
 * connection is lost: whether it was done is not known. SES_IO: the server refused it, the fault has its words; ret_result
 * is then NULL. */
SES_MUST_CHECK enum ses_status ses_pg_admin_ask(struct pg_admin *admin, const char *text,
                                                const struct pg_admin_value *values, int count,
                                                struct ses_fault *fault, PGresult **ret_result);

/* [any] A column of the first row; "" where there is no row, no such column, or NULL. */
const char *ses_pg_admin_text(const PGresult *result, const char *column);
int64_t ses_pg_admin_number(const PGresult *result, const char *column);
bool ses_pg_admin_is(const PGresult *result, const char *column); /* PostgreSQL's true */

#endif
