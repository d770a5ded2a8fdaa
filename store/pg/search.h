/* search.h - which connections are begun, and which are given up: the primary's that are missing, and one
 * for each other node while the primary does not take writes.
 *
 * Bounds: a node that is looked at has one connection; the primary has those of the options and two; so many
 * are open at once at most, whatever happens, and a node that fails is left alone for longer each time.
 */
#ifndef SESSIOND_STORE_SEARCH_H
#define SESSIOND_STORE_SEARCH_H

#include "link_impl.h"

/* [once a turn, and when one has ended] */
void ses_pg_search_turn(struct pg_link *link);

#endif
