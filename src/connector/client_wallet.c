/* Answers that become a wallet's session instead of the connector's own message. */
#include "client_odd.h"

/* ClientAuthenticationTokenData's branch, SdkNextAction and PaypalFlow. */
#define PAYPAL   2u
#define CONFIRM  2
#define CHECKOUT 1

/* One token, under both names; what is paid is told to the script as well. */
static enum ses_status paypal_session(const struct ses_client_request *request, struct ses_slice token,
                                      struct ses_arena *arena, struct ses_slice *ret_data)
{
    const struct client_value paid[] = {
        {.number = 1, .kind = CLIENT_NUMBER, .count = CHECKOUT},
        {.number = 2, .kind = CLIENT_NUMBER, .count = request->currency_number},
        {.number = 3, .kind = CLIENT_NUMBER, .count = request->payment.minor_amount},
        {.number = 0}};
    struct client_value values[] = {{.number = 1,
                                     .kind = CLIENT_STRING,
                                     .text = ses_slice_str(request->payment.credentials->connector->name)},
                                    {.number = 2, .kind = CLIENT_STRING, .text = token},
                                    {.number = 3, .kind = CLIENT_NUMBER, .count = CONFIRM},
                                    {.number = 4, .kind = CLIENT_STRING, .text = token},
                                    {.number = 5, .kind = CLIENT_STRING},
                                    {.number = 0}};

    SES_TRY(ses_client_fields(paid, arena, &values[4].text));
    SES_TRY(ses_client_fields(values, arena, ret_data));
    return ses_client_wrap(PAYPAL, *ret_data, arena, ret_data);
}

enum ses_status ses_client_read_paypal(const struct ses_client_request *request,
                                       const struct ses_answer *answer,
                                       struct ses_connector_result *ret_result)
{
    struct ses_slice token = SES_SLICE_EMPTY;

    if (ses_json_text(answer->json, "client_token", &token) != SES_JSON_TEXT || token.len == 0 ||
        token.len > CLIENT_VALUE_BYTES_MAX)
        return SES_MALFORMED;
    return paypal_session(request, token, answer->arena, &ret_result->session_token);
}
