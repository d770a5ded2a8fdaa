#include "look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/boot_clock.h>

#include "array.h"
#include "schema.h"

/* A server that has crashed and recovered by itself keeps its start time and its timeline, and has its statistics reset. Times as
 * numbers: as text they hang on settings. */
#define SERVER                                                                                               \
    "CASE WHEN pg_is_in_recovery() THEN '' ELSE concat_ws('/',"                                              \
    " substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), extract(epoch FROM pg_postmaster_start_time()),"  \
    " extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time()), current_setting('synchronous_commit')) END"

/* All columns are text, so that one reading does for simple and extended protocol. A function that a standby
 * refuses is not called on one. */
#define LOOK(hints)                                                                                          \
    " pg_is_in_recovery()::text,"                                                                            \
    " current_setting('transaction_read_only'),"                                                             \
    " CASE WHEN pg_is_in_recovery() THEN '0' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END,"  \
    " s.format::text, s.shard::text, s.epoch::text,"                                                         \
    " current_setting('synchronous_commit'),"                                                                \
    " (current_setting('synchronous_standby_names') <> '')::text,"                                           \
    " floor(extract(epoch FROM clock_timestamp()) * 1000)::int8::text, " SERVER                              \
    ", coalesce(current_setting('sessiond.connection', true), '')," hints                                    \
    " FROM (SELECT) one LEFT JOIN shard s ON true"

/* Tables that were made by an earlier version have no column for who watches. */
#define NO_HINTS                                                                                             \
    " EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('beat')"                                 \
    " AND attname = 'watched_until' AND NOT attisdropped)::text, 'false', '0'"
#define HINTS                                                                                                \
    " 'true', EXISTS (SELECT FROM beat WHERE watched_until > clock_timestamp())::text,"                      \
    " (SELECT coalesce(sum(n), 0) FROM beat WHERE watched_until IS NULL)::int8::text"

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
    LOOK_HINTS,
    LOOK_WATCHED,
    LOOK_UNAWARE,
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
    static const char head[] = "SET sessiond.connection = '", tail[] = "';" SETTINGS "SELECT" LOOK(NO_HINTS);

    _Static_assert(sizeof(head) + PG_MARK_SIZE + sizeof(tail) <= PG_GREET_SIZE, "the greeting");
    (void)snprintf(ret_text, PG_GREET_SIZE, "%s%.*s%s", head, PG_MARK_SIZE - 1, mark, tail);
}

const char ses_pg_look_text[] = "SELECT" LOOK(NO_HINTS);

static const Oid beat_types[] = {PG_OID_BYTEA, PG_OID_INT4};

const struct pg_statement ses_pg_beat_sql = {
    .name = "sessiond_beat",
    .text = "WITH beaten AS (INSERT INTO beat AS b (machine, n) VALUES ($1, 1)"
            " ON CONFLICT (machine) DO UPDATE SET n = b.n + 1)"
            " SELECT" LOOK(NO_HINTS),
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

_Static_assert(PG_BEAT_HOLD_MS == 10000, "the text says so");
#define UNTIL "clock_timestamp() + $2 * interval '1 millisecond'"

/* Not further ahead than anybody asks for: the primary's clock may have been set back. */
const struct pg_statement ses_pg_beat_watched_sql = {
    .name = "sessiond_beat_watched",
    .text = "WITH beaten AS (INSERT INTO beat AS b (machine, n, watched_until) VALUES ($1, 1, " UNTIL ")"
            " ON CONFLICT (machine) DO UPDATE SET n = b.n + 1, watched_until ="
            " greatest(least(b.watched_until, clock_timestamp() + interval '10 seconds'), " UNTIL "))"
            " SELECT" LOOK(HINTS),
    .params = 2,
    .types = beat_types,
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
        !read_number(result, LOOK_CLOCK, 10, &ret_look->server_ms) ||
        !read_number(result, LOOK_UNAWARE, 10, &ret_look->unaware))
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
    ret_look->hints = says(result, LOOK_HINTS, "true");
    ret_look->watched = says(result, LOOK_WATCHED, "true");
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
