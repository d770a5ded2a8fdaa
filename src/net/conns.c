/* All connections of a loop: accepting, the end of a turn, leaving.
 *
 * Listening sockets are polled, not handed to libuv's listener: they belong to the supervisor, who gives them
 * to the next worker with whatever waits in their queues.
 */
#include "conn_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sessiond/base/units.h>

/* Accepted per listener and loop turn: a flood of connections does not starve those that are served. */
#define ACCEPT_BATCH    64
#define ACCEPT_PAUSE_MS 100
#define AGE_LOOK_MS     1000

static void on_acceptable(uv_poll_t *handle, int status, int events);

static void rest_accepting(struct ses_conns *conns, bool rest)
{
    conns->resting = rest;
    for (unsigned i = 0; i < conns->listeners_count; i++) {
        struct listener *listener = &conns->listeners[i];

        if (listener->on && !rest)
            (void)uv_poll_start(&listener->poll, UV_READABLE, on_acceptable);
        else
            (void)uv_poll_stop(&listener->poll);
    }
}

static void on_accept_timer(void *arg)
{
    struct ses_conns *conns = arg;

    if (conns->spare_fd < 0)
        conns->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    rest_accepting(conns, false);
}

/* Polling is level-triggered: a queue that cannot be emptied now would keep the loop spinning. */
static void rest_for_a_moment(struct ses_conns *conns)
{
    rest_accepting(conns, true);
    ses_timer_start(conns->options.timers, &conns->accept_timer, ACCEPT_PAUSE_MS, on_accept_timer, conns);
}

static bool refuse_one(struct ses_conns *conns, int listen_fd)
{
    int fd;

    (void)close(conns->spare_fd);
    fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        (void)close(fd);
        ses_count(conns->options.metrics, SES_C_CONNECTIONS_REFUSED, 1);
    }
    conns->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return fd >= 0;
}

/* Out of descriptors: a waiting connection would make poll return at once for ever. The spare descriptor is
 * given up to take what waits and close it, so that its client knows and nobody waits behind it; then
 * accepting rests. */
static void descriptors_out(struct ses_conns *conns, int listen_fd)
{
    int refused = 0;

    while (refused < SOMAXCONN && conns->spare_fd >= 0 && refuse_one(conns, listen_fd))
        refused++;
    rest_for_a_moment(conns);
}

/* No connection came of it. True: try the next one. */
static bool accept_failed(struct ses_conns *conns, struct listener *listener, int error)
{
    if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM)
        descriptors_out(conns, listener->fd);
    else if (error == EINVAL) /* somebody has closed it for all of us: poll would say so for ever */
        ses_conns_unwatch(conns, listener->fd);
    /* These concern one connection that died in the queue (accept(2), "Error handling"). */
    return error == ECONNABORTED || error == EINTR || error == EPROTO;
}

/* One connection; false when there is none or accepting must rest. */
static bool accept_one(struct ses_conns *conns, struct listener *listener)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    struct ses_source *source;
    struct ses_peer peer;
    int fd = accept4(listener->fd, (struct sockaddr *)&address, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return accept_failed(conns, listener, errno);
    if (conns->count >= conns->options.connections_max) {
        (void)close(fd);
        ses_count(conns->options.metrics, SES_C_CONNECTIONS_REFUSED, 1);
        return true;
    }
    peer = ses_peer_of_socket(&address);
    if (!ses_conns_enter(conns, &peer, &source)) {
        (void)close(fd);
        return true;
    }
    ses_conn_open(conns, fd, &peer, source);
    return true;
}

static void accept_up_to(struct listener *listener, int count)
{
    struct ses_conns *conns = listener->poll.data;

    for (int i = 0; i < count && listener->on && accept_one(conns, listener); i++)
        continue;
}

static void on_acceptable(uv_poll_t *handle, int status, int events)
{
    (void)events;
    if (status != 0)
        rest_for_a_moment(handle->data);
    else
        accept_up_to(SES_CONTAINER(handle, struct listener, poll), ACCEPT_BATCH);
}

void ses_conns_accept_queued(struct ses_conns *conns)
{
    for (unsigned i = 0; i < conns->listeners_count; i++)
        accept_up_to(&conns->listeners[i], SOMAXCONN);
}

/* Nine to eleven tenths of the age, by the place in memory, which is anybody's: connections that came together, as
 * after a restart, do not go together. */
static uint64_t age_of(const struct ses_conn *conn)
{
    uint64_t fifth = conn->conns->options.age_ms / 5;
    uint64_t spread = ((uint64_t)(uintptr_t)conn * UINT64_C(0x9e3779b97f4a7c15)) >> 44;

    return conn->conns->options.age_ms - fifth / 2 + fifth * spread / (UINT64_C(1) << 20);
}

