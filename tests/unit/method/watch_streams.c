/* A stream's messages are unpacked into memory of their own: its exchange must not grow
 * (test_watch_session.c). */
#include "method/watch_streams.h"

void wait_sent(struct call *call, unsigned sent)
{
    WAIT_DOING(core_turn(call->core), call->door.sent >= sent);
}

struct call *watch_now(struct core *core, const char *token)
{
    struct call *call = watch(core, token, 0);

    call_start(call);
    wait_sent(call, 1);
    assert_int_equal(call->door.sent, 1);
    assert_int_equal(call->door.ended, 0);
    assert_string_equal(call_header_told(call, "x-session-durability"),
                        core_has_toy(core) ? "replica" : "process");
    return call;
}

struct told {
    uint64_t version;
    enum ses_session_status status;
};

static struct told unpack(struct call *call, unsigned i)
{
    ProtobufCMessage *message;
    struct ses_arena arena;
    const Sessiond__V1__Session *session;
    struct told ret;

    ses_arena_init(&arena, 1u << 18);
    assert_ok(ses_proto_unpack(&sessiond__v1__watch_session_response__descriptor,
                               door_message(&call->door, i), &arena, &message));
    session = ((Sessiond__V1__WatchSessionResponse *)message)->session;
    ret = (struct told){session->version, (enum ses_session_status)session->status};
    ses_arena_done(&arena);
    return ret;
}

uint64_t version_told(struct call *call, unsigned i)
{
    return unpack(call, i).version;
}

enum ses_session_status status_told(struct call *call, unsigned i)
{
    return unpack(call, i).status;
}

/* A look that is under way ends by itself, and keeps the exchange until then. */
void stream_cancel(struct call *call)
{
    struct core *core = call->core;

    ses_exchange_cancel(call->x, SES_CANCELLED);
    call_free(call);
    core_settle(core);
}

void wait_version(struct call *call, uint64_t version)
{
    WAIT_DOING(core_turn(call->core),
               call->door.sent > 0 && version_told(call, call->door.sent - 1) >= version);
}
