/* What a session allows of its calls: which connector, how much, and how much in all. */
#include <inttypes.h>

#include <sessiond/domain/effect_sums.h>

#include "gateway_call.h"
#include "refusal.h"

/* ---- the amounts ------------------------------------------------------------------------------- */

static void refuse_amount(const struct ses_gateway_call *call, struct ses_error *error,
                          enum ses_gateway_part part, struct ses_slice sentence)
{
    ses_refusal_set(error, SES_REASON_AMOUNT_MISMATCH, 0, sentence);
    ses_error_metadata(error, SES_STR("field"), ses_gateway_part_name(call->method, part));
}

static bool amount_agrees(const struct ses_gateway_call *call, const struct ses_session *session)
{
    const struct ses_gateway_request *request = &call->request;

    if (request->currency != session->currency)
        return false;
    if (call->method->amount == SES_GATEWAY_SAME_AMOUNT)
        return request->minor_amount == session->minor_amount;
    return request->minor_amount > 0 && request->minor_amount <= session->minor_amount;
}

/* Where there is none. */
static bool may_lack_amount(const struct ses_gateway_call *call, struct ses_error *error)
{
    if (call->method->amount == SES_GATEWAY_UP_TO_AMOUNT_OR_NONE)
        return true;
    ses_error_clear(error);
    ses_error_violation(error, ses_gateway_part_name(call->method, SES_GATEWAY_AMOUNT),
                        SES_STR("is required"));
    return false;
}

/* A connector may take a refund of as much as the payment was for the return of all of it: of a payment that is told to have been
 * smaller than it was more would go back than the session counts. */
static bool check_payment_amount(const struct ses_gateway_call *call, const struct ses_session *session,
                                 struct ses_error *error)
{
    int64_t amount = call->request.payment_amount;

    if (amount == 0 || amount == session->minor_amount || amount == ses_effect_authorized(session))
        return true;
    refuse_amount(call, error, SES_GATEWAY_PAYMENT_AMOUNT,
                  SES_STR("payment_amount is the whole payment's, in minor units: it must be the session's "
                          "amount, or what was authorized of it, or be left out"));
    return false;
}

bool ses_gateway_check_amount(const struct ses_gateway_call *call, const struct ses_session *session,
                              struct ses_error *error)
{
    if (call->method->amount == SES_GATEWAY_ANY_AMOUNT)
        return true;
    if (!ses_gateway_has(&call->request, SES_GATEWAY_AMOUNT))
        return may_lack_amount(call, error);
    if (amount_agrees(call, session))
        return check_payment_amount(call, session, error);
    refuse_amount(
        call, error, SES_GATEWAY_AMOUNT,
        call->method->amount == SES_GATEWAY_SAME_AMOUNT
            ? SES_STR("the amount is not the session's")
            : SES_STR("the amount must be in the session's currency, above 0 and at most the session's"));
    return false;
}

/* ---- what is left of it -------------------------------------------------------------------------- */

static void tell_amount(const struct ses_gateway_call *call, struct ses_error *error, struct ses_slice name,
                        int64_t amount)
{
    const char *text = ses_arena_printf(&call->x->arena, "%" PRId64, amount);

    if (text != NULL)
        ses_error_metadata(error, name, ses_slice_str(text));
}

static enum ses_effect_kind kind_of(const struct ses_gateway_call *call)
{
    struct ses_effect effect = {.method = ses_gateway_method_name(call->method),
                                .pays = call->method->kind == SES_GATEWAY_PAYS};

    return ses_effect_kind_of(&effect);
}

/* Captures and refunds in all, whatever their ids are. */
bool ses_gateway_check_sums(const struct ses_gateway_call *call, const struct ses_session *session,
                            uint64_t now_ms, struct ses_error *error)
{
    enum ses_effect_kind kind = kind_of(call);
    bool refunds = kind == SES_EFFECT_REFUND;
    struct ses_effect_sums sums;

    if (kind != SES_EFFECT_CAPTURE && !refunds)
        return true;
    ses_effect_sum(session, now_ms, &sums);
    if (call->request.minor_amount <= (refunds ? sums.refundable : sums.capturable))
        return true;
    ses_refusal_set(
        error, SES_REASON_AMOUNT_EXCEEDED, 0,
        refunds
            ? SES_STR(
                  "the refunds of this session would be more than is known to have been captured: left says "
                  "what may still be refunded, where a call of unknown outcome counts as made")
        : sums.voided
            ? SES_STR("the payment was voided, or may have been: nothing of it is left to be captured")
            : SES_STR("the captures of this session would be more than was authorized: left says what may "
                      "still be captured, where a call of unknown outcome counts as made"));
    tell_amount(call, error, SES_STR("left"), refunds ? sums.refundable : sums.capturable);
    tell_amount(call, error, refunds ? SES_STR("captured") : SES_STR("authorized"),
                refunds ? sums.captured : sums.authorized);
    return false;
}

/* ---- the connector ------------------------------------------------------------------------------- */

/* A payment goes on where it began: another connector knows nothing of it, and would be sent what is this one's. */
bool ses_gateway_check_connector(const struct ses_gateway_call *call, const struct ses_session *session,
                                 struct ses_error *error)
{
    if (call->connector.name == NULL || session->connector.name == NULL ||
        ses_connector_identity_agrees(&session->connector, &call->connector))
        return true;
    ses_refusal_connector(error, call->x->connector);
    return false;
}
