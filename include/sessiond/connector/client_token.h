/* client_token.h - the call in which a connector gives out what the shopper's browser pays with: a client secret, a token of
 * its script, the address of its page. Pure, as the session call is (connector.h).
 */
#ifndef SESSIOND_CONNECTOR_CLIENT_TOKEN_H
#define SESSIOND_CONNECTOR_CLIENT_TOKEN_H

#include <sessiond/connector/connector.h>

/* One connector's call. Static storage. */
struct ses_client_call;

#define SES_CLIENT_RANDOM_BYTES 16

/* What it is made of. Of a text data NULL: absent. */
struct ses_client_request {
    struct ses_session_call payment; /* merchant_session_id: the name of this call */
    const char *context; /* before the names of the payment's fields in refusals: "payment." or "" */
    struct ses_slice customer_name, customer_email, return_url;
    struct ses_slice country; /* two letters */
    uint32_t country_number;  /* enum types.CountryAlpha2 */
    uint32_t currency_number; /* enum types.Currency */
    uint32_t method_type;     /* enum types.PaymentMethodType */
    struct ses_slice metadata, feature_data;
    const struct ses_slice *permissions;
    size_t permissions_count;
    bool test_mode;
    struct ses_slice
        config; /* x-connector-config, for what is no credential; empty: the older headers name the connector */
    struct ses_slice location; /* before ses_client_parse: the answer's header of that name; empty: none */
    uint8_t random[SES_CLIENT_RANDOM_BYTES]; /* fixed in tests */
};

/* What a call leaves at the connector when nobody learns its answer. */
enum ses_client_leaves {
    SES_CLIENT_LEAVES_NOTHING, /* a token that ends by itself and that nobody has */
    SES_CLIENT_LEAVES_KEYED,   /* an effect, but the same idempotency key brings the same one */
    SES_CLIENT_LEAVES_EFFECT   /* an order, a payment, a page: a second call makes a second one */
};

/* [any] NULL: the connector gives out none, or none that we know to ask for. */
const struct ses_client_call *ses_client_call_of(const struct ses_connector *connector);
enum ses_client_leaves ses_client_call_leaves(const struct ses_client_call *call);
/* [worker] Where the session's call is the same one: what its token is to a browser, as ses_client_parse gives it. SES_NOT_FOUND: it is
 * another call; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_of_session(const struct ses_client_call *call,
                                                     struct ses_slice token, struct ses_arena *arena,
                                                     struct ses_slice *ret_data);
/* [worker] ret_error: SES_INVALID_ARGUMENT, reason AUTH_CONVERSION_FAILED (a credential is missing or cannot stand in a header),
 * INVALID_FIELDS (something that this connector needs) or AMOUNT_NOT_ACCEPTED; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_build(const struct ses_client_call *call,
                                                const struct ses_client_request *request,
                                                struct ses_arena *arena,
                                                struct ses_outbound_request *ret_request,
                                                struct ses_error *ret_error);
/* [worker] Reads an answer to request that arrived whole. Always yields a result, of which session_token is an encoded
 * types.ClientAuthenticationTokenData, and status_code the connector's own for a success too: SES_NO_MEMORY only. */
SES_MUST_CHECK enum ses_status ses_client_parse(const struct ses_client_call *call,
                                                const struct ses_client_request *request,
                                                uint32_t http_status, struct ses_slice body,
                                                struct ses_arena *arena,
                                                struct ses_connector_result *ret_result);

#endif
