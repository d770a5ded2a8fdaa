/* payment_status.h - the numbers by which a payment server's answers tell where a payment or a refund stands: enum PaymentStatus and
 * enum RefundStatus of the payment services, those of them that mean something to a session. Any other is one that tells no end. */
#ifndef SESSIOND_DOMAIN_PAYMENT_STATUS_H
#define SESSIOND_DOMAIN_PAYMENT_STATUS_H

enum ses_payment_status {
    SES_PAYMENT_AUTHENTICATION_FAILED = 2,
    SES_PAYMENT_ROUTER_DECLINED = 3,
    SES_PAYMENT_AUTHENTICATION_PENDING = 4,
    SES_PAYMENT_AUTHORIZED = 6,
    SES_PAYMENT_AUTHORIZATION_FAILED = 7,
    SES_PAYMENT_CHARGED = 8,
    SES_PAYMENT_VOIDED = 11,
    SES_PAYMENT_CAPTURE_FAILED = 14,
    SES_PAYMENT_VOID_FAILED = 15,
    SES_PAYMENT_AUTO_REFUNDED = 16,
    SES_PAYMENT_PARTIAL_CHARGED = 17,
    SES_PAYMENT_PARTIAL_CHARGED_AND_CHARGEABLE = 18,
    SES_PAYMENT_FAILURE = 21,
    SES_PAYMENT_DEVICE_DATA_COLLECTION_PENDING = 24,
    SES_PAYMENT_PARTIALLY_AUTHORIZED = 25,
    SES_PAYMENT_EXPIRED = 26,
    SES_PAYMENT_VOIDED_POST_CAPTURE = 57
};

enum ses_refund_status { SES_REFUND_FAILURE = 1, SES_REFUND_SUCCESS = 4, SES_REFUND_TRANSACTION_FAILURE = 5 };

#endif
