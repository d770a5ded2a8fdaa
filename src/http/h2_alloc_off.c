/* nghttp2's memory from the heap and nothing else: SES_H2_ALLOC is off. An idle connection takes the 20 KiB
 * that h2_alloc.c saves. */
#include "h2_alloc.h"

#include <stdlib.h>

static void *mem_malloc(size_t size, void *arg)
{
    (void)arg;
    return malloc(size);
}

static void mem_free(void *bytes, void *arg)
{
    (void)arg;
    free(bytes);
}

static void *mem_calloc(size_t count, size_t size, void *arg)
{
    (void)arg;
    return calloc(count, size);
}

static void *mem_realloc(void *bytes, size_t size, void *arg)
{
    (void)arg;
    return realloc(bytes, size);
}

/* There is nothing to keep. */
enum ses_status ses_h2_alloc_new(struct ses_timers *timers, nghttp2_mem *ret_memory,
                                 struct ses_h2_alloc **ret_alloc)
{
    (void)timers;
    *ret_memory =
        (nghttp2_mem){.malloc = mem_malloc, .free = mem_free, .calloc = mem_calloc, .realloc = mem_realloc};
    *ret_alloc = NULL;
    return SES_OK;
}

void ses_h2_alloc_free(struct ses_h2_alloc *alloc)
{
    (void)alloc;
}

void ses_h2_alloc_rest(struct ses_h2_alloc *alloc)
{
    (void)alloc;
}

void ses_h2_alloc_begin(struct ses_h2_alloc *alloc, struct ses_h2 *h2)
{
    (void)alloc;
    (void)h2;
}

void ses_h2_alloc_end(struct ses_h2_alloc *alloc, bool made)
{
    (void)alloc;
    (void)made;
}

void ses_h2_alloc_gone(struct ses_h2_alloc *alloc, const struct ses_h2 *h2, bool abandoned)
{
    (void)alloc;
    (void)h2;
    (void)abandoned;
}
