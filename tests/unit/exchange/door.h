/* door.h - a door for unit tests: keeps what the exchange was answered. */
#ifndef SESSIOND_TESTS_UNIT_EXCHANGE_DOOR_H
#define SESSIOND_TESTS_UNIT_EXCHANGE_DOOR_H

#include <sessiond/base/random.h>
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

static inline void door_send(struct ses_exchange *x, struct ses_slice message)
{
    struct door *door = x->stream;

    assert_true(door->sent < DOOR_MESSAGES_MAX && message.len <= DOOR_BYTES_MAX);
    if (message.len > 0)
        memcpy(door->message[door->sent], message.data, message.len);
    door->message_len[door->sent++] = message.len;
}

static inline void door_end(struct ses_exchange *x, const struct ses_error *error)
{
    struct door *door = x->stream;

    door->ended++;
    door->failed = error != NULL;
    if (error != NULL) {
        door->error = *error;
        snprintf(door->error_message, sizeof(door->error_message), "%.*s", SES_FMT(error->message));
    }
    if (door->drop_on_end)
        ses_exchange_release(x);
}

static inline void door_raw(struct ses_exchange *x, int http_status, const char *content_type,
                            struct ses_slice body)
{
    struct door *door = x->stream;

    (void)content_type;
    door->raws++;
    door->http_status = http_status;
    door->message_len[0] = body.len;
    assert_true(body.len < DOOR_BYTES_MAX); /* a NUL fits behind it */
    if (body.len > 0)
        memcpy(door->message[0], body.data, body.len);
    door->message[0][body.len] = 0;
}

static inline size_t door_backlog(const struct ses_exchange *x)
{
    return ((struct door *)x->stream)->backlog;
}

static const struct ses_exchange_ops door_ops = {door_send, door_end, door_raw, door_backlog};

static inline struct ses_slice door_message(const struct door *door, unsigned i)
{
    assert_true(i < door->sent);
    return ses_slice(door->message[i], door->message_len[i]);
}

/* 0: the usual room for an exchange. */
static inline struct ses_exchange_pool *door_pool(size_t arena_bytes_max)
{
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_exchange_pool *pool;

    if (arena_bytes_max != 0)
        options.arena_bytes_max = arena_bytes_max;
    ses_random_init();
    assert_ok(ses_exchange_pool_new(&options, &pool));
    return pool;
}

static inline struct ses_exchange *door_exchange(struct ses_exchange_pool *pool, struct door *door,
                                                 const struct ses_route *route)
{
    struct ses_exchange *x;

    assert_ok(ses_exchange_new(pool, &x));
    x->ops = &door_ops;
    x->stream = door;
    x->route = route;
    return x;
}

#endif
