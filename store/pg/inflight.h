/* inflight.h - the keys that this process is writing: of one key one write at a time is on its way, so that the keys of
 * a batch are distinct and no two statements of ours wait for each other.
 */
#ifndef SESSIOND_STORE_INFLIGHT_H
#define SESSIOND_STORE_INFLIGHT_H

#include "row.h"

struct pg_inflight {
    struct pg_row **buckets;
    size_t buckets_count; /* a power of two */
};

/* For about as many rows; more only take longer to find. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_inflight_init(struct pg_inflight *inflight, size_t rows);
void ses_pg_inflight_done(struct pg_inflight *inflight);
/* False: another row has its key. */
SES_MUST_CHECK bool ses_pg_inflight_add(struct pg_inflight *inflight, struct pg_row *row);
/* Harmless on a row that is not in it. */
void ses_pg_inflight_remove(struct pg_inflight *inflight, struct pg_row *row);

#endif
