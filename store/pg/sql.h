/* sql.h - the statements over rows. Each takes a batch, as one array a column, and is one transaction.
 *
 * A row is leased while lease_owner is set and lease_until is ahead of the primary's clock. Its current record is the intent,
 * if there is one and the row is not leased, else record; NULL: the key is absent. revision and write_id are those of
 * record, an intent brings its own in its bytes (store/record.h: the nonce is the write's id).
 */
#ifndef SESSIOND_STORE_SQL_H
#define SESSIOND_STORE_SQL_H

#include "link.h"

/* What is written, in the order in which none waits for another. */
enum pg_kind {
    PG_CREATE,     /* of a key that has no row */
    PG_CHANGE,     /* of a row with an expected current record (or none) */
    PG_LEASE_NEW,  /* lease or reservation of a key that has no row */
    PG_LEASE,      /* of one that has */
    PG_PUT_LEASED, /* the record that ends a lease */
    PG_RELEASE,
    PG_KIND_COUNT
};

/* The second parameter and the following; the first one is the epoch. */
enum pg_column {
    PG_COLUMN_KEY,
    PG_COLUMN_EXPECT, /* the id that is expected; of PG_LEASE_NEW the row's own */
    PG_COLUMN_REVISION,
    PG_COLUMN_RETAIN,
    PG_COLUMN_RECORD, /* sealed, or NULL */
    PG_COLUMN_OWNER,
    PG_COLUMN_FOR,    /* milliseconds */
    PG_COLUMN_FORGET, /* 0 or 1 */
    PG_COLUMN_COUNT
};

#define PG_COLUMNS_MAX 6

struct pg_write {
    /* usual skips rows that somebody has locked; plain waits for them, in the order of keys: to settle. Both return the keys
     * of the rows that were changed. */
    const struct pg_statement *usual;
    const struct pg_statement *plain; /* the same one, where it waits anyway */
    enum pg_column columns[PG_COLUMNS_MAX];
    unsigned columns_count;
};

const struct pg_write *ses_pg_write_sql(enum pg_kind kind);

/* Parameter: keys. Each row tells the shard's epoch, and where nothing is found there is one that has a NULL for a key: what
 * is found, or not, counts in that epoch only. */
enum pg_read_field {
    PG_READ_KEY,
    PG_READ_RECORD,
    PG_READ_INTENT,
    PG_READ_LEASED, /* NULL: no */
    PG_READ_EPOCH
};
extern const struct pg_statement ses_pg_read_sql;

/* The same without bodies: to tell what became of a write, and whether a watched key has moved. */
enum pg_ids_field {
    PG_IDS_KEY,
    PG_IDS_WRITE_ID,
    PG_IDS_PARENT_ID,
    PG_IDS_INTENT_ID,
    PG_IDS_OWNER,
    PG_IDS_LEASED,
    PG_IDS_RECORD,   /* whether there is one */
    PG_IDS_REVISION, /* its; 0: none */
    PG_IDS_EPOCH
};
extern const struct pg_statement ses_pg_ids_sql;

#endif
