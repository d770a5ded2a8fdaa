/* The pieces: memory, texts, times, names. */
#include "view.h"

#include <sessiond/base/clock.h>
#include <sessiond/domain/binding.h>

void ses_view_init(struct ses_view *view, struct ses_arena *arena)
{
    *view = (struct ses_view){.arena = arena, .ahead_ms = ses_clock_ahead_ms()};
}

void *ses_view_make(struct ses_view *view, size_t size)
{
    void *memory = ses_arena_zalloc(view->arena, size);

    view->failed = view->failed || memory == NULL;
    return memory;
}

char *ses_view_text(struct ses_view *view, struct ses_slice text)
{
    char *copy = ses_arena_str(view->arena, text);

    view->failed = view->failed || copy == NULL;
    return copy;
}

int64_t ses_view_time(const struct ses_view *view, uint64_t at_ms)
{
    return (int64_t)ses_clock_shift(at_ms, view->ahead_ms);
}

int64_t ses_view_time_or_none(const struct ses_view *view, uint64_t at_ms)
{
    return at_ms == 0 ? 0 : ses_view_time(view, at_ms);
}

char **ses_view_facets(struct ses_view *view, uint32_t facets, size_t *ret_count)
{
    char **names = ses_view_make(view, (SES_FACET_COUNT + 1) * sizeof(*names));

    *ret_count = 0;
    for (; names != NULL && facets != 0; facets &= facets - 1)
        names[(*ret_count)++] = (char *)(uintptr_t)ses_facet_name((enum ses_facet)__builtin_ctz(facets));
    return names;
}
