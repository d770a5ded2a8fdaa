/* The rules for headers are in request_metadata.h; the list below is the only place that knows their
 * names. The headers of an exchange are walked once, and all faults are told together. */
#include "request_metadata.h"

#include <sessiond/caller/caller_key.h>
#include <sessiond/domain/request.h>

#include <sessiond/exchange/card_guard.h>

/* clang-format off */
#define HEADERS(X)                                                                                           \
    X(TENANT, "x-tenant-id") X(MERCHANT, "x-merchant-id") X(REFERENCE, "x-reference-id")                     \
    X(RESOURCE, "x-resource-id") X(ENVIRONMENT, "x-environment") X(OVERRIDE, "x-config-override")            \
    X(CONNECTOR, "x-connector") X(CONFIG, "x-connector-config") X(CONNECTOR_AUTH, "x-connector-auth")        \
    X(AUTH, "x-auth") X(API_KEY, "x-api-key") X(KEY1, "x-key1") X(KEY2, "x-key2")                            \
    X(API_SECRET, "x-api-secret") X(KEY_MAP, "x-auth-key-map")                                               \
    X(CONNECTOR_REFERENCE, "x-connector-request-reference-id") X(ERRORS, "x-session-errors")

/* One list makes the enum, the names and their number. */
enum header {
#define ENUM(name, text) HEADER_##name,
    HEADERS(ENUM)
#undef ENUM
    HEADER_COUNT
};

static const struct ses_slice names[HEADER_COUNT] = {
#define NAME(name, text) SES_STR_INIT(text),
    HEADERS(NAME)
#undef NAME
};
/* clang-format on */

#define ID_BYTES_MAX 255

/* value and present for each, twice as bits: what was given twice keeps its last value, but is refused. */
struct headers {
    struct ses_slice value[HEADER_COUNT];
    bool present[HEADER_COUNT];
    uint32_t twice; /* bits of enum header */
};

_Static_assert(HEADER_COUNT <= 32, "a header is a bit of a word");

/* Every name is at least "x-auth" long: the rest of the headers are passed over by their first bytes. */
static void collect(const struct ses_exchange *x, struct headers *headers)
{
    for (size_t i = 0; i < x->headers_count; i++) {
        struct ses_slice name = x->headers[i].name;

        if (name.len < 6 || name.data[0] != 'x' || name.data[1] != '-')
            continue;
        for (unsigned h = 0; h < HEADER_COUNT; h++) {
            if (!ses_slice_eq(name, names[h]))
                continue;
            headers->twice |= headers->present[h] ? 1u << h : 0u;
            headers->present[h] = true;
            headers->value[h] = x->headers[i].value;
            break;
        }
    }
}

/* A caller's key is whatever has its form (caller_gate.h): it must not reach a connector, whether or not somebody asked
 * for it here. */
static void leave_out_caller_key(struct headers *headers)
{
    if (!ses_caller_key_is_one(headers->value[HEADER_API_KEY]))
        return;
    headers->value[HEADER_API_KEY] = SES_SLICE_EMPTY;
    headers->present[HEADER_API_KEY] = false;
}

/* The first fault's reason is the error's, all are listed. */
static void violate(struct ses_error *error, enum header header, enum ses_reason reason,
                    struct ses_slice rule)
{
    bool first = error->violations_count == 0;

    ses_error_violation(error, names[header], rule);
    if (first)
        error->reason = reason;
}

/* Which of two would count is not for us to choose: one may have been set by a proxy, and the other not. */
static void check_once(const struct headers *headers, struct ses_error *error)
{
    for (uint32_t rest = headers->twice; rest != 0; rest &= rest - 1)
        violate(error, (enum header)__builtin_ctz(rest), SES_REASON_INVALID_METADATA,
                SES_STR("must be given once"));
}

/* A caller has its own, and its gate has settled them. */
static struct ses_slice absent_tenant(const struct ses_exchange *x)
{
    return x->caller != NULL ? x->tenant : SES_STR("DefaultTenantId");
}

static struct ses_slice absent_merchant(const struct ses_exchange *x)
{
    return x->caller != NULL ? x->merchant : SES_STR("DefaultMerchantId");
}

/* Absent and empty are the same: proxies often set an empty header where they know nothing. */
static struct ses_slice caller_id(const struct headers *headers, enum header header, struct ses_slice absent,
                                  struct ses_error *error)
{
    if (headers->value[header].len == 0)
        return absent;
    if (!ses_caller_id_check(headers->value[header]))
        violate(error, header, SES_REASON_INVALID_METADATA,
                SES_STR("must be 1 to 128 bytes of printable UTF-8"));
    else
        ses_card_guard_text(names[header], headers->value[header], error);
    return headers->value[header];
}

