/* contract_pg.h - orders to the servers beneath the drivers on PostgreSQL (tests/pg/control.py). */
#ifndef SESSIOND_TESTS_CONTRACT_CONTRACT_PG_H
#define SESSIOND_TESTS_CONTRACT_CONTRACT_PG_H

/* "freeze standby\n": obeyed when it returns. */
void contract_pg_order(const char *line);

#endif
