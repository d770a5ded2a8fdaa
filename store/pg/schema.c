/* The text of the schema. It is written for who has to agree to it: comments say what each thing is for and what may be
 * changed. It never drops, empties or rewrites anything, so that it can be run again, also by mistake on a database that
 * serves: lock_timeout makes it fail there instead of holding up every payment behind it. */
#include "schema.h"

#include <string.h>

_Static_assert(PG_SCHEMA_FORMAT == 1 && PG_SCHEMA_SLOTS == 4096, "the text says these numbers");
_Static_assert(PG_SCHEMA_OWN == 1, "likewise");
_Static_assert(PG_SCHEMA_GONE == 0 && PG_SCHEMA_LEAVING == 2, "likewise");

static const char head[] =
    "-- sessiond: the tables of shard %u, format 1.\n"
    "-- Run on the primary by who owns the database and may create roles (PostgreSQL 14 or newer):\n"
    "--   sessiondctl store schema | psql --set ON_ERROR_STOP=1 DATABASE\n"
    "-- Nothing that is there already is changed. The tables go to the first schema of the search_path.\n"
    "BEGIN;\n"
    "SET LOCAL lock_timeout = '2s';\n"
    "SET LOCAL client_min_messages = warning;\n"
    "\n"
    "-- A row is a session, found by its key alone. No index beside the primary key: every write would pay\n"
    "-- for it, and updates in place (HOT) would end. No partitions, triggers or foreign keys.\n"
    "CREATE TABLE IF NOT EXISTS session (\n"
    "    key         bytea PRIMARY KEY,    -- 32 bytes, a keyed hash of what the merchant calls the payment\n"
    "    revision    int4  NOT NULL,\n"
    "    write_id    bytea NOT NULL,       -- 24 bytes: which write made this revision\n"
    "    parent_id   bytea,                -- write_id of the revision before\n"
    "    retain_ms   int8  NOT NULL,       -- Unix milliseconds; swept when they are over\n"
    "    record      bytea,                -- sealed; NULL: the key is only reserved\n"
    "    lease_owner bytea,                -- 16 bytes: who is asking a connector, until lease_until\n"
    "    lease_until timestamptz,\n"
    "    intent      bytea                 -- sealed: what is being asked\n"
    ") WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);\n"
    "\n"
    "-- What is sealed does not compress. Not asked twice: it locks the table.\n"
    "DO $$ BEGIN\n"
    "    IF EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'session'::regclass\n"
    "               AND attname IN ('record', 'intent') AND attstorage <> 'e') THEN\n"
    "        ALTER TABLE session ALTER COLUMN record SET STORAGE EXTERNAL,\n"
    "                            ALTER COLUMN intent SET STORAGE EXTERNAL;\n"
    "    END IF;\n"
    "END $$;\n"
    "\n";