/* Empty is fine: proxies send headers without a value. */
static void check_id(const struct headers *headers, enum header header, struct ses_error *error)
{
    if (headers->value[header].len > ID_BYTES_MAX || !ses_utf8_printable_check(headers->value[header]))
        violate(error, header, SES_REASON_INVALID_METADATA,
                SES_STR("must be at most 255 bytes of printable UTF-8"));
    else
        ses_card_guard_text(names[header], headers->value[header], error);
}

static void check_environment(const struct headers *headers, struct ses_error *error)
{
    struct ses_slice value = headers->value[HEADER_ENVIRONMENT];

    if (headers->present[HEADER_ENVIRONMENT] && !ses_slice_ieq(value, SES_STR("development")) &&
        !ses_slice_ieq(value, SES_STR("sandbox")) && !ses_slice_ieq(value, SES_STR("production")))
        violate(error, HEADER_ENVIRONMENT, SES_REASON_INVALID_ENVIRONMENT,
                SES_STR("must be development, sandbox or production"));
}

/* answer and ok are one: what the platform's HTTP mode calls the one, gRPC's developers call the other. */
static enum ses_error_rule error_rule(const struct headers *headers, struct ses_error *error)
{
    struct ses_slice value = headers->value[HEADER_ERRORS];

    if (!headers->present[HEADER_ERRORS])
        return SES_ERROR_RULE_UNSAID;
    if (ses_slice_ieq(value, SES_STR("status")))
        return SES_ERROR_RULE_STATUS;
    if (!ses_slice_ieq(value, SES_STR("answer")) && !ses_slice_ieq(value, SES_STR("ok")))
        violate(error, HEADER_ERRORS, SES_REASON_INVALID_METADATA, SES_STR("must be status, answer or ok"));
    return SES_ERROR_RULE_ANSWER;
}

/* Presence is passed on beside the value where an empty one means something: an empty key is a fault,
 * an absent one is not. */
static struct ses_connector_headers connector_headers(const struct headers *headers)
{
    return (struct ses_connector_headers){
        .connector = headers->value[HEADER_CONNECTOR],
        .connector_config = headers->value[HEADER_CONFIG],
        .connector_auth = headers->value[HEADER_CONNECTOR_AUTH],
        .auth = headers->value[HEADER_AUTH],
        .api_key = headers->value[HEADER_API_KEY],
        .key1 = headers->value[HEADER_KEY1],
        .key2 = headers->value[HEADER_KEY2],
        .api_secret = headers->value[HEADER_API_SECRET],
        .auth_key_map = headers->value[HEADER_KEY_MAP],
        .api_key_present = headers->present[HEADER_API_KEY],
        .key1_present = headers->present[HEADER_KEY1],
        .key2_present = headers->present[HEADER_KEY2],
        .api_secret_present = headers->present[HEADER_API_SECRET],
    };
}

enum ses_status ses_request_metadata_read(const struct ses_exchange *x,
                                          struct ses_request_metadata *ret_metadata,
                                          struct ses_error *ret_error)
{
    struct headers headers = {.present = {false}};
    struct ses_request_metadata metadata;
    struct ses_error error;

    ses_error_clear(&error);
    collect(x, &headers);
    check_once(&headers, &error);
    leave_out_caller_key(&headers);
    metadata.tenant = caller_id(&headers, HEADER_TENANT, absent_tenant(x), &error);
    metadata.merchant = caller_id(&headers, HEADER_MERCHANT, absent_merchant(x), &error);
    metadata.connector_reference = headers.value[HEADER_CONNECTOR_REFERENCE];
    metadata.connector = connector_headers(&headers);
    check_id(&headers, HEADER_REFERENCE, &error);
    check_id(&headers, HEADER_RESOURCE, &error);
    check_environment(&headers, &error);
    metadata.errors = error_rule(&headers, &error);
    if (headers.present[HEADER_OVERRIDE])
        violate(&error, HEADER_OVERRIDE, SES_REASON_CONFIG_OVERRIDE_REFUSED,
                SES_STR("is not supported: the server's configuration is its operator's"));
    if (error.status != SES_OK) {
        *ret_error = error;
        return error.status;
    }
    *ret_metadata = metadata;
    return SES_OK;
}
