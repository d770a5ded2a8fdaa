/* A pooler between this machine and a node: found by the process number that it cannot know, and by what a session forgets
 * when it is another client's meanwhile. */
#include "check.h"

#include <stdio.h>
#include <string.h>

static const char text_pid[] = "SELECT pg_backend_pid() AS pid";
static const char text_first[] = "SELECT set_config('sessiond.connection', 'first', false) AS mark";
static const char text_second[] = "SELECT set_config('sessiond.connection', 'second', false) AS mark";
static const char text_mark[] = "SELECT coalesce(current_setting('sessiond.connection', true), '') AS mark";

/* Whether that is what is answered; false, too, when nothing is. */
static bool answers(struct pg_admin *admin, const char *text, const char *column, const char *value)
{
    struct ses_fault fault = {.text = ""};
    PGresult *result = NULL;
    bool is = ses_pg_admin_ask(admin, text, NULL, 0, &fault, &result) == SES_OK &&
              strcmp(ses_pg_admin_text(result, column), value) == 0;

    PQclear(result);
    return is;
}

static bool is_there(struct pg_admin *admin)
{
    char pid[16];

    if (admin->conn == NULL)
        return false;
    (void)snprintf(pid, sizeof(pid), "%d", PQbackendPID(admin->conn));
    return !answers(admin, text_pid, "pid", pid) && admin->conn != NULL;
}

/* A second client gets the session that is free: the first one's, unless that is kept for it. */
static bool keeps_sessions(const struct pg_check *check, struct pg_admin *admin, unsigned node)
{
    struct pg_admin other = {.conn = NULL};
    struct ses_fault fault = {.text = ""};
    bool kept = answers(admin, text_first, "mark", "first");

    if (ses_pg_admin_connect(&other, &check->target, node, check->asked->place.password,
                             check->asked->place.timeout_ms, &fault) == SES_OK)
        (void)answers(&other, text_second, "mark", "second");
    kept = kept && admin->conn != NULL && answers(admin, text_mark, "mark", "first");
    ses_pg_admin_close(&other);
    return kept;
}

void ses_pg_check_pooler(const struct pg_check *check, struct pg_admin *admin, unsigned node,
                         const char *name)
{
    if (!is_there(admin))
        return;
    if (keeps_sessions(check, admin, node))
        ses_pg_check_say(check, SES_PG_FINE, "pooler", NULL, "%s: one that keeps sessions", name);
    else if (check->asked->prepare)
        ses_pg_check_say(check, SES_PG_WRONG, "pooler",
                         "pool_mode = session there, or store.pg.prepare: \"off\" here",
                         "%s: one that does not keep sessions, which named statements need", name);
    else
        ses_pg_check_say(check, SES_PG_HINT, "pooler",
                         "pool_mode = session, or no pooler: connections are few and stay",
                         "%s: one that does not keep sessions: each statement brings a second one along "
                         "that looks whether it is still the same server",
                         name);
}
