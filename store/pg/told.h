/* told.h - the log lines of a shard's connections: what is wrong, and what to do. Each once, and again only
 * after a while. */
#ifndef SESSIOND_STORE_TOLD_H
#define SESSIOND_STORE_TOLD_H

#include "link_impl.h"

/* A node cannot be used; fault may be NULL. */
void ses_pg_told_node(struct pg_link *link, unsigned node, enum ses_pg_cause cause,
                      const struct pg_fault *fault);
/* The shard's state, if it is another one than was told last; one that comes and goes is told again after a while. */
void ses_pg_told_state(struct pg_link *link);
/* A write's outcome is in doubt: a warning, or its connection was lost. */
void ses_pg_told_doubt(struct pg_link *link);
/* The primary's clock is too far from ours. */
void ses_pg_told_skew(struct pg_link *link);

#endif
