/* The rows, and what a payment's status means to a session. */
#include "gateway_method.h"

#include <sessiond/domain/gateway_methods.h>
#include <sessiond/domain/payment_status.h>

static const struct ses_gateway_method rows[SES_GATEWAY_METHODS];

/* types.CreateOrderResponse: it is only seen inside another answer. */
static const struct ses_gateway_method create_order = {
    .answer = {[SES_GATEWAY_TOLD_RAW_REQUEST] = 7, [SES_GATEWAY_TOLD_RAW_RESPONSE] = 8}};

/* What CompositePaymentService.Authorize has done one behind the other. The last one's status counts: of the payment, where it
 * came to that. */
static const struct ses_gateway_nested composite[SES_GATEWAY_NESTED_MAX + 1] = {
    {4, &create_order},
    {6, &rows[SES_GATEWAY_NAME_PRE_AUTHENTICATE]},
    {7, &rows[SES_GATEWAY_NAME_AUTHENTICATE]},
    {8, &rows[SES_GATEWAY_NAME_POST_AUTHENTICATE]},
    {3, &rows[SES_GATEWAY_NAME_AUTHORIZE]},
    {0, NULL},
};

static const struct ses_gateway_method rows[SES_GATEWAY_METHODS] = {
    [SES_GATEWAY_NAME_AUTHORIZE] = {.kind = SES_GATEWAY_PAYS,
                                    .amount = SES_GATEWAY_SAME_AMOUNT,
                                    .request = {[SES_GATEWAY_ID] = 1,
                                                [SES_GATEWAY_AMOUNT] = 2,
                                                [SES_GATEWAY_AUTHENTICATION] = 11,
                                                [SES_GATEWAY_FEATURE_DATA] = 13,
                                                [SES_GATEWAY_TOKEN] = 17,
                                                [SES_GATEWAY_ORDER] = 19,
                                                [SES_GATEWAY_BROWSER] = 26,
                                                [SES_GATEWAY_TEST_MODE] = 30,
                                                [SES_GATEWAY_STATE] = 35,
                                                [SES_GATEWAY_REDIRECTION] = 40},
                                    .answer = {[SES_GATEWAY_TOLD_TRANSACTION] = 2,
                                               [SES_GATEWAY_TOLD_STATUS] = 3,
                                               [SES_GATEWAY_TOLD_REDIRECTION] = 7,
                                               [SES_GATEWAY_TOLD_STATE] = 10,
                                               [SES_GATEWAY_TOLD_RAW_RESPONSE] = 11,
                                               [SES_GATEWAY_TOLD_RAW_REQUEST] = 12,
                                               [SES_GATEWAY_TOLD_CAPTURED] = 13,
                                               [SES_GATEWAY_TOLD_AUTHORIZED] = 15,
                                               [SES_GATEWAY_TOLD_FEATURE_DATA] = 18}},
    /* Its answer's captured_amount (9) is not read: whether it is this capture's or the payment's is nowhere said. */
    [SES_GATEWAY_NAME_CAPTURE] = {.kind = SES_GATEWAY_AFTER,
                                  .amount = SES_GATEWAY_UP_TO_AMOUNT,
                                  .amount_name = "amount_to_capture",
                                  .request = {[SES_GATEWAY_ID] = 1,
                                              [SES_GATEWAY_TRANSACTION] = 2,
                                              [SES_GATEWAY_AMOUNT] = 3,
                                              [SES_GATEWAY_FEATURE_DATA] = 5,
                                              [SES_GATEWAY_BROWSER] = 7,
                                              [SES_GATEWAY_STATE] = 9,
                                              [SES_GATEWAY_TEST_MODE] = 10,
                                              [SES_GATEWAY_ORDER] = 11},
                                  .answer = {[SES_GATEWAY_TOLD_STATUS] = 2,
                                             [SES_GATEWAY_TOLD_STATE] = 7,
                                             [SES_GATEWAY_TOLD_RAW_REQUEST] = 8,
                                             [SES_GATEWAY_TOLD_FEATURE_DATA] = 12,
                                             [SES_GATEWAY_TOLD_RAW_RESPONSE] = 16}},
    [SES_GATEWAY_NAME_VOID] = {.kind = SES_GATEWAY_AFTER,
                               .amount = SES_GATEWAY_UP_TO_AMOUNT_OR_NONE,
                               .request = {[SES_GATEWAY_ID] = 1,
                                           [SES_GATEWAY_TRANSACTION] = 2,
                                           [SES_GATEWAY_BROWSER] = 5,
                                           [SES_GATEWAY_AMOUNT] = 6,
                                           [SES_GATEWAY_FEATURE_DATA] = 8,
                                           [SES_GATEWAY_STATE] = 9,
                                           [SES_GATEWAY_TEST_MODE] = 10,
                                           [SES_GATEWAY_ORDER] = 11},
                               .answer = {[SES_GATEWAY_TOLD_STATUS] = 2,
                                          [SES_GATEWAY_TOLD_STATE] = 7,
                                          [SES_GATEWAY_TOLD_RAW_REQUEST] = 8,
                                          [SES_GATEWAY_TOLD_FEATURE_DATA] = 11,
                                          [SES_GATEWAY_TOLD_RAW_RESPONSE] = 13}},
    [SES_GATEWAY_NAME_REFUND] = {.kind = SES_GATEWAY_AFTER,
                                 .amount = SES_GATEWAY_UP_TO_AMOUNT,
                                 .amount_name = "refund_amount",
                                 .request = {[SES_GATEWAY_ID] = 1,
                                             [SES_GATEWAY_TRANSACTION] = 2,
                                             [SES_GATEWAY_PAYMENT_AMOUNT] = 3,
                                             [SES_GATEWAY_AMOUNT] = 4,
                                             [SES_GATEWAY_FEATURE_DATA] = 11,
                                             [SES_GATEWAY_BROWSER] = 12,
                                             [SES_GATEWAY_STATE] = 13,
                                             [SES_GATEWAY_TEST_MODE] = 14},
                                 .answer = {[SES_GATEWAY_TOLD_REFUND] = 2,
                                            [SES_GATEWAY_TOLD_STATUS] = 3,
                                            [SES_GATEWAY_TOLD_STATE] = 20,
                                            [SES_GATEWAY_TOLD_RAW_RESPONSE] = 21,
                                            [SES_GATEWAY_TOLD_RAW_REQUEST] = 22}},
    [SES_GATEWAY_NAME_GET] = {.kind = SES_GATEWAY_READS,
                              .settles = SES_GATEWAY_SETTLES_PAYMENT,
                              .request = {[SES_GATEWAY_ID] = 1,
                                          [SES_GATEWAY_TRANSACTION] = 2,
                                          [SES_GATEWAY_AMOUNT] = 6,
                                          [SES_GATEWAY_STATE] = 8,
                                          [SES_GATEWAY_FEATURE_DATA] = 10,
                                          [SES_GATEWAY_TEST_MODE] = 13},
                              .answer = {[SES_GATEWAY_TOLD_TRANSACTION] = 1,
                                         [SES_GATEWAY_TOLD_STATUS] = 2,
                                         [SES_GATEWAY_TOLD_CAPTURED] = 9,
                                         [SES_GATEWAY_TOLD_STATE] = 23,
                                         [SES_GATEWAY_TOLD_RAW_RESPONSE] = 24,
                                         [SES_GATEWAY_TOLD_RAW_REQUEST] = 25,
                                         [SES_GATEWAY_TOLD_FEATURE_DATA] = 33}},
    [SES_GATEWAY_NAME_REFUND_GET] = {.kind = SES_GATEWAY_READS,
                                     .settles = SES_GATEWAY_SETTLES_REFUND,
                                     .request = {[SES_GATEWAY_ID] = 1,
                                                 [SES_GATEWAY_TRANSACTION] = 2,
                                                 [SES_GATEWAY_BROWSER] = 5,
                                                 [SES_GATEWAY_STATE] = 7,
                                                 [SES_GATEWAY_TEST_MODE] = 8,
                                                 [SES_GATEWAY_FEATURE_DATA] = 10},
                                     .answer = {[SES_GATEWAY_TOLD_REFUND] = 2,
                                                [SES_GATEWAY_TOLD_STATUS] = 3,
                                                [SES_GATEWAY_TOLD_STATE] = 20,
                                                [SES_GATEWAY_TOLD_RAW_RESPONSE] = 21,
                                                [SES_GATEWAY_TOLD_RAW_REQUEST] = 22}},
    [SES_GATEWAY_NAME_SETUP_RECURRING] = {.kind = SES_GATEWAY_PAYS,
                                          .amount = SES_GATEWAY_SAME_AMOUNT,
                                          .request = {[SES_GATEWAY_ID] = 1,
                                                      [SES_GATEWAY_AMOUNT] = 2,
                                                      [SES_GATEWAY_AUTHENTICATION] = 8,
                                                      [SES_GATEWAY_FEATURE_DATA] = 10,
                                                      [SES_GATEWAY_TOKEN] = 14,
                                                      [SES_GATEWAY_ORDER] = 17,
                                                      [SES_GATEWAY_BROWSER] = 25,
                                                      [SES_GATEWAY_STATE] = 29},
                                          .answer = {[SES_GATEWAY_TOLD_STATUS] = 2,
                                                     [SES_GATEWAY_TOLD_REDIRECTION] = 7,
                                                     [SES_GATEWAY_TOLD_CAPTURED] = 12,
                                                     [SES_GATEWAY_TOLD_STATE] = 13,
                                                     [SES_GATEWAY_TOLD_RAW_REQUEST] = 14,
                                                     [SES_GATEWAY_TOLD_FEATURE_DATA] = 15,
                                                     [SES_GATEWAY_TOLD_RAW_RESPONSE] = 18}},
    /* No money moves by these, and each attempt takes them anew under the same order id: they are not kept from being made
     * again. What they tell goes into the calls that follow. */
    [SES_GATEWAY_NAME_PRE_AUTHENTICATE] = {.kind = SES_GATEWAY_READS,
                                           .amount = SES_GATEWAY_SAME_AMOUNT,
                                           .prepares = true,
                                           .request = {[SES_GATEWAY_ORDER] = 1,
                                                       [SES_GATEWAY_AMOUNT] = 2,
                                                       [SES_GATEWAY_FEATURE_DATA] = 8,
                                                       [SES_GATEWAY_BROWSER] = 11,
                                                       [SES_GATEWAY_STATE] = 12},
                                           .answer = {[SES_GATEWAY_TOLD_STATUS] = 2,
                                                      [SES_GATEWAY_TOLD_REDIRECTION] = 6,
                                                      [SES_GATEWAY_TOLD_FEATURE_DATA] = 9,
                                                      [SES_GATEWAY_TOLD_STATE] = 10,
                                                      [SES_GATEWAY_TOLD_RAW_RESPONSE] = 11,
                                                      [SES_GATEWAY_TOLD_AUTHENTICATION] = 12}},
    [SES_GATEWAY_NAME_AUTHENTICATE] = {.kind = SES_GATEWAY_READS,
                                       .amount = SES_GATEWAY_SAME_AMOUNT,
                                       .prepares = true,
                                       .request = {[SES_GATEWAY_ORDER] = 1,
                                                   [SES_GATEWAY_AMOUNT] = 2,
                                                   [SES_GATEWAY_AUTHENTICATION] = 6,
                                                   [SES_GATEWAY_FEATURE_DATA] = 8,
                                                   [SES_GATEWAY_BROWSER] = 11,
                                                   [SES_GATEWAY_STATE] = 12,
                                                   [SES_GATEWAY_REDIRECTION] = 13},
                                       .answer = {[SES_GATEWAY_TOLD_STATUS] = 2,
                                                  [SES_GATEWAY_TOLD_REDIRECTION] = 6,
                                                  [SES_GATEWAY_TOLD_AUTHENTICATION] = 9,
                                                  [SES_GATEWAY_TOLD_FEATURE_DATA] = 10,
                                                  [SES_GATEWAY_TOLD_STATE] = 11,
                                                  [SES_GATEWAY_TOLD_RAW_RESPONSE] = 12}},
    [SES_GATEWAY_NAME_POST_AUTHENTICATE] = {.kind = SES_GATEWAY_READS,
                                            .amount = SES_GATEWAY_SAME_AMOUNT,
                                            .prepares = true,
                                            .request = {[SES_GATEWAY_ORDER] = 1,
                                                        [SES_GATEWAY_AMOUNT] = 2,
                                                        [SES_GATEWAY_AUTHENTICATION] = 6,
                                                        [SES_GATEWAY_FEATURE_DATA] = 9,
                                                        [SES_GATEWAY_BROWSER] = 12,
                                                        [SES_GATEWAY_STATE] = 13,
                                                        [SES_GATEWAY_REDIRECTION] = 14},
                                            .answer = {[SES_GATEWAY_TOLD_STATUS] = 2,
                                                       [SES_GATEWAY_TOLD_REDIRECTION] = 6,
                                                       [SES_GATEWAY_TOLD_AUTHENTICATION] = 9,
                                                       [SES_GATEWAY_TOLD_FEATURE_DATA] = 11,
                                                       [SES_GATEWAY_TOLD_STATE] = 12,
                                                       [SES_GATEWAY_TOLD_RAW_RESPONSE] = 13}},
    [SES_GATEWAY_NAME_COMPOSITE_AUTHORIZE] = {.kind = SES_GATEWAY_PAYS,
                                              .amount = SES_GATEWAY_SAME_AMOUNT,
                                              .request = {[SES_GATEWAY_ID] = 1,
                                                          [SES_GATEWAY_FEATURE_DATA] = 3,
                                                          [SES_GATEWAY_TEST_MODE] = 4,
                                                          [SES_GATEWAY_AMOUNT] = 7,
                                                          [SES_GATEWAY_TOKEN] = 18,
                                                          [SES_GATEWAY_ORDER] = 20,
                                                          [SES_GATEWAY_BROWSER] = 27,
                                                          [SES_GATEWAY_STATE] = 35,
                                                          [SES_GATEWAY_REDIRECTION] = 42},
                                              .nested = composite},
};

