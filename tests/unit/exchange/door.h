/* door.h - a door for unit tests: keeps what the exchange was answered. */
#ifndef SESSIOND_TESTS_UNIT_EXCHANGE_DOOR_H
#define SESSIOND_TESTS_UNIT_EXCHANGE_DOOR_H

#include <sessiond/exchange/exchange.h>

#include "unit.h"
#include "usual.h"

#define DOOR_MESSAGES_MAX 64
#define DOOR_BYTES_MAX    32768

struct door {
    unsigned sent, ended, raws;
    size_t message_len[DOOR_MESSAGES_MAX];
    uint8_t message[DOOR_MESSAGES_MAX][DOOR_BYTES_MAX];
    bool failed;
    struct ses_error error; /* of the end */
    char error_message[256];
    int http_status;
    size_t backlog;
    bool drop_on_end; /* gives its reference back inside end, as a real door may */
};

/* x->stream is the door. */
extern const struct ses_exchange_ops door_ops;

/* The i-th that was sent, from 0. */
struct ses_slice door_message(const struct door *door, unsigned i);

/* 0: the usual room for an exchange. */
struct ses_exchange_pool *door_pool(size_t arena_bytes_max);

/* A new one that answers to the door; the caller releases it. */
struct ses_exchange *door_exchange(struct ses_exchange_pool *pool, struct door *door,
                                   const struct ses_route *route);

#endif
