/* h2_rig.h - a server engine, a table of toy methods and an nghttp2 client, all in memory.
 *
 * rig_call sends a request, rig_pump lets both sides talk until nothing moves, rig_stream tells what the
 * client saw. For attacks rig_raw feeds bytes (h2_rig_raw.h); what the server writes stands in rig.wire and
 * rig_frames looks through it.
 */
#ifndef SESSIOND_TESTS_UNIT_HTTP_H2_RIG_H
#define SESSIOND_TESTS_UNIT_HTTP_H2_RIG_H

#include "unit_clock.h"

#include <sessiond/base/clock.h>
#include <sessiond/config/usual.h>
#include "h2.h"

#define RIG_STREAMS_MAX 4200
#define RIG_HELD_MAX    4200
#define RIG_BIDI_MAX    6  /* streams of "/t.T/Bidi" on a connection */
#define RIG_FIELDS      20 /* headers, and trailers, that "/t.T/Fields" sets */

struct rig_stream {
    char *headers; /* "name: value\n"... */
    char *trailers;
    struct ses_buf data;
    struct ses_buf upload;
    size_t uploaded;
    bool upload_end;
    bool upload_deferred;
    bool headers_done;
    bool closed;
    bool ended; /* END_STREAM seen */
    uint32_t code;
};

struct rig {
    uv_loop_t loop;
    struct ses_timers *timers;
    struct ses_exchange_pool *pool;
    struct ses_router *router;
    struct ses_doors *doors;
    struct ses_h2 *h2;
    bool want_write, finish, cut, paused, flush_soon;
    size_t held_bytes; /* as the engine told */
    size_t held_most;
    unsigned touched;
    nghttp2_session *client;
    nghttp2_hd_deflater *deflater;
    struct rig_stream *streams;
    struct ses_buf to_server;
    struct ses_buf wire;
    size_t split; /* bytes per receive; 0: all */
    unsigned goaways;
    uint32_t goaway_code;
    int32_t goaway_last;
    struct ses_exchange *held[RIG_HELD_MAX];
    unsigned held_count;
    unsigned cancelled;
    unsigned half_closes;
    size_t backlog_seen;
};

extern struct rig
    rig; /* one at a time: the toy methods have no other way to it that a test could read as easily */

/* What rig_open serves: h2_rig_methods.c. */
extern const struct ses_route rig_routes[];
extern const size_t rig_routes_count;

/* ---- the server */

/* For engines beside rig.h2: their connection is the rig's. */
extern const struct ses_h2_io rig_io;

/* limits NULL, exchanges_max 0: the usual ones. No client yet (rig_client), and the clock stands. */
void rig_open(const struct ses_door_limits *limits, unsigned exchanges_max);

/* Fails the test when an exchange was neither answered nor cancelled, or bytes are still held. */
void rig_close(void);

void rig_reopen(const struct ses_door_limits *limits);

/* cmocka's, with the usual limits; the second makes a client too. */
int rig_setup(void **state);
int rig_setup_client(void **state);
int rig_teardown(void **state);

void rig_lose_connection(void);

/* Straight to the engine, in pieces of rig.split. */
void rig_receive(struct ses_slice bytes);

/* One turn of the server's writing: into wire, and to the client if there is one. */
void rig_produce(void);

/* Gives back what a method of "/t.T/Hold" has kept; answer it before. */
void rig_release_held(unsigned i);

/* ---- the client */

/* window 0: the protocol's default. */
void rig_client(uint32_t window, bool manual_window);

/* What the client has to say goes to the server, unless that does not read. False: nothing did. */
bool rig_client_sends(void);

/* Both sides, until nothing moves. */
void rig_pump(void);

/* Lets timers run for ms, and what follows from them. */
void rig_wait(unsigned ms);

/* ---- calls */

nghttp2_nv rig_nv(const char *name, const char *value);

/* fields: name, value, .., NULL; they come behind the four of every gRPC call. */
int32_t rig_request(const char *method, const char *path, const char *content_type, const char *const *fields,
                    bool body);

/* More of a request's body; it leaves when both sides talk. */
void rig_upload(int32_t id, struct ses_slice bytes, bool end);

/* The same with gRPC's prefix before it. */
void rig_upload_message(int32_t id, bool compressed, struct ses_slice message, bool end);

/* A whole unary call. */
int32_t rig_call(const char *path, const char *const *fields, struct ses_slice message);

/* At most 1 MiB that does not compress to nothing, always the same. */
struct ses_slice rig_filled(size_t len);

/* ---- what the client saw */

struct rig_stream *rig_stream(int32_t id);

/* text: headers or trailers of a stream; NULL: none came. */
void rig_expect_line(const char *text, const char *line);

/* The whole answer: trailers-only or not. */
void rig_expect_status(int32_t id, unsigned code);

/* One message and grpc-status 0. */
void rig_expect_reply(int32_t id, bool compressed, struct ses_slice message);

#endif
