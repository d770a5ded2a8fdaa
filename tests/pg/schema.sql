CREATE TABLE session (
    key bytea PRIMARY KEY,
    revision int4 NOT NULL,
    write_id bytea NOT NULL,
    parent_id bytea,
    retain_ms int8 NOT NULL,
    record bytea,
    lease_owner bytea,
    lease_until timestamptz,
    intent bytea
) WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE session ALTER record SET STORAGE EXTERNAL, ALTER intent SET STORAGE EXTERNAL;
CREATE TABLE shard (format int4 NOT NULL, shard int4 NOT NULL, epoch int8 NOT NULL, fingerprints bytea);
INSERT INTO shard (format, shard, epoch) VALUES (1, 0, 1);
CREATE TABLE slot (slot int4 PRIMARY KEY, state int2 NOT NULL);
INSERT INTO slot SELECT n, 1 FROM generate_series(0, 4095) n;
CREATE TABLE beat (machine bytea PRIMARY KEY, n int8 NOT NULL);
CREATE ROLE sessiond LOGIN;
DO $$ BEGIN EXECUTE format('GRANT CONNECT ON DATABASE %I TO sessiond', current_database()); END $$;
GRANT USAGE ON SCHEMA public TO sessiond;
GRANT SELECT, INSERT, UPDATE, DELETE ON session, shard, slot, beat TO sessiond;
