/* sessiond.v1.SessionService/BeginStep: the browser is sent away to a bank, and comes back through the
 * handle that is made here. */
#include "session_call.h"

#include <sessiond/base/random.h>
#include <sessiond/base/clock.h>
#include <sessiond/exchange/message.h>
#include <sessiond/exchange/return_refusal.h>

#include "return_url.h"
#include "refusal.h"

/* GetSession tells the name: short, and of characters that need no escape. */
#define NAME_BYTES_MAX 64u

typedef Sessiond__V1__BeginStepRequest request_message;

/* One call. */
struct begin {
    struct ses_call call;
    struct ses_slice event_id;
    uint64_t step_ms;
    struct ses_slice step_name;
    struct ses_slice return_url;
    bool frame; /* RETURN_MODE_FRAME */
};

static struct begin *begin_of(struct ses_call *call)
{
    return SES_CONTAINER(call, struct begin, call);
}

static bool name_check(struct ses_slice name)
{
    if (name.len == 0 || name.len > NAME_BYTES_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.'))
            return false;
    }
    return true;
}

/* Where the shopper will be sent is fixed now, by the merchant with its token, and never by the
 * browser: that is why the return needs no check of its own (return_url.h: no open redirect). */
static enum ses_status read_target(const struct begin *b, struct ses_error *ret_error)
{
    const struct ses_access *access = &b->call.access;
    const struct ses_service_options *options = &access->service->options;

    if (!name_check(b->step_name))
        return ses_call_violate(ret_error, SES_STR("name"),
                                SES_STR("must be 1 to 64 characters of a-z, 0-9, '_', '-', '.'"));
    if (!ses_return_url_check(b->return_url, options->policy.sandbox))
        return ses_call_violate(
            ret_error, SES_STR("return_url"),
            SES_STR("must be an https URL of at most 1024 bytes without user and fragment"));
    if (b->frame && !ses_return_url_framable(b->return_url))
        return ses_call_violate(
            ret_error, SES_STR("return_url"),
            SES_STR("for a frame the host must be a name or an IPv4 address: letters, digits, '-', '.'"));
    if (!ses_return_url_allowed(options, access->metadata.merchant, b->return_url)) {
        ses_refusal_set(ret_error, SES_REASON_RETURN_URL_REFUSED, 0,
                        SES_STR("the origin of return_url is not on the merchant's list"));
        return SES_PERMISSION_DENIED;
    }
    return SES_OK;
}

static enum ses_status read_request(struct ses_call *call, const ProtobufCMessage *decoded,
                                    struct ses_error *ret_error)
{
    const request_message *message = (const request_message *)decoded;
    struct begin *b = begin_of(call);

    SES_CALL_TAKE(call, message);
    call->expected_version = message->expected_version;
    call->renew_token = message->renew_token;
    b->step_name = ses_slice_str(message->name);
    b->return_url = ses_slice_str(message->return_url);
    if ((unsigned)message->return_mode > SESSIOND__V1__RETURN_MODE__RETURN_MODE_FRAME)
        return ses_call_violate(ret_error, SES_STR("return_mode"),
                                SES_STR("must be RETURN_MODE_REDIRECT or RETURN_MODE_FRAME"));
    b->frame = message->return_mode == SESSIOND__V1__RETURN_MODE__RETURN_MODE_FRAME;
    SES_TRY(ses_call_event_id(message->event_id, &b->event_id, ret_error));
    SES_TRY(ses_call_step_seconds(call, message->step_seconds, &b->step_ms, ret_error));
    return read_target(b, ret_error);
}

/* The same call again: the same step, if it is still the open one. A step has no event id of its own;
 * it is known by the instant at which its REDIRECT_STARTED was recorded. A step that is over cannot be
 * compared any more (its name and URL may be gone), hence the second refusal. */
