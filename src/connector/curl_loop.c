/* libcurl says which descriptors it waits for (on_socket) and until when (on_timeout), the loop says what
 * happened (on_poll, on_timer). A watch belongs to a descriptor for as long as that is open, which on_open
 * and on_close_socket tell, not for as long as libcurl is interested: that comes and goes with each transfer.
 *
 * A uv_poll must be stopped before its descriptor is closed and freed only in its close callback; so
 * watch_free comes before close(), and memory goes in on_watch_closed.
 */
#include "curl_loop.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* More descriptors than any worker may have open. */
#define WATCHES_MAX (1u << 20)

struct ses_curl_watch {
    uv_poll_t poll;
    struct ses_curl_loop *owner;
    int fd;
    int events;  /* what the poller is asked for now; 0: nothing */
    bool polled; /* poll is an initialised handle */
    bool ours;   /* opened by on_open, on_close_socket will tell its end; the resolver's socket pair is not */
    bool wanted; /* libcurl is interested now */
};

static void check_multi(CURLMcode code)
{
    /* What is left once the arguments are right: out of memory inside libcurl. It then fails the transfers
     * itself. */
    SES_REQUIRE(code != CURLM_BAD_HANDLE && code != CURLM_RECURSIVE_API_CALL);
}

static void handle_gone(struct ses_curl_loop *self)
{
    self->handles_open--;
    if (self->closing && self->handles_open == 0) {
        free(self->watches);
        self->watches = NULL;
        self->on_closed(self->arg);
    }
}

static void on_watch_closed(uv_handle_t *handle)
{
    struct ses_curl_watch *watch = handle->data;
    struct ses_curl_loop *self = watch->owner;

    free(watch);
    handle_gone(self);
}

static void on_timer_closed(uv_handle_t *handle)
{
    handle_gone(handle->data);
}

static struct ses_curl_watch *watch_of(const struct ses_curl_loop *self, int fd)
{
    return fd >= 0 && (size_t)fd < self->watches_room ? self->watches[fd] : NULL;
}

static bool watches_reserve(struct ses_curl_loop *self, size_t fd)
{
    size_t room = self->watches_room == 0 ? 64 : self->watches_room;
    struct ses_curl_watch **watches;

    while (room <= fd)
        room *= 2;
    if (room == self->watches_room)
        return true;
    if (room > WATCHES_MAX)
        return false;
    watches = realloc(self->watches, room * sizeof(struct ses_curl_watch *));
    if (watches == NULL)
        return false;
    memset(watches + self->watches_room, 0, (room - self->watches_room) * sizeof(struct ses_curl_watch *));
    self->watches = watches;
    self->watches_room = room;
    return true;
}

static struct ses_curl_watch *watch_new(struct ses_curl_loop *self, int fd, bool ours)
{
    struct ses_curl_watch *watch = NULL;

    if (fd >= 0 && watches_reserve(self, (size_t)fd))
        watch = calloc(1, sizeof(*watch));
    if (watch == NULL)
        return NULL;
    watch->owner = self;
    watch->fd = fd;
    watch->ours = ours;
    self->watches[fd] = watch;
    return watch;
}

static void watch_free(struct ses_curl_watch *watch)
{
    watch->owner->watches[watch->fd] = NULL;
    if (!watch->polled) {
        free(watch);
        return;
    }
    (void)uv_poll_stop(&watch->poll);
    uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct ses_curl_watch *watch = poll->data;
    struct ses_curl_loop *self = watch->owner;
    int flags = 0;
    int running;

    /* An idle connection: its end, or bytes nobody asked for. libcurl looks before it reuses it. */
    if (!watch->wanted) {
        (void)uv_poll_stop(poll);
        watch->events = 0;
        return;
    }
    if (status < 0)
        flags = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    check_multi(curl_multi_socket_action(self->multi, watch->fd, flags, &running));
    self->on_progress(self->arg);
}

static void watch_start(struct ses_curl_watch *watch, int events)
{
    watch->wanted = true;
    if (!watch->polled) {
        if (uv_poll_init(watch->owner->loop, &watch->poll, watch->fd) != 0)
            return; /* unwatched, the transfer ends by its timeout */
        watch->polled = true;
        watch->poll.data = watch;
        watch->owner->handles_open++;
    }
    if (watch->events != events && uv_poll_start(&watch->poll, events, on_poll) == 0)
        watch->events = events;
    uv_ref((uv_handle_t *)&watch->poll);
}