/* In the order in which they came: behind the first one that is too young, all are. */
static void on_age_timer(void *arg)
{
    struct ses_conns *conns = arg;
    uint64_t now_ms = uv_now(conns->options.loop);

    for (struct ses_list *node = conns->all.next; node != &conns->all; node = node->next) {
        struct ses_conn *conn = SES_CONTAINER(node, struct ses_conn, node);

        if (now_ms - conn->opened_ms < conns->options.age_ms / 10 * 9)
            break;
        if (now_ms - conn->opened_ms >= age_of(conn))
            ses_conn_drain(conn);
    }
    ses_timer_start(conns->options.timers, &conns->age_timer, AGE_LOOK_MS, on_age_timer, conns);
}

/* An active idle handle makes libuv poll without waiting: who asked to write again, or waits with a handshake,
 * has its turn at once. It is called once a turn, before the flush. */
static void on_again(uv_idle_t *handle)
{
    ses_conns_handshake(handle->data);
}

static void on_polled(uv_check_t *handle)
{
    ses_conns_polled(handle->data);
    ses_conns_shed(handle->data);
}

static bool limits_are_set(const struct ses_conns_options *options)
{
    return options->connections_max != 0 && options->idle_ms != 0 && options->first_byte_ms != 0 &&
           options->write_stall_ms != 0 && options->held_bytes_max != 0 && options->handshakes_per_turn != 0;
}

enum ses_status ses_conns_new(const struct ses_conns_options *options, struct ses_conns **ret_conns)
{
    struct ses_conns *conns = calloc(1, sizeof(*conns));

    if (conns == NULL)
        return SES_NO_MEMORY;
    SES_REQUIRE(options->loop != NULL && options->timers != NULL && options->on_accept != NULL);
    SES_REQUIRE(limits_are_set(options));
    conns->options = *options;
    if (options->per_source_max != 0 && ses_sources_new(options->per_source_max, &conns->sources) != SES_OK) {
        free(conns);
        return SES_NO_MEMORY;
    }
    ses_list_init(&conns->all);
    ses_list_init(&conns->want);
    ses_list_init(&conns->holders);
    ses_list_init(&conns->throttled);
    ses_list_init(&conns->waiting);
    ses_list_init(&conns->steps);
    ses_list_init(&conns->warm);
    ses_list_init(&conns->turn_tls.read);
    ses_list_init(&conns->turn_tls.opened);
    ses_list_init(&conns->turn_tls.said);
    ses_buf_init(&conns->turn_tls.records, OUT_BYTES_MAX);
    conns->turn = 1;
    conns->reads_max = READS_MAX;
    conns->steps_left = options->handshakes_per_turn;
    ses_buf_init(&conns->out, OUT_BYTES_MAX);
    ses_buf_init(&conns->plain, SES_CONN_OUT_MAX);
    conns->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    (void)uv_idle_init(options->loop, &conns->again); /* cannot fail */
    conns->again.data = conns;
    (void)uv_check_init(options->loop, &conns->polled);
    conns->polled.data = conns;
    (void)uv_check_start(&conns->polled, on_polled);
    uv_unref((uv_handle_t *)&conns->polled); /* no reason for a loop to go on */
    if (options->age_ms != 0)
        ses_timer_start(options->timers, &conns->age_timer, AGE_LOOK_MS, on_age_timer, conns);
    conns->handles = 2; /* again and polled; the accept timer is no handle of libuv's */
    *ret_conns = conns;
    return SES_OK;
}

static void on_handle_closed(uv_handle_t *handle)
{
    ses_conns_handle_closed(handle->data);
}

static void stop_listening(struct ses_conns *conns)
{
    for (unsigned i = 0; i < conns->listeners_count; i++)
        uv_close((uv_handle_t *)&conns->listeners[i].poll, on_handle_closed);
    conns->listeners_count = 0;
    ses_timer_stop(&conns->accept_timer);
    ses_timer_stop(&conns->age_timer);
    ses_timer_stop(&conns->throttle_timer);
}

void ses_conns_free(struct ses_conns *conns)
{
    if (conns == NULL)
        return;
    SES_REQUIRE(!conns->freed);
    conns->freed = true;
    stop_listening(conns);
    for (struct ses_list *node = conns->all.next; node != &conns->all; node = node->next)
        ses_conn_abandon(SES_CONTAINER(node, struct ses_conn, node));
    if (conns->spare_fd >= 0)
        (void)close(conns->spare_fd);
    /* The last handle frees conns. */
    uv_close((uv_handle_t *)&conns->again, on_handle_closed);
    uv_close((uv_handle_t *)&conns->polled, on_handle_closed);
}

