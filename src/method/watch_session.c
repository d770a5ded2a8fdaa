/* A watcher is a judged call that looks again when something says so: news from the store, a timer, or
 * its client having read. Every look reads the store; the watcher itself remembers only which version
 * it has told. */
#include "watch_session.h"

#include <sessiond/v1/session.pb-c.h>

#include <sessiond/base/clock.h>
#include <sessiond/exchange/message.h>

#include "session_access.h"
#include "session_view.h"
#include "refusal.h"

#define LOOK_MS 200   /* where a test can make time pass, a timer that was set before does not know of it */
#define READ_MS 10000 /* of the store; then the stream ends, and may begin where the store answers */
#define LATE_MS 1     /* the session ends at that millisecond, the timer must not be before it */

/* One stream; lies in its exchange's arena, which does not grow after the start: what is told is made in the
 * service's scratch. */
struct watcher {
    struct ses_list node;
    struct ses_service *service;
    struct ses_exchange *x;
    struct ses_access access;
    struct ses_store_watch watch;
    struct ses_store_op op;
    struct ses_timer timer;
    uint64_t version;  /* told last, or known to the caller */
    uint64_t told_ms;  /* monotonic: when something was sent last */
    uint64_t alive_ms; /* silence after which the same state is told again */
    bool behind;       /* something may have changed while what was told waits to be read */
    bool told;         /* a first message */
    bool looked;       /* once: it has begun */
    bool looking;      /* the store is being asked */
    bool again;        /* and there was news since */
    bool ended;
};

/* Releases the reference that kept w: nothing of it may be touched afterwards but by who holds x. */
static void leave(struct watcher *w)
{
    w->ended = true;
    ses_timer_stop(&w->timer);
    ses_store_unwatch(w->service->options.store, &w->watch);
    ses_list_remove(&w->node);
    w->service->watch_streams_count--;
    ses_exchange_release(w->x);
}

static void on_cancel(struct ses_exchange *x, void *arg)
{
    (void)x;
    leave(arg);
}

static void end_failed(struct watcher *w, const struct ses_error *error)
{
    ses_exchange_fail(w->x, error);
    leave(w);
}

static void end_told(struct watcher *w)
{
    ses_exchange_end(w->x);
    leave(w);
}

/* ---- telling --------------------------------------------------------------------------------- */

/* Into the scratch: the stream's own arena would grow with every answer. */
static enum ses_status encode(const struct watcher *w, const struct ses_session *session, uint64_t now_ms,
                              struct ses_slice *ret_bytes)
{
    Sessiond__V1__WatchSessionResponse response = SESSIOND__V1__WATCH_SESSION_RESPONSE__INIT;
    struct ses_arena *arena = &w->service->scratch;

    SES_TRY(ses_session_view(session, &w->access.verdict, now_ms, arena, &response.session));
    return ses_message_encode_into(w->x, &response.base, arena, ret_bytes);
}

static bool is_over(const struct ses_session *session)
{
    return ses_session_closed(session->status) || session->status == SES_SESSION_EXPIRED;
}

/* One state waits to be read at most. Until then the stream costs nothing but its memory: no timer, no
 * look. */
static bool falls_behind(struct watcher *w)
{
    const struct ses_exchange *x = w->x;

    if (x->ops->backlog == NULL || x->ops->backlog(x) == 0)
        return false;
    ses_timer_stop(&w->timer);
    w->behind = true;
    return true;
}

/* By the monotonic clock: what is measured is the connection's silence. */
static bool is_silent(const struct watcher *w)
{
    return ses_clock_mono_ms() - w->told_ms >= w->alive_ms;
}

static void on_timer(void *arg);

/* The next instant at which time alone changes the session, or a sign of life is due. */
static void wait_for_time(struct watcher *w, const struct ses_session *session, uint64_t now_ms)
{
    uint64_t at_ms = session->step_open ? session->step.expires_ms : session->expires_ms;
    uint64_t silent_ms = ses_clock_mono_ms() - w->told_ms;
    uint64_t wait_ms = silent_ms < w->alive_ms ? w->alive_ms - silent_ms : 0;

    if (at_ms != SES_NEVER_MS && at_ms < now_ms + wait_ms)
        wait_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    wait_ms += LATE_MS;
    if (ses_clock_is_movable() && wait_ms > LOOK_MS)
        wait_ms = LOOK_MS;
    ses_timer_start(w->service->options.timers, &w->timer, wait_ms, on_timer, w);
}

