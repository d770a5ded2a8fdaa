/* listing.h - which rows are sessions that are here: said once, for the list and for the question whether there are any. */
#ifndef SESSIOND_STORE_LISTING_H
#define SESSIOND_STORE_LISTING_H

#include <record.h>

#include "map.h"

/* $1: ses_pg_moved_id, which stands in the header of what was moved, from its byte 48 on. What is made or leased just now
 * counts; what is over does not, nor what lies in a slot that went to another shard: rows stay behind where a mover died. */
#define PG_LISTED                                                                                            \
    "(record IS NULL OR substr(record, 49, 16) <> $1 OR intent IS NOT NULL) AND "                            \
    "(retain_ms > extract(epoch FROM clock_timestamp()) * 1000 OR lease_until > clock_timestamp())"          \
    " AND " PG_KEY_SLOT " IN (SELECT slot FROM slot WHERE state <> 0)"

void ses_pg_moved_id(uint8_t ret_id[SES_SESSION_ID_BYTES]);

#endif
