#include "h2_blocks.h"

#include <malloc.h>
#include <stdlib.h>

/* Rounded up, so that what is kept is as long as its list says, whoever asked for it. */
void *ses_h2_blocks_take(struct ses_h2_blocks *blocks, size_t size)
{
    size_t steps = (size + SES_H2_BLOCK_STEP - 1) / SES_H2_BLOCK_STEP;
    struct ses_h2_block *block;

    if (steps == 0 || size > SES_H2_BLOCK_BYTES)
        return malloc(size);
    block = blocks->kept[steps];
    if (block == NULL)
        return malloc(steps * SES_H2_BLOCK_STEP);
    blocks->kept[steps] = block->next;
    blocks->count[steps]--;
    return block;
}

/* Its length is asked of the heap: nghttp2 does not say it, and also gives back what came from calloc and realloc. */
void ses_h2_blocks_give(struct ses_h2_blocks *blocks, void *bytes)
{
    struct ses_h2_block *block = bytes;
    size_t steps = bytes != NULL ? malloc_usable_size(bytes) / SES_H2_BLOCK_STEP : 0;

    if (steps == 0 || steps > SES_H2_BLOCK_LENGTHS || blocks->count[steps] >= blocks->keep) {
        free(bytes);
        return;
    }
    block->next = blocks->kept[steps];
    blocks->kept[steps] = block;
    blocks->count[steps]++;
}

void ses_h2_blocks_rest(struct ses_h2_blocks *blocks)
{
    for (size_t steps = 1; steps <= SES_H2_BLOCK_LENGTHS; steps++) {
        while (blocks->kept[steps] != NULL) {
            struct ses_h2_block *block = blocks->kept[steps];

            blocks->kept[steps] = block->next;
            free(block);
        }
        blocks->count[steps] = 0;
    }
}
