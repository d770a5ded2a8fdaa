/* view.h - what messages about a session are made of: pieces in one arena, made one by one. A piece that has no
 * memory leaves a hole and sets failed; the end is judged once. */
#ifndef SESSIOND_SRC_METHOD_VIEW_H
#define SESSIOND_SRC_METHOD_VIEW_H

#include <sessiond/base/arena.h>

struct ses_view {
    struct ses_arena *arena;
    int64_t ahead_ms; /* all times of one answer are told by one difference */
    bool failed;
};

void ses_view_init(struct ses_view *view, struct ses_arena *arena);
/* Zeroed, so that a piece whose init function was not reached is at least empty. NULL: no memory. */
void *ses_view_make(struct ses_view *view, size_t size);
/* A copy with its NUL; NULL: no memory. */
char *ses_view_text(struct ses_view *view, struct ses_slice text);
/* A moment of ours in the world's time: two equal moments of one answer are told as equal numbers. */
int64_t ses_view_time(const struct ses_view *view, uint64_t at_ms);
/* 0 is "none" in every message; a moment of ours is never 0. */
int64_t ses_view_time_or_none(const struct ses_view *view, uint64_t at_ms);
/* The names of enum ses_facet's bits; literals that nobody writes to. */
char **ses_view_facets(struct ses_view *view, uint32_t facets, size_t *ret_count);

#endif
