/* The tables of a shard: that they are there, of this format, kept as they should be, and which slots are here. */
#include "check.h"

#include <inttypes.h>

#include "schema.h"

#define REMEDY_SCHEMA "sessiondctl store schema | psql DATABASE, as its owner"

/* One row for each column that is not as schema.c has it. */
static const char text_columns[] =
    "SELECT w.t AS table_name, w.c AS column_name, coalesce(format_type(a.atttypid, a.atttypmod), '') AS type, w.y AS wanted"
    " FROM (VALUES ('session', 'key', 'bytea'), ('session', 'revision', 'integer'), ('session', 'write_id', 'bytea'),"
    " ('session', 'parent_id', 'bytea'), ('session', 'retain_ms', 'bigint'), ('session', 'record', 'bytea'),"
    " ('session', 'lease_owner', 'bytea'), ('session', 'lease_until', 'timestamp with time zone'),"
    " ('session', 'intent', 'bytea'), ('shard', 'format', 'integer'), ('shard', 'shard', 'integer'),"
    " ('shard', 'epoch', 'bigint'), ('shard', 'fingerprints', 'bytea'), ('slot', 'slot', 'integer'),"
    " ('slot', 'state', 'smallint'), ('beat', 'machine', 'bytea'), ('beat', 'n', 'bigint')) w (t, c, y)"
    " LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(w.t) AND a.attname = w.c AND NOT a.attisdropped"
    " WHERE a.attname IS NULL OR format_type(a.atttypid, a.atttypmod) <> w.y";

/* Where a table of that name is, if it is not where the role looks. */
static const char text_elsewhere[] =
    "SELECT n.nspname AS place, current_setting('search_path') AS path FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relname = 'session' AND c.relkind IN ('r', 'p') LIMIT 1";

static const char text_kept[] =
    "SELECT c.relname AS name, c.relpersistence <> 'p' AS lossy, c.relkind = 'p' AS parts, c.relrowsecurity AS hides,"
    " coalesce((SELECT option_value FROM pg_options_to_table(c.reloptions) WHERE option_name = 'fillfactor'), '100') AS fill,"
    " (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes,"
    " (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid) AS primary_keys,"
    " (SELECT count(*) FROM pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal) AS triggers,"
    " (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('record', 'intent')"
    "  AND a.attstorage <> 'e') AS compressed"
    " FROM pg_class c WHERE c.oid IN (to_regclass('session'), to_regclass('shard'), to_regclass('slot'), to_regclass('beat'))"
    " ORDER BY c.relname";

static void tell_missing(struct pg_check *check)
{
    PGresult *result = NULL;

    if (!ses_pg_check_ask(check, "schema", text_elsewhere, &result))
        return;
    if (PQntuples(result) > 0)
        ses_pg_check_say(check, SES_PG_WRONG, "schema",
                         "ALTER ROLE .. IN DATABASE .. SET search_path = .., and GRANT USAGE ON SCHEMA ..",
                         "the tables are in schema %s, and the role looks in %s, or may not enter it",
                         ses_pg_admin_text(result, "place"), ses_pg_admin_text(result, "path"));
    else
        ses_pg_check_say(check, SES_PG_WRONG, "schema", REMEDY_SCHEMA,
                         "there are no tables in this database");
    PQclear(result);
}

static void check_columns(struct pg_check *check)
{
    PGresult *result = NULL;
    int rows;

    if (!ses_pg_check_ask(check, "schema", "SELECT to_regclass('session') IS NULL AS missing", &result))
        return;
    bool missing = ses_pg_admin_is(result, "missing");

    PQclear(result);
    if (missing) {
        tell_missing(check);
        return;
    }
    if (!ses_pg_check_ask(check, "schema", text_columns, &result))
        return;
    rows = PQntuples(result);
    check->tables = rows == 0;
    for (int i = 0; i < rows; i++) {
        const char *type = PQgetvalue(result, i, 2);

        ses_pg_check_say(check, SES_PG_WRONG, "schema", REMEDY_SCHEMA, "%s.%s is %s%s, and must be %s",
                         PQgetvalue(result, i, 0), PQgetvalue(result, i, 1),
                         type[0] == '\0' ? "missing" : "of type ", type, PQgetvalue(result, i, 3));
    }
    PQclear(result);
}

/* A column that came later: without it everything works, and costs more. */
static void check_watched(struct pg_check *check)
{
    static const char text[] =
        "SELECT coalesce((SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass('beat')"
        " AND attname = 'watched_until' AND NOT attisdropped), '') AS type";
    PGresult *result = NULL;
    const char *type;

    if (!ses_pg_check_ask(check, "schema", text, &result))
        return;
    type = ses_pg_admin_text(result, "type");
    if (type[0] == '\0')
        ses_pg_check_say(
            check, SES_PG_HINT, "schema", REMEDY_SCHEMA,
            "beat.watched_until is missing (the tables are of an earlier version): machines do not tell each "
            "other what they write, and who watches sessions asks for them all the time");
    else if (strcmp(type, "timestamp with time zone") != 0)
        ses_pg_check_say(check, SES_PG_WRONG, "schema", REMEDY_SCHEMA,
                         "beat.watched_until is of type %s, and must be timestamp with time zone", type);
    PQclear(result);
}

