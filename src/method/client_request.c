/* Rules and comparison of what both messages have beyond a session's request. */
#include "client_request.h"

#include <stdio.h>

#include <payment_types/client_authentication.pb-c.h>
#include <payment_types/payment_method.pb-c.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/little.h>
#include <sessiond/domain/money.h>

#define RETURN_URL_BYTES_MAX 2048u
#define PERMISSION_BYTES_MAX 64u
#define NAMES_SIZE           512

static bool has(const struct ses_client_ask *ask, enum ses_client_part part)
{
    return (ask->parts >> part & 1) != 0;
}

static bool older(const struct ses_client_ask *ask)
{
    return ask->naming == SES_NAMING_SDK_TOKEN;
}

/* Fields that both generations have inside and outside of the payment's context. */
static struct ses_slice path_of(const struct ses_client_ask *ask, enum ses_client_part part)
{
    static const struct {
        struct ses_slice older, newer;
    } paths[SES_CLIENT_PARTS] = {
#define PATH(part, older, newer) [SES_CLIENT_##part] = {SES_STR_INIT(older), SES_STR_INIT(newer)}
        PATH(AMOUNT, "amount.minor_amount", "payment.amount.minor_amount"),
        PATH(CURRENCY, "amount.currency", "payment.amount.currency"),
        PATH(METADATA, "metadata", "payment.metadata"),
        PATH(FEATURE_DATA, "connector_feature_data", "connector_feature_data"),
        PATH(CUSTOMER, "customer", "payment.customer"),
        PATH(ORDER_TAX, "order_tax_amount", "payment.order_tax_amount"),
        PATH(SHIPPING_COST, "shipping_cost", "payment.shipping_cost"),
        PATH(METHOD_TYPE, "payment_method_type", "payment.payment_method_type"),
        PATH(COUNTRY, "country_alpha2_code", "payment.country_alpha2_code"),
        PATH(RETURN_URL, "return_url", "payment.return_url"),
        PATH(PERMISSIONS, "permissions", "permissions"),
        PATH(CREDENTIALS, "credentials", "credentials"),
#undef PATH
    };

    return older(ask) ? paths[part].older : paths[part].newer;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static void violate(const struct ses_client_ask *ask, enum ses_client_part part, const char *rule,
                    struct ses_error *error)
{
    ses_error_violation(error, path_of(ask, part), ses_slice_str(rule));
}

static bool permissions_fit(const struct ses_client_ask *ask)
{
    for (size_t i = 0; i < ask->permissions_count && i < SES_CLIENT_PERMISSIONS_MAX; i++) {
        if (ask->permissions[i].len > PERMISSION_BYTES_MAX || !ses_utf8_name_check(ask->permissions[i]))
            return false;
    }
    return ask->permissions_count <= SES_CLIENT_PERMISSIONS_MAX;
}

static void check_more(const struct ses_client_ask *ask, struct ses_error *error)
{
    if (has(ask, SES_CLIENT_ORDER_TAX) && ask->order_tax_amount < 0)
        violate(ask, SES_CLIENT_ORDER_TAX, "must not be negative", error);
    if (has(ask, SES_CLIENT_SHIPPING_COST) && ask->shipping_cost < 0)
        violate(ask, SES_CLIENT_SHIPPING_COST, "must not be negative", error);
    if (has(ask, SES_CLIENT_METHOD_TYPE) &&
        protobuf_c_enum_descriptor_get_value(&types__payment_method_type__descriptor,
                                             (int)ask->method_type) == NULL)
        violate(ask, SES_CLIENT_METHOD_TYPE, "is not a known way of paying", error);
    if (has(ask, SES_CLIENT_COUNTRY) &&
        protobuf_c_enum_descriptor_get_value(&types__country_alpha2__descriptor, (int)ask->country) == NULL)
        violate(ask, SES_CLIENT_COUNTRY, "is not a known country", error);
    if (has(ask, SES_CLIENT_RETURN_URL) &&
        (ask->return_url.len > RETURN_URL_BYTES_MAX || !ses_utf8_name_check(ask->return_url)))
        violate(ask, SES_CLIENT_RETURN_URL, "must be 1 to 2048 bytes of printable UTF-8", error);
    if (!permissions_fit(ask))
        violate(ask, SES_CLIENT_PERMISSIONS, "must be at most 32 texts of 1 to 64 bytes of printable UTF-8",
                error);
}

enum ses_status ses_client_ask_check(const struct ses_client_ask *ask, struct ses_error *ret_error)
{
    struct ses_error error = {.status = SES_OK};

