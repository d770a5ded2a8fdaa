/* watches.h - who watches which key, and the looking for what other machines put: the ids of all watched keys are
 * read in rounds, the fewer there are the more often. What this process puts is told at once.
 */
#ifndef SESSIOND_STORE_WATCHES_H
#define SESSIOND_STORE_WATCHES_H

#include "rows.h"

struct pg_watches {
    struct pg_rows *rows;
    struct ses_list *buckets; /* NULL: nobody ever watched. Of watches that have nothing to be told */
    struct ses_list news;     /* watches that have */
    size_t count;             /* both */
    unsigned cursor;          /* the bucket from which the round goes on */
    bool asking;              /* a request is on its way */
    uint64_t round_ns;        /* when the next round begins, if none is under way */
    bool in_round;
};

void ses_pg_watches_init(struct pg_watches *watches, struct pg_rows *rows);
/* With nothing on its way. Watches that are left are the callers'. */
void ses_pg_watches_done(struct pg_watches *watches);

/* SES_FULL, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_watches_add(struct pg_watches *watches, const struct ses_store_key *key,
                                                  struct ses_store_watch *watch);
void ses_pg_watches_remove(struct pg_watches *watches, struct ses_store_watch *watch);
/* What lies under key is that now. id NULL: no record. */
void ses_pg_watches_note(struct pg_watches *watches, const struct ses_store_key *key,
                         const uint8_t id[PG_ID_BYTES]);
/* A get showed that: whoever watches reads once it has begun to, and need not be told of what it was shown. */
void ses_pg_watches_shown(struct pg_watches *watches, const struct ses_store_key *key,
                          const uint8_t id[PG_ID_BYTES]);
/* As ses_pg_rows_turn. */
uint64_t ses_pg_watches_turn(struct pg_watches *watches, uint64_t now_ns);
void ses_pg_watches_tell(struct pg_watches *watches);

#endif
