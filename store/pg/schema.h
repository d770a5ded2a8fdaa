/* schema.h - the tables of a shard and the role that may use them, as text; their format. */
#ifndef SESSIOND_STORE_SCHEMA_H
#define SESSIOND_STORE_SCHEMA_H

#include <sessiond/store/store_pg_admin.h>

/* Of shard.format. Versions N-1 and N read and write the same tables: columns only get added, and only what a version
 * before would misread makes a new number. */
#define PG_SCHEMA_FORMAT 1
/* A slot is the first 12 bits of a key. */
#define PG_SCHEMA_SLOTS 4096
/* slot.state. Each shard says what it owns itself, and at any time at most one says OWN of a slot (README.md, "Moving
 * slots"). */
#define PG_SCHEMA_GONE 0 /* another shard has it */
#define PG_SCHEMA_OWN  1
#define PG_SCHEMA_LEAVING                                                                                    \
    2 /* it is being moved: nothing of it is read or written here, nor yet anywhere else */

#define PG_SCHEMA_NAME_MAX 63 /* bytes of a name in PostgreSQL (NAMEDATALEN - 1) */

#endif
