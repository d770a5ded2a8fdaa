/* What the caller is told. The server's own errors keep their status and text; whatever it put into their details, clients
 * get a google.rpc.Status: of its own, or with its bytes in one of the details. */
#include <sessiond/codec/wire.h>

#include "gateway_call.h"
#include "refusal.h"

#define RETRY_MS 1000u
/* The name of bytes that nobody said what they are. */
#define RAW_DETAILS "sessiond.v1.UpstreamErrorDetails"

/* ---- ends ---------------------------------------------------------------------------------------- */

void ses_gateway_fail(struct ses_gateway_call *call, const struct ses_error *error)
{
    struct ses_error told = *error;

    ses_refusal_summarise(&told, &call->x->arena);
    ses_upstream_give_back(call->service->options.gateway.upstream, &call->place);
    ses_exchange_fail(call->x, &told);
    ses_change_loop_finish(&call->loop);
}

static void succeed(struct ses_gateway_call *call, struct ses_slice message)
{
    ses_upstream_give_back(call->service->options.gateway.upstream, &call->place);
    if (call->with_session)
        ses_service_reply(call->service, call->x, message);
    else
        ses_exchange_reply(call->x, message);
    ses_change_loop_finish(&call->loop);
}

void ses_gateway_refuse_unknown(struct ses_error *error, struct ses_slice method, struct ses_slice sentence)
{
    ses_refusal_set(error, SES_REASON_CALL_OUTCOME_UNKNOWN, 0, sentence);
    ses_error_metadata(error, SES_STR("method"), method);
}

/* ---- the server's errors --------------------------------------------------------------------------- */

/* google.rpc.Status: code 1, message 2, details 3, each an Any: type_url 1, value 2. */
static bool take_any(struct ses_slice any, struct ses_error_detail *ret_detail)
{
    static const struct ses_slice prefix = SES_STR_INIT("type.googleapis.com/");
    struct ses_wire wire = ses_wire(any);

    *ret_detail = (struct ses_error_detail){.type = SES_SLICE_EMPTY};
    while (ses_wire_more(&wire)) {
        struct ses_wire_item item;

        if (ses_wire_next(&wire, &item) != SES_OK || item.type != SES_WIRE_BYTES || item.number > 2)
            return false;
        if (item.number == 1)
            ret_detail->type = item.bytes;
        else
            ret_detail->bytes = item.bytes;
    }
    if (!ses_slice_starts(ret_detail->type, prefix))
        return false;
    ret_detail->type = ses_slice_cut(ret_detail->type, prefix.len, ret_detail->type.len);
    return ret_detail->type.len > 0;
}

/* The details of a real Status; 0: it is none. */
static size_t take_status(struct ses_slice bytes, uint32_t grpc_status,
                          struct ses_error_detail details[SES_ERROR_DETAILS_MAX])
{
    struct ses_wire wire = ses_wire(bytes);
    size_t count = 0;
    bool coded = false;

    while (ses_wire_more(&wire)) {
        struct ses_wire_item item;

        if (ses_wire_next(&wire, &item) != SES_OK)
            return 0;
        if (item.number == 1 && item.type == SES_WIRE_VARINT)
            coded = item.value == grpc_status;
        else if (item.number == 3 && item.type == SES_WIRE_BYTES && count < SES_ERROR_DETAILS_MAX) {
            if (!take_any(item.bytes, &details[count++]))
                return 0;
        } else if (item.number != 2 || item.type != SES_WIRE_BYTES) {
            return 0;
        }
    }
    return coded ? count : 0;
}

/* details lives as long as error is told. */
static void put_details(struct ses_error *error, struct ses_slice bytes, uint32_t grpc_status,
                        struct ses_error_detail details[SES_ERROR_DETAILS_MAX])
{
    error->details_count = bytes.len > 0 ? take_status(bytes, grpc_status, details) : 0;
    if (bytes.len > 0 && error->details_count == 0) {
        details[0] = (struct ses_error_detail){.type = SES_STR(RAW_DETAILS), .bytes = bytes};
        error->details_count = 1;
    }
    error->details = details;
}

