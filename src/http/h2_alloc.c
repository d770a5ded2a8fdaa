/* Two savings on the 25 KiB that an idle session of nghttp2 1.52 would take: 16 for its frame, 4 for its
 * table of streams. With SES_H2_ALLOC off h2_alloc_off.c stands in this file's place.
 *
 * The frame. Every session gets 16394 bytes in which it makes the frame it is about to hand out. They are in
 * use from nghttp2_session_mem_send's choice of a frame until that frame has been taken, which for us is one
 * round of pull() in h2.c: the bytes are copied at once, DATA goes through send_data, header blocks fit one
 * frame (SES_H2_REPLY_HEADERS_MAX), and a turn ends between frames (NGHTTP2_ERR_PAUSE). Sessions of one loop
 * never write at the same time. So all of them share one such buffer. It is known by being asked for while a
 * session is made; sizes alone would not do, a client chooses many. All this was read in the sources of 1.52:
 * with any other version of the library every session gets bytes of its own.
 *
 * The table of streams. It gets a page, one per session, in one reservation of address space. The kernel
 * puts memory under a page when it is first written: a connection that has never had a stream costs none.
 * When all streams of a session have ended its table is zeros again; then the memory can go and the next
 * write finds zeros, as before. That it is zeros is looked at, not assumed: were nghttp2 to keep something
 * there, the page would just stay. */
#include "h2_alloc.h"
#include "h2_blocks.h"

#include <stdlib.h>
#include <sys/mman.h>

#define FRAME_BYTES_MIN 16384
#define FRAME_BYTES     20480
#define LIBRARY_KNOWN   0x013400 /* 1.52.0, as nghttp2_info.version_num has it */
#define PAGES_MAX       16384    /* net's default of connections; further sessions use the heap */

/* The address sanitizer is to see who uses what he has given back. */
#if defined(__SANITIZE_ADDRESS__)
#define BLOCKS_KEPT 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BLOCKS_KEPT 0
#endif
#endif
#ifndef BLOCKS_KEPT
#define BLOCKS_KEPT SES_H2_STREAMS_KEEP
#endif

struct ses_h2_pages {
    uint8_t *bytes;
    unsigned fresh; /* pages never handed out begin here */
    unsigned free_count;
    uint16_t free_index[PAGES_MAX];
    struct ses_h2 *owner[PAGES_MAX]; /* NULL: free, or abandoned */
};

struct ses_h2_alloc {
    struct ses_timers *timers;
    uint8_t *frame_bytes;  /* in which the sessions of this worker make their frames */
    bool frame_shared;     /* the library is the one of which this is known to be safe */
    struct ses_h2 *making; /* whose session is being made; NULL at every other time */
    struct ses_h2_pages *pages;
    struct ses_h2_blocks blocks;
    struct ses_timer sweep_timer;
    unsigned sessions_count;
};

/* ---- pages */

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

static inline bool is_page(const struct ses_h2_pages *pages, const void *bytes)
{
    return (uintptr_t)bytes - (uintptr_t)pages->bytes < (uintptr_t)PAGES_MAX * SES_H2_PAGE_BYTES;
}

