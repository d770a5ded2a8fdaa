-- The password of sessiond's role, which sessiondctl store schema has made, who else may come in, and the role of the standby; behind the
-- schema, by an administrator:
--   psql -v password=.. -v replicator_password=.. -v connections=150 -f role.sql sessiond
-- It owns nothing and changes no table's shape. CONNECTION LIMIT: of all sessiond machines together, and below max_connections less
-- superuser_reserved_connections: whatever happens to them, an administrator can log in.
ALTER ROLE sessiond LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT :connections PASSWORD :'password';
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE ROLE replicator LOGIN REPLICATION CONNECTION LIMIT 10 PASSWORD :'replicator_password';
