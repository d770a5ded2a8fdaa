/* keys_gate.h - with store.driver: pg, what the loader is with LMDB: the process that must have ended well before a worker
 * starts. It compares this machine's keys with those that the other machines have (store_pg_admin.h), and waits for a database
 * that cannot be asked yet: a machine with another natural.key would make second sessions for the same payments.
 *
 *   exit 0                  the keys are the others' keys, of all shards that answer; one does at least. A shard that does not is
 *                           compared by each worker before it serves its sessions (store/pg/admit.h)
 *   SES_EXIT_CONFIG         they are not, or a later version has written theirs: the line says which, and what to do
 *
 * Meanwhile the housekeeper answers clients UNAVAILABLE.
 */
#ifndef SESSIOND_SRC_RUNTIME_KEYS_GATE_H
#define SESSIOND_SRC_RUNTIME_KEYS_GATE_H

#include "child.h"

/* [child] */
int ses_keys_gate_run(const struct ses_child_env *env);
/* [worker] The same, once and no longer than a connection may take: for keys that a reload has brought. A shard that cannot
 * be asked is SES_OK: the store asks it before it serves it. Before the confinement. */
SES_MUST_CHECK enum ses_status ses_keys_gate_pass(const struct ses_child_env *env, struct ses_log *log);
/* [worker] This machine's keys, as ses_keys_gate_pass has read them: what a shard that was away is asked for when it comes.
 * For the process's life. */
const struct ses_key_print *ses_keys_gate_prints(size_t *ret_count);
/* [any] For --check: writes nothing. SES_UNAVAILABLE too. */
SES_MUST_CHECK enum ses_status ses_keys_gate_check(const struct ses_config *config,
                                                   const struct ses_layout *layout,
                                                   struct ses_fault *ret_fault);

#endif
