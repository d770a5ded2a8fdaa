/* What is set: whether a commit means what x-session-durability says, whether a standby is there, and what costs. */
#include "check.h"

#include <inttypes.h>
#include <stdlib.h>

enum judge { MUST_BE, MUST_NOT_BE, AT_LEAST };

/* Values in the units of pg_settings: seconds, megabytes, milliseconds. */
static const struct setting {
    const char *name;
    enum judge judge;
    const char *value;
    enum ses_pg_level level;
    const char *text;
    const char *remedy;
} settings[] = {
    {"default_transaction_read_only", MUST_BE, "off", SES_PG_WRONG, "every write is refused",
     "ALTER ROLE .. or ALTER SYSTEM SET default_transaction_read_only = off"},
    {"fsync", MUST_BE, "on", SES_PG_WRONG, "what was acknowledged is lost when the machine loses its power",
     "fsync = on"},
    {"full_page_writes", MUST_BE, "on", SES_PG_WRONG,
     "a page that is half written at a power cut cannot be mended", "full_page_writes = on"},
    {"autovacuum", MUST_BE, "on", SES_PG_HINT,
     "nothing takes old versions of rows away: the table grows with each change", "autovacuum = on"},
    {"wal_compression", MUST_NOT_BE, "off", SES_PG_HINT,
     "behind a checkpoint each touched page is written whole", "wal_compression = lz4"},
    {"checkpoint_timeout", AT_LEAST, "900", SES_PG_HINT,
     "each touched page is written whole after each checkpoint", "checkpoint_timeout = 30min"},
    {"max_wal_size", AT_LEAST, "4096", SES_PG_HINT, "checkpoints come by size before their time",
     "max_wal_size = 16GB"},
    {"data_checksums", MUST_BE, "on", SES_PG_HINT,
     "bit rot is found by sessiond alone, when it opens a record",
     "pg_checksums --enable while the server is down"},
    {"statement_timeout", MUST_BE, "0", SES_PG_HINT,
     "sessiond sets it to 0 where a session is its own; behind a pooler it may end a statement",
     "ALTER ROLE .. RESET statement_timeout"},
    {"lock_timeout", MUST_BE, "0", SES_PG_HINT, "sessiond sets it to 0 where a session is its own",
     "ALTER ROLE .. RESET lock_timeout"},
    {"idle_session_timeout", MUST_BE, "0", SES_PG_HINT, "sessiond sets it to 0 where a session is its own",
     "ALTER ROLE .. RESET idle_session_timeout"},
};

static const char text_settings[] =
    "SELECT name, setting FROM pg_settings WHERE name IN ('default_transaction_read_only', 'fsync', 'full_page_writes',"
    " 'autovacuum', 'wal_compression', 'checkpoint_timeout', 'max_wal_size', 'data_checksums', 'statement_timeout',"
    " 'lock_timeout', 'idle_session_timeout')";

static const char text_standby[] =
    "SELECT current_setting('synchronous_commit') AS commit, current_setting('synchronous_standby_names') AS names,"
    " count(*) AS connected, count(sync_state) AS seen,"
    " count(*) FILTER (WHERE sync_state IN ('sync', 'quorum')) AS synchronous,"
    " count(*) FILTER (WHERE state = 'streaming') AS streaming FROM pg_stat_replication";

static bool is_good(const struct setting *setting, const char *value)
{
    if (setting->judge == AT_LEAST)
        return strtoll(value, NULL, 10) >= strtoll(setting->value, NULL, 10);
    return (strcmp(value, setting->value) == 0) == (setting->judge == MUST_BE);
}

/* A setting that a version does not have is none. */
static unsigned judge_setting(const struct pg_check *check, const struct setting *setting,
                              const PGresult *result)
{
    for (int i = 0; i < PQntuples(result); i++) {
        const char *value = PQgetvalue(result, i, 1);

        if (strcmp(PQgetvalue(result, i, 0), setting->name) != 0 || is_good(setting, value))
            continue;
        ses_pg_check_say(check, setting->level, "settings", setting->remedy, "%s is %s: %s", setting->name,
                         value, setting->text);
        return 1;
    }
    return 0;
}