    if (ses_request_check(&ask->request, ask->naming, ret_error) != SES_OK)
        error = *ret_error;
    check_more(ask, &error);
    if (error.status != SES_OK)
        *ret_error = error;
    return error.status;
}

/* ---- comparison ------------------------------------------------------------------------------ */

static void put(struct ses_client_meaning *meaning, enum ses_client_part part, uint64_t tag)
{
    meaning->parts |= 1u << part;
    meaning->tag[part] = tag;
}

static void put_number(struct ses_client_meaning *meaning, enum ses_client_part part,
                       const struct ses_tag_key *key, uint64_t number)
{
    uint8_t bytes[SES_LITTLE_BYTES];

    ses_little_put(number, bytes);
    put(meaning, part, ses_tag(key, ses_slice(bytes, sizeof(bytes))));
}

static void put_text(const struct ses_client_ask *ask, enum ses_field field, enum ses_client_part part,
                     const struct ses_tag_key *key, struct ses_arena *arena,
                     struct ses_client_meaning *meaning)
{
    if ((ask->request.present & SES_FIELD_BIT(field)) != 0)
        put(meaning, part, ses_field_text_tag(field, ask->request.text[field], key, arena));
}

/* Their order counts: it is told to the connector. */
static uint64_t permissions_tag(const struct ses_client_ask *ask, const struct ses_tag_key *key)
{
    uint8_t bytes[SES_CLIENT_PERMISSIONS_MAX * SES_LITTLE_BYTES];

    for (size_t i = 0; i < ask->permissions_count; i++)
        ses_little_put(ses_tag(key, ask->permissions[i]), bytes + i * SES_LITTLE_BYTES);
    return ses_tag(key, ses_slice(bytes, ask->permissions_count * SES_LITTLE_BYTES));
}

void ses_client_ask_meaning(const struct ses_client_ask *ask, const struct ses_tag_key *key,
                            struct ses_arena *arena, struct ses_client_meaning *ret_meaning)
{
    const int64_t *number = ask->request.number;

    memset(ret_meaning, 0, sizeof(*ret_meaning));
    put_number(ret_meaning, SES_CLIENT_AMOUNT, key,
               (uint64_t)number[SES_FIELD_MINOR_AMOUNT - SES_FIELD_TEXTS]);
    put_number(ret_meaning, SES_CLIENT_CURRENCY, key, (uint64_t)number[SES_FIELD_CURRENCY - SES_FIELD_TEXTS]);
    put_text(ask, SES_FIELD_METADATA, SES_CLIENT_METADATA, key, arena, ret_meaning);
    put_text(ask, SES_FIELD_FEATURE_DATA, SES_CLIENT_FEATURE_DATA, key, arena, ret_meaning);
    put_text(ask, SES_FIELD_CUSTOMER, SES_CLIENT_CUSTOMER, key, arena, ret_meaning);
    if (has(ask, SES_CLIENT_ORDER_TAX))
        put_number(ret_meaning, SES_CLIENT_ORDER_TAX, key, (uint64_t)ask->order_tax_amount);
    if (has(ask, SES_CLIENT_SHIPPING_COST))
        put_number(ret_meaning, SES_CLIENT_SHIPPING_COST, key, (uint64_t)ask->shipping_cost);
    if (has(ask, SES_CLIENT_METHOD_TYPE))
        put_number(ret_meaning, SES_CLIENT_METHOD_TYPE, key, ask->method_type);
    if (has(ask, SES_CLIENT_COUNTRY))
        put_number(ret_meaning, SES_CLIENT_COUNTRY, key, ask->country);
    if (has(ask, SES_CLIENT_RETURN_URL))
        put(ret_meaning, SES_CLIENT_RETURN_URL, ses_tag(key, ask->return_url));
    if (ask->permissions_count > 0)
        put(ret_meaning, SES_CLIENT_PERMISSIONS, permissions_tag(ask, key));
}

uint32_t ses_client_meaning_differing(const struct ses_client_meaning *a, const struct ses_client_meaning *b)
{
    uint32_t differing = a->parts ^ b->parts;

    for (unsigned part = 0; part < SES_CLIENT_PARTS; part++) {
        if ((a->parts & b->parts) >> part & 1 && a->tag[part] != b->tag[part])
            differing |= 1u << part;
    }
    return differing;
}

void ses_client_idempotency_key(struct ses_slice secret, struct ses_slice natural_key,
                                const struct ses_client_meaning *meaning,
                                char ret_text[SES_IDEMPOTENCY_KEY_SIZE])
{
    uint8_t bytes[(1 + SES_CLIENT_PARTS) * SES_LITTLE_BYTES];
    uint8_t hash[SES_HASH_BYTES];
    const struct ses_slice parts[] = {SES_STR("client token idempotency key"), natural_key,
                                      ses_slice(bytes, sizeof(bytes))};

    ses_little_put(meaning->parts, bytes);
    for (size_t i = 0; i < SES_CLIENT_PARTS; i++)
        ses_little_put(meaning->tag[i], bytes + (1 + i) * SES_LITTLE_BYTES);
    ses_hash_parts(secret, parts, sizeof(parts) / sizeof(parts[0]), hash);
    (void)ses_hex_encode(ses_slice(hash, sizeof(hash)), ret_text);
}

/* By name only: values may be another caller's. */
void ses_client_conflict(const struct ses_client_ask *ask, uint32_t differing, bool unsettled,
                         struct ses_arena *arena, struct ses_error *ret_error)
{
    const char *with = unsettled ? "an earlier call, whose outcome at the connector is not known yet,"
                                 : "the client token of this id";
    char names[NAMES_SIZE];
    size_t len = 0;
    const char *text;
    const char *kept;