static const char *const paths[SES_GATEWAY_METHODS] = {
#define PATH(name, text) "/" text,
    SES_GATEWAY_METHOD_TABLE(PATH)
#undef PATH
};

const struct ses_gateway_method *ses_gateway_method_at(size_t i)
{
    return i < SES_GATEWAY_METHODS ? &rows[i] : NULL;
}

const char *ses_gateway_method_path(const struct ses_gateway_method *method)
{
    return paths[method - rows];
}

struct ses_slice ses_gateway_method_name(const struct ses_gateway_method *method)
{
    return ses_slice_str(ses_gateway_method_path(method) + 1);
}

struct ses_slice ses_gateway_part_name(const struct ses_gateway_method *method, enum ses_gateway_part part)
{
    static const struct ses_slice names[SES_GATEWAY_PARTS] = {
        [SES_GATEWAY_ID] = SES_STR_INIT("merchant_transaction_id (field 1)"),
        [SES_GATEWAY_TRANSACTION] = SES_STR_INIT("connector_transaction_id"),
        [SES_GATEWAY_ORDER] = SES_STR_INIT("merchant_order_id"),
        [SES_GATEWAY_AMOUNT] = SES_STR_INIT("amount"),
        [SES_GATEWAY_TOKEN] = SES_STR_INIT("session_token"),
        [SES_GATEWAY_TEST_MODE] = SES_STR_INIT("test_mode"),
        [SES_GATEWAY_BROWSER] = SES_STR_INIT("browser_info"),
        [SES_GATEWAY_STATE] = SES_STR_INIT("state"),
        [SES_GATEWAY_AUTHENTICATION] = SES_STR_INIT("authentication_data"),
        [SES_GATEWAY_FEATURE_DATA] = SES_STR_INIT("connector_feature_data"),
        [SES_GATEWAY_REDIRECTION] = SES_STR_INIT("redirection_response"),
        [SES_GATEWAY_PAYMENT_AMOUNT] = SES_STR_INIT("payment_amount"),
    };

