/* check.h - what the parts of ses_pg_check share: one connection to the primary, and how a finding is told. */
#ifndef SESSIOND_STORE_CHECK_H
#define SESSIOND_STORE_CHECK_H

#include <sessiond/store/store_pg_admin.h>

#include "admin.h"

struct pg_check {
    const struct ses_pg_check *asked;
    struct pg_target target;
    struct pg_admin admin; /* the primary's */
    bool tables;           /* all of them are there and can be read */
};

/* check_say.c */

/* Tells a finding. remedy: NULL of what is fine. */
void ses_pg_check_say(const struct pg_check *check, enum ses_pg_level level, const char *what,
                      const char *remedy, const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A query without parameters; false: it failed, which was told. The caller clears the result. */
SES_MUST_CHECK bool ses_pg_check_ask(struct pg_check *check, const char *what, const char *text,
                                     PGresult **ret_result);

/* check_nodes.c: each node, and the connection to the primary; false: there is none, nothing else can be looked at. */
SES_MUST_CHECK bool ses_pg_check_nodes(struct pg_check *check);
/* check_pooler.c: whether one is in between, and what it does to sessions. name: HOST:PORT. */
void ses_pg_check_pooler(const struct pg_check *check, struct pg_admin *admin, unsigned node,
                         const char *name);
/* check_tables.c: tables, format, slots; sets tables. */
void ses_pg_check_tables(struct pg_check *check);
/* check_role.c: too few rights, too many, connections. */
void ses_pg_check_role(struct pg_check *check);
/* check_settings.c: durability, standby, and what else is set. */
void ses_pg_check_settings(struct pg_check *check);

#endif
