/* What the answers of memory_calls.h must say, and the table of both. */
#include "method/memory_subjects.h"

#include <sessiond/v1/operator.pb-c.h>

typedef Types__MerchantAuthenticationServiceCreateServerSessionAuthenticationTokenResponse new_response;

/* ---- the answers ----------------------------------------------------------------------------- */

static ProtobufCMessage *unpacked(const struct call *call, const ProtobufCMessageDescriptor *descriptor,
                                  struct ses_arena *arena)
{
    ProtobufCMessage *message = NULL;

    ses_arena_init(arena, ROOM_MAX);
    assert_ok(ses_proto_unpack(descriptor, door_message(&call->door, 0), arena, &message));
    return message;
}

static void expect_token(const struct call *call)
{
    struct ses_arena arena;
    const old_response *response = (const old_response *)unpacked(
        call, &types__merchant_authentication_service_create_session_token_response__descriptor, &arena);

    assert_int_equal(response->status_code, 200);
    assert_int_equal(response->_error_case, 0);
    assert_memory_equal(response->session_token, "sess_", 5);
    ses_arena_done(&arena);
}

static void expect_replay(const struct call *call)
{
    expect_token(call);
    assert_true(call_replayed(call));
}

static void expect_newer(const struct call *call)
{
    struct ses_arena arena;
    const new_response *response = (const new_response *)unpacked(
        call,
        &types__merchant_authentication_service_create_server_session_authentication_token_response__descriptor,
        &arena);

    assert_int_equal(response->status_code, 200);
    assert_int_equal(response->_error_case, 0);
    assert_memory_equal(response->session_token, "sess_", 5);
    ses_arena_done(&arena);
}

static void expect_json(const struct call *call)
{
    assert_non_null(strstr((const char *)call->door.message[0], "sess_"));
    assert_int_equal(call->door.message[0][call->door.message_len[0] - 1], '}');
}

/* The parts of a session that every answer has, and its status. */
static void expect_session(const Sessiond__V1__Session *session, Sessiond__V1__SessionStatus status)
{
    assert_non_null(session);
    assert_int_equal(session->status, status);
    assert_true(strlen(session->session_id) > 0);
    assert_string_equal(session->merchant_session_id, "session_001");
    assert_string_equal(session->connector_name, "adyen");
    assert_int_equal(session->amount->minor_amount, 10000);
    assert_true(session->version >= 1);
}

#define STATUS(name) SESSIOND__V1__SESSION_STATUS__SESSION_STATUS_##name

