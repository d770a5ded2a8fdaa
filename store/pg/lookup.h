/* lookup.h - a request for the rows of some keys, and what its answer holds. */
#ifndef SESSIOND_STORE_LOOKUP_H
#define SESSIOND_STORE_LOOKUP_H

#include "array.h"
#include "row.h"

/* A request whose one parameter is keys: ses_pg_read_sql or ses_pg_ids_sql. */
struct pg_lookup {
    struct pg_request request;
    struct pg_array keys;
    const char *value;
    int length;
};

/* Behind the last key: it can be sent. */
void ses_pg_lookup_make(struct pg_lookup *lookup, const struct pg_statement *statement,
                        void (*done)(struct pg_request *request, const struct pg_answer *answer));

/* SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_keys_begin(struct pg_array *array, uint32_t count);
void ses_pg_keys_add(struct pg_array *array, const struct ses_store_key *key);

/* A field of row n: empty if it is NULL. */
struct ses_slice ses_pg_value(const PGresult *result, int n, int field);
/* NULL is false. */
bool ses_pg_value_bool(const PGresult *result, int n, int field);
/* The shard's epoch, which each row of an answer has; -1: there is no row. */
int64_t ses_pg_value_epoch(const PGresult *result, int field);
/* False: no key of ours; of an answer to ses_pg_read_sql or ses_pg_ids_sql: nothing was found. */
SES_MUST_CHECK bool ses_pg_value_key(const PGresult *result, int n, struct ses_store_key *ret_key);
/* A row of ses_pg_ids_sql. */
struct pg_found ses_pg_found_read(const PGresult *result, int n);

int ses_pg_key_compare(const struct ses_store_key *a, const struct ses_store_key *b);

#endif
