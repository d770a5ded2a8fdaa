/* client_request.h - what a call for a client token says, whichever of the two messages it came in: its rules, what of it must be
 * the same in a repetition, and what the connector is told.
 */
#ifndef SESSIOND_SRC_METHOD_CLIENT_REQUEST_H
#define SESSIOND_SRC_METHOD_CLIENT_REQUEST_H

#include <sessiond/connector/client_token.h>
#include <sessiond/domain/idempotency.h>

/* What is compared. The numbers are stored (bits): append, never renumber. */
enum ses_client_part {
    SES_CLIENT_AMOUNT,
    SES_CLIENT_CURRENCY,
    SES_CLIENT_METADATA,
    SES_CLIENT_FEATURE_DATA,
    SES_CLIENT_CUSTOMER,
    SES_CLIENT_ORDER_TAX,
    SES_CLIENT_SHIPPING_COST,
    SES_CLIENT_METHOD_TYPE,
    SES_CLIENT_COUNTRY,
    SES_CLIENT_RETURN_URL,
    SES_CLIENT_PERMISSIONS,
    SES_CLIENT_CREDENTIALS, /* of the headers; it has no tag among these */
    SES_CLIENT_PARTS
};

#define SES_CLIENT_PERMISSIONS_MAX 32u

/* A message, read. Texts are views of it. */
struct ses_client_ask {
    enum ses_naming naming;
    struct ses_session_request request; /* name, amount, metadata, feature data, customer, test_mode */
    uint32_t parts;                     /* bits of those below that are there */
    int64_t order_tax_amount, shipping_cost;
    uint32_t method_type, country;
    struct ses_slice customer_id, customer_name, customer_email, return_url;
    const struct ses_slice *permissions;
    size_t permissions_count;
};

/* Keyed tags of the parts that are there. */
struct ses_client_meaning {
    uint32_t parts;
    uint64_t tag[SES_CLIENT_PARTS];
};

/* [any] Every rule at once. SES_INVALID_ARGUMENT, with violations. */
SES_MUST_CHECK enum ses_status ses_client_ask_check(const struct ses_client_ask *ask,
                                                    struct ses_error *ret_error);
/* [any] arena: for JSON, which is compared by what it says. */
void ses_client_ask_meaning(const struct ses_client_ask *ask, const struct ses_tag_key *key,
                            struct ses_arena *arena, struct ses_client_meaning *ret_meaning);
/* [any] Bits of the parts in which two differ. */
uint32_t ses_client_meaning_differing(const struct ses_client_meaning *a, const struct ses_client_meaning *b);
/* [any] For connectors that honour one: the same for the same key and meaning, after a crash too. */
void ses_client_idempotency_key(struct ses_slice secret, struct ses_slice natural_key,
                                const struct ses_client_meaning *meaning,
                                char ret_text[SES_IDEMPOTENCY_KEY_SIZE]);
/* [worker] ALREADY_EXISTS, CLIENT_TOKEN_CONFLICT: which parts differ by name. */
void ses_client_conflict(const struct ses_client_ask *ask, uint32_t differing, bool unsettled,
                         struct ses_arena *arena, struct ses_error *ret_error);
/* [worker] What the connector is told but for credentials, URL, keys and clock. Texts are views of ask. */
void ses_client_ask_tell(const struct ses_client_ask *ask, struct ses_client_request *ret_request);

#endif