#define EXPECT(what, Message, message, status, tail)                                                         \
    static void expect_##what(const struct call *call)                                                       \
    {                                                                                                        \
        struct ses_arena arena;                                                                              \
        const Sessiond__V1__##Message *m =                                                                   \
            (const Sessiond__V1__##Message *)unpacked(call, &sessiond__v1__##message##__descriptor, &arena); \
                                                                                                             \
        expect_session(m->session, status);                                                                  \
        tail;                                                                                                \
        ses_arena_done(&arena);                                                                              \
    }

EXPECT(got, GetSessionResponse, get_session_response, STATUS(OPEN), (void)0)
EXPECT(completed, AdvanceSessionResponse, advance_session_response, STATUS(COMPLETED),
       assert_int_equal(m->session->n_events, 1))
EXPECT(updated, UpdateSessionResponse, update_session_response, STATUS(OPEN),
       assert_string_equal(m->session->metadata->value, "changed"))
EXPECT(begun, BeginStepResponse, begin_step_response, STATUS(REDIRECTED),
       assert_string_equal(strstr(m->return_url, "/r/") + 3, m->step_handle))
EXPECT(revoked, RevokeSessionResponse, revoke_session_response, STATUS(REVOKED), (void)0)
EXPECT(watched, WatchSessionResponse, watch_session_response, STATUS(OPEN), (void)0)

static void expect_shown(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__ShowSessionResponse *m = (const Sessiond__V1__ShowSessionResponse *)unpacked(
        call, &sessiond__v1__show_session_response__descriptor, &arena);

    expect_session(m->story->session, STATUS(OPEN));
    assert_int_equal(strlen(m->story->pseudonym), 16);
    ses_arena_done(&arena);
}

static void expect_operator_revoked(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__OperatorRevokeSessionResponse *m =
        (const Sessiond__V1__OperatorRevokeSessionResponse *)unpacked(
            call, &sessiond__v1__operator_revoke_session_response__descriptor, &arena);

    expect_session(m->story->session, STATUS(REVOKED));
    assert_string_equal(m->story->revoke_reason, "because");
    ses_arena_done(&arena);
}

static void expect_kept(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__AdvanceSessionResponse *m = (const Sessiond__V1__AdvanceSessionResponse *)unpacked(
        call, &sessiond__v1__advance_session_response__descriptor, &arena);

    assert_int_equal(m->outcome, SES_EVENT_KEPT);
    assert_null(m->session);
    ses_arena_done(&arena);
}

static void expect_duplicate(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__AdvanceSessionResponse *m = (const Sessiond__V1__AdvanceSessionResponse *)unpacked(
        call, &sessiond__v1__advance_session_response__descriptor, &arena);

    assert_int_equal(m->outcome, SES_EVENT_DUPLICATE);
    assert_int_equal(m->session->n_events, 1);
    expect_session(m->session, STATUS(COMPLETED));
    ses_arena_done(&arena);
}

/* What the browser brought is stored, whole. */
static void expect_returned(const struct call *call)
{
    struct ses_arena arena;
    const Sessiond__V1__GetSessionResponse *m = (const Sessiond__V1__GetSessionResponse *)unpacked(
        call, &sessiond__v1__get_session_response__descriptor, &arena);

    expect_session(m->session, STATUS(RETURNED));
    assert_non_null(m->session->redirect_result);
    assert_int_equal(m->session->redirect_result->n_payload, 2);
    assert_string_equal(m->session->redirect_result->payload[0]->key, "cres");
    ses_arena_done(&arena);
}

static void expect_way_back(const struct call *call)
{
    bool found = false;

    for (size_t i = 0; i < call->x->reply_headers_count; i++)
        found = found || (ses_slice_eq_str(call->x->reply_headers[i].name, "location") &&
                          ses_slice_eq_str(call->x->reply_headers[i].value, BACK_URL));
    assert_int_equal(call->door.http_status, 303);
    assert_true(found);
}

static void expect_frame(const struct call *call)
{
    assert_int_equal(call->door.http_status, 200);
    assert_non_null(strstr((const char *)call->door.message[0], "data-outcome=\"returned\""));
    assert_non_null(strstr((const char *)call->door.message[0], BACK_URL));
    assert_non_null(strstr((const char *)call->door.message[0], "</html>"));
}

/* ---- the table ------------------------------------------------------------------------------- */

const struct subject subjects[SUBJECTS] = {
    {.name = "create", .make = make_create, .expect = expect_token},
    {.name = "create after an event", .early = true, .make = make_create, .expect = expect_token},
    {.name = "continuation", .session = true, .make = make_continuation, .expect = expect_token},
    {.name = "replay", .session = true, .make = make_replay, .expect = expect_replay},
    {.name = "create with a connector", .make = make_connector, .expect = expect_token},
    {.name = "create as JSON", .make = make_json, .expect = expect_json},
    {.name = "newer create", .make = make_newer, .expect = expect_newer},
    {.name = "GetSession", .session = true, .make = make_get, .expect = expect_got},
    {.name = "AdvanceSession", .session = true, .make = make_advance, .expect = expect_completed},
    {.name = "webhook", .session = true, .make = make_webhook, .expect = expect_completed},
    {.name = "early event", .kept = true, .make = make_advance, .expect = expect_kept},
    {.name = "UpdateSession", .session = true, .once = true, .make = make_update, .expect = expect_updated},
    {.name = "BeginStep", .session = true, .make = make_begin, .expect = expect_begun},
    {.name = "BeginStep in a frame", .session = true, .make = make_begin_frame, .expect = expect_begun},
    {.name = "RevokeSession", .session = true, .make = make_revoke, .expect = expect_revoked},
    {.name = "operator's ShowSession", .session = true, .make = make_show, .expect = expect_shown},
    {.name = "operator's RevokeSession",
     .session = true,
     .make = make_operator_revoke,
     .expect = expect_operator_revoked},
    {.name = "WatchSession", .session = true, .stream = true, .make = make_watch, .expect = expect_watched},
    {.name = "return", .session = true, .step = true, .make = make_return_query, .expect = expect_way_back},
    {.name = "form", .session = true, .step = true, .make = make_return_form, .expect = expect_way_back},
    {.name = "text", .session = true, .step = true, .make = make_return_text, .expect = expect_way_back},
    {.name = "JSON", .session = true, .step = true, .make = make_return_json, .expect = expect_way_back},
    {.name = "parts",
     .session = true,
     .step = true,
     .make = make_return_multipart,
     .expect = expect_way_back},
    {.name = "frame",
     .session = true,
     .step = true,
     .frame = true,
     .make = make_return_form,
     .expect = expect_frame},
};

const struct subject subject_keep = {.name = "keep", .make = make_webhook, .expect = expect_kept};
const struct subject subject_taken = {
    .name = "taken", .early = true, .make = make_create, .expect = expect_token};
const struct subject subject_applied = {.name = "applied", .make = make_webhook, .expect = expect_duplicate};
const struct subject subject_returned = {.name = "returned", .make = make_get, .expect = expect_returned};
