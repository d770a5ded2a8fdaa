/* jansson's allocator is set once for the whole process, at the first parse; whether an allocation failed is
 * noted for each thread.
 */
#include <sessiond/base/json_load.h>

static json_malloc_t next_malloc;
static json_free_t next_free;
static _Thread_local bool allocation_failed;

static void *noting_malloc(size_t bytes)
{
    void *memory = next_malloc(bytes);

    allocation_failed = allocation_failed || memory == NULL;
    return memory;
}

/* In front of whatever jansson used before, so that what was made then can be released. */
static void note_failures(void)
{
    if (next_malloc != NULL)
        return;
    json_get_alloc_funcs(&next_malloc, &next_free);
    json_set_alloc_funcs(noting_malloc, next_free);
}

enum ses_status ses_json_load(struct ses_slice text, size_t flags, json_error_t *ret_fault, json_t **ret_json)
{
    json_t *json;

    note_failures();
    allocation_failed = false;
    json = json_loadb(text.len == 0 ? "" : (const char *)text.data, text.len, flags, ret_fault);
    if (allocation_failed) {
        json_decref(json);
        return SES_NO_MEMORY;
    }
    if (json == NULL)
        return SES_MALFORMED;
    *ret_json = json;
    return SES_OK;
}