static struct listener *find_listener(struct ses_conns *conns, int fd)
{
    for (unsigned i = 0; i < conns->listeners_count; i++) {
        if (conns->listeners[i].fd == fd)
            return &conns->listeners[i];
    }
    return NULL;
}

bool ses_conns_watches(const struct ses_conns *conns, int fd)
{
    for (unsigned i = 0; i < conns->listeners_count; i++) {
        if (conns->listeners[i].fd == fd)
            return conns->listeners[i].on;
    }
    return false;
}

/* The descriptor stays the caller's: libuv's own listener would close it with its handle, and with the last
 * descriptor the connections that wait in the kernel die. */
static enum ses_status add_listener(struct ses_conns *conns, int fd, struct listener **ret_listener)
{
    struct listener *listener = &conns->listeners[conns->listeners_count];

    if (conns->listeners_count == SES_CONNS_LISTENERS_MAX)
        return SES_FULL;
    if (uv_poll_init(conns->options.loop, &listener->poll, fd) != 0)
        return SES_IO;
    listener->poll.data = conns;
    listener->fd = fd;
    conns->listeners_count++;
    conns->handles++;
    *ret_listener = listener;
    return SES_OK;
}

enum ses_status ses_conns_watch(struct ses_conns *conns, int fd)
{
    struct listener *listener = find_listener(conns, fd);

    if (listener == NULL)
        SES_TRY(add_listener(conns, fd, &listener));
    if (listener->on)
        return SES_OK;
    listener->on = true;
    if (conns->resting)
        return SES_OK;
    return uv_poll_start(&listener->poll, UV_READABLE, on_acceptable) == 0 ? SES_OK : SES_IO;
}

enum ses_status ses_conns_listen(struct ses_conns *conns, int fd)
{
    if (listen(fd, SOMAXCONN) != 0)
        return SES_IO;
    return ses_conns_watch(conns, fd);
}

void ses_conns_unwatch(struct ses_conns *conns, int fd)
{
    struct listener *listener = find_listener(conns, fd);

    if (listener == NULL || !listener->on)
        return;
    listener->on = false;
    (void)uv_poll_stop(&listener->poll);
}

void ses_conns_drain(struct ses_conns *conns)
{
    if (conns->draining)
        return;
    conns->draining = true;
    for (struct ses_list *node = conns->all.next; node != &conns->all; node = node->next)
        ses_conn_drain(SES_CONTAINER(node, struct ses_conn, node));
}

uint64_t *ses_conn_rate_word(struct ses_conn *conn)
{
    return &conn->rate_word;
}

unsigned ses_conns_count(const struct ses_conns *conns)
{
    return conns->count;
}

void ses_conns_flush(struct ses_conns *conns)
{
    struct ses_list now;
    struct ses_list *node;

    conns->turn += conns->turn == UINT32_MAX ? 2 : 1;
    ses_conns_shed(conns);
    /* Who asks again meanwhile has its turn in the next round: nobody is starved by one busy stream. */
    ses_list_init(&now);
    while ((node = ses_list_pop(&conns->want)) != NULL)
        ses_list_push_back(&now, node);
    while ((node = ses_list_pop(&now)) != NULL) {
        struct ses_conn *conn = SES_CONTAINER(node, struct ses_conn, want);

        if (conn->tls == NULL || !ses_tls_turn_say(conn))
            ses_conn_flush(conn);
        ses_conns_shed(conns); /* what the kernel does not take is held now */
    }
    ses_conns_say(conns);
    ses_gauge_set(conns->options.metrics, SES_C_HELD_BYTES, conns->held_bytes);
    if (conns->out.room > OUT_KEEP_BYTES) { /* one large answer does not keep a megabyte for good */
        ses_buf_done(&conns->out);
        ses_buf_init(&conns->out, OUT_BYTES_MAX);
        ses_buf_done(&conns->plain);
        ses_buf_init(&conns->plain, SES_CONN_OUT_MAX);
    }
    if (conns->turn_tls.records.room > OUT_KEEP_BYTES) {
        ses_buf_done(&conns->turn_tls.records);
        ses_buf_init(&conns->turn_tls.records, OUT_BYTES_MAX);
    }
    if (ses_list_empty(&conns->want) && conns->steps_left == conns->options.handshakes_per_turn)
        (void)uv_idle_stop(&conns->again);
    else
        (void)uv_idle_start(&conns->again, on_again);
}
