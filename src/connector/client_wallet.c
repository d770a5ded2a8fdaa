/* PayPal's session, and an answer that is a header. */
#include "client_odd.h"

/* ClientAuthenticationTokenData's branch, SdkNextAction and PaypalFlow. */
#define PAYPAL   2u
#define CONFIRM  2
#define CHECKOUT 1
#define BLUESNAP 8u /* ConnectorSpecificClientAuthenticationResponse's branch */

/* What is paid is told to the script as well. */
enum ses_status ses_client_paypal_session(const struct ses_client_request *request, struct ses_slice session,
                                          struct ses_slice token, struct ses_arena *arena,
                                          struct ses_slice *ret_data)
{
    const struct client_value paid[] = {
        {.number = 1, .kind = CLIENT_NUMBER, .count = CHECKOUT},
        {.number = 2, .kind = CLIENT_NUMBER, .count = request->currency_number},
        {.number = 3, .kind = CLIENT_NUMBER, .count = request->payment.minor_amount},
        {.number = 0}};
    struct client_value values[] = {{.number = 1,
                                     .kind = CLIENT_STRING,
                                     .text = ses_slice_str(request->payment.credentials->connector->name)},
                                    {.number = 2, .kind = CLIENT_STRING, .text = session},
                                    {.number = 3, .kind = CLIENT_NUMBER, .count = CONFIRM},
                                    {.number = 4, .kind = CLIENT_STRING, .text = token},
                                    {.number = 5, .kind = CLIENT_STRING},
                                    {.number = 0}};

    SES_TRY(ses_client_fields(paid, arena, &values[4].text));
    SES_TRY(ses_client_fields(values, arena, ret_data));
    return ses_client_wrap(PAYPAL, *ret_data, arena, ret_data);
}

/* One token, under both names. */
enum ses_status ses_client_read_paypal(const struct ses_client_request *request,
                                       const struct ses_answer *answer,
                                       struct ses_connector_result *ret_result)
{
    struct ses_slice token = SES_SLICE_EMPTY;

    if (ses_json_text(answer->json, "client_token", &token) != SES_JSON_TEXT || token.len == 0 ||
        token.len > CLIENT_VALUE_BYTES_MAX)
        return SES_MALFORMED;
    return ses_client_paypal_session(request, token, token, answer->arena, &ret_result->session_token);
}

/* ---- bluesnap -------------------------------------------------------------------------------- */

enum ses_status ses_client_read_bluesnap(const struct ses_client_request *request,
                                         const struct ses_answer *answer,
                                         struct ses_connector_result *ret_result)
{
    struct ses_slice location = request->location;
    size_t at = location.len;

    while (at > 0 && location.data[at - 1] != '/')
        at--;
    return ses_client_take_secret(BLUESNAP, ses_slice_cut(location, at, location.len), answer->arena,
                                  ret_result);
}
