/* pg_faults.h - what a network does to statements, between a store and its link: some are never executed, of some the
 * answer is lost, some are executed after they were given up, some are refused as by a server whose transactions are
 * in each other's way. By ld's --wrap of ses_pg_link_send and ses_pg_link_free.
 */
#ifndef SESSIOND_TESTS_CONTRACT_PG_FAULTS_H
#define SESSIOND_TESTS_CONTRACT_PG_FAULTS_H

#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;

/* From now on, the same each time for one seed. */
void pg_faults_begin(struct uv_loop_s *loop, uint64_t seed);
void pg_faults_end(void);
/* Statements that nobody waits for and that are still to be executed. */
size_t pg_faults_late(void);

#endif
