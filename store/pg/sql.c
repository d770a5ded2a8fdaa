#include "sql.h"

#include "array.h"

#define EPOCH "(SELECT epoch FROM shard) = $1"
/* Nonce of a sealed record: bytes 64 to 87, counted from one here. */
#define NONCE(column) "substr(" column ", 65, 24)"
#define NOT_LEASED    "(s.lease_owner IS NULL OR s.lease_until <= clock_timestamp())"
/* Of a row that is not leased. */
#define CURRENT_ID    "CASE WHEN s.intent IS NULL THEN s.write_id ELSE " NONCE("s.intent") " END"
#define UNTIL(column) "clock_timestamp() + " column " * interval '1 millisecond'"

#define SKIPPING "FOR UPDATE OF s SKIP LOCKED"
#define WAITING  "ORDER BY s.key FOR UPDATE OF s"

#define CREATE                                                                                               \
    "INSERT INTO session (key, revision, write_id, retain_ms, record) "                                      \
    "SELECT i.k, 1, " NONCE("i.b") ", i.t, i.b FROM unnest($2, $3, $4) i(k, t, b) WHERE " EPOCH              \
                                   " ON CONFLICT (key) DO NOTHING RETURNING key"

#define CHANGE(lock)                                                                                         \
    "WITH l AS MATERIALIZED (SELECT s.key, i.w, i.r, i.t, i.b "                                              \
    "FROM unnest($2, $3, $4, $5, $6) i(k, w, r, t, b) JOIN session s ON s.key = i.k "                        \
    "WHERE " NOT_LEASED " AND i.w = " CURRENT_ID " AND " EPOCH " " lock ") "                                 \
    "UPDATE session s SET revision = l.r, write_id = " NONCE(                                                \
        "l.b") ", parent_id = l.w, retain_ms = l.t, "                                                        \
               "record = l.b, lease_owner = NULL, lease_until = NULL, intent = NULL "                        \
               "FROM l WHERE s.key = l.key RETURNING s.key"

#define LEASE_NEW                                                                                            \
    "INSERT INTO session (key, revision, write_id, retain_ms, lease_owner, lease_until, intent) "            \
    "SELECT i.k, 0, i.w, i.t, i.o, " UNTIL(                                                                  \
        "i.f") ", i.b "                                                                                      \
               "FROM unnest($2, $3, $4, $5, $6, $7) i(k, w, t, o, f, b) WHERE " EPOCH                        \
               " ON CONFLICT (key) DO NOTHING RETURNING key"

/* An intent that was current, because its own lease is over, becomes the record beneath: the next one may be
 * forgotten, it may not. */
#define LEASE(lock)                                                                                          \
    "WITH l AS MATERIALIZED (SELECT s.key, i.t, i.o, i.f, i.b "                                              \
    "FROM unnest($2, $3, $4, $5, $6, $7) i(k, w, t, o, f, b) JOIN session s ON s.key = i.k "                 \
    "WHERE " NOT_LEASED " AND i.w = " CURRENT_ID " AND " EPOCH " " lock ") "                                 \
    "UPDATE session s SET revision = s.revision + CASE WHEN s.intent IS NULL THEN 0 ELSE 1 END, "            \
    "write_id = " CURRENT_ID ", "                                                                            \
    "parent_id = CASE WHEN s.intent IS NULL THEN s.parent_id ELSE s.write_id END, "                          \
    "retain_ms = greatest(s.retain_ms, l.t), record = coalesce(s.intent, s.record), lease_owner = l.o, "     \
    "lease_until = " UNTIL("l.f") ", intent = l.b FROM l WHERE s.key = l.key RETURNING s.key"

/* After the lease's time too, as long as nobody else took it. */
#define PUT_LEASED(lock)                                                                                     \
    "WITH l AS MATERIALIZED (SELECT s.key, i.r, i.t, i.b "                                                   \
    "FROM unnest($2, $3, $4, $5, $6) i(k, o, r, t, b) JOIN session s ON s.key = i.k "                        \
    "WHERE s.lease_owner = i.o AND " EPOCH " " lock ") "                                                     \
    "UPDATE session s SET revision = l.r, write_id = " NONCE(                                                \
        "l.b") ", parent_id = s.write_id, "                                                                  \
               "retain_ms = l.t, record = l.b, lease_owner = NULL, lease_until = NULL, intent = NULL "       \
               "FROM l WHERE s.key = l.key RETURNING s.key"

/* What comes to light when the time is over is not taken back: an intent is forgotten while the lease lasts. What holds
 * neither record nor intent then has no reason to be. */
#define RELEASE(lock)                                                                                        \
    "WITH l AS MATERIALIZED (SELECT s.key, x.forget, s.record IS NULL AND "                                  \
    "(s.intent IS NULL OR x.forget) AS gone FROM unnest($2, $3, $4) i(k, o, f) "                             \
    "JOIN session s ON s.key = i.k CROSS JOIN LATERAL "                                                      \
    "(SELECT i.f = 1 AND s.lease_until > clock_timestamp() AS forget) x "                                    \
    "WHERE s.lease_owner = i.o AND " EPOCH " " lock "), "                                                    \
    "d AS (DELETE FROM session s USING l WHERE s.key = l.key AND l.gone RETURNING s.key), "                  \
    "u AS (UPDATE session s SET lease_owner = NULL, lease_until = NULL, "                                    \
    "intent = CASE WHEN l.forget THEN NULL ELSE s.intent END "                                               \
    "FROM l WHERE s.key = l.key AND NOT l.gone RETURNING s.key) "                                            \
    "SELECT key FROM d UNION ALL SELECT key FROM u"