/* told_ms and version are set before the send, which may end the stream from inside. */
static void tell(struct watcher *w, const struct ses_session *session, uint64_t now_ms)
{
    struct ses_slice bytes;
    struct ses_error error;

    if (encode(w, session, now_ms, &bytes) != SES_OK) {
        ses_refusal_store(&error, SES_NO_MEMORY);
        end_failed(w, &error);
        return;
    }
    if (!w->told)
        ses_service_tell_durability(w->service, w->x);
    w->told = true;
    w->version = session->version;
    w->told_ms = ses_clock_mono_ms();
    ses_exchange_send(w->x, bytes);
    if (w->ended) /* the send met a dead connection */
        return;
    if (is_over(session))
        end_told(w);
    else
        wait_for_time(w, session, now_ms);
}

/* ---- looking --------------------------------------------------------------------------------- */

/* The end of a session that is being watched is told, not refused; but not at the start of the stream. */
static enum ses_status judge(struct watcher *w, const struct ses_access_found *found, uint64_t now_ms,
                             struct ses_error *ret_error)
{
    const struct ses_session *session = found->live ? &found->session : NULL;
    bool first = !w->looked;
    bool same = session != NULL && memcmp(session->id, w->access.claims.session_id, sizeof(session->id)) == 0;

    if (!first && same && session->status == SES_SESSION_EXPIRED)
        return SES_OK;
    w->access.revoked_accepted = !first;
    /* A revoked session's generation counts no more: its end is what the stream waited for. */
    if (!first && same && session->status == SES_SESSION_REVOKED)
        return SES_OK;
    return ses_access_judge(&w->access, session, now_ms, ret_error);
}

static void look(struct watcher *w);

static void tell_found(struct watcher *w, enum ses_status status)
{
    struct ses_service *service = w->service;
    uint64_t now_ms = ses_clock_now_ms();
    struct ses_access_found found;
    struct ses_error error;

    status = ses_access_read(service, &w->op, status, now_ms, &found);
    if (status != SES_OK)
        ses_refusal_store(&error, status);
    else
        status = judge(w, &found, now_ms, &error);
    w->looked = true;
    if (status != SES_OK)
        end_failed(w, &error);
    else if (found.session.version > w->version || (!is_over(&found.session) && is_silent(w)))
        tell(w, &found.session, now_ms);
    else if (is_over(&found.session))
        end_told(w); /* the caller knows its end already */
    else
        wait_for_time(w, &found.session, now_ms);
}

/* The store has answered; w lies in the exchange's arena and may have left meanwhile. News that came while it
 * was asked may be newer than its answer. */
static void found_state(struct watcher *w, enum ses_status status)
{
    struct ses_exchange *x = w->x;
    bool again;

    w->looking = false;
    if (!w->ended)
        tell_found(w, status);
    again = w->again && !w->ended;
    w->again = false;
    if (again)
        look(w);
    ses_exchange_release(x);
}

static void on_found(struct ses_store_op *op, enum ses_status status)
{
    struct watcher *w = SES_CONTAINER(op, struct watcher, op);

    w->service->in_flight--;
    found_state(w, status);
}

/* Called from the store's dispatch, from timers and from the door. The version decides whether there is
 * anything to tell: news are of a bucket of keys, so most of them are about other sessions. */
static void look(struct watcher *w)
{
    struct ses_service *service = w->service;
    enum ses_status status;

    if (w->looking) {
        w->again = true;
        return;
    }
    if (falls_behind(w))
        return;
    ses_count(service->options.metrics, SES_C_WATCH_LOOKS, 1);
    ses_timer_stop(&w->timer);
    ses_exchange_hold(w->x);
    w->looking = true;
    w->op.done = on_found;
    w->op.deadline_mono_ns = ses_clock_mono_ns() + READ_MS * SES_NS_PER_MS;
    status = ses_store_get(service->options.store, &w->op, &w->access.key, &service->scratch);
    if (status == SES_PENDING)
        service->in_flight++;
    else
        found_state(w, status);
}