static enum ses_status status_of(uint32_t grpc_status)
{
    return grpc_status >= SES_CANCELLED && grpc_status <= SES_UNAUTHENTICATED ? (enum ses_status)grpc_status
                                                                              : SES_UNKNOWN;
}

_Static_assert(SES_UNAUTHENTICATED == 16, "the first statuses are gRPC's codes");

/* A text that is no UTF-8 is none that every client can read. */
static struct ses_slice text_of(struct ses_slice message)
{
    return message.len > 0 && ses_utf8_check(message) ? message
                                                      : SES_STR("the payment server refused the call");
}

static void set_upstream_error(struct ses_error *error, uint32_t grpc_status, struct ses_slice message)
{
    ses_refusal_set(error, SES_REASON_UPSTREAM_ERROR, 0, text_of(message));
    error->status = status_of(grpc_status);
}

static void fail_refused(struct ses_gateway_call *call, uint32_t grpc_status, struct ses_slice message,
                         struct ses_slice bytes)
{
    struct ses_error_detail details[SES_ERROR_DETAILS_MAX];
    struct ses_error error;

    set_upstream_error(&error, grpc_status, message);
    put_details(&error, bytes, grpc_status, details);
    ses_gateway_fail(call, &error);
}

/* ---- what came --------------------------------------------------------------------------------------- */

/* Surely not done: it may be called again. */
static void fail_not_sent(struct ses_gateway_call *call)
{
    struct ses_error error;

    if (call->grpc_status == ses_status_grpc(SES_INVALID_ARGUMENT) || call->outcome != SES_UPSTREAM_NOT_SENT)
        ses_refusal_set(&error, SES_REASON_INVALID_METADATA, 0,
                        SES_STR("a header that is passed on is not printable ASCII"));
    else
        ses_refusal_set(&error, SES_REASON_UPSTREAM_UNAVAILABLE, RETRY_MS,
                        SES_STR("the payment server cannot be reached; the call was not made"));
    ses_gateway_fail(call, &error);
}

/* The server's own status is told, too: its CANCELLED is what an operator looks for. */
static void fail_unknown(struct ses_gateway_call *call)
{
    struct ses_error_detail details[SES_ERROR_DETAILS_MAX];
    struct ses_error error;

    if (!ses_gateway_has_effect(call->method)) {
        ses_refusal_set(&error, SES_REASON_UPSTREAM_UNAVAILABLE, RETRY_MS,
                        SES_STR("no answer of the payment server came, or none that can be read"));
    } else {
        ses_gateway_refuse_unknown(
            &error, ses_gateway_method_name(call->method),
            call->with_session ? SES_STR("whether the payment server acted on this call is not known: it "
                                         "is not made again")
                               : SES_STR("whether the payment server acted on this call is not known"));
        if (call->outcome == SES_UPSTREAM_ANSWERED && call->grpc_status != 0)
            ses_error_metadata(&error, SES_STR("upstream_status"),
                               ses_slice_str(ses_status_grpc_name(call->grpc_status)));
    }
    put_details(&error, call->grpc_details, call->grpc_status, details);
    ses_gateway_fail(call, &error);
}

void ses_gateway_reply(struct ses_gateway_call *call)
{
    switch (call->end) {
    case SES_GATEWAY_DONE:
        succeed(call, call->told);
        break;
    case SES_GATEWAY_REFUSED:
        fail_refused(call, call->grpc_status, call->grpc_message, call->grpc_details);
        break;
    case SES_GATEWAY_NOT_SENT:
        fail_not_sent(call);
        break;
    case SES_GATEWAY_UNKNOWN:
        fail_unknown(call);
        break;
    }
}

/* Out of the scratch arena, which is somebody else's soon. */
void ses_gateway_reply_again(struct ses_gateway_call *call, const struct ses_effect *effect)
{
    struct ses_slice message;
    struct ses_error error;

    if (effect->grpc_status != 0) {
        fail_refused(call, effect->grpc_status, effect->grpc_message, effect->grpc_details);
        return;
    }
    if (ses_arena_copy(&call->x->arena, effect->answer, &message) == SES_OK) {
        succeed(call, message);
        return;
    }
    ses_refusal_store(&error, SES_NO_MEMORY);
    ses_gateway_fail(call, &error);
}
