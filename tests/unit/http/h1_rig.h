/* h1_rig.h - the HTTP/1.1 engine on a connection that exists in memory only, with real exchanges and toy
 * routes.
 *
 * It defines the ses_conn_* functions, so that net/conn.c is not linked. h1_rig_feed gives bytes (in pieces of
 * h1_rig.split), h1_rig.wire holds what the server has written. Shared by unit tests and fuzz_h1.c: no cmocka
 * here.
 */
#ifndef SESSIOND_TESTS_UNIT_HTTP_H1_RIG_H
#define SESSIOND_TESTS_UNIT_HTTP_H1_RIG_H

#include <sessiond/config/usual.h>
#include <sessiond/net/conn.h>
#include "engine.h"

#define H1_RIG_HELD_MAX 64

struct h1_rig {
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_exchange_pool *pool;
    struct ses_router *router;
    struct ses_doors *doors;
    const struct ses_conn_ops *ops; /* of the engine attached last */
    void *engine;
    bool want_write, finished, cut, paused;
    bool is_tls; /* what the connection says */
    enum ses_tls_alpn alpn;
    unsigned touched;
    size_t held_bytes;
    uint32_t touch_ms; /* the last limit asked for */
    uint64_t idle_ms;  /* what the connection says */
    struct ses_peer peer;
    size_t split; /* bytes per piece; 0: all at once */
    struct ses_buf wire;
    struct ses_exchange *held[H1_RIG_HELD_MAX];
    unsigned held_count, cancelled;
    enum ses_status cancel_status;
    unsigned started; /* exchanges that reached a route */
    struct ses_exchange *last;
    char last_peer[SES_PEER_TEXT_SIZE];
    char last_body[512], last_path[512], last_query[512], last_probe[512];
    size_t last_body_len;
    enum ses_encoding last_encoding;
    uint64_t last_deadline_ms;
    uint32_t retry_delay_ms; /* of the failing route's error */
};

extern struct h1_rig
    h1_rig; /* one at a time: a route has no other way to it that a test could read as easily */

/* What h1_rig_begin serves: h1_rig_routes.c. */
extern const struct ses_route h1_rig_routes[];
extern const size_t h1_rig_routes_count;

/* limits NULL: the usual ones. */
void h1_rig_begin(const struct ses_door_limits *limits);

/* A fresh connection; what an earlier one has written stays in h1_rig.wire. */
void h1_rig_connect(void);

/* The peer is gone. Nothing, when there is no connection. */
void h1_rig_close(void);

/* Every exchange must be gone by then. */
void h1_rig_end(void);

/* The end of a loop turn, until nothing more comes. */
void h1_rig_flush(void);

/* As the connection would: nothing after the end, nothing while paused (the rest is dropped: tests look at
 * paused). Pieces are copied into blocks of their own size, so that a sanitizer sees a read behind them.
 * Returns the bytes delivered. */
size_t h1_rig_feed(struct ses_slice bytes);

/* The client's half is over. */
void h1_rig_eof(void);

/* Answers the exchanges held now, in order; those that an answer lets begin stay held. */
void h1_rig_answer_held(void);

#endif
