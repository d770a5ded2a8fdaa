/* pg_mover.h - moves slots between two shards while a suite runs on them: a step at a time, as `sessiondctl store shards
 * move` does it, with whatever the stores do in between.
 *
 * Slots are moved in four groups, by the lowest two bits of a key's first byte, so that neighbours among a suite's keys
 * (key_of) are in different ones.
 */
#ifndef SESSIOND_TESTS_CONTRACT_PG_MOVER_H
#define SESSIOND_TESTS_CONTRACT_PG_MOVER_H

#include <libpq-fe.h>
#include <stdint.h>

struct pg_mover;

/* Each shard is emptied, and shard 0 gets all slots. */
struct pg_mover *pg_mover_new(const char *const conninfo[2], uint64_t seed);
void pg_mover_free(struct pg_mover *mover);
/* The next step, sometimes. */
void pg_mover_turn(struct pg_mover *mover);
/* To one of the shards, in between. */
void pg_mover_order(struct pg_mover *mover, unsigned shard, const char *text);
/* Groups that have been moved. */
unsigned pg_mover_moves(const struct pg_mover *mover);

#endif