static void check_shard(struct pg_check *check)
{
    PGresult *result = NULL;
    int64_t format;
    int64_t shard;

    if (!ses_pg_check_ask(check, "format", "SELECT format, shard, epoch FROM shard", &result))
        return;
    format = ses_pg_admin_number(result, "format");
    shard = ses_pg_admin_number(result, "shard");
    if (PQntuples(result) != 1)
        ses_pg_check_say(check, SES_PG_WRONG, "format", REMEDY_SCHEMA,
                         "the table shard has %d rows instead of one", PQntuples(result));
    else if (format != PG_SCHEMA_FORMAT)
        ses_pg_check_say(check, SES_PG_WRONG, "format",
                         format > PG_SCHEMA_FORMAT ? "use the sessiond that made them" : REMEDY_SCHEMA,
                         "the tables are of format %" PRId64 ", this sessiond reads and writes %d", format,
                         PG_SCHEMA_FORMAT);
    else if (shard != (int64_t)check->asked->shard)
        ses_pg_check_say(
            check, SES_PG_WRONG, "format", "put the connection strings of store.pg.shards in their order",
            "this database is shard %" PRId64 ", and is named as shard %u", shard, check->asked->shard);
    else
        ses_pg_check_say(check, SES_PG_FINE, "format", NULL,
                         "format %" PRId64 ", shard %" PRId64 ", epoch %s", format, shard,
                         ses_pg_admin_text(result, "epoch"));
    PQclear(result);
}

static void check_slots(struct pg_check *check)
{
    static const char text[] =
        "SELECT count(*) AS slots, count(*) FILTER (WHERE state = 1) AS owned,"
        " count(*) FILTER (WHERE state = 2) AS leaving,"
        " count(*) FILTER (WHERE slot < 0 OR slot > 4095 OR state NOT IN (0, 1, 2)) AS odd FROM slot";
    PGresult *result = NULL;

    if (!ses_pg_check_ask(check, "slots", text, &result))
        return;
    if (ses_pg_admin_number(result, "slots") != PG_SCHEMA_SLOTS || ses_pg_admin_number(result, "odd") != 0)
        ses_pg_check_say(check, SES_PG_WRONG, "slots", REMEDY_SCHEMA,
                         "the table slot has %s rows, %s of them not understood, instead of %d",
                         ses_pg_admin_text(result, "slots"), ses_pg_admin_text(result, "odd"),
                         PG_SCHEMA_SLOTS);
    else if (ses_pg_admin_number(result, "leaving") > 0)
        ses_pg_check_say(
            check, SES_PG_HINT, "slots", "sessiondctl store shards status says how to go on with it",
            "%s slots are on their way to another shard: if nobody is moving them, their payments "
            "wait for it",
            ses_pg_admin_text(result, "leaving"));
    else if (ses_pg_admin_number(result, "owned") == 0)
        ses_pg_check_say(check, SES_PG_HINT, "slots", "sessiondctl store shards move brings some",
                         "no slot is here: this shard holds no session");
    else
        ses_pg_check_say(check, SES_PG_FINE, "slots", NULL, "%s of %d are here",
                         ses_pg_admin_text(result, "owned"), PG_SCHEMA_SLOTS);
    PQclear(result);
}

/* What a row of text_kept says that is not good; how many things. */
static unsigned judge_kept(const struct pg_check *check, const PGresult *result, int row)
{
    const char *name = PQgetvalue(result, row, PQfnumber(result, "name"));
    bool session = strcmp(name, "session") == 0;
    const struct {
        const char *column;
        const char *fine;
        bool session; /* of that table alone */
        enum ses_pg_level level;
        const char *text;
        const char *remedy;
    } rules[] = {
        {"lossy", "f", false, SES_PG_WRONG,
         "is not logged: a crash of the server empties it, and no standby has it",
         "ALTER TABLE .. SET LOGGED"},
        {"hides", "f", false, SES_PG_WRONG, "has row security: rows that it hides would be made twice",
         "ALTER TABLE .. DISABLE ROW LEVEL SECURITY"},
        {"primary_keys", "1", false, SES_PG_WRONG,
         "has no valid primary key: two rows of one key are two sessions",
         "sessiondctl store schema shows it"},
        {"triggers", "0", false, SES_PG_HINT, "has triggers: each write pays for them", "drop them"},
        {"parts", "f", true, SES_PG_HINT, "is partitioned: each write looks for its partition first",
         "one table, as sessiondctl store schema has it"},
        {"indexes", "1", true, SES_PG_HINT,
         "has more than one index: every update is written into each of them",
         "drop all but the primary key"},
        {"fill", "80", true, SES_PG_HINT, "has another fillfactor than 80: fewer updates stay in their page",
         "ALTER TABLE session SET (fillfactor = 80)"},
        {"compressed", "0", true, SES_PG_HINT, "tries to compress what is sealed and does not get smaller",
         "ALTER TABLE session ALTER record SET STORAGE EXTERNAL, ALTER intent SET STORAGE EXTERNAL"},
    };
    unsigned told = 0;

    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        const char *value = PQgetvalue(result, row, PQfnumber(result, rules[i].column));

        if (strcmp(value, rules[i].fine) == 0 || (rules[i].session && !session))
            continue;
        ses_pg_check_say(check, rules[i].level, "storage", rules[i].remedy, "the table %s %s", name,
                         rules[i].text);
        told++;
    }
    return told;
}

static void check_kept(struct pg_check *check)
{
    PGresult *result = NULL;
    unsigned told = 0;

    if (!ses_pg_check_ask(check, "storage", text_kept, &result))
        return;
    for (int i = 0; i < PQntuples(result); i++)
        told += judge_kept(check, result, i);
    if (told == 0)
        ses_pg_check_say(check, SES_PG_FINE, "storage", NULL, "the tables are kept as the schema says");
    PQclear(result);
}

void ses_pg_check_tables(struct pg_check *check)
{
    check_columns(check);
    if (!check->tables)
        return;
    check_kept(check);
    check_watched(check);
    check_shard(check);
    check_slots(check);
}