    if (part == SES_GATEWAY_AMOUNT && method->amount_name != NULL)
        return ses_slice_str(method->amount_name);
    return names[part];
}

/* What is not listed is not over: it stays PROCESSING until somebody knows. A challenge without anything to send the browser to is none
 * that anybody can answer: the session stays as it is. */
enum ses_event ses_gateway_event_of(uint64_t payment_status, bool redirection)
{
    switch (payment_status) {
    case SES_PAYMENT_AUTHORIZED:
    case SES_PAYMENT_CHARGED:
    case SES_PAYMENT_PARTIAL_CHARGED:
    case SES_PAYMENT_PARTIAL_CHARGED_AND_CHARGEABLE:
    case SES_PAYMENT_PARTIALLY_AUTHORIZED:
        return SES_EVENT_COMPLETED;
    case SES_PAYMENT_AUTHENTICATION_FAILED:
    case SES_PAYMENT_ROUTER_DECLINED:
    case SES_PAYMENT_AUTHORIZATION_FAILED:
    case SES_PAYMENT_VOIDED:
    case SES_PAYMENT_AUTO_REFUNDED:
    case SES_PAYMENT_FAILURE:
    case SES_PAYMENT_EXPIRED:
        return SES_EVENT_ATTEMPT_FAILED;
    case SES_PAYMENT_AUTHENTICATION_PENDING:
    case SES_PAYMENT_DEVICE_DATA_COLLECTION_PENDING:
        return redirection ? SES_EVENT_ACTION_REQUIRED : SES_EVENT_NONE;
    default:
        return SES_EVENT_NONE;
    }
}
