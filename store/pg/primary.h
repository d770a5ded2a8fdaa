/* primary.h - who the primary is: what is thought of each connection's look and beat, when another one is
 * taken, and the state that follows.
 */
#ifndef SESSIOND_STORE_PRIMARY_H
#define SESSIOND_STORE_PRIMARY_H

#include "link_impl.h"

extern const struct pg_slot_ops ses_pg_primary_ops;

/* A beat is due, and goes on a connection that is free; else on the first one that will be. */
void ses_pg_primary_beat(struct pg_link *link);
/* [once a turn] Has another process of this machine seen a later timeline? Has the primary answered? */
void ses_pg_primary_turn(struct pg_link *link);

#endif