/* An idle connection does not keep the loop alive. Still polled for reading it costs nothing until the peer
 * closes it; polled for writing it would wake the loop for ever. */
static void watch_rest(struct ses_curl_watch *watch)
{
    watch->wanted = false;
    if (watch->polled)
        uv_unref((uv_handle_t *)&watch->poll);
    if (watch->events == UV_READABLE || watch->events == 0)
        return;
    (void)uv_poll_stop(&watch->poll);
    watch->events = 0;
}

/* CURLMOPT_SOCKETFUNCTION */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
    struct ses_curl_loop *self = arg;
    struct ses_curl_watch *watch = watch_of(self, fd);

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL && watch->ours)
            watch_rest(watch);
        else if (watch != NULL)
            watch_free(watch);
        return 0;
    }
    if (watch == NULL)
        watch = watch_new(self, fd, false);
    if (watch != NULL)
        watch_start(watch,
                    (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0));
    return 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct ses_curl_loop *self = timer->data;
    int running;

    check_multi(curl_multi_socket_action(self->multi, CURL_SOCKET_TIMEOUT, 0, &running));
    self->on_progress(self->arg);
}

/* CURLMOPT_TIMERFUNCTION. Never calls back into libcurl from here: a zero delay fires on the next turn of the
 * loop. */
static int on_timeout(CURLM *multi, long timeout_ms, void *arg)
{
    struct ses_curl_loop *self = arg;

    (void)multi;
    if (self->closing)
        return 0;
    if (timeout_ms < 0)
        return uv_timer_stop(&self->timer);
    return uv_timer_start(&self->timer, on_timer, (uint64_t)timeout_ms, 0);
}

/* CURLOPT_OPENSOCKETFUNCTION. The address is the one that will be connected to, behind all names and whatever
 * they resolved to: the last word on who is called. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    const struct ses_curl_door *door = arg;
    struct ses_curl_loop *self = door->loop;
    int fd;

    if (purpose != CURLSOCKTYPE_IPCXN || (address->family != AF_INET && address->family != AF_INET6))
        return CURL_SOCKET_BAD;
    if (!ses_peers_allow(door->peers,
                         (const void *)((const uint8_t *)address + offsetof(struct curl_sockaddr, addr)),
                         (socklen_t)address->addrlen))
        return CURL_SOCKET_BAD;
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, address->protocol);
    if (fd >= 0 && watch_new(self, fd, true) == NULL) {
        (void)close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

/* CURLOPT_CLOSESOCKETFUNCTION */
static int on_close_socket(void *arg, curl_socket_t fd)
{
    struct ses_curl_watch *watch = watch_of(arg, fd);

    if (watch != NULL)
        watch_free(watch);
    return close(fd);
}

void ses_curl_loop_attach(struct ses_curl_loop *self, CURL *easy, bool https)
{
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    (void)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, https ? &self->tls : &self->plain);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    (void)curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, self);
}

enum ses_status ses_curl_loop_open(struct ses_curl_loop *self)
{
    self->multi = curl_multi_init();
    if (self->multi == NULL)
        return SES_NO_MEMORY;
    self->tls = (struct ses_curl_door){.loop = self, .peers = self->peers};
    self->plain = (struct ses_curl_door){.loop = self, .peers = SES_PEERS_LOOPBACK};
    (void)curl_multi_setopt(self->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    (void)curl_multi_setopt(self->multi, CURLMOPT_SOCKETDATA, self);
    (void)curl_multi_setopt(self->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    (void)curl_multi_setopt(self->multi, CURLMOPT_TIMERDATA, self);
    SES_REQUIRE(uv_timer_init(self->loop, &self->timer) == 0); /* cannot fail */
    self->timer.data = self;
    self->handles_open = 1;
    return SES_OK;
}

void ses_curl_loop_close(struct ses_curl_loop *self)
{
    self->closing = true;
    check_multi(curl_multi_cleanup(self->multi)); /* closes kept connections through on_close_socket */
    self->multi = NULL;
    uv_close((uv_handle_t *)&self->timer, on_timer_closed);
}
