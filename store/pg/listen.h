/* listen.h - whether hints can be relied upon (hints.h): a connection listens, and everybody who writes knows that this
 * process watches. Else it looks as often as it would without hints.
 *
 * LISTEN is sent again and again: a connection that is new begins to listen by it, and on one that listens it does nothing
 * but show that it lives. What was told between the end of one and the answer of the next has reached nobody.
 */
#ifndef SESSIOND_STORE_LISTEN_H
#define SESSIOND_STORE_LISTEN_H

#include "rows.h"

enum pg_watching { PG_WATCHING_NOTHING, PG_WATCHING_BY_LOOKS, PG_WATCHING_BY_HINTS };

struct pg_listen {
    struct pg_rows *rows;
    unsigned shard; /* for the log */
    enum pg_watching how;
    struct pg_request request;
    bool asking;
    uint64_t next_ns;   /* of the next LISTEN */
    uint64_t heard_ns;  /* when that was sent that was answered last; 0: the last one was not */
    uint64_t asked_on;  /* the connection that was asked last (ses_pg_link_listener) */
    uint64_t wanted_ns; /* when there was something to watch; 0: never, or long ago */
    uint64_t told_ns;   /* in the log */
};

extern const struct pg_statement ses_pg_listen_sql;

void ses_pg_listen_init(struct pg_listen *listen, struct pg_rows *rows, unsigned shard);
/* Sends what is due, and looks how this process watches now. watched: there is something to watch. When it wants to be
 * called again; UINT64_MAX: when something happens. */
uint64_t ses_pg_listen_turn(struct pg_listen *listen, bool watched, uint64_t now_ns);
/* Of the last turn. */
static inline bool ses_pg_listen_relies(const struct pg_listen *listen)
{
    return listen->how == PG_WATCHING_BY_HINTS;
}
/* It is closed: of no gauge any more. */
void ses_pg_listen_done(struct pg_listen *listen);

#endif
