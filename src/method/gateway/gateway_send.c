/* To the server and back. Between the commit of an effect and its end this is the only place where it is known that a call
 * was made: whatever comes of it ends in exactly one of four ways. */
#include <sessiond/base/clock.h>
#include <sessiond/base/secret.h>
#include <sessiond/base/units.h>
#include <sessiond/exchange/exchange_trace.h>

#include "gateway_call.h"
#include "natural_key.h"
#include "refusal.h"

#define RETRY_MS 100u

/* ---- its place --------------------------------------------------------------------------------- */

enum ses_status ses_gateway_take_place(struct ses_gateway_call *call, struct ses_error *ret_error)
{
    uint32_t owner =
        ses_natural_owner(call->service, call->access.metadata.tenant, call->access.metadata.merchant);
    enum ses_status status;

    if (call->place.taken)
        return SES_OK;
    status = ses_upstream_take(call->service->options.gateway.upstream, owner, &call->place);
    if (status == SES_OK)
        return SES_OK;
    ses_refusal_set(ret_error,
                    status == SES_OVER_SHARE ? SES_REASON_CONNECTOR_SHARE_FULL
                                             : SES_REASON_CONNECTOR_CALLS_EXHAUSTED,
                    RETRY_MS, SES_STR("too many calls to the payment server are in flight; try again"));
    return ret_error->status;
}

/* ---- what came --------------------------------------------------------------------------------- */

/* The statuses by which the server refuses a call before it has asked anybody, or tells that the connector has refused it.
 * All others may stand behind something that was done. */
static bool is_refusal(uint32_t grpc_status)
{
    static const enum ses_status refusals[] = {
        SES_INVALID_ARGUMENT,  SES_NOT_FOUND,          SES_ALREADY_EXISTS,
        SES_PERMISSION_DENIED, SES_RESOURCE_EXHAUSTED, SES_FAILED_PRECONDITION,
        SES_OUT_OF_RANGE,      SES_UNIMPLEMENTED,      SES_UNAUTHENTICATED,
    };

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        if (ses_status_grpc(refusals[i]) == grpc_status)
            return true;
    }
    return false;
}

static enum ses_gateway_end end_of(const struct ses_gateway_call *call,
                                   const struct ses_upstream_answer *answer)
{
    if (answer->outcome == SES_UPSTREAM_NOT_SENT)
        return SES_GATEWAY_NOT_SENT;
    if (answer->outcome != SES_UPSTREAM_ANSWERED)
        return SES_GATEWAY_UNKNOWN;
    if (answer->grpc_status == 0)
        return SES_GATEWAY_DONE;
    return !ses_gateway_has_effect(call->method) || is_refusal(answer->grpc_status) ? SES_GATEWAY_REFUSED
                                                                                    : SES_GATEWAY_UNKNOWN;
}

static enum ses_status copy(struct ses_gateway_call *call, struct ses_slice bytes, size_t bytes_max,
                            struct ses_slice *ret_copy)
{
    return ses_arena_copy(&call->x->arena, ses_slice_cut(bytes, 0, bytes_max), ret_copy);
}

/* Details that are too long are left out: half of them would be no message. */
static enum ses_status take_error(struct ses_gateway_call *call, const struct ses_upstream_answer *answer)
{
    SES_TRY(copy(call, answer->grpc_message, SES_EFFECT_ERROR_BYTES_MAX, &call->grpc_message));
    return answer->details.len > SES_EFFECT_ERROR_BYTES_MAX
               ? SES_OK
               : copy(call, answer->details, SES_EFFECT_ERROR_BYTES_MAX, &call->grpc_details);
}

/* The raw fields never get into memory that outlives the call, unless the caller is to have them. */
static enum ses_status take_message(struct ses_gateway_call *call, const struct ses_upstream_answer *answer)
{
    SES_TRY(ses_gateway_answer_without_raw(call->method, answer->message, &call->x->arena, &call->kept));
    SES_TRY(ses_gateway_answer_read(call->method, call->kept, ses_clock_now_ms(), &call->facts));
    if (call->raw_wanted)
        return copy(call, answer->message, answer->message.len, &call->told);
    call->told = call->kept;
    return SES_OK;
}

/* An answer that cannot be read, or kept for want of memory, is one that nobody knows. */
static void take_answer(struct ses_gateway_call *call, const struct ses_upstream_answer *answer)
{
    enum ses_status status;

    call->outcome = answer->outcome;
    call->grpc_status = answer->grpc_status;
    call->end = end_of(call, answer);
    status = call->end == SES_GATEWAY_DONE ? take_message(call, answer) : take_error(call, answer);
    if (status != SES_OK)
        call->end = call->end == SES_GATEWAY_DONE ? SES_GATEWAY_UNKNOWN : call->end;
}

/* ---- what the operator is told ----------------------------------------------------------------- */

