/* sqlstate.h - what an error of the server means for who asked (PostgreSQL's documentation, "Error Codes"). */
#ifndef SESSIOND_STORE_SQLSTATE_H
#define SESSIOND_STORE_SQLSTATE_H

#include <sessiond/store/store_pg.h>

enum pg_error {
    PG_ERROR_POISON, /* data or statement: the same again fails again (22, 23, 42, and whatever is not known) */
    PG_ERROR_AGAIN,  /* another transaction was in the way: at once again (40, 55P03) */
    PG_ERROR_SEARCH, /* this server takes no writes, or ends: look for another one (57P0x, 25006, 08) */
    PG_ERROR_SLOW, /* it has not got what it takes just now: connections, memory, locks (53 but for the disk) */
    PG_ERROR_FULL /* the disk (53100) */
};

/* Of a statement; five characters, or less: unknown. */
enum pg_error ses_pg_error_of(const char *sqlstate);

/* Why a connection was not made; sqlstate empty: nothing came from a server, and text is libpq's. */
enum ses_pg_cause ses_pg_cause_of(const char *sqlstate, const char *text);

#endif
