/* Which session a call belongs to: by the token that every step of a session is checked by. The requests of the payment
 * services have no field for merchant_session_id, so it comes in a header, or is one of the ids that they have: the token
 * knows the right one (a hash of it), so that trying them gives nothing away. */
#include <payment_types/browser.pb-c.h>

#include <sessiond/codec/codec_proto.h>

#include "caller_check.h"
#include "gateway_call.h"
#include "session_request.h"

#define CANDIDATES_MAX 3u

static struct ses_slice part(const struct ses_gateway_call *call, enum ses_gateway_part which)
{
    return call->request.part[which];
}

static enum ses_status refuse_field(struct ses_error *error, struct ses_slice field, struct ses_slice rule)
{
    ses_error_clear(error);
    ses_error_violation(error, field, rule);
    return error->status;
}

/* ---- the token --------------------------------------------------------------------------------- */

/* In the header, or in the field that takes the connector's; if in both they must be one. */
static enum ses_status find_token(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    struct ses_slice header = ses_exchange_header(call->x, "x-session-token", NULL);
    struct ses_slice field = part(call, SES_GATEWAY_TOKEN);

    if (!ses_gateway_is_our_token(field))
        field = SES_SLICE_EMPTY;
    if (header.len > 0 && field.len > 0 && !ses_slice_eq(header, field))
        return refuse_field(ret_error, SES_STR("session_token"),
                            SES_STR("is another session token than x-session-token's"));
    call->access.token = header.len > 0 ? header : field;
    call->with_session = call->access.token.len > 0;
    return SES_OK;
}

/* ---- the browser ------------------------------------------------------------------------------- */

/* The one message that is decoded: it holds no card. */
static enum ses_status take_browser(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    struct ses_proto_options options = {.arena = &call->x->arena};
    struct ses_proto_fault fault = {.what = NULL};
    ProtobufCMessage *message = NULL;
    enum ses_status status;

    if (!ses_gateway_has(&call->request, SES_GATEWAY_BROWSER))
        return SES_OK;
    status = ses_proto_decode(&options, &types__browser_information__descriptor,
                              part(call, SES_GATEWAY_BROWSER), &message, &fault);
    if (status == SES_NO_MEMORY) {
        ses_error_set(ret_error, status, SES_STR("out of memory"));
        return status;
    }
    if (status != SES_OK)
        return refuse_field(ret_error, SES_STR("browser_info"), SES_STR("is not a message"));
    ses_request_set_browser(&call->access.request, (const Types__BrowserInformation *)message);
    return SES_OK;
}

/* ---- the session's names ------------------------------------------------------------------------- */

static bool differs_in(const struct ses_error *error, const char *what)
{
    return error->reason == SES_REASON_TOKEN_MISMATCH && error->metadata_count > 0 &&
           ses_slice_eq_str(error->metadata[0].value, what);
}

static size_t candidates(const struct ses_gateway_call *call, struct ses_slice ids[CANDIDATES_MAX])
{
    struct ses_slice header = ses_exchange_header(call->x, "x-merchant-session-id", NULL);
    size_t count = 0;

    if (header.len > 0) {
        ids[0] = header;
        return 1;
    }
    if (part(call, SES_GATEWAY_ORDER).len > 0)
        ids[count++] = part(call, SES_GATEWAY_ORDER);
    if (part(call, SES_GATEWAY_ID).len > 0)
        ids[count++] = part(call, SES_GATEWAY_ID);
    return count;
}

/* A method without test_mode has the token's. */
static enum ses_status verify_as(struct ses_gateway_call *call, struct ses_slice id,
                                 struct ses_error *ret_error)
{
    struct ses_access *a = &call->access;
    enum ses_status status;

    a->request.present |= SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID);
    a->request.text[SES_FIELD_MERCHANT_SESSION_ID] = id;
    status = ses_access_verify(a, ret_error);
    if (status == SES_OK || call->method->request[SES_GATEWAY_TEST_MODE] != 0 ||
        !differs_in(ret_error, "test_mode"))
        return status;
    a->request.test_mode = !a->request.test_mode;
    return ses_access_verify(a, ret_error);
}

static enum ses_status verify_session(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    struct ses_slice ids[CANDIDATES_MAX];
    size_t count = candidates(call, ids);
    enum ses_status status = SES_OK;

    if (count == 0)
        return refuse_field(ret_error, SES_STR("x-merchant-session-id"),
                            SES_STR("is required: the merchant_session_id that the session was made with"));
    for (size_t i = 0; i < count; i++) {
        status = verify_as(call, ids[i], ret_error);
        if (status == SES_OK || !differs_in(ret_error, "merchant_session_id"))
            return status;
    }
    return status;
}

/* Without a session nothing is known but who calls. */
static enum ses_status verify_without(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    if (call->service->options.gateway.session_required)
        return refuse_field(ret_error, SES_STR("x-session-token"),
                            SES_STR("is required: this server passes on calls of a session alone"));
    return ses_caller_check(call->x, SES_RIGHT_CONTINUE, call->request.test_mode, ret_error);
}

enum ses_status ses_gateway_verify(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    SES_TRY(find_token(call, ret_error));
    if (!call->with_session)
        return verify_without(call, ret_error);
    call->access.request.test_mode = call->request.test_mode;
    SES_TRY(take_browser(call, ret_error));
    return verify_session(call, ret_error);
}
