/* curl_loop.h - a libcurl multi handle whose sockets and timer live on a uv loop.
 *
 * A kept-alive connection stays registered with the poller between two transfers: libcurl takes its interest
 * back after every transfer and asks again for the next, which in libuv would be three epoll_ctl a call.
 */
#ifndef SESSIOND_SRC_CONNECTOR_CURL_LOOP_H
#define SESSIOND_SRC_CONNECTOR_CURL_LOOP_H

#include <curl/curl.h>
#include <uv.h>

#include <sessiond/base/status.h>

#include "peer_address.h"

struct ses_curl_watch;

/* What libcurl gives back when it wants a socket. */
struct ses_curl_door {
    struct ses_curl_loop *loop;
    enum ses_peers peers;
};

struct ses_curl_loop {
    uv_loop_t *loop;
    CURLM *multi;
    uv_timer_t timer;
    struct ses_curl_watch **watches; /* by descriptor */
    size_t watches_room;
    unsigned handles_open; /* uv handles whose close callback is still to come */
    bool closing;
    enum ses_peers peers;           /* sockets to others are refused, whatever a name resolved to */
    struct ses_curl_door tls;       /* to them */
    struct ses_curl_door plain;     /* plain text goes to this machine alone, whatever peers is */
    void (*on_progress)(void *arg); /* libcurl did something: look for finished transfers */
    void (*on_closed)(void *arg);   /* after ses_curl_loop_close, when no handle is left */
    void *arg;
};

/* SES_NO_MEMORY. loop, on_progress, on_closed and arg must be set. */
SES_MUST_CHECK enum ses_status ses_curl_loop_open(struct ses_curl_loop *self);
/* No easy handle may be attached any more. on_closed comes from the loop. */
void ses_curl_loop_close(struct ses_curl_loop *self);
/* Sockets of this easy handle are opened, watched and closed here. https: of its URL. */
void ses_curl_loop_attach(struct ses_curl_loop *self, CURL *easy, bool https);

#endif