static enum ses_session_verdict repeat(const struct begin *b, const struct ses_session *session,
                                       const struct ses_session_event *known, struct ses_error *ret_error)
{
    bool open = session->step_open && session->step.started_ms == known->at_ms;

    if (known->event != SES_EVENT_REDIRECT_STARTED ||
        (open &&
         (!ses_slice_eq(session->step.name, b->step_name) ||
          !ses_slice_eq(session->step.return_url, b->return_url) || session->step.frame != b->frame))) {
        ses_call_conflict(known->event, ret_error);
        return SES_VERDICT_REFUSED;
    }
    if (open)
        return SES_VERDICT_SAME;
    ses_refusal_set(ret_error, SES_REASON_STEP_OVER, 0, SES_STR("the step that this event_id began is over"));
    return SES_VERDICT_REFUSED;
}

/* A step is known by its instant (repeat): it has one of its own, later than whatever happened before. */
static uint64_t begin_ms(const struct ses_session *session, uint64_t now_ms)
{
    uint64_t last_ms = session->events_count > 0 ? session->events[session->events_count - 1].at_ms : 0;

    return now_ms > last_ms ? now_ms : last_ms + 1;
}

static enum ses_session_verdict decide(struct ses_call *call, struct ses_session *session, uint64_t now_ms,
                                       struct ses_error *ret_error)
{
    const struct begin *b = begin_of(call);
    struct ses_session_event known;

    if (ses_session_knows_event(session, b->event_id, &known))
        return repeat(b, session, &known, ret_error);
    if (ses_call_over(session, ret_error) || !ses_call_version(call, session, ret_error))
        return SES_VERDICT_REFUSED;
    /* From here on the session is changed in place; the order matters only in that applying the event
     * opens the step whose id, name and URL are filled in behind it. */
    (void)ses_call_bind(call, session);
    ses_session_drop_redirect(session);
    ses_session_end_step(session);
    (void)ses_session_apply(session, SES_EVENT_REDIRECT_STARTED, b->event_id, b->step_ms,
                            &call->access.service->rules, begin_ms(session, now_ms));
    ses_random_bytes(session->step.id, sizeof(session->step.id));
    session->step.name = b->step_name;
    session->step.return_url = b->return_url;
    session->step.frame = b->frame;
    return SES_VERDICT_CHANGED;
}

/* Made from the session as it will be stored, and again for a repeated call: the nonce is new, so the
 * text differs, but it opens the same step. */
static enum ses_status make_handle(const struct ses_call *call, const struct ses_session *session,
                                   char **ret_handle)
{
    struct ses_step_claims claims = {.expires_ms = session->step.expires_ms, .test = session->test_mode};
    char text[SES_STEP_HANDLE_SIZE_MAX];
    size_t len = 0;

    memcpy(claims.key, call->access.key.bytes, sizeof(claims.key));
    memcpy(claims.session_id, session->id, sizeof(claims.session_id));
    memcpy(claims.step_id, session->step.id, sizeof(claims.step_id));
    SES_TRY(ses_step_seal(call->access.service->options.step_keys, &claims, text, &len));
    *ret_handle = ses_arena_str(&call->access.x->arena, ses_slice(text, len));
    return *ret_handle == NULL ? SES_NO_MEMORY : SES_OK;
}

/* The URL for the bank is made here and not by the caller: path and handle belong together. */
static enum ses_status reply(struct ses_call *call, const struct ses_session *session,
                             struct ses_slice *ret_reply)
{
    Sessiond__V1__BeginStepResponse message;

    sessiond__v1__begin_step_response__init(&message);
    SES_TRY(ses_call_view(call, session, &message.session));
    SES_TRY(make_handle(call, session, &message.step_handle));
    message.return_url = ses_arena_printf(&call->access.x->arena, "%s" SES_RETURN_PATH "%s",
                                          call->access.service->options.public_url, message.step_handle);
    if (message.return_url == NULL)
        return SES_NO_MEMORY;
    message.expires_ms = (int64_t)ses_clock_to_wall(session->step.expires_ms);
    if (call->token != NULL)
        message.session_token = call->token;
    return ses_message_encode(call->access.x, &message.base, ret_reply);
}

void ses_begin_step_start(struct ses_exchange *x, void *service)
{
    static const struct ses_session_method method = {
        .request = &sessiond__v1__begin_step_request__descriptor,
        .size = sizeof(struct begin),
        .read = read_request,
        .decide = decide,
        .reply = reply,
    };

    ses_call_start(service, x, &method);
}
