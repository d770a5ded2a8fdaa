/* beside.h - C tests that run beside a PostgreSQL primary with its standby (with_cluster.py): where it is, a connection
 * as sessiond's role, the administrator's word, orders to the cluster. */
#ifndef SESSIOND_TESTS_PG_ADMIN_BESIDE_H
#define SESSIOND_TESTS_PG_ADMIN_BESIDE_H

#include <libpq-fe.h>

#include "unit.h"

#include <sessiond/store/store_pg_admin.h>

/* Both nodes, by the connection string without the password, which is beside it. */
struct ses_pg_place beside_place(void);
/* As sessiond's role, to the primary. */
PGconn *beside_connect(void);
/* One statement that must succeed, text results; the caller clears. */
PGresult *beside_query(PGconn *conn, const char *text);
/* The same, and its one number. */
long beside_number(PGconn *conn, const char *text);
/* An order (control.py) that must be obeyed: "sql primary UPDATE ..", "link stall". */
void beside_order(const char *order);

#endif