bool ses_h2_pages_give(struct ses_h2_pages *pages, void *bytes)
{
    uintptr_t offset = (uintptr_t)bytes - (uintptr_t)pages->bytes;

    if (!is_page(pages, bytes))
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

/* The session that used it was not deleted (h2_session.c) and may still point at it: nobody may get this
 * page. It is not among the free ones, and without an owner it is neither swept nor given back. */
void ses_h2_pages_abandon(struct ses_h2_pages *pages, const struct ses_h2 *owner)
{
    for (unsigned i = 0; i < pages->fresh; i++) {
        if (pages->owner[i] == owner)
            pages->owner[i] = NULL;
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

/* ---- what nghttp2 calls */

static bool wants_frame_bytes(const struct ses_h2_alloc *alloc, size_t size)
{
    return alloc->frame_shared && alloc->making != NULL && size >= FRAME_BYTES_MIN && size <= FRAME_BYTES;
}

static void *mem_malloc(size_t size, void *arg)
{
    struct ses_h2_alloc *alloc = arg;

    return wants_frame_bytes(alloc, size) ? alloc->frame_bytes : ses_h2_blocks_take(&alloc->blocks, size);
}

/* Three kinds of memory come back here: the shared frame, a page, and the heap's. */
static void mem_free(void *bytes, void *arg)
{
    struct ses_h2_alloc *alloc = arg;

    if (is_page(alloc->pages, bytes))
        (void)ses_h2_pages_give(alloc->pages, bytes);
    else if (bytes != alloc->frame_bytes)
        ses_h2_blocks_give(&alloc->blocks, bytes);
}

static void *mem_calloc(size_t count, size_t size, void *arg)
{
    struct ses_h2_alloc *alloc = arg;
    void *page = NULL;

    if (alloc->making != NULL && count * size == SES_H2_PAGE_BYTES)
        page = ses_h2_pages_take(alloc->pages, alloc->making);
    return page != NULL ? page : calloc(count, size);
}

/* A frame that has to grow beyond the shared buffer moves to the heap and stays there; the buffer
 * itself is nobody's to free. */
static void *mem_realloc(void *bytes, size_t size, void *arg)
{
    struct ses_h2_alloc *alloc = arg;

    if (bytes == NULL)
        return mem_malloc(size, arg);
    if (bytes != alloc->frame_bytes)
        return realloc(bytes, size);
    if (size <= FRAME_BYTES)
        return bytes;
    void *larger = malloc(size);

    if (larger != NULL)
        memcpy(larger, bytes, FRAME_BYTES);
    return larger;
}

/* ---- the sessions of a worker */

enum ses_status ses_h2_alloc_new(struct ses_timers *timers, nghttp2_mem *ret_memory,
                                 struct ses_h2_alloc **ret_alloc)
{
    struct ses_h2_alloc *alloc = calloc(1, sizeof *alloc);

    if (alloc == NULL)
        return SES_NO_MEMORY;
    alloc->timers = timers;
    ses_timer_init(&alloc->sweep_timer);
    alloc->frame_shared = nghttp2_version(0)->version_num == LIBRARY_KNOWN;
    alloc->frame_bytes = malloc(FRAME_BYTES);
    alloc->blocks.keep = BLOCKS_KEPT;
    alloc->pages = ses_h2_pages_new();
    if (alloc->frame_bytes == NULL || alloc->pages == NULL) {
        ses_h2_alloc_free(alloc);
        return SES_NO_MEMORY;
    }
    *ret_memory = (nghttp2_mem){.mem_user_data = alloc,
                                .malloc = mem_malloc,
                                .free = mem_free,
                                .calloc = mem_calloc,
                                .realloc = mem_realloc};
    *ret_alloc = alloc;
    return SES_OK;
}

void ses_h2_alloc_free(struct ses_h2_alloc *alloc)
{
    if (alloc == NULL)
        return;
    ses_timer_stop(&alloc->sweep_timer);
    ses_h2_blocks_rest(&alloc->blocks);
    free(alloc->frame_bytes);
    ses_h2_pages_free(alloc->pages);
    free(alloc);
}

void ses_h2_alloc_rest(struct ses_h2_alloc *alloc)
{
    ses_h2_blocks_rest(&alloc->blocks);
}

unsigned ses_h2_alloc_sweep(struct ses_h2_alloc *alloc)
{
    return ses_h2_pages_sweep(alloc->pages);
}

static void on_sweep(void *arg)
{
    struct ses_h2_alloc *alloc = arg;

    (void)ses_h2_alloc_sweep(alloc);
    if (alloc->sessions_count > 0)
        ses_timer_start(alloc->timers, &alloc->sweep_timer, SES_H2_SWEEP_MS, on_sweep, alloc);
}

void ses_h2_alloc_begin(struct ses_h2_alloc *alloc, struct ses_h2 *h2)
{
    alloc->making = h2;
}

void ses_h2_alloc_end(struct ses_h2_alloc *alloc, bool made)
{
    alloc->making = NULL;
    if (made && alloc->sessions_count++ == 0)
        ses_timer_start(alloc->timers, &alloc->sweep_timer, SES_H2_SWEEP_MS, on_sweep, alloc);
}

void ses_h2_alloc_gone(struct ses_h2_alloc *alloc, const struct ses_h2 *h2, bool abandoned)
{
    if (abandoned)
        ses_h2_pages_abandon(alloc->pages, h2);
    if (--alloc->sessions_count == 0)
        ses_timer_stop(&alloc->sweep_timer); /* an idle worker does not wake up */
}
