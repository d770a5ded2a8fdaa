#include "json_fault.h"

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

void json_fault_install(void)
{
    json_set_alloc_funcs(json_fault_malloc, free);
}

void json_fault_after(unsigned allocations)
{
    json_fault_left = allocations;
}

void json_fault_none(void)
{
    json_fault_left = UINT32_MAX;
}
