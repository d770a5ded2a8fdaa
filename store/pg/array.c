/* array_recv: dimensions, flags (1: there are NULLs), the elements' type, then size and lower bound of the
 * dimension.
 */
#include "array.h"

#include <endian.h>

#include <sessiond/base/units.h>

#define HEAD_BYTES   20
#define LENGTH_BYTES 4
#define BYTES_MAX    (64 * (size_t)SES_MIB) /* far above what a batch may have */

void ses_pg_put32(uint8_t *ret_bytes, uint32_t value)
{
    value = htobe32(value);
    memcpy(ret_bytes, &value, sizeof(value));
}

void ses_pg_put64(uint8_t *ret_bytes, uint64_t value)
{
    value = htobe64(value);
    memcpy(ret_bytes, &value, sizeof(value));
}

void ses_pg_array_init(struct pg_array *array)
{
    ses_buf_init(&array->bytes, BYTES_MAX);
}

void ses_pg_array_done(struct pg_array *array)
{
    ses_buf_done(&array->bytes);
}

enum ses_status ses_pg_array_begin(struct pg_array *array, uint32_t element_oid, uint32_t count,
                                   size_t values_bytes)
{
    uint8_t *head;

    ses_buf_clear(&array->bytes);
    SES_TRY(ses_buf_reserve(&array->bytes, HEAD_BYTES + count * (size_t)LENGTH_BYTES + values_bytes));
    head = array->bytes.data;
    ses_pg_put32(head, 1);
    ses_pg_put32(head + 4, 0);
    ses_pg_put32(head + 8, element_oid);
    ses_pg_put32(head + 12, count);
    ses_pg_put32(head + 16, 1);
    array->bytes.len = HEAD_BYTES;
    return SES_OK;
}

static uint8_t *take(struct pg_array *array, size_t bytes)
{
    uint8_t *at = array->bytes.data + array->bytes.len;

    SES_REQUIRE(array->bytes.room - array->bytes.len >= bytes);
    array->bytes.len += bytes;
    return at;
}

void ses_pg_array_add(struct pg_array *array, struct ses_slice value)
{
    uint8_t *at = take(array, LENGTH_BYTES + value.len);

    ses_pg_put32(at, (uint32_t)value.len);
    memcpy(at + LENGTH_BYTES, value.data, value.len);
}

void ses_pg_array_add_null(struct pg_array *array)
{
    ses_pg_put32(take(array, LENGTH_BYTES), UINT32_MAX);
    ses_pg_put32(array->bytes.data + 4, 1);
}

void ses_pg_array_add_int4(struct pg_array *array, uint32_t value)
{
    uint8_t *at = take(array, LENGTH_BYTES + sizeof(value));

    ses_pg_put32(at, sizeof(value));
    ses_pg_put32(at + LENGTH_BYTES, value);
}

void ses_pg_array_add_int8(struct pg_array *array, uint64_t value)
{
    uint8_t *at = take(array, LENGTH_BYTES + sizeof(value));

    ses_pg_put32(at, sizeof(value));
    ses_pg_put64(at + LENGTH_BYTES, value);
}
