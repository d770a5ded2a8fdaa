/* One walk over the top of the message, and one over the inside of `amount`. */
#include "gateway_request.h"

#include <sessiond/codec/wire.h>

/* enum ses_wire_type of each part. */
static const uint8_t shapes[SES_GATEWAY_PARTS] = {
    [SES_GATEWAY_ID] = SES_WIRE_BYTES,
    [SES_GATEWAY_TRANSACTION] = SES_WIRE_BYTES,
    [SES_GATEWAY_ORDER] = SES_WIRE_BYTES,
    [SES_GATEWAY_AMOUNT] = SES_WIRE_BYTES,
    [SES_GATEWAY_TOKEN] = SES_WIRE_BYTES,
    [SES_GATEWAY_TEST_MODE] = SES_WIRE_VARINT,
    [SES_GATEWAY_BROWSER] = SES_WIRE_BYTES,
    [SES_GATEWAY_STATE] = SES_WIRE_BYTES,
    [SES_GATEWAY_AUTHENTICATION] = SES_WIRE_BYTES,
    [SES_GATEWAY_FEATURE_DATA] = SES_WIRE_BYTES,
    [SES_GATEWAY_REDIRECTION] = SES_WIRE_BYTES,
    [SES_GATEWAY_PAYMENT_AMOUNT] = SES_WIRE_VARINT,
};

/* types.Money. */
enum { MINOR_AMOUNT = 1, CURRENCY = 2 };

static enum ses_status refuse(const struct ses_gateway_request *request, struct ses_error *error,
                              enum ses_gateway_part part, struct ses_slice rule)
{
    ses_error_clear(error);
    ses_error_violation(error, ses_gateway_part_name(request->method, part), rule);
    return error->status;
}

static enum ses_status refuse_message(struct ses_error *error, struct ses_slice sentence)
{
    ses_error_set(error, SES_INVALID_ARGUMENT, sentence);
    return error->status;
}

static enum ses_gateway_part part_of(const struct ses_gateway_method *method, uint32_t number)
{
    enum ses_gateway_part part = (enum ses_gateway_part)0;

    while (part < SES_GATEWAY_PARTS && method->request[part] != number)
        part++;
    return part;
}

static enum ses_status read_amount(struct ses_gateway_request *request, struct ses_error *error)
{
    struct ses_wire wire = ses_wire(request->part[SES_GATEWAY_AMOUNT]);
    unsigned minors = 0;
    unsigned currencies = 0;

    while (ses_wire_more(&wire)) {
        struct ses_wire_item item;

        if (ses_wire_next(&wire, &item) != SES_OK)
            return refuse(request, error, SES_GATEWAY_AMOUNT, SES_STR("is not a message"));
        if (item.number != MINOR_AMOUNT && item.number != CURRENCY)
            continue;
        if (item.type != SES_WIRE_VARINT || (item.number == CURRENCY && item.value > INT32_MAX))
            return refuse(request, error, SES_GATEWAY_AMOUNT, SES_STR("has a field of another type"));
        if (item.number == MINOR_AMOUNT ? ++minors > 1 : ++currencies > 1)
            return refuse(request, error, SES_GATEWAY_AMOUNT, SES_STR("has a field twice"));
        if (item.number == MINOR_AMOUNT)
            request->minor_amount = (int64_t)item.value;
        else
            request->currency = (uint32_t)item.value;
    }
    return SES_OK;
}

static enum ses_status take(struct ses_gateway_request *request, enum ses_gateway_part part,
                            const struct ses_wire_item *item, struct ses_slice whole, struct ses_error *error)
{
    if (item->type != (enum ses_wire_type)shapes[part])
        return refuse(request, error, part, SES_STR("has another wire type than this method's field"));
    if (ses_gateway_has(request, part))
        return refuse(request, error, part, SES_STR("must be given once"));
    request->present |= 1u << part;
    request->part[part] = item->bytes;
    if (part == SES_GATEWAY_TOKEN)
        request->token_field = whole;
    if (part == SES_GATEWAY_TEST_MODE)
        request->test_mode = item->value != 0;
    else if (part == SES_GATEWAY_PAYMENT_AMOUNT)
        request->payment_amount = (int64_t)item->value;
    return part == SES_GATEWAY_AMOUNT ? read_amount(request, error) : SES_OK;
}

enum ses_status ses_gateway_request_read(const struct ses_gateway_method *method, struct ses_slice bytes,
                                         struct ses_gateway_request *ret_request, struct ses_error *ret_error)
{
    struct ses_gateway_request request = {.method = method, .bytes = bytes};
    struct ses_wire wire = ses_wire(bytes);
    unsigned fields = 0;

    while (ses_wire_more(&wire)) {
        const uint8_t *from = wire.at;
        struct ses_wire_item item;
        enum ses_gateway_part part;

        if (ses_wire_next(&wire, &item) != SES_OK)
            return refuse_message(ret_error, SES_STR("the request is not a protobuf message"));
        if (++fields > SES_GATEWAY_FIELDS_MAX)
            return refuse_message(ret_error, SES_STR("the request has too many fields"));
        part = part_of(method, item.number);
        if (part < SES_GATEWAY_PARTS)
            SES_TRY(take(&request, part, &item, ses_slice(from, (size_t)(wire.at - from)), ret_error));
    }
    *ret_request = request;
    return SES_OK;
}
