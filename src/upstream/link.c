/* A connection's beginning, and its streams. */
#include "link.h"

#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#include "link_impl.h"

/* ---- connecting --------------------------------------------------------------------------------------- */

static void connect_next(struct ses_up_link *link);

static void on_tcp_gone(uv_handle_t *handle)
{
    struct ses_up_link *link = handle->data;

    link->has_tcp = false;
    if (link->state == SES_UP_CLOSED)
        ses_up_link_free(link);
    else
        connect_next(link);
}

static void on_connected(uv_connect_t *request, int rv)
{
    struct ses_up_link *link = request->data;

    if (link->state != SES_UP_CONNECT)
        return; /* closed meanwhile */
    if (rv == 0) {
        ses_up_link_begin(link);
        return;
    }
    (void)snprintf(link->why, sizeof(link->why), "it cannot be connected to: %s", uv_strerror(rv));
    if (link->next_address < link->addresses.count)
        uv_close((uv_handle_t *)&link->tcp, on_tcp_gone); /* a socket that has failed is of no further use */
    else
        ses_up_link_close(link, link->why);
}

/* A handle that has been closed lets go of the link by on_tcp_gone, whatever happened meanwhile. */
static void connect_next(struct ses_up_link *link)
{
    const struct sockaddr *address = (const struct sockaddr *)&link->addresses.at[link->next_address++];
    int rv = uv_tcp_init(link->options->loop, &link->tcp);

    link->state = SES_UP_CONNECT;
    if (rv == 0) {
        link->has_tcp = true;
        link->tcp.data = link;
        link->connect.data = link;
        (void)uv_tcp_nodelay(&link->tcp, 1);
        rv = uv_tcp_connect(&link->connect, &link->tcp, address, on_connected);
    }
    if (rv != 0) {
        (void)snprintf(link->why, sizeof(link->why), "it cannot be connected to: %s", uv_strerror(rv));
        ses_up_link_close(link, link->why);
    }
}

static void on_found(void *arg, const struct ses_up_addresses *addresses, const char *why)
{
    struct ses_up_link *link = arg;

    link->lookup = NULL;
    if (why != NULL) {
        (void)snprintf(link->why, sizeof(link->why), "its name cannot be looked up: %s", why);
        ses_up_link_close(link, link->why);
        return;
    }
    link->addresses = *addresses;
    connect_next(link);
}

enum ses_status ses_up_link_open(const struct ses_upstream_options *options,
                                 const struct ses_up_link_ops *ops, void *arg, uint8_t *read_room,
                                 struct ses_up_link **ret_link)
{
    struct ses_up_link *link = calloc(1, sizeof(*link));

    if (link == NULL)
        return SES_NO_MEMORY;
    link->options = options;
    link->ops = ops;
    link->arg = arg;
    link->read_room = read_room;
    ses_list_init(&link->node);
    ses_timer_init(&link->timer);
    ses_timer_init(&link->life);
    ses_buf_init_wiped(&link->plain, SES_UP_PLAIN_MAX);
    ses_buf_init_wiped(&link->out, SES_UP_OUT_MAX);
    if (!ses_up_address_parse(options->host, options->port, &link->addresses)) {
        if (ses_up_lookup_start(options->loop, options->host, options->port, on_found, link, &link->lookup) !=
            SES_OK) {
            ses_up_link_free(link);
            return SES_NO_MEMORY;
        }
    }
    link->wants_write = true;
    ses_up_link_watch(link);
    *ret_link = link;
    return SES_OK;
}

/* A numeric address is connected to on the first flush, since nothing may come back from inside open. */
void ses_up_link_flush(struct ses_up_link *link)
{
    link->wants_write = false;
    if (link->state == SES_UP_LOOKUP && link->lookup == NULL)
        connect_next(link); /* it may be closed behind */
    else
        ses_up_link_move(link);
}

void ses_up_link_cut(struct ses_up_link *link, const char *why)
{
    ses_up_link_close(link, why);
}

/* ---- streams ------------------------------------------------------------------------------------------ */

unsigned ses_up_link_room(const struct ses_up_link *link)
{
    return link->state == SES_UP_READY ? ses_up_session_room(&link->session) : 0;
}

enum ses_status ses_up_link_submit(struct ses_up_link *link, struct ses_up_stream *stream)
{
    if (stream->list_bytes > ses_up_session_headers_max(&link->session))
        return SES_TOO_LARGE;
    if (link->session.streams_count == 0)
        link->heard_mono_ns = ses_clock_mono_ns(); /* silence counts from here */
    SES_TRY(ses_up_session_submit(&link->session, stream));
    link->used_mono_ns = ses_clock_mono_ns();
    ses_up_link_want_write(link);
    return SES_OK;
}

/* So many of its streams are late that little is left of it: another connection takes over. */
static bool is_clogged(const struct ses_up_link *link)
{
    return link->session.late_count * 2 > ses_up_session_streams_max(&link->session);
}

void ses_up_link_abandon(struct ses_up_link *link, struct ses_up_stream *stream)
{
    ses_up_session_abandon(&link->session, stream);
    if (is_clogged(link))
        ses_up_link_retire(link);
    ses_up_link_want_write(link);
}

void ses_up_link_reset(struct ses_up_link *link, struct ses_up_stream *stream)
{
    ses_up_session_reset(&link->session, stream);
    ses_up_link_want_write(link);
}

bool ses_up_link_takes_streams(const struct ses_up_link *link)
{
    return link->state != SES_UP_CLOSED && !(link->has_session && link->session.leaving);
}
