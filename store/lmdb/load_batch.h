/* load_batch.h - rows on their way from the shards' indexes into the session table, sorted by the part of the
 * table they belong to.
 *
 * In the order of the index every row misses cache and TLB several times: 1.1 us a row in a table of 1 GB.
 * Sorted, a part of the table is filled while it lies in the cache, and since a key's candidate buckets all
 * lie in one region, parts have no bucket in common: threads fill them side by side without the protocol of
 * table_entry.c. Rows of one key stay in the order in which they were added. */
#ifndef SESSIOND_STORE_LOAD_BATCH_H
#define SESSIOND_STORE_LOAD_BATCH_H

#include "record_row.h"
#include "table.h"

/* Twice 3.3 million rows of 40 bytes: one half is placed while the other one fills. */
#define LOAD_BATCH_BYTES_MAX (UINT64_C(256) << 20)

struct load_batch;

/* [loader] For a table that nobody else uses. bytes_max bounds what it takes: LOAD_BATCH_BYTES_MAX but in
 * tests. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_load_batch_new(struct ses_table *table, uint64_t bytes_max,
                                                  struct load_batch **ret_batch);
void ses_load_batch_free(struct load_batch *batch);
/* [loader] Will be placed in its time. SES_FULL: the table has no room for an earlier one. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_load_batch_add(struct load_batch *batch, unsigned shard, uint64_t locator,
                                                  const struct record_row *row);
/* [loader] Entries made so far, of rows that are placed already. */
uint64_t ses_load_batch_sessions(const struct load_batch *batch);
/* [loader] Everything added is in the table, and counted. SES_FULL. */
SES_MUST_CHECK enum ses_status ses_load_batch_finish(struct load_batch *batch);

#endif