static const Oid create_types[] = {PG_OID_INT8, PG_OID_BYTEA_ARRAY, PG_OID_INT8_ARRAY, PG_OID_BYTEA_ARRAY};
static const Oid put_types[] = {PG_OID_INT8,       PG_OID_BYTEA_ARRAY, PG_OID_BYTEA_ARRAY,
                                PG_OID_INT4_ARRAY, PG_OID_INT8_ARRAY,  PG_OID_BYTEA_ARRAY};
static const Oid lease_types[] = {PG_OID_INT8,       PG_OID_BYTEA_ARRAY, PG_OID_BYTEA_ARRAY,
                                  PG_OID_INT8_ARRAY, PG_OID_BYTEA_ARRAY, PG_OID_INT8_ARRAY,
                                  PG_OID_BYTEA_ARRAY};
static const Oid release_types[] = {PG_OID_INT8, PG_OID_BYTEA_ARRAY, PG_OID_BYTEA_ARRAY, PG_OID_INT4_ARRAY};
static const Oid keys_types[] = {PG_OID_BYTEA_ARRAY};

#define STATEMENT(its_name, its_text, its_types)                                                             \
    {                                                                                                        \
        .name = "sessiond_" its_name, .text = (its_text),                                                    \
        .params = sizeof(its_types) / sizeof((its_types)[0]), .types = (its_types)                           \
    }
#define COLUMNS(...) {__VA_ARGS__}, sizeof((enum pg_column[]){__VA_ARGS__}) / sizeof(enum pg_column)

static const struct pg_statement create = STATEMENT("create", CREATE, create_types);
static const struct pg_statement change = STATEMENT("change", CHANGE(SKIPPING), put_types);
static const struct pg_statement change_plain = STATEMENT("change_plain", CHANGE(WAITING), put_types);
static const struct pg_statement lease_new = STATEMENT("lease_new", LEASE_NEW, lease_types);
static const struct pg_statement lease = STATEMENT("lease", LEASE(SKIPPING), lease_types);
static const struct pg_statement lease_plain = STATEMENT("lease_plain", LEASE(WAITING), lease_types);
static const struct pg_statement put_leased = STATEMENT("put_leased", PUT_LEASED(SKIPPING), put_types);
static const struct pg_statement put_leased_plain =
    STATEMENT("put_leased_plain", PUT_LEASED(WAITING), put_types);
static const struct pg_statement release = STATEMENT("release", RELEASE(SKIPPING), release_types);
static const struct pg_statement release_plain = STATEMENT("release_plain", RELEASE(WAITING), release_types);

static const struct pg_write writes[PG_KIND_COUNT] = {
    [PG_CREATE] = {&create, &create, COLUMNS(PG_COLUMN_KEY, PG_COLUMN_RETAIN, PG_COLUMN_RECORD)},
    [PG_CHANGE] = {&change, &change_plain,
                   COLUMNS(PG_COLUMN_KEY, PG_COLUMN_EXPECT, PG_COLUMN_REVISION, PG_COLUMN_RETAIN,
                           PG_COLUMN_RECORD)},
    [PG_LEASE_NEW] = {&lease_new, &lease_new,
                      COLUMNS(PG_COLUMN_KEY, PG_COLUMN_EXPECT, PG_COLUMN_RETAIN, PG_COLUMN_OWNER,
                              PG_COLUMN_FOR, PG_COLUMN_RECORD)},
    [PG_LEASE] = {&lease, &lease_plain,
                  COLUMNS(PG_COLUMN_KEY, PG_COLUMN_EXPECT, PG_COLUMN_RETAIN, PG_COLUMN_OWNER, PG_COLUMN_FOR,
                          PG_COLUMN_RECORD)},
    [PG_PUT_LEASED] = {&put_leased, &put_leased_plain,
                       COLUMNS(PG_COLUMN_KEY, PG_COLUMN_OWNER, PG_COLUMN_REVISION, PG_COLUMN_RETAIN,
                               PG_COLUMN_RECORD)},
    [PG_RELEASE] = {&release, &release_plain, COLUMNS(PG_COLUMN_KEY, PG_COLUMN_OWNER, PG_COLUMN_FORGET)},
};

const struct pg_write *ses_pg_write_sql(enum pg_kind kind)
{
    SES_REQUIRE(kind < PG_KIND_COUNT);
    return &writes[kind];
}

/* One row a session that is there, or one without. */
#define FOUND " FROM shard e LEFT JOIN session s ON s.key = ANY($1)"

const struct pg_statement ses_pg_read_sql = STATEMENT(
    "read", "SELECT s.key, s.record, s.intent, s.lease_until > clock_timestamp(), e.epoch" FOUND, keys_types);

const struct pg_statement ses_pg_ids_sql = STATEMENT(
    "ids",
    "SELECT s.key, s.write_id, s.parent_id, " NONCE(
        "s.intent") ", s.lease_owner, s.lease_until > clock_timestamp(), s.record IS NOT NULL, s.revision, "
                    "e.epoch" FOUND,
    keys_types);