    for (unsigned part = 0; part < SES_CLIENT_PARTS; part++) {
        struct ses_slice path = path_of(ask, (enum ses_client_part)part);

        if ((differing >> part & 1) == 0)
            continue;
        len +=
            (size_t)snprintf(names + len, sizeof(names) - len, "%s%.*s", len > 0 ? ", " : "", SES_FMT(path));
        SES_REQUIRE(len < sizeof(names));
    }
    kept = ses_arena_printf(arena, "%.*s", (int)len, names);
    text = ses_arena_printf(arena, "%s differs in: %.*s", with, (int)len, names);
    ses_error_refuse(ret_error, SES_REASON_CLIENT_TOKEN_CONFLICT,
                     ses_slice_str(text != NULL ? text : "another call with this id differs"));
    if (kept != NULL)
        ses_error_metadata(ret_error, SES_STR("differing_fields"), ses_slice_str(kept));
    if (unsettled)
        ses_error_metadata(ret_error, SES_STR("outcome"), SES_STR("unknown"));
}

/* ---- the connector's part -------------------------------------------------------------------- */

/* The older generation takes the United States for a country that nobody said. */
static uint32_t country_of(const struct ses_client_ask *ask)
{
    if (ask->country != TYPES__COUNTRY_ALPHA2__COUNTRY_ALPHA2_UNSPECIFIED)
        return ask->country;
    return older(ask) ? TYPES__COUNTRY_ALPHA2__US : TYPES__COUNTRY_ALPHA2__COUNTRY_ALPHA2_UNSPECIFIED;
}

static struct ses_slice country_name(uint32_t number)
{
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(&types__country_alpha2__descriptor, (int)number);

    return number == 0 || value == NULL ? SES_SLICE_EMPTY : ses_slice_str(value->name);
}

void ses_client_ask_tell(const struct ses_client_ask *ask, struct ses_client_request *ret_request)
{
    const struct ses_session_request *request = &ask->request;
    const struct ses_currency *currency =
        ses_currency_by_number(request->number[SES_FIELD_CURRENCY - SES_FIELD_TEXTS]);

    *ret_request = (struct ses_client_request){
        .payment =
            {
                .merchant_session_id = request->text[SES_FIELD_MERCHANT_SESSION_ID],
                .minor_amount = request->number[SES_FIELD_MINOR_AMOUNT - SES_FIELD_TEXTS],
                .currency = currency->code,
                .exponent = currency->exponent,
                .customer_id = ask->customer_id,
            },
        .context = older(ask) ? "" : "payment.",
        .customer_name = ask->customer_name,
        .customer_email = ask->customer_email,
        .return_url = ask->return_url,
        .country = country_name(country_of(ask)),
        .country_number = country_of(ask),
        .currency_number = (uint32_t)request->number[SES_FIELD_CURRENCY - SES_FIELD_TEXTS],
        .method_type = ask->method_type,
        .metadata = request->text[SES_FIELD_METADATA],
        .feature_data = request->text[SES_FIELD_FEATURE_DATA],
        .permissions = ask->permissions,
        .permissions_count = ask->permissions_count,
        .test_mode = request->test_mode,
    };
}
