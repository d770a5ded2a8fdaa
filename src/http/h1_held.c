/* What a connection makes us hold, as net/held.c does for all of a loop. */
#include "h1.h"

#include "envelope.h"

size_t ses_h1_backlog(const struct h1 *h1)
{
    return h1->out.len - h1->out_at;
}

/* Room and not length: what was allocated is what is held. The place in the pool stands for an exchange that runs;
 * one that waits for its body is the client's to end. */
void ses_h1_tell_held(const struct h1 *h1)
{
    size_t bytes = h1->text.room + h1->spans.room + h1->body.room + h1->pending.room + h1->out.room;

    if (h1->x != NULL)
        bytes += ses_envelope_held(h1->x) +
                 (h1->phase == H1_RUNNING ? ses_exchange_held(h1->x) : sizeof(*h1->x) + h1->x->arena.total);
    ses_conn_hold(h1->conn, bytes);
}
