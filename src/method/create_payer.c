/* What the request says of the payer, for the connectors that are told it (paytm). The request carries the parts as the bytes
 * that are compared; they are read again for a call alone, and lie in the exchange's arena: nothing of them is stored but
 * their keyed tags. */
#include "create.h"

#include <payment_types/customer.pb-c.h>

#include <sessiond/codec/codec_proto.h>

/* Given but empty is a text, absent is none. */
static struct ses_slice secret_text(bool given, const Types__SecretString *secret)
{
    return !given || secret == NULL ? SES_SLICE_EMPTY : ses_slice_str(secret->value);
}

static struct ses_slice country_code(const Types__Address *address)
{
    const ProtobufCEnumValue *value;

    if (address->_country_alpha2_code_case == 0 ||
        address->country_alpha2_code == TYPES__COUNTRY_ALPHA2__COUNTRY_ALPHA2_UNSPECIFIED)
        return SES_SLICE_EMPTY;
    value = protobuf_c_enum_descriptor_get_value(&types__country_alpha2__descriptor,
                                                 (int)address->country_alpha2_code);
    return value == NULL ? SES_SLICE_EMPTY : ses_slice_str(value->name);
}

static void take_address(const Types__Address *address, struct ses_call_address *ret_address)
{
    if (address == NULL)
        return;
#define TEXT(member) .member = secret_text(address->_##member##_case != 0, address->member)
    *ret_address = (struct ses_call_address){
        TEXT(first_name), TEXT(last_name), TEXT(line1), TEXT(line2),        TEXT(city),
        TEXT(state),      TEXT(zip_code),  TEXT(email), TEXT(phone_number), .country = country_code(address),
    };
#undef TEXT
}

static enum ses_status read_part(const struct ses_create *c, enum ses_field field,
                                 const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_part)
{
    *ret_part = NULL;
    if ((c->request.present & SES_FIELD_BIT(field)) == 0)
        return SES_OK;
    return ses_proto_unpack(descriptor, c->request.text[field], &c->x->arena, ret_part);
}

static enum ses_status read_parts(const struct ses_create *c, const Types__Customer **ret_customer,
                                  const Types__PaymentAddress **ret_address)
{
    ProtobufCMessage *customer;
    ProtobufCMessage *address;

    SES_TRY(read_part(c, SES_FIELD_CUSTOMER, &types__customer__descriptor, &customer));
    SES_TRY(read_part(c, SES_FIELD_ADDRESS, &types__payment_address__descriptor, &address));
    *ret_customer = (const Types__Customer *)customer;
    *ret_address = (const Types__PaymentAddress *)address;
    return SES_OK;
}

enum ses_status ses_create_payer(const struct ses_create *c, struct ses_session_call *call,
                                 struct ses_error *ret_error)
{
    const Types__Customer *customer;
    const Types__PaymentAddress *address;
    enum ses_status status = read_parts(c, &customer, &address);

    if (status != SES_OK) {
        ses_error_set(ret_error, status, SES_STR("out of memory while building the connector's request"));
        return status;
    }
    if (customer != NULL && customer->_id_case != 0)
        call->customer_id = ses_slice_str(customer->id);
    if (address != NULL) {
        take_address(address->billing_address, &call->billing);
        take_address(address->shipping_address, &call->shipping);
    }
    return SES_OK;
}
