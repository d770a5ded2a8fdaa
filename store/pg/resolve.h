/* resolve.h - a host's addresses, without waiting: libpq would ask for them inside the loop. */
#ifndef SESSIOND_STORE_RESOLVE_H
#define SESSIOND_STORE_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

#define PG_ADDRESSES_MAX 8
#define PG_ADDRESS_SIZE  64

struct uv_loop_s;

struct pg_addresses {
    unsigned count; /* 0: the name has none, or nobody can tell just now */
    char text[PG_ADDRESSES_MAX][PG_ADDRESS_SIZE];
};

/* Whether that is no name. */
bool ses_pg_is_address(const char *host);

/* One question that is under way. */
struct pg_resolve;

/* NULL: no memory, or no thread. done comes once, later, unless the question is dropped before. */
struct pg_resolve *ses_pg_resolve(struct uv_loop_s *loop, const char *host,
                                  void (*done)(void *arg, const struct pg_addresses *addresses), void *arg);
/* Nobody waits for it any more: the thread that asks is left alone, and what it used is freed when it comes
 * back. NULL is fine. */
void ses_pg_resolve_drop(struct pg_resolve *resolve);

#endif
