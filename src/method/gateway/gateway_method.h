/* gateway_method.h - the methods of the payment server that can pass through, as far as sessiond looks into their messages:
 * numbers of a few fields at the top of a message, and nothing below.
 *
 * Field numbers are those of the payment services at 79cfb69ea (0.4.0). What is not in a row is passed on byte for byte.
 */
#ifndef SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_METHOD_H
#define SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_METHOD_H

#include <sessiond/domain/session.h>

/* Parts of a request that are checked, or put in where they are missing. Each at most once in a message. */
enum ses_gateway_part {
    SES_GATEWAY_ID,             /* string: the caller's id of this call */
    SES_GATEWAY_TRANSACTION,    /* string: the connector's id of the payment */
    SES_GATEWAY_ORDER,          /* string: merchant_order_id */
    SES_GATEWAY_AMOUNT,         /* Money */
    SES_GATEWAY_TOKEN,          /* string: the connector's session token, or ours */
    SES_GATEWAY_TEST_MODE,      /* bool */
    SES_GATEWAY_BROWSER,        /* BrowserInformation */
    SES_GATEWAY_STATE,          /* ConnectorState */
    SES_GATEWAY_AUTHENTICATION, /* AuthenticationData */
    SES_GATEWAY_FEATURE_DATA,   /* SecretString */
    SES_GATEWAY_REDIRECTION,    /* RedirectionResponse */
    SES_GATEWAY_PAYMENT_AMOUNT, /* int64: of the payment that is refunded, in minor units; the server reads an absent one as 0 */
    SES_GATEWAY_PARTS
};

/* Parts of an answer. */
enum ses_gateway_told {
    SES_GATEWAY_TOLD_STATUS, /* PaymentStatus, or RefundStatus */
    SES_GATEWAY_TOLD_TRANSACTION,
    SES_GATEWAY_TOLD_STATE,
    SES_GATEWAY_TOLD_FEATURE_DATA,
    SES_GATEWAY_TOLD_AUTHENTICATION,
    SES_GATEWAY_TOLD_REDIRECTION,
    SES_GATEWAY_TOLD_CAPTURED,     /* int64: of the payment so far, in minor units */
    SES_GATEWAY_TOLD_AUTHORIZED,   /* int64: what of the amount was authorized, in minor units */
    SES_GATEWAY_TOLD_REFUND,       /* string: the connector's id of the refund */
    SES_GATEWAY_TOLD_RAW_REQUEST,  /* the connector's whole request: card number, keys */
    SES_GATEWAY_TOLD_RAW_RESPONSE, /* its whole answer */
    SES_GATEWAY_TOLD_PARTS
};

#define SES_GATEWAY_NESTED_MAX 5u

struct ses_gateway_method;

/* An answer inside another one. */
struct ses_gateway_nested {
    uint8_t field; /* 0: no more */
    const struct ses_gateway_method *method;
};

enum ses_gateway_kind {
    SES_GATEWAY_READS, /* no effect: may be made again */
    SES_GATEWAY_PAYS,  /* the payment */
    SES_GATEWAY_AFTER  /* what is done with a payment that was made */
};

enum ses_gateway_amount {
    SES_GATEWAY_ANY_AMOUNT,
    SES_GATEWAY_SAME_AMOUNT,         /* the session's, and required */
    SES_GATEWAY_UP_TO_AMOUNT,        /* at most the session's, in its currency; required */
    SES_GATEWAY_UP_TO_AMOUNT_OR_NONE /* likewise, where it is given */
};

/* What became of which calls its answer tells. */
enum ses_gateway_settles {
    SES_GATEWAY_SETTLES_NOTHING,
    SES_GATEWAY_SETTLES_PAYMENT, /* of a payment, its captures and voids */
    SES_GATEWAY_SETTLES_REFUND
};

struct ses_gateway_method {
    enum ses_gateway_kind kind;
    enum ses_gateway_amount amount;
    const char *amount_name; /* of the field; NULL: "amount" */
    enum ses_gateway_settles settles;
    bool prepares;                      /* what its answer tells is kept, although it has no effect */
    uint8_t request[SES_GATEWAY_PARTS]; /* 0: it has none */
    uint8_t answer[SES_GATEWAY_TOLD_PARTS];
    const struct ses_gateway_nested *nested; /* ends with field 0; NULL: none */
};

static inline bool ses_gateway_has_effect(const struct ses_gateway_method *method)
{
    return method->kind != SES_GATEWAY_READS;
}

/* [any] Row i; NULL behind the last. */
const struct ses_gateway_method *ses_gateway_method_at(size_t i);
/* [any] "/types.PaymentService/Authorize"; static storage. */
const char *ses_gateway_method_path(const struct ses_gateway_method *method);
/* [any] The same without the slash: what it is called. */
struct ses_slice ses_gateway_method_name(const struct ses_gateway_method *method);
/* [any] The word for a part of this method's request in refusals. */
struct ses_slice ses_gateway_part_name(const struct ses_gateway_method *method, enum ses_gateway_part part);
/* [any] What an answer's PaymentStatus says of the payment: NONE: it is not over. */
enum ses_event ses_gateway_event_of(uint64_t payment_status, bool redirection);

#endif
