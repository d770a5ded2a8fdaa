/* Pages for the tables of streams, one per session, in one reservation of address space. The kernel
 * puts memory under a page when it is first written: a connection that has never had a stream costs
 * none. When all streams of a session have ended its table is zeros again; then the memory can go and
 * the next write finds zeros, as before. That it is zeros is looked at, not assumed: were nghttp2 to
 * keep something there, the page would just stay. */
#include "h2.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGES_MAX 16384 /* net's default of connections; further sessions use the heap */

struct ses_h2_pages {
    uint8_t *bytes;
    unsigned fresh; /* pages never handed out begin here */
    unsigned free_count;
    uint16_t free_index[PAGES_MAX];
    struct ses_h2 *owner[PAGES_MAX]; /* NULL: free */
};

_Static_assert(PAGES_MAX <= UINT16_MAX, "an index is 16 bits");

struct ses_h2_pages *ses_h2_pages_new(void)
{
    struct ses_h2_pages *pages = calloc(1, sizeof *pages); /* 160 KiB, of which use touches what it needs */

    if (pages == NULL)
        return NULL;
    void *bytes = mmap(NULL, (size_t)PAGES_MAX * SES_H2_PAGE_BYTES, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (bytes == MAP_FAILED) {
        free(pages);
        return NULL;
    }
    /* A huge page under the first table would cost what 512 of them do. */
    (void)madvise(bytes, (size_t)PAGES_MAX * SES_H2_PAGE_BYTES, MADV_NOHUGEPAGE);
    pages->bytes = bytes;
    return pages;
}

void ses_h2_pages_free(struct ses_h2_pages *pages)
{
    if (pages == NULL)
        return;
    (void)munmap(pages->bytes, (size_t)PAGES_MAX * SES_H2_PAGE_BYTES);
    free(pages);
}

static uint8_t *page_at(const struct ses_h2_pages *pages, unsigned index)
{
    return pages->bytes + (size_t)index * SES_H2_PAGE_BYTES;
}

void *ses_h2_pages_take(struct ses_h2_pages *pages, struct ses_h2 *owner)
{
    unsigned index;

    if (pages->free_count > 0)
        index = pages->free_index[--pages->free_count];
    else if (pages->fresh < PAGES_MAX)
        index = pages->fresh++;
    else
        return NULL;
    pages->owner[index] = owner;
    return page_at(pages, index);
}

bool ses_h2_pages_give(struct ses_h2_pages *pages, void *bytes)
{
    uintptr_t offset = (uintptr_t)bytes - (uintptr_t)pages->bytes;

    if (offset >= (uintptr_t)PAGES_MAX * SES_H2_PAGE_BYTES)
        return false;
    unsigned index = (unsigned)(offset / SES_H2_PAGE_BYTES);

    SES_REQUIRE(pages->owner[index] != NULL && offset % SES_H2_PAGE_BYTES == 0);
    /* The next session must find zeros. */
    if (madvise(bytes, SES_H2_PAGE_BYTES, MADV_DONTNEED) != 0)
        memset(bytes, 0, SES_H2_PAGE_BYTES);
    pages->owner[index] = NULL;
    pages->free_index[pages->free_count++] = (uint16_t)index;
    return true;
}

/* The session that used it was not deleted (h2_memory.c) and may still point at it: nobody may get this
 * page. The static owner never has streams and is never swept, page_used is false for good. */
void ses_h2_pages_abandon(struct ses_h2_pages *pages, const struct ses_h2 *owner)
{
    static struct ses_h2 nobody;

    for (unsigned i = 0; i < pages->fresh; i++) {
        if (pages->owner[i] == owner)
            pages->owner[i] = &nobody;
    }
}

/* The first byte is zero and each byte equals the next. */
static bool all_zero(const uint8_t *page)
{
    return page[0] == 0 && memcmp(page, page + 1, SES_H2_PAGE_BYTES - 1) == 0;
}

/* page_used is cleared before the look, so a quiet connection is looked at once and not every ten
 * seconds. */
unsigned ses_h2_pages_sweep(struct ses_h2_pages *pages)
{
    unsigned released = 0;

    for (unsigned i = 0; i < pages->fresh; i++) {
        struct ses_h2 *owner = pages->owner[i];

        if (owner == NULL || !owner->page_used || owner->streams_count > 0)
            continue;
        owner->page_used = false;
        if (all_zero(page_at(pages, i)) && madvise(page_at(pages, i), SES_H2_PAGE_BYTES, MADV_DONTNEED) == 0)
            released++;
    }
    return released;
}
