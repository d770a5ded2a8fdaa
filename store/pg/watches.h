/* watches.h - who watches which key, and the looking for what other machines put: the ids of all watched keys are
 * read in rounds, the fewer there are the more often; once a second while there are hints (listen.h), and then those that
 * hints name at once. What this process puts is told without looking.
 */
#ifndef SESSIOND_STORE_WATCHES_H
#define SESSIOND_STORE_WATCHES_H

#include "hints.h"
#include "rows.h"

#define PG_WATCHES_AT_ONCE 256 /* keys of a request */

struct pg_watches {
    struct pg_rows *rows;
    struct ses_list *buckets; /* NULL: nobody ever watched. Of watches that have nothing to be told */
    struct ses_list news;     /* watches that have */
    size_t count;             /* both */
    unsigned cursor;          /* the bucket from which the round goes on */
    bool asking;              /* a request is on its way */
    bool hints;               /* they can be relied upon, as of the last turn */
    uint64_t round_ns;        /* when the last round began */
    uint64_t rest_ns;         /* .. and not before then the next one does */
    bool in_round;
    size_t hinted_count; /* keys that are looked at next */
    struct ses_store_key hinted[PG_WATCHES_AT_ONCE];
};

void ses_pg_watches_init(struct pg_watches *watches, struct pg_rows *rows);
/* With nothing on its way. Watches that are left are the callers'. */
void ses_pg_watches_done(struct pg_watches *watches);

/* SES_FULL, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_watches_add(struct pg_watches *watches, const struct ses_store_key *key,
                                                  struct ses_store_watch *watch);
/* Harmless on a watch that has ended. */
void ses_pg_watches_remove(struct ses_store_watch *watch);

/* ---- of keys that have moved */

/* Those whose key is not in the shard's map: they are the caller's, until one of the next two. */
void ses_pg_watches_take_strays(struct pg_watches *watches, struct ses_list *ret_strays);
/* One of another shard's; it is told. False: out of memory. */
SES_MUST_CHECK bool ses_pg_watches_adopt(struct pg_watches *watches, struct ses_store_watch *watch);
/* One that came from here. */
void ses_pg_watches_keep(struct pg_watches *watches, struct ses_store_watch *watch);

/* What lies under key is that now. id NULL: no record. */
void ses_pg_watches_note(struct pg_watches *watches, const struct ses_store_key *key,
                         const uint8_t id[PG_ID_BYTES]);
/* A get showed that: whoever watches reads once it has begun to, and need not be told of what it was shown. */
void ses_pg_watches_shown(struct pg_watches *watches, const struct ses_store_key *key,
                          const uint8_t id[PG_ID_BYTES]);
/* Another process put these, or what lies under this one may have become another record: looked at soon, if watched. */
void ses_pg_watches_hint(struct pg_watches *watches, const struct pg_hint *hint);
void ses_pg_watches_doubt(struct pg_watches *watches, const struct ses_store_key *key);
/* As ses_pg_rows_turn. hints: they can be relied upon. */
uint64_t ses_pg_watches_turn(struct pg_watches *watches, bool hints, uint64_t now_ns);
void ses_pg_watches_tell(struct pg_watches *watches);

#endif
