/* nghttp2's session of an engine: made from the worker's memory, and given back to it. */
#include "h2_alloc.h"

enum ses_status ses_h2_session_new(struct ses_h2 *h2)
{
    struct ses_h2_shared *shared = h2->shared;

    ses_h2_alloc_begin(shared->alloc, h2);
    int rv =
        nghttp2_session_server_new3(&h2->session, shared->callbacks, h2, shared->option, &shared->memory);

    ses_h2_alloc_end(shared->alloc, rv == 0);
    return rv == 0 ? SES_OK : SES_NO_MEMORY;
}

/* When an allocation fails while nghttp2 1.52 attaches a reply to its stream, it frees the item and keeps the
 * pointer: deleting the session would free it twice. Out of memory, 10 KiB are the smaller loss. */
void ses_h2_session_free(struct ses_h2 *h2)
{
    bool abandoned = h2->dead_code == NGHTTP2_INTERNAL_ERROR;

    if (h2->session == NULL)
        return;
    if (!abandoned)
        nghttp2_session_del(h2->session);
    h2->session = NULL;
    ses_h2_alloc_gone(h2->shared->alloc, h2, abandoned);
}
