/* How a link ends, and when: closing may happen inside any of its calls, its memory goes in the handle's close callback. */
#include "link_impl.h"

#include <stdlib.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/random.h>

void ses_up_link_free(struct ses_up_link *link)
{
    ses_tls_call_free(link->tls);
    ses_buf_done(&link->plain);
    ses_buf_done(&link->out);
    free(link);
}

static void on_tcp_closed(uv_handle_t *handle)
{
    ses_up_link_free(handle->data);
}

void ses_up_link_close(struct ses_up_link *link, const char *why)
{
    bool was_ready = link->state == SES_UP_READY;

    if (link->state == SES_UP_CLOSED)
        return;
    link->state = SES_UP_CLOSED;
    ses_timer_stop(&link->timer);
    ses_timer_stop(&link->life);
    ses_up_lookup_abandon(link->lookup);
    if (link->has_session) {
        ses_up_session_lost(&link->session, why == NULL ? "it was closed" : why);
        ses_up_session_close(&link->session);
    }
    link->ops->on_closed(link->arg, link, was_ready, why);
    if (!link->has_tcp)
        ses_up_link_free(link);
    else if (!uv_is_closing((uv_handle_t *)&link->tcp)) /* else by on_tcp_gone */
        uv_close((uv_handle_t *)&link->tcp, on_tcp_closed);
}

void ses_up_link_want_write(struct ses_up_link *link)
{
    if (link->wants_write || link->state == SES_UP_CLOSED)
        return;
    link->wants_write = true;
    link->ops->on_want_write(link->arg, link);
}

/* ---- time --------------------------------------------------------------------------------------------- */

/* Only while somebody waits for an answer: a connection without calls may die unseen, and is closed when it is idle for
 * long. A PING that is not answered for as long as the peer may be silent means that nobody is there. */
static void look_after(struct ses_up_link *link)
{
    const struct ses_upstream_options *options = link->options;
    uint64_t now_ns = ses_clock_mono_ns();

    if (link->session.streams_count == 0) {
        if ((now_ns - link->used_mono_ns) / SES_NS_PER_MS >= options->idle_ms) {
            /* Left already and still there: the peer does not even take our GOAWAY. */
            if (link->session.leaving) {
                ses_up_link_close(link, NULL);
                return;
            }
            ses_up_link_retire(link);
        }
    } else if ((now_ns - link->heard_mono_ns) / SES_NS_PER_MS >= options->keepalive_ms) {
        if (link->session.ping_waits) {
            ses_up_link_close(link, "the server does not answer PINGs");
            return;
        }
        ses_up_session_ping(&link->session);
        ses_up_link_want_write(link);
    }
    ses_up_link_watch(link);
}

static void on_timer(void *arg)
{
    struct ses_up_link *link = arg;

    if (link->state == SES_UP_READY)
        look_after(link);
    else
        ses_up_link_close(link, link->state == SES_UP_LOOKUP ? "its name could not be looked up in time"
                                : link->state == SES_UP_CONNECT
                                    ? "it could not be connected to in time"
                                    : "it was connected to and said nothing of HTTP/2 in time");
}

/* The next look: of the two limits the shorter one, and before it is ready the whole time that it has. */
void ses_up_link_watch(struct ses_up_link *link)
{
    const struct ses_upstream_options *options = link->options;
    uint32_t next_ms = options->idle_ms < options->keepalive_ms ? options->idle_ms : options->keepalive_ms;

    ses_timer_start(options->timers, &link->timer,
                    link->state == SES_UP_READY ? next_ms : options->connect_ms, on_timer, link);
}

static void on_life_over(void *arg)
{
    ses_up_link_retire(arg);
}

void ses_up_link_retire(struct ses_up_link *link)
{
    if (link->state != SES_UP_READY || link->retired)
        return;
    link->retired = true;
    ses_up_session_leave(&link->session);
    ses_up_link_want_write(link);
}

/* Three quarters to the whole of it: what was opened together is not to end together. */
static uint64_t life_ms(const struct ses_upstream_options *options)
{
    uint16_t draw;

    ses_random_bytes(&draw, sizeof(draw));
    return options->connection_life_ms - (uint64_t)options->connection_life_ms / 4 * draw / UINT16_MAX;
}

void ses_up_link_greet(struct ses_up_link *link)
{
    link->state = SES_UP_READY;
    link->used_mono_ns = ses_clock_mono_ns();
    ses_up_link_watch(link);
    ses_timer_start(link->options->timers, &link->life, life_ms(link->options), on_life_over, link);
    link->ops->on_ready(link->arg, link);
}
