/* json_fault.h - jansson without memory: the allocation after so many fails, and all that follow. Install
 * before the first parse: the parser keeps what it finds. */
#ifndef SESSIOND_TESTS_UNIT_JSON_FAULT_H
#define SESSIOND_TESTS_UNIT_JSON_FAULT_H

#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

static unsigned json_fault_left = UINT32_MAX;

static void *json_fault_malloc(size_t bytes)
{
    if (json_fault_left == 0)
        return NULL;
    if (json_fault_left != UINT32_MAX)
        json_fault_left--;
    return malloc(bytes);
}

static inline void json_fault_install(void)
{
    json_set_alloc_funcs(json_fault_malloc, free);
}

static inline void json_fault_after(unsigned allocations)
{
    json_fault_left = allocations;
}

static inline void json_fault_none(void)
{
    json_fault_left = UINT32_MAX;
}

#endif
