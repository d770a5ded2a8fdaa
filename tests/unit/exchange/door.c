#include "exchange/door.h"

#include <sessiond/base/random.h>

static void door_send(struct ses_exchange *x, struct ses_slice message)
{
    struct door *door = x->stream;

    assert_true(door->sent < DOOR_MESSAGES_MAX && message.len <= DOOR_BYTES_MAX);
    if (message.len > 0)
        memcpy(door->message[door->sent], message.data, message.len);
    door->message_len[door->sent++] = message.len;
}

/* What the table of reasons says of one holds wherever it is told. */
static void check_reason(const struct ses_error *error)
{
    if (error->reason == SES_REASON_NONE)
        return;
    assert_int_equal(ses_status_grpc(error->status), ses_status_grpc(ses_reason_status(error->reason)));
    assert_int_equal(error->retry_delay_ms > 0, ses_reason_retry(error->reason) != SES_RETRY_NO);
}

static void door_end(struct ses_exchange *x, const struct ses_error *error)
{
    struct door *door = x->stream;

    door->ended++;
    door->failed = error != NULL;
    if (error != NULL) {
        check_reason(error);
        door->error = *error;
        snprintf(door->error_message, sizeof(door->error_message), "%.*s", SES_FMT(error->message));
    }
    if (door->drop_on_end)
        ses_exchange_release(x);
}

static void door_raw(struct ses_exchange *x, int http_status, const char *content_type, struct ses_slice body)
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

static size_t door_backlog(const struct ses_exchange *x)
{
    return ((struct door *)x->stream)->backlog;
}

const struct ses_exchange_ops door_ops = {door_send, door_end, door_raw, door_backlog};

struct ses_slice door_message(const struct door *door, unsigned i)
{
    assert_true(i < door->sent);
    return ses_slice(door->message[i], door->message_len[i]);
}

struct ses_exchange_pool *door_pool(size_t arena_bytes_max)
{
    struct ses_exchange_pool_options options = usual_pool();
    struct ses_exchange_pool *pool;

    /* Freed with the last reference: the sanitizer finds who looks at one afterwards. */
    options.keep = 0;
    if (arena_bytes_max != 0)
        options.arena_bytes_max = arena_bytes_max;
    ses_random_init();
    assert_ok(ses_exchange_pool_new(&options, &pool));
    return pool;
}

struct ses_exchange *door_exchange(struct ses_exchange_pool *pool, struct door *door,
                                   const struct ses_route *route)
{
    struct ses_exchange *x;

    assert_ok(ses_exchange_new(pool, &x));
    x->ops = &door_ops;
    x->stream = door;
    x->route = route;
    return x;
}
