/* The C library's blocks, each with its size in front. */
#include "memory.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/secret.h>

struct block {
    size_t bytes;
    alignas(max_align_t) uint8_t content[];
};

static void *take(size_t bytes, void *arg)
{
    struct block *block = bytes > SIZE_MAX - sizeof(*block) ? NULL : malloc(sizeof(*block) + bytes);

    (void)arg;
    if (block == NULL)
        return NULL;
    block->bytes = bytes;
    return block->content;
}

static struct block *block_of(void *content)
{
    return (struct block *)(void *)((uint8_t *)content - offsetof(struct block, content));
}

static void give(void *content, void *arg)
{
    struct block *block;

    (void)arg;
    if (content == NULL)
        return;
    block = block_of(content);
    ses_wipe(block->content, block->bytes);
    free(block);
}

static void *take_zeroed(size_t count, size_t bytes, void *arg)
{
    size_t all;
    void *content;

    if (__builtin_mul_overflow(count, bytes, &all))
        return NULL;
    content = take(all, arg);
    if (content != NULL)
        memset(content, 0, all);
    return content;
}

/* realloc would leave what it moves. */
static void *resize(void *content, size_t bytes, void *arg)
{
    void *moved = take(bytes, arg);
    size_t had = content == NULL ? 0 : block_of(content)->bytes;

    if (moved == NULL)
        return NULL;
    if (had > 0)
        memcpy(moved, content, had < bytes ? had : bytes);
    give(content, arg);
    return moved;
}

nghttp2_mem *ses_up_memory(void)
{
    static nghttp2_mem memory = {
        .malloc = take,
        .free = give,
        .calloc = take_zeroed,
        .realloc = resize,
    };

    return &memory;
}
