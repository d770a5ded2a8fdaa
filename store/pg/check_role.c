/* The role that sessiond logs in as: it must be able to change rows, and should be able to do nothing else; and how many
 * connections there are for it. */
#include "check.h"

#include <inttypes.h>

static const char text_lacking[] =
    "SELECT string_agg(p.r || ' on ' || p.t, ', ') AS lacking FROM (VALUES"
    " ('session', 'SELECT'), ('session', 'INSERT'), ('session', 'UPDATE'), ('session', 'DELETE'),"
    " ('beat', 'SELECT'), ('beat', 'INSERT'), ('beat', 'UPDATE'), ('beat', 'DELETE'),"
    " ('shard', 'SELECT'), ('shard', 'UPDATE'), ('slot', 'SELECT'), ('slot', 'UPDATE')) p (t, r)"
    " WHERE NOT has_table_privilege(p.t, p.r)";

/* What a role of this kind has no use for: each line is what somebody who has its password could do. */
static const char text_role[] =
    "SELECT r.rolname AS name, r.rolsuper AS superuser, r.rolcreaterole AS roles, r.rolcreatedb AS databases,"
    " r.rolreplication AS replication, r.rolbypassrls AS bypass, r.rolconnlimit AS connections,"
    " has_database_privilege(current_database(), 'CREATE') AS schemas,"
    " coalesce((SELECT bool_or(has_schema_privilege(n.oid, 'CREATE')) FROM pg_namespace n"
    "  WHERE n.nspname = ANY (current_schemas(false))), false) AS tables,"
    " coalesce((SELECT bool_or(pg_has_role(c.relowner, 'MEMBER')) FROM pg_class c WHERE c.oid IN"
    "  (to_regclass('session'), to_regclass('shard'), to_regclass('slot'), to_regclass('beat'))), false) AS owner,"
    " coalesce((SELECT bool_or(has_table_privilege(c.oid, 'TRUNCATE, TRIGGER, REFERENCES')) FROM pg_class c WHERE c.oid IN"
    "  (to_regclass('session'), to_regclass('shard'), to_regclass('slot'), to_regclass('beat'))), false) AS more,"
    " (SELECT string_agg(g.rolname, ', ') FROM pg_roles g WHERE g.rolname IN ('pg_execute_server_program',"
    "  'pg_write_server_files', 'pg_read_server_files', 'pg_write_all_data', 'pg_read_all_data', 'pg_signal_backend',"
    "  'pg_maintain', 'pg_create_subscription') AND pg_has_role(g.oid, 'MEMBER')) AS groups,"
    " current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
    "  - coalesce(current_setting('reserved_connections', true), '0')::int AS room,"
    " (SELECT count(*) FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()) AS used"
    " FROM pg_roles r WHERE r.rolname = current_user";

static void check_lacking(struct pg_check *check)
{
    PGresult *result = NULL;

    if (!check->tables || !ses_pg_check_ask(check, "rights", text_lacking, &result))
        return;
    if (ses_pg_admin_text(result, "lacking")[0] != '\0')
        ses_pg_check_say(check, SES_PG_WRONG, "rights",
                         "the GRANT lines of sessiondctl store schema --role NAME", "the role lacks %s",
                         ses_pg_admin_text(result, "lacking"));
    else
        ses_pg_check_say(check, SES_PG_FINE, "rights", NULL, "the role may read and change rows");
    PQclear(result);
}

/* A superuser may do all of it: said once. */
static void check_excess(struct pg_check *check, const PGresult *role)
{
    static const struct {
        const char *column;
        const char *text;
        const char *remedy;
    } rules[] = {
        {"superuser", "is a superuser", "a role of its own: sessiondctl store schema"},
        {"roles", "may make and change roles", "ALTER ROLE .. NOCREATEROLE"},
        {"databases", "may make databases", "ALTER ROLE .. NOCREATEDB"},
        {"replication", "may copy the whole server", "ALTER ROLE .. NOREPLICATION"},
        {"bypass", "is not held by row security", "ALTER ROLE .. NOBYPASSRLS"},
        {"owner", "owns the tables, and so may drop them",
         "ALTER TABLE .. OWNER TO somebody else, GRANT the rows"},
        {"schemas", "may make schemas in this database", "REVOKE CREATE ON DATABASE .. FROM .."},
        {"tables", "may make tables", "REVOKE CREATE ON SCHEMA .. FROM PUBLIC, .."},
        {"more", "may empty the tables at once, or hang something on them",
         "REVOKE TRUNCATE, TRIGGER, REFERENCES ON .. FROM .."},
    };
    const char *name = ses_pg_admin_text(role, "name");
    const char *groups = ses_pg_admin_text(role, "groups");
    bool super = ses_pg_admin_is(role, "superuser");
    unsigned told = 0;

    for (size_t i = 0; i < (super ? 1 : sizeof(rules) / sizeof(rules[0])); i++) {
        if (!ses_pg_admin_is(role, rules[i].column))
            continue;
        ses_pg_check_say(check, SES_PG_WRONG, "role", rules[i].remedy,
                         "%s %s: sessiond changes rows, nothing else", name, rules[i].text);
        told++;
    }
    if (groups[0] != '\0' && !super)
        ses_pg_check_say(check, SES_PG_WRONG, "role", "REVOKE .. FROM ..", "%s is a member of %s", name,
                         groups);
    else if (told == 0)
        ses_pg_check_say(check, SES_PG_FINE, "role", NULL, "%s may do nothing else", name);
}

/* Who operates the database must always get in (superuser_reserved_connections is for superusers alone). */
static void check_connections(struct pg_check *check, const PGresult *role)
{
    int64_t limit = ses_pg_admin_number(role, "connections");
    int64_t room = ses_pg_admin_number(role, "room");
    int64_t wanted = check->asked->connections;
    int64_t most = limit >= 0 && limit < room ? limit : room;

    if (most < wanted)
        ses_pg_check_say(check, SES_PG_WRONG, "connections",
                         "more (ALTER ROLE .. CONNECTION LIMIT, max_connections), or fewer workers",
                         "there are %" PRId64 " for this role, one machine opens %" PRId64, most, wanted);
    else if (limit < 0 || limit >= room)
        ses_pg_check_say(
            check, SES_PG_HINT, "connections", "ALTER ROLE .. CONNECTION LIMIT, some below max_connections",
            "nothing keeps this role from taking all %" PRId64 ": an administrator may find no room", room);
    else if (most < 2 * wanted)
        ses_pg_check_say(check, SES_PG_HINT, "connections", "ALTER ROLE .. CONNECTION LIMIT",
                         "there are %" PRId64 " for this role, one machine opens %" PRId64
                         ": a second machine would find too few",
                         most, wanted);
    else
        ses_pg_check_say(check, SES_PG_FINE, "connections", NULL,
                         "%" PRId64 " for this role, %s in use; one machine opens %" PRId64, most,
                         ses_pg_admin_text(role, "used"), wanted);
}

void ses_pg_check_role(struct pg_check *check)
{
    PGresult *result = NULL;

    check_lacking(check);
    if (!ses_pg_check_ask(check, "role", text_role, &result))
        return;
    check_excess(check, result);
    check_connections(check, result);
    PQclear(result);
}
