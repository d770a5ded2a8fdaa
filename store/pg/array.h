/* array.h - one column of a batch as a parameter in PostgreSQL's binary form of an array (array_recv): one dimension,
 * big endian, each element behind its length.
 */
#ifndef SESSIOND_STORE_ARRAY_H
#define SESSIOND_STORE_ARRAY_H

#include <sessiond/base/buf.h>

/* pg_type.dat; they never change. */
#define PG_OID_BYTEA       17
#define PG_OID_INT8        20
#define PG_OID_INT4        23
#define PG_OID_TEXT        25
#define PG_OID_BYTEA_ARRAY 1001
#define PG_OID_INT4_ARRAY  1007
#define PG_OID_INT8_ARRAY  1016

struct pg_array {
    struct ses_buf bytes;
};

void ses_pg_array_init(struct pg_array *array);
void ses_pg_array_done(struct pg_array *array);
/* An array of count elements (1 at least) with values_bytes bytes of values in all; nothing of before is left.
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_array_begin(struct pg_array *array, uint32_t element_oid,
                                                  uint32_t count, size_t values_bytes);
/* The next element. No more than begin was told of. */
void ses_pg_array_add(struct pg_array *array, struct ses_slice value);
void ses_pg_array_add_null(struct pg_array *array);
void ses_pg_array_add_int4(struct pg_array *array, uint32_t value);
void ses_pg_array_add_int8(struct pg_array *array, uint64_t value);

/* A number as a parameter or an element has it. */
void ses_pg_put32(uint8_t *ret_bytes, uint32_t value);
void ses_pg_put64(uint8_t *ret_bytes, uint64_t value);

#endif
