/* Which of a call's ids its session is called by. A request id was judged when it was taken (exchange_pool.c). */
#include "create_name.h"

#include <sessiond/exchange/card_guard.h>

#define REFERENCE "x-connector-request-reference-id" /* its name in refusals */

/* ASCII, since it goes back in a header: gRPC's metadata is nothing else. */
static bool is_name(struct ses_slice text)
{
    bool blank = true;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < 0x20 || text.data[i] > 0x7e)
            return false;
        blank = blank && text.data[i] == ' ';
    }
    return !blank && text.len <= SES_SESSION_NAME_BYTES_MAX;
}

static enum ses_status check_reference(struct ses_slice reference, struct ses_error *ret_error)
{
    struct ses_error error = {.status = SES_OK};

    if (!is_name(reference)) {
        ses_error_violation(
            &error, SES_STR(REFERENCE),
            SES_STR("must be 1 to 255 characters of ASCII where it stands for the session's id"));
        error.reason = SES_REASON_INVALID_METADATA;
    } else {
        ses_card_guard_text(SES_STR(REFERENCE), reference, &error);
    }
    if (error.status == SES_OK)
        return SES_OK;
    *ret_error = error;
    return error.status;
}

enum ses_status ses_create_settle_name(struct ses_exchange *x, struct ses_slice reference,
                                       struct ses_session_request *request, struct ses_error *ret_error)
{
    struct ses_slice name = reference.len > 0 ? reference : ses_slice_str(x->request_id);

    if ((request->present & SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID)) != 0)
        return SES_OK;
    if (reference.len > 0)
        SES_TRY(check_reference(reference, ret_error));
    request->present |= SES_FIELD_BIT(SES_FIELD_MERCHANT_SESSION_ID);
    request->text[SES_FIELD_MERCHANT_SESSION_ID] = name;
    ses_exchange_reply_header(x, SES_STR("x-merchant-session-id"), name);
    return SES_OK;
}