static void on_timer(void *arg)
{
    look(arg);
}

static void on_changed(void *arg)
{
    look(arg);
}

static void on_drained(struct ses_exchange *x, void *arg)
{
    struct watcher *w = arg;

    (void)x;
    if (!w->behind)
        return;
    w->behind = false;
    look(w);
}

/* Up to a fifth less or more than configured: streams that began together do not speak together. */
static uint64_t silence_ms(const struct watcher *w)
{
    uint64_t usual_ms = w->service->options.watch_alive_ms;

    return usual_ms - usual_ms / 5 + (w->x->started_mono_ns >> 8) % (usual_ms * 2 / 5 + 1);
}

/* ---- starting -------------------------------------------------------------------------------- */

/* The call, judged as far as that goes without the store. */
static enum ses_status read_call(struct watcher *w, struct ses_error *ret_error)
{
    ProtobufCMessage *message;
    Sessiond__V1__WatchSessionRequest request;

    SES_TRY(ses_access_begin(&w->access, w->service, w->x, ret_error));
    SES_TRY(ses_message_decode(w->x, w->x->body, &sessiond__v1__watch_session_request__descriptor, &message,
                               ret_error));
    memcpy(&request, message, sizeof(request));
    ses_access_take(&w->access, request.session_token, request.merchant_session_id, request.browser_info,
                    request.test_mode != 0);
    w->version = request.from_version;
    return ses_access_verify(&w->access, ret_error);
}

static enum ses_status check_room(const struct ses_service *service, struct ses_error *ret_error)
{
    if (service->draining)
        ses_error_set(ret_error, SES_UNAVAILABLE, SES_STR("this worker is being replaced, call again"));
    else if (service->watch_streams_count >= SES_WATCH_STREAMS_MAX)
        ses_error_set(ret_error, SES_RESOURCE_EXHAUSTED, SES_STR("too many WatchSession streams"));
    else
        return SES_OK;
    return ret_error->status;
}

/* Watched before the first look: a change in between wakes the stream once too often instead of being
 * missed. */
static enum ses_status enter(struct watcher *w, struct ses_error *ret_error)
{
    enum ses_status status;

    SES_TRY(read_call(w, ret_error));
    SES_TRY(check_room(w->service, ret_error));
    w->watch = (struct ses_store_watch){.changed = on_changed, .arg = w};
    status = ses_store_watch(w->service->options.store, &w->access.key, &w->watch);
    if (status != SES_OK)
        ses_refusal_store(ret_error, status);
    return status;
}

void ses_watch_session_start(struct ses_exchange *x, void *service)
{
    struct watcher *w = ses_arena_zalloc(&x->arena, sizeof(*w));
    struct ses_error error;

    if (w == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    w->service = service;
    w->x = x;
    if (enter(w, &error) != SES_OK) {
        ses_refusal_summarise(&error, &x->arena);
        ses_exchange_fail(x, &error);
        return;
    }
    ses_exchange_hold(x);
    ses_list_push_back(&w->service->watch_streams, &w->node);
    w->service->watch_streams_count++;
    x->cancel = on_cancel;
    x->drained = on_drained;
    x->cancel_arg = w;
    w->told_ms = ses_clock_mono_ms();
    w->alive_ms = silence_ms(w);
    look(w);
}

/* Popped one by one, since ending one may end others (a connection that breaks). */
void ses_watch_session_drain(struct ses_service *service)
{
    struct ses_list *node;

    while ((node = ses_list_pop(&service->watch_streams)) != NULL) {
        struct watcher *w = SES_CONTAINER(node, struct watcher, node);
        struct ses_error error;

        ses_error_set(&error, SES_UNAVAILABLE,
                      SES_STR("this worker is being replaced: call again with from_version"));
        end_failed(w, &error);
    }
}
