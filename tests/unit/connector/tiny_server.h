/* tiny_server.h - an HTTP server of the test's own loop that does what it is told, one action per request. */
#ifndef SESSIOND_TESTS_UNIT_CONNECTOR_TINY_SERVER_H
#define SESSIOND_TESTS_UNIT_CONNECTOR_TINY_SERVER_H

#include "unit.h"

#include <uv.h>

enum tiny_action {
    TINY_ANSWER,       /* server->answer, kept alive */
    TINY_HANG,         /* nothing */
    TINY_FIRST_LINE,   /* of an answer, then nothing */
    TINY_CLOSE,        /* the end, without a byte */
    TINY_HALF,         /* half of server->answer, then the end */
    TINY_RESET,        /* TCP reset */
    TINY_ANSWER_CLOSE, /* the answer, then the end, unannounced */
    TINY_FLOOD_BODY,   /* chunks without end */
    TINY_FLOOD_HEADERS /* header lines without end */
};

#define TINY_ACTIONS_MAX 64
#define TINY_REQUEST_MAX 8192

struct tiny_server {
    uv_loop_t *loop;
    uv_tcp_t listener;
    int port;
    const char *answer;
    enum tiny_action actions[TINY_ACTIONS_MAX]; /* of the first requests; TINY_ANSWER afterwards */
    unsigned connections;
    unsigned requests;
    char last_request[TINY_REQUEST_MAX];
    struct tiny_connection *first;
};

struct tiny_connection {
    struct tiny_connection *next;
    struct tiny_server *server;
    uv_tcp_t tcp;
    size_t len;
    char request[TINY_REQUEST_MAX];
    bool gone;
};

#define TINY_OK "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"fine\":true}"

/* port 0: any free one. It answers TINY_OK unless told otherwise. */
void tiny_start(struct tiny_server *server, uv_loop_t *loop, int port);

/* All connections, not the listener. */
void tiny_cut_all(struct tiny_server *server);

/* Both; the loop must still run until it has nothing more to do. */
void tiny_stop(struct tiny_server *server);

/* A port where nobody listens. */
int unused_port(uv_loop_t *loop);

#endif
