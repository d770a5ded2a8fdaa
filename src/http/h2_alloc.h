/* h2_alloc.h - where nghttp2's memory comes from. Two files implement it, of which the build takes one:
 * h2_alloc.c, or with SES_H2_ALLOC off h2_alloc_off.c, which knows nothing of the library's insides.
 */
#ifndef SESSIOND_SRC_HTTP_H2_ALLOC_H
#define SESSIOND_SRC_HTTP_H2_ALLOC_H

#include "h2.h"

/* One for each worker. */
struct ses_h2_alloc;

/* ret_memory: what the sessions are given. It points to the allocator. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_h2_alloc_new(struct ses_timers *timers, nghttp2_mem *ret_memory,
                                                struct ses_h2_alloc **ret_alloc);
/* Behind the last session. NULL is fine. */
void ses_h2_alloc_free(struct ses_h2_alloc *alloc);
/* A burst is over: what is kept for the next streams goes. */
void ses_h2_alloc_rest(struct ses_h2_alloc *alloc);
/* Around the making of a session: what is asked for in between belongs to h2. */
void ses_h2_alloc_begin(struct ses_h2_alloc *alloc, struct ses_h2 *h2);
void ses_h2_alloc_end(struct ses_h2_alloc *alloc, bool made);
/* h2's session was deleted; abandoned: it was not, and may point at its memory for ever. */
void ses_h2_alloc_gone(struct ses_h2_alloc *alloc, const struct ses_h2 *h2, bool abandoned);

/* ---- h2_alloc.c only; for the tests */
/* Gives the memory under the pages of engines without streams back to the system; returns how many. */
unsigned ses_h2_alloc_sweep(struct ses_h2_alloc *alloc);

struct ses_h2_pages *ses_h2_pages_new(void);
void ses_h2_pages_free(struct ses_h2_pages *pages);
/* A zeroed page for the engine's session; NULL: none left. */
void *ses_h2_pages_take(struct ses_h2_pages *pages, struct ses_h2 *owner);
/* false: not one of these pages. */
bool ses_h2_pages_give(struct ses_h2_pages *pages, void *bytes);
/* The owner goes, its page stays taken for good. */
void ses_h2_pages_abandon(struct ses_h2_pages *pages, const struct ses_h2 *owner);
/* ses_h2_alloc_sweep's. */
unsigned ses_h2_pages_sweep(struct ses_h2_pages *pages);

#endif
