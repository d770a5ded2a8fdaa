/* stack.h - sessiond's doors on one loop, around services of a suite instead of sessiond's own: what a worker is, without
 * keys, store and processes.
 */
#ifndef SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_STACK_H
#define SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_STACK_H

#include <uv.h>

#include <sessiond/exchange/exchange.h>
#include <sessiond/http/door.h>
#include <sessiond/net/tls.h>

struct stack_options {
    const char *tls_dir; /* of server.pem, server.key and ca.pem; NULL: plain text */
    size_t message_max;  /* 0: large enough for every suite */
    bool watch_input;    /* ends with standard input: whoever has started the program is gone then */
};

struct stack {
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_signal_t term;
    uv_poll_t input;
    struct ses_timers *timers;
    struct ses_router *router;
    struct ses_exchange_pool *pool;
    struct ses_tls_context *tls;
    struct ses_doors *doors;
    struct ses_conns *conns;
    struct ses_metrics *metrics;
    int listen_fd;
    uint16_t port;
};

/* The server's own limit of a call; a request's deadline that is shorter is its client's. */
#define STACK_EXCHANGE_MS 30000u

/* Listens at a port of loopback that was free. Ends the program with a line if something fails. */
void stack_open(struct stack *stack, const struct stack_options *options);
/* Until SIGTERM. */
void stack_run(struct stack *stack);
void stack_close(struct stack *stack);

/* Prints the line and ends the program. */
_Noreturn void stack_fail(const char *what);
/* All of a file, ended by a NUL that is not counted; never given back. */
struct ses_slice stack_read_file(const char *dir, const char *name);

#endif
