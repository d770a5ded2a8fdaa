#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/boot_clock.h>

#include "schema.h"

/* All columns are text, so that one reading does for simple and extended protocol. A function that a standby
 * refuses is not called on one. */
/* A server that has crashed and recovered by itself keeps its start time and its timeline, and has its statistics reset. Times as
 * numbers: as text they hang on settings. */
#define SERVER                                                                                               \
    "CASE WHEN pg_is_in_recovery() THEN '' ELSE concat_ws('/',"                                              \
    " substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), extract(epoch FROM pg_postmaster_start_time()),"  \
    " extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()), current_setting('synchronous_commit')) END"

#define LOOK                                                                                                 \
    " pg_is_in_recovery()::text,"                                                                            \
    " current_setting('transaction_read_only'),"                                                             \
    " CASE WHEN pg_is_in_recovery() THEN '0' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,"  \
    " s.format::text, s.shard::text, s.epoch::text,"                                                         \
    " current_setting('synchronous_commit'),"                                                                \
    " (current_setting('synchronous_standby_names') <> '')::text,"                                           \
    " floor(extract(epoch FROM clock_timestamp()) * 1000)::int8::text, " SERVER                              \
    ", coalesce(current_setting('sessiond.connection', true), '')"                                           \
    " FROM (SELECT) one LEFT JOIN shard s ON true"

enum {
    LOOK_STANDBY,
    LOOK_READ_ONLY,
    LOOK_TIMELINE,
    LOOK_FORMAT,
    LOOK_SHARD,
    LOOK_EPOCH,
    LOOK_COMMIT,
    LOOK_NAMES,
    LOOK_CLOCK,
    LOOK_SERVER,
    LOOK_CONNECTION,
    LOOK_COLUMNS
};

/* What is relied upon, whatever was set for the role or the database. Not synchronous_commit: who has raised it to
 * remote_apply keeps that, and who has lowered it is told. A statement is planned once a connection, perhaps while the
 * table is empty: by the key, whatever that would cost then. */
#define SETTINGS                                                                                             \
    "SET client_min_messages = warning;"                                                                     \
    "SET default_transaction_isolation = 'read committed';"                                                  \
    "SET plan_cache_mode = force_generic_plan;"                                                              \
    "SET enable_seqscan = off;"                                                                              \
    "SET enable_hashjoin = off;"                                                                             \
    "SET enable_mergejoin = off;"                                                                            \
    "SET jit = off;"                                                                                         \
    "SET statement_timeout = 0;"                                                                             \
    "SET lock_timeout = 0;"                                                                                  \
    "SET idle_in_transaction_session_timeout = 0;"                                                           \
    "SET idle_session_timeout = 0;"

void ses_pg_greet(const char *mark, char ret_text[PG_GREET_SIZE])
{
    static const char head[] = "SET sessiond.connection = '", tail[] = "';" SETTINGS "SELECT" LOOK;

    _Static_assert(sizeof(head) + PG_MARK_SIZE + sizeof(tail) <= PG_GREET_SIZE, "the greeting");
    (void)snprintf(ret_text, PG_GREET_SIZE, "%s%.*s%s", head, PG_MARK_SIZE - 1, mark, tail);
}

const char ses_pg_look_text[] = "SELECT" LOOK;

static const Oid beat_types[] = {17}; /* bytea */

const struct pg_statement ses_pg_beat_sql = {
    .name = "sessiond_beat",
    .text = "WITH beaten AS (INSERT INTO beat AS b (machine, n) VALUES ($1, 1)"
            " ON CONFLICT (machine) DO UPDATE SET n = b.n + 1)"
            " SELECT" LOOK,
    .params = 1,
    .types = beat_types,
};

static const Oid guard_types[] = {25}; /* text */

/* What a connection sets is set for one of the pooler's sessions only, and which one that is changes. */
const struct pg_statement ses_pg_guard_sql = {
    .name = "sessiond_guard",
    .text = "SELECT 1 / (" SERVER " = $1)::int4, set_config('client_min_messages', 'warning', true),"
            " set_config('statement_timeout', '0', true), set_config('lock_timeout', '0', true),"
            " set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),"
            " set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)",
    .params = 1,
    .types = guard_types,
};

static bool read_number(const PGresult *result, int column, int base, int64_t *ret_number)
{
    const char *text = PQgetvalue(result, 0, column);
    char *end;

    *ret_number = strtoll(text, &end, base);
    return end != text && *end == '\0';
}

static bool says(const PGresult *result, int column, const char *word)
{
    return strcmp(PQgetvalue(result, 0, column), word) == 0;
}

static void copy_text(const PGresult *result, int column, char *ret_text, size_t size)
{
    (void)snprintf(ret_text, size, "%s", PQgetvalue(result, 0, column));
}

bool ses_pg_look_read(const PGresult *result, struct pg_look *ret_look)
{
    int64_t timeline;

    *ret_look = (struct pg_look){.timeline = 0};
    if (result == NULL || PQntuples(result) < 1 || PQnfields(result) != LOOK_COLUMNS ||
        !read_number(result, LOOK_TIMELINE, 16, &timeline) ||
        !read_number(result, LOOK_CLOCK, 10, &ret_look->server_ms))
        return false;
    ret_look->server_ms += (int64_t)ses_clock_played_ms(); /* a test's time passes for the servers, too */
    copy_text(result, LOOK_SERVER, ret_look->server, sizeof(ret_look->server));
    copy_text(result, LOOK_CONNECTION, ret_look->connection, sizeof(ret_look->connection));
    ret_look->standby = says(result, LOOK_STANDBY, "true");
    ret_look->read_only = says(result, LOOK_READ_ONLY, "on");
    ret_look->timeline = (uint32_t)timeline;
    ret_look->has_shard = PQntuples(result) == 1 && read_number(result, LOOK_FORMAT, 10, &ret_look->format) &&
                          read_number(result, LOOK_SHARD, 10, &ret_look->shard) &&
                          read_number(result, LOOK_EPOCH, 10, &ret_look->epoch);
    ret_look->replica = says(result, LOOK_NAMES, "true") &&
                        (says(result, LOOK_COMMIT, "on") || says(result, LOOK_COMMIT, "remote_apply"));
    return true;
}

int64_t ses_pg_look_skew_ms(int64_t server_ms, uint64_t sent_wall_ms, uint64_t come_wall_ms)
{
    if (server_ms < (int64_t)sent_wall_ms)
        return server_ms - (int64_t)sent_wall_ms;
    if (server_ms > (int64_t)come_wall_ms)
        return server_ms - (int64_t)come_wall_ms;
    return 0;
}

enum ses_pg_cause ses_pg_look_judge(const struct pg_look *look, unsigned shard, uint32_t timeline_min,
                                    enum ses_durability asked)
{
    if (look->swapped)
        return SES_PG_CAUSE_POOLER;
    if (look->standby)
        return SES_PG_CAUSE_NO_PRIMARY;
    if (look->timeline < timeline_min)
        return SES_PG_CAUSE_OLD_PRIMARY;
    if (!look->has_shard || look->format != PG_SCHEMA_FORMAT || look->shard != (int64_t)shard)
        return SES_PG_CAUSE_FORMAT;
    if (look->read_only)
        return SES_PG_CAUSE_READ_ONLY;
    if (asked == SES_DURABILITY_REPLICA && !look->replica)
        return SES_PG_CAUSE_NO_STANDBY;
    return SES_PG_CAUSE_NONE;
}
