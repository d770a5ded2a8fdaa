/* target.h - a connection string taken apart, and the parameters of one connection to one address of one node. */
#ifndef SESSIOND_STORE_TARGET_H
#define SESSIOND_STORE_TARGET_H

#include <libpq-fe.h>

#include <sessiond/store/store_pg.h>

struct pg_target {
    PQconninfoOption *options; /* libpq's, of the string alone */
    struct ses_pg_target names;
    char address[SES_PG_NODES_MAX][SES_PG_TEXT_SIZE]; /* hostaddr, if the string has it; else empty */
};

/* As ses_pg_target_parse; what it gives is done by ses_pg_target_done. */
SES_MUST_CHECK enum ses_status ses_pg_target_init(struct pg_target *target, const char *text,
                                                  struct ses_fault *fault);
void ses_pg_target_done(struct pg_target *target);

#define PG_PARAMETERS_MAX 64

/* For PQconnectStartParams; the strings belong to the target and to whoever gave them. */
struct pg_parameters {
    const char *keywords[PG_PARAMETERS_MAX];
    const char *values[PG_PARAMETERS_MAX];
    unsigned count;
    char port[6];
};

/* address: numeric, or NULL for a socket's directory. password may be NULL. The string's own words win, but
 * for what a store decides: one node at a time, whichever it is, no waiting in libpq. */
void ses_pg_target_parameters(const struct pg_target *target, unsigned node, const char *address,
                              const char *password, struct pg_parameters *ret_parameters);

#endif
