/* conn_rig.h - connections over real loopback sockets, with a toy engine that does at each callback what the
 * test tells it. The clock stands but where a test lets time pass.
 */
#ifndef SESSIOND_TESTS_UNIT_NET_CONN_RIG_H
#define SESSIOND_TESTS_UNIT_NET_CONN_RIG_H

#include "unit_clock.h"

#include <errno.h>
#include <netinet/in.h>

#include <sessiond/base/clock.h>
#include <sessiond/config/usual.h>
#include <sessiond/net/conn.h>

#define TOYS_MAX 128
#define BULK     (24u * 1024 * 1024)

enum act { ACT_NONE, ACT_CUT, ACT_FINISH, ACT_ERROR, ACT_PAUSE, ACT_ATTACH, ACT_ANSWER_FINISH };

struct toy {
    struct fixture *fixture;
    struct ses_conn *conn;
    struct ses_buf got;
    struct ses_buf out;
    size_t endless; /* produces this many pattern bytes */
    size_t produced;
    enum act on_bytes, on_produce, on_drain, on_idle, on_drained, on_eof;
    unsigned produces, drains, idles, draineds, eofs, closes, throttles;
    bool echo;
    bool inside; /* a callback of ours is on the stack */
};

struct fixture {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct ses_timers *timers;
    struct ses_conns *conns;
    struct ses_metrics *metrics;
    int listen_fd;
    struct sockaddr_in address;
    struct toy model; /* what the next accepted engine looks like */
    struct toy *toys[TOYS_MAX];
    unsigned toys_count;
    unsigned turns;
};

extern const struct ses_conn_ops toy_ops;
extern const struct ses_conn_ops second_ops; /* the least an engine may have */

/* What a callback would do, at once. */
void act(struct toy *t, enum act what);

extern bool bare; /* attach second_ops at once */

struct ses_tls_start;
/* Connections begin with TLS (context and limits; first and callback are the rig's); NULL: not. */
extern const struct ses_tls_start *tls_with;

/* One, without waiting. */
void run_turn(struct fixture *f);

/* Runs the loop, without time passing, until the condition holds. */
#define RUN_UNTIL(f, condition) WAIT_DOING(run_turn(f), condition)

/* The same while time passes: for what a limit brings about. */
#define PASS_UNTIL(f, condition) WAIT_DOING(pass(f, 10), condition)

/* Time passes. What was sent before should have come already (RUN_UNTIL). */
void pass(struct fixture *f, uint64_t ms);

/* Some turns in which nothing should happen. */
void run_turns(struct fixture *f, unsigned turns);

/* Connections with these options (loop, timers and callback are the rig's), and a port that listens. */
void begin(struct fixture *f, struct ses_conns_options options);

/* Connected, and does not block. */
int client(struct fixture *f);

/* A client whose engine exists. */
int client_accepted(struct fixture *f, struct toy **ret_toy);

/* Sent whole: it must fit the socket. */
void put(int fd, const char *text);

/* All that comes until the server's FIN; the caller ends it by ses_buf_done. */
struct ses_buf read_to_end(struct fixture *f, int fd);

/* That is this text. */
void expect_end(struct fixture *f, int fd, const char *text);

/* The server has ended it, by FIN or reset. */
bool is_gone(int fd);

uint64_t counter(struct fixture *f, enum ses_counter c);

/* cmocka's; *state is a struct fixture. The clock stands from here on. */
int setup(void **state);
int teardown(void **state);

#endif
