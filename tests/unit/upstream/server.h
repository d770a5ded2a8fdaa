/* server.h - peers behind a socket on the loop: a server as a test wants it. */
#ifndef SESSIOND_TESTS_UNIT_UPSTREAM_SERVER_H
#define SESSIOND_TESTS_UNIT_UPSTREAM_SERVER_H

#include <uv.h>

#include "peer.h"

#define SERVER_CONNECTIONS_MAX 32

struct server;

struct server_connection {
    struct server *server;
    uv_tcp_t tcp;
    struct peer peer;
    bool open;
};

struct server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    bool listening;
    uint16_t port;
    uint32_t streams_max;
    uint32_t headers_max; /* 0: not told */
    uint32_t window;      /* of streams and connections; 0: the usual one */
    bool deaf;            /* says who it is, and reads nothing */
    bool silent;          /* accepts, and says nothing at all */
    bool is_up;           /* answers a health check so */
    void (*on_request)(struct peer *peer, struct peer_request *request); /* of what is no health check */
    struct server_connection *connections[SERVER_CONNECTIONS_MAX];       /* ever */
    unsigned accepted;
    unsigned requests; /* without health checks */
    unsigned checks;
};

/* port 0: any. */
void server_open(struct server *server, uv_loop_t *loop, uint16_t port);
/* Sends what its peers have to say. */
void server_flush(struct server *server);
void server_hang_up(struct server *server, unsigned connection);
/* Nobody can connect any more. */
void server_stop_listening(struct server *server);
/* All; handles finish on the loop, server_free behind that. */
void server_close(struct server *server);
void server_free(struct server *server);

#endif
