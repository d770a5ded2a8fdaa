/* nghttp2 1.52 gives every session 16394 bytes in which it makes the frame it is about to hand out.
 * They are in use from nghttp2_session_mem_send's choice of a frame until that frame has been taken,
 * which for us is one round of pull() in h2.c: the bytes are copied at once, DATA goes through
 * send_data, header blocks fit one frame (SES_H2_REPLY_HEADERS_MAX), and a turn ends between frames
 * (NGHTTP2_ERR_PAUSE). Sessions of one loop never write at the same time. So all of them share one such
 * buffer: 16 of the 25 KiB that an idle session would take.
 *
 * The buffer is known by being asked for while a session is made; sizes alone would not do, a client
 * chooses many. All this was read in the sources of 1.52: with any other version of the library every
 * session gets bytes of its own. */
#include "h2.h"

#include <stdlib.h>

#define FRAME_BYTES_MIN 16384
#define FRAME_BYTES     20480
#define LIBRARY_KNOWN   0x013400 /* 1.52.0, as nghttp2_info.version_num has it */

static bool wants_frame_bytes(const struct ses_h2_shared *shared, size_t size)
{
    return shared->frame_shared && shared->making != NULL && size >= FRAME_BYTES_MIN && size <= FRAME_BYTES;
}

static void *mem_malloc(size_t size, void *arg)
{
    struct ses_h2_shared *shared = arg;

    return wants_frame_bytes(shared, size) ? shared->frame_bytes : malloc(size);
}

/* Three kinds of memory come back here: the shared frame, a page, and the heap's. */
static void mem_free(void *bytes, void *arg)
{
    struct ses_h2_shared *shared = arg;

    if (bytes != shared->frame_bytes && !ses_h2_pages_give(shared->pages, bytes))
        free(bytes);
}

static void *mem_calloc(size_t count, size_t size, void *arg)
{
    struct ses_h2_shared *shared = arg;
    void *page = NULL;

    if (shared->making != NULL && count * size == SES_H2_PAGE_BYTES)
        page = ses_h2_pages_take(shared->pages, shared->making);
    return page != NULL ? page : calloc(count, size);
}

/* A frame that has to grow beyond the shared buffer moves to the heap and stays there; the buffer
 * itself is nobody's to free. */
static void *mem_realloc(void *bytes, size_t size, void *arg)
{
    struct ses_h2_shared *shared = arg;

    if (bytes == NULL)
        return mem_malloc(size, arg);
    if (bytes != shared->frame_bytes)
        return realloc(bytes, size);
    if (size <= FRAME_BYTES)
        return bytes;
    void *larger = malloc(size);

    if (larger != NULL)
        memcpy(larger, bytes, FRAME_BYTES);
    return larger;
}

enum ses_status ses_h2_memory_init(struct ses_h2_shared *shared)
{
    shared->memory = (nghttp2_mem){.mem_user_data = shared,
                                   .malloc = mem_malloc,
                                   .free = mem_free,
                                   .calloc = mem_calloc,
                                   .realloc = mem_realloc};
    ses_timer_init(&shared->sweep_timer);
    shared->frame_shared = nghttp2_version(0)->version_num == LIBRARY_KNOWN;
    shared->frame_bytes = malloc(FRAME_BYTES);
    shared->pages = ses_h2_pages_new();
    return shared->frame_bytes == NULL || shared->pages == NULL ? SES_NO_MEMORY : SES_OK;
}

void ses_h2_memory_done(struct ses_h2_shared *shared)
{
    ses_timer_stop(&shared->sweep_timer);
    free(shared->frame_bytes);
    ses_h2_pages_free(shared->pages);
}

static void on_sweep(void *arg)
{
    struct ses_h2_shared *shared = arg;

    (void)ses_h2_pages_sweep(shared->pages);
    if (shared->engines_count > 0)
        ses_timer_start(shared->doors->options.timers, &shared->sweep_timer, SES_H2_SWEEP_MS, on_sweep,
                        shared);
}

enum ses_status ses_h2_session_new(struct ses_h2 *h2)
{
    struct ses_h2_shared *shared = h2->shared;

    shared->making = h2;
    /* making tells the allocator that a session is being made, and whose; it is NULL at every other
     * time. */
    int rv =
        nghttp2_session_server_new3(&h2->session, shared->callbacks, h2, shared->option, &shared->memory);

    shared->making = NULL;
    if (rv != 0)
        return SES_NO_MEMORY;
    if (shared->engines_count++ == 0)
        ses_timer_start(shared->doors->options.timers, &shared->sweep_timer, SES_H2_SWEEP_MS, on_sweep,
                        shared);
    return SES_OK;
}

void ses_h2_session_free(struct ses_h2 *h2)
{
    struct ses_h2_shared *shared = h2->shared;

    if (h2->session == NULL)
        return;
    /* When an allocation fails while nghttp2 1.52 attaches a reply to its stream, it frees the item and keeps
     * the pointer: deleting the session would free it twice. Out of memory, 10 KiB are the smaller loss. */
    if (h2->dead_code == NGHTTP2_INTERNAL_ERROR)
        ses_h2_pages_abandon(shared->pages, h2);
    else
        nghttp2_session_del(h2->session);
    h2->session = NULL;
    if (--shared->engines_count == 0)
        ses_timer_stop(&shared->sweep_timer); /* an idle worker does not wake up */
}