static void put_why(const struct ses_upstream_answer *answer, struct ses_log_line *line)
{
    if (answer->outcome != SES_UPSTREAM_ANSWERED)
        ses_log_slice(line, "why", answer->why);
    else if (answer->grpc_status == 0)
        ses_log_str(line, "why", "the answer is no message, or there was no memory for it");
    else
        ses_log_str(line, "why", "the answer's status does not say that nothing was done");
    ses_log_str(line, "upstream_status", ses_status_grpc_name(answer->grpc_status));
}

/* Somebody has to look what became of it, and the caller is not told more than that. */
static void tell_unknown(const struct ses_gateway_call *call, const struct ses_upstream_answer *answer)
{
    const struct ses_exchange *x = call->x;
    struct ses_log_line line;

    if (call->service->options.log == NULL)
        return;
    ses_log_begin(call->service->options.log, SES_LOG_WARN, "call_outcome_unknown", &line);
    ses_log_str(&line, "request_id", x->request_id);
    ses_exchange_log_trace(x, &line);
    ses_log_str(&line, "flow", x->route->flow);
    ses_log_slice(&line, "merchant", x->merchant);
    ses_log_str(&line, "session", x->session_pseudonym);
    put_why(answer, &line);
    ses_log_end(&line);
}

static void on_answer(void *arg, const struct ses_upstream_answer *answer)
{
    struct ses_gateway_call *call = arg;

    call->x->connector_ns += ses_clock_mono_ns() - call->called_mono_ns;
    take_answer(call, answer);
    if (call->end == SES_GATEWAY_UNKNOWN && ses_gateway_has_effect(call->method))
        tell_unknown(call, answer);
    if (call->with_session)
        ses_gateway_commit_end(call);
    else
        ses_gateway_reply(call);
}

/* ---- the call ---------------------------------------------------------------------------------- */

/* With an effect the caller's deadline counts for nothing: who passes it on has the server give up a call to a connector
 * within a millisecond, and never learns what it did. */
static uint64_t deadline_ns(const struct ses_gateway_call *call)
{
    uint64_t own_ns = call->called_mono_ns + call->service->options.gateway.deadline_ms * SES_NS_PER_MS;
    uint64_t margin_ns = call->service->options.connector_deadline_margin_ms * SES_NS_PER_MS;
    uint64_t caller_ns = call->x->deadline_mono_ns;

    if (ses_gateway_has_effect(call->method))
        return own_ns;
    caller_ns = caller_ns > margin_ns ? caller_ns - margin_ns : 0;
    return caller_ns < own_ns ? caller_ns : own_ns;
}

/* What is asked of the request behind this: what the call was about. */
static void keep_ids(struct ses_gateway_call *call)
{
    static const enum ses_gateway_part kept[] = {SES_GATEWAY_ID, SES_GATEWAY_TRANSACTION};

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        struct ses_slice *part = &call->request.part[kept[i]];

        if (ses_arena_copy(&call->x->arena, *part, part) != SES_OK)
            *part = SES_SLICE_EMPTY;
    }
}

static void wipe(struct ses_slice *bytes)
{
    if (bytes->len > 0)
        ses_wipe((void *)(uintptr_t)bytes->data, bytes->len);
    *bytes = SES_SLICE_EMPTY;
}

/* The request is in the upstream's memory now, or was refused: here nothing is left of a card. */
static void wipe_request(struct ses_gateway_call *call)
{
    keep_ids(call);
    call->request = (struct ses_gateway_request){
        .method = call->method,
        .part = {[SES_GATEWAY_ID] = call->request.part[SES_GATEWAY_ID],
                 [SES_GATEWAY_TRANSACTION] = call->request.part[SES_GATEWAY_TRANSACTION]}};
    wipe(&call->message);
    wipe(&call->x->body);
}

void ses_gateway_send(struct ses_gateway_call *call)
{
    struct ses_upstream_request request = {
        .path = ses_slice_str(ses_gateway_method_path(call->method)),
        .metadata = call->metadata,
        .metadata_count = call->metadata_count,
        .message = call->message,
        .effect = ses_gateway_has_effect(call->method),
    };
    struct ses_upstream_answer never = {.outcome = SES_UPSTREAM_NOT_SENT};
    enum ses_status status;

    ses_exchange_waits(call->x);
    call->called_mono_ns = ses_clock_mono_ns();
    call->called_ms = ses_clock_now_ms();
    status = ses_upstream_start(call->service->options.gateway.upstream, &call->place, &request,
                                deadline_ns(call), on_answer, call);
    wipe_request(call);
    if (status == SES_OK)
        return;
    never.grpc_status = ses_status_grpc(status);
    never.why = status == SES_NO_MEMORY ? SES_STR("out of memory") : SES_STR("a header cannot be sent");
    on_answer(call, &never);
}
