/* gateway_methods.h - the methods of the payment services that can pass through sessiond to a payment server, by name. What is
 * looked at in their messages is known to the rank that passes them on. */
#ifndef SESSIOND_DOMAIN_GATEWAY_METHODS_H
#define SESSIOND_DOMAIN_GATEWAY_METHODS_H

/* clang-format off */
#define SES_GATEWAY_METHOD_TABLE(X)                                                                          \
    X(AUTHORIZE, "types.PaymentService/Authorize")                                                           \
    X(CAPTURE, "types.PaymentService/Capture")                                                               \
    X(VOID, "types.PaymentService/Void")                                                                     \
    X(REFUND, "types.PaymentService/Refund")                                                                 \
    X(GET, "types.PaymentService/Get")                                                                       \
    X(REFUND_GET, "types.RefundService/Get")                                                                 \
    X(SETUP_RECURRING, "types.PaymentService/SetupRecurring")                                                \
    X(PRE_AUTHENTICATE, "types.PaymentMethodAuthenticationService/PreAuthenticate")                          \
    X(AUTHENTICATE, "types.PaymentMethodAuthenticationService/Authenticate")                                 \
    X(POST_AUTHENTICATE, "types.PaymentMethodAuthenticationService/PostAuthenticate")                        \
    X(COMPOSITE_AUTHORIZE, "types.CompositePaymentService/Authorize")
/* clang-format on */

/* Their numbers are of one process, and stored nowhere. */
enum ses_gateway_name {
#define SES_GATEWAY_METHOD_ENUM(name, text) SES_GATEWAY_NAME_##name,
    SES_GATEWAY_METHOD_TABLE(SES_GATEWAY_METHOD_ENUM)
#undef SES_GATEWAY_METHOD_ENUM
        SES_GATEWAY_METHODS
};

#endif
