/* h2_blocks.h - small blocks that nghttp2 has given back, kept for its next stream.
 *
 * A call takes seven blocks of six lengths and gives them back at its end. With hundreds of calls in flight that is more than
 * the C library keeps at hand (seven of a length), and each of them costs it a look through its lists: 1,000 of a
 * call's 23,000 instructions in http/. */
#ifndef SESSIOND_SRC_HTTP_H2_BLOCKS_H
#define SESSIOND_SRC_HTTP_H2_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>

#define SES_H2_BLOCK_STEP    16u
#define SES_H2_BLOCK_BYTES   256u /* longer ones are the heap's */
#define SES_H2_BLOCK_LENGTHS (SES_H2_BLOCK_BYTES / SES_H2_BLOCK_STEP)

struct ses_h2_block {
    struct ses_h2_block *next;
};

/* All zero but for keep. */
struct ses_h2_blocks {
    unsigned keep;                                       /* at most so many of each length */
    struct ses_h2_block *kept[SES_H2_BLOCK_LENGTHS + 1]; /* by length in steps; 0 is not used */
    unsigned count[SES_H2_BLOCK_LENGTHS + 1];
};

/* As malloc; free takes it too. */
void *ses_h2_blocks_take(struct ses_h2_blocks *blocks, size_t size);
/* As free, of any block of the heap; NULL is fine. */
void ses_h2_blocks_give(struct ses_h2_blocks *blocks, void *bytes);
/* What is kept goes back to the heap. */
void ses_h2_blocks_rest(struct ses_h2_blocks *blocks);

#endif
