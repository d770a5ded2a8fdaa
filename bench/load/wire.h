/* wire.h - the transport of one HTTP/2 connection of the load generator: TCP, with or without TLS.
 *
 * It knows bytes only. Its owner gives it frames when it asks, and gets those of the server. A wire is used
 * once: a connection that moves opens another. */
#ifndef SESSIOND_BENCH_WIRE_H
#define SESSIOND_BENCH_WIRE_H

#include <sys/types.h>

#include "load.h"

struct load_wire;

struct load_wire_owner {
    void *arg;
    /* Connected, hands shaken: frames may flow. */
    void (*ready)(void *arg);
    /* Frames of the server, plain. */
    void (*take)(void *arg, struct ses_slice frames);
    /* All that there was to read was given to take. */
    void (*taken)(void *arg);
    /* The next frames to send, valid until the next call; 0 or less: none. */
    ssize_t (*next)(void *arg, const uint8_t **ret_frames);
    /* Nothing more can be sent or read; why is valid until it returns. */
    void (*ended)(void *arg, const char *why);
};

/* Begins to connect. Before it returns, the owner may be told that it has ended already. */
struct load_wire *load_wire_open(struct load_run *run, const struct load_wire_owner *owner);
/* READY: sends all that the owner has to say. */
void load_wire_flush(struct load_wire *wire);
/* Says nothing to the owner any more, and frees itself with the loop's next turn. May be called by the
 * owner's functions, next excepted. */
void load_wire_close(struct load_wire *wire);

#endif