static const char tables[] =
    "-- One row: which shard this is. epoch fences writers while slots move; fingerprints are hashes of the\n"
    "-- machines' keys, so that one with other keys does not start (they tell nothing about the keys).\n"
    "CREATE TABLE IF NOT EXISTS shard (\n"
    "    one          bool  PRIMARY KEY DEFAULT true CHECK (one),\n"
    "    format       int4  NOT NULL,\n"
    "    shard        int4  NOT NULL,\n"
    "    epoch        int8  NOT NULL,\n"
    "    fingerprints bytea\n"
    ");\n"
    "INSERT INTO shard (format, shard, epoch) VALUES (1, %u, 1)\n"
    "    ON CONFLICT DO NOTHING;\n"
    "DO $$ BEGIN\n"
    "    IF NOT EXISTS (SELECT FROM shard WHERE format = 1 AND shard = %u) THEN\n"
    "        RAISE EXCEPTION 'this database holds another shard, or another format (SELECT * FROM shard)';\n"
    "    END IF;\n"
    "END $$;\n"
    "\n"
    "-- A slot is the first 12 bits of a key: 1 = its keys are here, 0 = they are in another shard, 2 = they\n"
    "-- are on their way there. All begin in shard 0; sessiondctl store shards moves them.\n"
    "CREATE TABLE IF NOT EXISTS slot (slot int4 PRIMARY KEY, state int2 NOT NULL);\n"
    "INSERT INTO slot SELECT n, %u FROM generate_series(0, 4095) n ON CONFLICT DO NOTHING;\n"
    "\n"
    "-- A row a machine, written each second: what shows that commits are acknowledged. watched_until: until\n"
    "-- then the machine watches sessions, and is told by the others what they write (NOTIFY).\n"
    "CREATE TABLE IF NOT EXISTS beat (\n"
    "    machine       bytea PRIMARY KEY,\n"
    "    n             int8  NOT NULL,\n"
    "    watched_until timestamptz\n"
    ") WITH (fillfactor = 50);\n"
    "-- It came later than the table. Not asked twice: it locks the table.\n"
    "DO $$ BEGIN\n"
    "    IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'beat'::regclass\n"
    "                   AND attname = 'watched_until' AND NOT attisdropped) THEN\n"
    "        ALTER TABLE beat ADD COLUMN IF NOT EXISTS watched_until timestamptz;\n"
    "    END IF;\n"
    "END $$;\n"
    "\n";

/* A role's settings count in this database only: the same role may log in to another shard of the same server. What a
 * pooler would refuse to hand over at connect stands here. */
static const char role_part[] =
    "-- The role that sessiond logs in as: rows only. It makes no table, changes none, and needs no rights on\n"
    "-- anything else. Its password is not set here: \\password, or a certificate (pg_hba.conf).\n"
    "-- CONNECTION LIMIT leaves the administrator a door. Each worker opens 6 (store.pg.*_connections, and 3):\n"
    "-- keep the sum below it, and it below max_connections (ALTER ROLE .. CONNECTION LIMIT).\n"
    "DO $$ BEGIN\n"
    "    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') THEN\n"
    "        CREATE ROLE \"%s\" LOGIN CONNECTION LIMIT 64;\n"
    "    END IF;\n"
    "    EXECUTE format('GRANT CONNECT ON DATABASE %%I TO \"%s\"', current_database());\n"
    "    EXECUTE format('GRANT USAGE ON SCHEMA %%I TO \"%s\"', current_schema());\n"
    "    EXECUTE format('ALTER ROLE \"%s\" IN DATABASE %%I SET search_path = %%I, pg_temp',\n"
    "                   current_database(), current_schema());\n"
    "    -- Statements over arrays: the plan for one is the plan for all.\n"
    "    EXECUTE format('ALTER ROLE \"%s\" IN DATABASE %%I SET plan_cache_mode = force_generic_plan',\n"
    "                   current_database());\n"
    "END $$;\n"
    "GRANT SELECT, INSERT, UPDATE, DELETE ON session, beat TO \"%s\";\n"
    "GRANT SELECT, UPDATE ON shard, slot TO \"%s\";\n"
    "\n"
    "COMMIT;\n";

static bool name_is_plain(const char *role)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.@";
    size_t len = strlen(role);

    return len > 0 && len <= PG_SCHEMA_NAME_MAX && strspn(role, letters) == len;
}

enum ses_status ses_pg_schema_write(unsigned shard, const char *role, struct ses_buf *text)
{
    if (shard >= SES_PG_SHARDS_MAX || !name_is_plain(role))
        return SES_INVALID_ARGUMENT;
    SES_TRY(ses_buf_appendf(text, head, shard));
    SES_TRY(ses_buf_appendf(text, tables, shard, shard, shard == 0 ? PG_SCHEMA_OWN : PG_SCHEMA_GONE));
    return ses_buf_appendf(text, role_part, role, role, role, role, role, role, role, role);
}
