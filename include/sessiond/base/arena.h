/* arena.h - memory that dies with its exchange: many small allocations, one release, a ceiling.
 *
 * The ceiling bounds what one request can make us hold (protobuf-c amplifies small empty items about
 * thirty times). One chunk is kept over a reset, so that a recycled exchange allocates nothing.
 */
#ifndef SESSIOND_BASE_ARENA_H
#define SESSIOND_BASE_ARENA_H

#include <sessiond/base/slice.h>

struct ses_arena_chunk;

struct ses_arena {
    struct ses_arena_chunk *first;
    struct ses_arena_chunk *current;
    size_t total;     /* bytes of all chunks */
    size_t bytes_max; /* ceiling of total */
};

/* A point in an arena's life. Void after the next reset. */
struct ses_arena_mark {
    struct ses_arena_chunk *chunk;
    size_t used;
};

/* [any] Allocates nothing yet. */
void ses_arena_init(struct ses_arena *arena, size_t bytes_max);
void ses_arena_done(struct ses_arena *arena);
/* Forgets every allocation, frees all chunks but one: the first of the usual size. */
void ses_arena_reset(struct ses_arena *arena);
struct ses_arena_mark ses_arena_mark(const struct ses_arena *arena);
/* Forgets what was allocated since the mark. */
void ses_arena_rewind(struct ses_arena *arena, struct ses_arena_mark mark);
/* 16-byte aligned, uninitialised; NULL when the ceiling is met or memory is out. */
void *ses_arena_alloc(struct ses_arena *arena, size_t bytes) __attribute__((malloc));
/* The same, zeroed. */
void *ses_arena_zalloc(struct ses_arena *arena, size_t bytes) __attribute__((malloc));
/* A copy, NUL-terminated behind its last byte (the NUL is not counted). SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_arena_copy(struct ses_arena *arena, struct ses_slice bytes,
                                              struct ses_slice *ret_copy);
/* The same as a C string; the caller knows that bytes holds no NUL. NULL when out of memory. */
char *ses_arena_str(struct ses_arena *arena, struct ses_slice bytes);
/* printf into the arena; NULL when out of memory. */
char *ses_arena_printf(struct ses_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
