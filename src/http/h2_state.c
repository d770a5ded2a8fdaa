/* What all the rest of an engine asks for and changes: whether it is over, whether it has something to write,
 * in which list a stream stands. Calls nothing but the connection and the log. */
#include "h2.h"

/* Whoever sees it first acts, so a connection says goodbye once. */
bool ses_h2_advance(struct ses_h2 *h2, enum ses_h2_life life)
{
    if (h2->life >= life)
        return false;
    h2->life = life;
    return true;
}

void ses_h2_want_write(struct ses_h2 *h2)
{
    if (h2->write_wanted)
        return;
    h2->write_wanted = true;
    h2->io->want_write(h2->io_arg);
}

void ses_h2_tell_refused(struct ses_h2 *h2, uint32_t code)
{
    struct ses_doors *doors = h2->shared->doors;

    ses_count(doors->options.metrics, SES_C_PROTOCOL_ERRORS, 1);
    ses_doors_log_refused(doors, h2->peer, "h2", 0, nghttp2_http2_strerror(code));
}

/* Only marks: nghttp2's callbacks may be on the stack, and a session must not be deleted under them.
 * produce or shed takes it apart later, when none is. */
void ses_h2_die(struct ses_h2 *h2, uint32_t code)
{
    if (!ses_h2_advance(h2, SES_H2_DEAD))
        return;
    h2->dead_code = code;
    ses_h2_tell_refused(h2, code);
    ses_h2_want_write(h2);
}

void ses_h2_answer_leave(struct ses_h2_stream *stream)
{
    if (stream->place == SES_H2_FRESH)
        stream->h2->fresh_count--;
    else if (stream->place == SES_H2_WAITING)
        stream->h2->waiting_count--;
    else if (stream->place == SES_H2_LINGERING)
        stream->h2->lingering_count--;
    stream->place = SES_H2_NOWHERE;
    ses_list_remove(&stream->place_node);
}

void ses_h2_answered(struct ses_h2_stream *stream)
{
    struct ses_h2 *h2 = stream->h2;

    h2->told = true;
    if (stream->place != SES_H2_NOWHERE)
        return;
    stream->place = SES_H2_FRESH;
    ses_list_push_back(&h2->fresh, &stream->place_node);
    h2->fresh_count++;
}

size_t ses_h2_stream_unsent(const struct ses_h2_stream *stream)
{
    return stream->prefix_len + stream->reply.len + stream->backlog.len - stream->sent;
}
