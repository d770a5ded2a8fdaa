/* store_pg_impl.h - what tests see of an open store. */
#ifndef SESSIOND_STORE_STORE_PG_IMPL_H
#define SESSIOND_STORE_STORE_PG_IMPL_H

#include "shard.h"

struct pg_link *ses_pg_link_of(struct ses_store *store);
/* That shard; whether there is none behind it. */
struct pg_shard *ses_pg_shard_of(struct ses_store *store, unsigned number, bool *ret_last);
/* Nothing is pending, and every lease that was given back is back. */
bool ses_pg_is_quiet(struct ses_store *store);

#endif