static void check_table_of_settings(struct pg_check *check)
{
    PGresult *result = NULL;
    unsigned told = 0;

    if (!ses_pg_check_ask(check, "settings", text_settings, &result))
        return;
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        told += judge_setting(check, &settings[i], result);
    if (told == 0)
        ses_pg_check_say(check, SES_PG_FINE, "settings", NULL,
                         "WAL, checkpoints and time limits are as they should be");
    PQclear(result);
}

/* What a commit waits for. */
static bool check_commit(const struct pg_check *check, const PGresult *result)
{
    const char *commit = ses_pg_admin_text(result, "commit");
    const char *names = ses_pg_admin_text(result, "names");
    bool flushed = strcmp(commit, "on") == 0 || strcmp(commit, "remote_apply") == 0;
    bool replica = check->asked->durability == SES_DURABILITY_REPLICA;

    if (replica && !flushed)
        ses_pg_check_say(check, SES_PG_WRONG, "durability",
                         "synchronous_commit = on, on the server or for the role",
                         "synchronous_commit is %s: a commit does not wait for the standby's disk", commit);
    else if (replica && names[0] == '\0')
        ses_pg_check_say(check, SES_PG_WRONG, "durability",
                         "synchronous_standby_names = 'FIRST 1 (..)', or store.durability: disk",
                         "synchronous_standby_names is empty: a commit waits for no standby");
    else if (!replica && strcmp(commit, "off") == 0)
        ses_pg_check_say(check, SES_PG_WRONG, "durability", "synchronous_commit = on",
                         "synchronous_commit is off: a commit does not wait for the disk");
    else if (strchr(names, '*') != NULL)
        ses_pg_check_say(
            check, SES_PG_HINT, "durability", "name the standby: synchronous_standby_names = 'FIRST 1 (..)'",
            "synchronous_standby_names is %s: a backup tool that takes WAL counts as the standby", names);
    else if (strncmp(names, "ANY ", 4) == 0)
        ses_pg_check_say(
            check, SES_PG_HINT, "durability", "compare all of them before one is promoted, or use FIRST",
            "synchronous_standby_names is %s: the one that is promoted may not be one that has acknowledged",
            names);
    else
        ses_pg_check_say(check, SES_PG_FINE, "durability", NULL,
                         "synchronous_commit is %s, synchronous_standby_names %s", commit,
                         names[0] == '\0' ? "empty" : names);
    return names[0] != '\0';
}

/* Which of those that take WAL counts as the standby sees a role with pg_read_all_stats alone. */
static void check_standby(const struct pg_check *check, const PGresult *result)
{
    int64_t connected = ses_pg_admin_number(result, "connected");

    if (connected == 0)
        ses_pg_check_say(check, SES_PG_WRONG, "standby", "start the standby, look into its log",
                         "none is connected: no write is acknowledged");
    else if (ses_pg_admin_number(result, "seen") == 0)
        ses_pg_check_say(check, SES_PG_FINE, "standby", NULL,
                         "%" PRId64
                         " connected; whether it is the one that is waited for this role may not see",
                         connected);
    else if (ses_pg_admin_number(result, "synchronous") == 0)
        ses_pg_check_say(
            check, SES_PG_WRONG, "standby",
            "cluster_name of the standby, or application_name in its primary_conninfo",
            "%" PRId64
            " connected, and none is one that synchronous_standby_names names: no write is acknowledged",
            connected);
    else
        ses_pg_check_say(check, SES_PG_FINE, "standby", NULL, "%s is waited for, %s streaming",
                         ses_pg_admin_text(result, "synchronous"), ses_pg_admin_text(result, "streaming"));
}

void ses_pg_check_settings(struct pg_check *check)
{
    PGresult *result = NULL;

    if (ses_pg_check_ask(check, "durability", text_standby, &result) && check_commit(check, result))
        check_standby(check, result);
    PQclear(result);
    check_table_of_settings(check);
}
