/* A chain of chunks, filled one after another; what is left of a chunk when the next one is begun is lost.
 * Nothing is freed but by reset and done, so there is no header in front of an allocation.
 *
 * Each chunk knows how far it is used, and what lies behind that has never been given out, or was wiped since:
 * wiping goes as far as the use (it was a tenth of a gateway call's CPU when it went to the chunks' ends).
 */
#include <sessiond/base/arena.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/wiping.h>

/* One exchange of the usual size fits a chunk, which is recycled with it. A fresh arena begins smaller: of a
 * thousand requests that a client begins and does not end, each is a few headers. */
#define CHUNK_BYTES       8192
#define CHUNK_FIRST_BYTES 2048
#define ALIGN             16u

struct ses_arena_chunk {
    struct ses_arena_chunk *next;
    size_t bytes;
    size_t used;
    _Alignas(ALIGN) uint8_t data[];
};

void ses_arena_init(struct ses_arena *arena, size_t bytes_max)
{
    *arena = (struct ses_arena){.bytes_max = bytes_max};
}

/* To what it was when only so much of it was used. */
static void cut(struct ses_arena_chunk *chunk, size_t used)
{
    ses_wiping_wipe(chunk->data + used, chunk->used - used);
    chunk->used = used;
}

static void free_chunks(struct ses_arena_chunk *chunk)
{
    while (chunk != NULL) {
        struct ses_arena_chunk *next = chunk->next;

        cut(chunk, 0);
        free(chunk);
        chunk = next;
    }
}

void ses_arena_done(struct ses_arena *arena)
{
    free_chunks(arena->first);
    *arena = (struct ses_arena){.bytes_max = arena->bytes_max};
}

/* The small first chunk is given up for the first of the usual size: a recycled exchange does not begin with
 * two kilobytes again. */
void ses_arena_reset(struct ses_arena *arena)
{
    if (arena->first == NULL)
        return;
    if (arena->first->bytes < CHUNK_BYTES && arena->first->next != NULL &&
        arena->first->next->bytes == CHUNK_BYTES) {
        struct ses_arena_chunk *small = arena->first;

        arena->first = small->next;
        cut(small, 0);
        free(small);
    }
    free_chunks(arena->first->next);
    arena->first->next = NULL;
    cut(arena->first, 0);
    arena->current = arena->first;
    arena->total = arena->first->bytes;
}

struct ses_arena_mark ses_arena_mark(const struct ses_arena *arena)
{
    return (struct ses_arena_mark){.chunk = arena->current,
                                   .used = arena->current == NULL ? 0 : arena->current->used};
}

void ses_arena_rewind(struct ses_arena *arena, struct ses_arena_mark mark)
{
    if (mark.chunk == NULL) {
        ses_arena_reset(arena);
        return;
    }
    for (const struct ses_arena_chunk *chunk = mark.chunk->next; chunk != NULL; chunk = chunk->next)
        arena->total -= chunk->bytes;
    free_chunks(mark.chunk->next);
    mark.chunk->next = NULL;
    cut(mark.chunk, mark.used);
    arena->current = mark.chunk;
}

/* bytes is rounded up already. An allocation above the usual size gets a chunk of just its size. */
static bool add_chunk(struct ses_arena *arena, size_t bytes)
{
    size_t usual = arena->first == NULL ? CHUNK_FIRST_BYTES : CHUNK_BYTES;
    size_t size = bytes > usual ? bytes : usual;
    struct ses_arena_chunk *chunk;

    if (size > arena->bytes_max - arena->total)
        size = bytes; /* near the ceiling: no more than what is asked for */
    if (size > arena->bytes_max - arena->total)
        return false;
    chunk = malloc(sizeof(*chunk) + size);
    if (chunk == NULL)
        return false;
    chunk->next = NULL;
    chunk->bytes = size;
    chunk->used = 0;
    if (arena->current == NULL)
        arena->first = chunk;
    else
        arena->current->next = chunk;
    arena->current = chunk;
    arena->total += size;
    return true;
}

void *ses_arena_alloc(struct ses_arena *arena, size_t bytes)
{
    void *place;

    if (bytes > arena->bytes_max) /* before it is rounded up, which could wrap */
        return NULL;
    bytes = (bytes + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
    if (arena->current == NULL || bytes > arena->current->bytes - arena->current->used) {
        if (!add_chunk(arena, bytes))
            return NULL;
    }
    place = arena->current->data + arena->current->used;
    arena->current->used += bytes;
    return place;
}

/* Chunks are used again after a reset: they hold what the last exchange left. */
void *ses_arena_zalloc(struct ses_arena *arena, size_t bytes)
{
    void *place = ses_arena_alloc(arena, bytes);

    if (place != NULL)
        memset(place, 0, bytes);
    return place;
}

enum ses_status ses_arena_copy(struct ses_arena *arena, struct ses_slice bytes, struct ses_slice *ret_copy)
{
    uint8_t *place;

    if (bytes.len == SIZE_MAX)
        return SES_NO_MEMORY;
    place = ses_arena_alloc(arena, bytes.len + 1);
    if (place == NULL)
        return SES_NO_MEMORY;
    if (bytes.len > 0)
        memcpy(place, bytes.data, bytes.len);
    place[bytes.len] = '\0';
    *ret_copy = ses_slice(place, bytes.len);
    return SES_OK;
}

char *ses_arena_str(struct ses_arena *arena, struct ses_slice bytes)
{
    char *place = ses_arena_alloc(arena, bytes.len + 1);

    if (place == NULL)
        return NULL;
    if (bytes.len > 0)
        memcpy(place, bytes.data, bytes.len);
    place[bytes.len] = '\0';
    return place;
}

char *ses_arena_printf(struct ses_arena *arena, const char *format, ...)
{
    va_list args;
    int len;
    char *text;

    /* Twice: the length is known before anything is taken from the arena. */
    va_start(args, format);
    len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    SES_REQUIRE(len >= 0);
    text = ses_arena_alloc(arena, (size_t)len + 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    (void)vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}
