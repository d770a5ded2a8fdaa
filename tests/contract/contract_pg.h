/* contract_pg.h - orders to the servers beneath the drivers on PostgreSQL (tests/pg/control.py). */
#ifndef SESSIOND_TESTS_CONTRACT_CONTRACT_PG_H
#define SESSIOND_TESTS_CONTRACT_CONTRACT_PG_H

#include <sessiond/base/metrics.h>

#include "contract.h"

/* "freeze standby\n": obeyed when it returns. */
void contract_pg_order(const char *line);
/* What that store has counted. */
uint64_t contract_pg_counter(const struct rig *rig, unsigned number, enum ses_shard_counter counter);

#endif
