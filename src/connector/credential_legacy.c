/* credential_legacy.c - x-connector with x-auth and its key headers. */
#include "credential_draft.h"

#include "json.h"
#include "registry.h"

/* Who gives neither is told of the newer way first: the older one is for callers that have it already. */
#define MISSING_CONFIG                                                                                            \
    "Missing x-connector-config in request metadata: {\"config\":{\"<Connector>\":{<its credentials>}}} (or the " \
    "older x-connector with x-auth and the key headers of its kind)"

static const struct {
    const char *name;
    bool api_key, key1, api_secret, key2; /* headers that the kind demands */
} kinds[SES_AUTH_COUNT] = {
    [SES_AUTH_HEADER_KEY] = {"header-key", true, false, false, false},
    [SES_AUTH_BODY_KEY] = {"body-key", true, true, false, false},
    [SES_AUTH_SIGNATURE_KEY] = {"signature-key", true, true, true, false},
    [SES_AUTH_MULTI_KEY] = {"multi-auth-key", true, true, true, true},
    [SES_AUTH_NO_KEY] = {"no-key", false, false, false, false},
    [SES_AUTH_TEMPORARY] = {"temporary-auth", false, false, false, false},
    [SES_AUTH_CURRENCY_KEY] = {"currency-auth-key", false, false, false, false},
};

static enum ses_status read_connector(const struct ses_connector_headers *headers,
                                      struct ses_credential_draft *draft)
{
    enum ses_status status = SES_OK;

    if (headers->connector.len == 0)
        return ses_credential_refuse(draft, SES_REASON_MISSING_METADATA, "x-connector-config",
                                     MISSING_CONFIG);
    if (!ses_credential_header_ok(headers->connector))
        return ses_credential_refuse(draft, SES_REASON_INVALID_METADATA, "x-connector",
                                     "x-connector is not visible ASCII");
    draft->found.connector = ses_connector_by_name(headers->connector);
    if (draft->found.connector == NULL)
        status = ses_connector_unlisted(headers->connector, draft->arena, &draft->found.connector);
    if (status == SES_MALFORMED)
        return ses_credential_refuse_name(draft, SES_REASON_INVALID_CONNECTOR, "x-connector",
                                          "Invalid connector: x-connector names none", false);
    SES_TRY(status);
    if (!ses_connector_supported(draft->found.connector))
        return ses_credential_refuse(draft, SES_REASON_UNSUPPORTED_CONNECTOR, "x-connector",
                                     "Connector is not supported");
    return SES_OK;
}

static enum ses_status read_kind(const struct ses_connector_headers *headers,
                                 struct ses_credential_draft *draft, enum ses_auth_kind *ret_kind)
{
    if (headers->auth.len == 0)
        return ses_credential_refuse(draft, SES_REASON_MISSING_METADATA, "x-connector-config",
                                     MISSING_CONFIG);
    for (size_t kind = 0; kind < SES_AUTH_COUNT; kind++) {
        if (ses_slice_eq_str(headers->auth, kinds[kind].name)) {
            *ret_kind = (enum ses_auth_kind)kind;
            return SES_OK;
        }
    }
    return ses_credential_refuse(draft, SES_REASON_INVALID_AUTH_TYPE, "x-auth", "Invalid auth type");
}

static enum ses_status check_header(struct ses_credential_draft *draft, const char *name, const char *missing,
                                    struct ses_slice value, bool demanded, bool present)
{
    if (!demanded)
        return SES_OK;
    if (!present)
        return ses_credential_refuse(draft, SES_REASON_MISSING_METADATA, name, missing);
    if (!ses_credential_header_ok(value))
        return ses_credential_refuse(draft, SES_REASON_INVALID_METADATA, name,
                                     "A credential header is not visible ASCII or is too long");
    return SES_OK;
}

static enum ses_status check_headers(const struct ses_connector_headers *h,
                                     struct ses_credential_draft *draft, enum ses_auth_kind kind)
{
    SES_TRY(check_header(draft, "x-api-key", "Missing x-api-key in request metadata", h->api_key,
                         kinds[kind].api_key, h->api_key_present));
    SES_TRY(check_header(draft, "x-key1", "Missing x-key1 in request metadata", h->key1, kinds[kind].key1,
                         h->key1_present));
    SES_TRY(check_header(draft, "x-api-secret", "Missing x-api-secret in request metadata", h->api_secret,
                         kinds[kind].api_secret, h->api_secret_present));
    return check_header(draft, "x-key2", "Missing x-key2 in request metadata", h->key2, kinds[kind].key2,
                        h->key2_present);
}

/* Any JSON under each currency. */
static enum ses_status check_key_map(const struct ses_connector_headers *headers,
                                     struct ses_credential_draft *draft)
{
    enum ses_status status;

    if (headers->auth_key_map.len == 0)
        return ses_credential_refuse(draft, SES_REASON_MISSING_METADATA, "x-auth-key-map",
                                     "Missing x-auth-key-map in request metadata");
    if (!ses_credential_header_ok(headers->auth_key_map))
        return ses_credential_refuse(draft, SES_REASON_INVALID_METADATA, "x-auth-key-map",
                                     "A credential header is not visible ASCII or is too long");
    status = ses_json_parse(headers->auth_key_map, SES_JSON_CONFIG_DEPTH_MAX, &draft->json);
    if (status == SES_NO_MEMORY)
        return status;
    if (status != SES_OK || !json_is_object(draft->json))
        return ses_credential_refuse(draft, SES_REASON_INVALID_AUTH_KEY_MAP, "x-auth-key-map",
                                     "Invalid auth-key-map format");
    ses_credential_mean_json(draft, "auth_key_map", draft->json);
    ses_credential_keep_first(draft, draft->json);
    return SES_OK;
}

static struct ses_slice source_value(const struct ses_connector_headers *headers, enum ses_auth_source source)
{
    switch (source) {
    case SES_FROM_API_KEY:
        return headers->api_key;
    case SES_FROM_KEY1:
        return headers->key1;
    case SES_FROM_KEY2:
        return headers->key2;
    case SES_FROM_API_SECRET:
        return headers->api_secret;
    default:
        return SES_SLICE_EMPTY;
    }
}

/* Of a connector whose keys are not known here, or whose older form is not: only for the digest, no call needs
 * them. */
static void name_headers(const struct ses_connector_headers *headers, struct ses_credential_draft *draft,
                         enum ses_auth_kind kind)
{
    if (kinds[kind].api_key)
        ses_credential_mean_text(draft, "api_key", headers->api_key);
    if (kinds[kind].key1)
        ses_credential_mean_text(draft, "key1", headers->key1);
    if (kinds[kind].api_secret)
        ses_credential_mean_text(draft, "api_secret", headers->api_secret);
    if (kinds[kind].key2)
        ses_credential_mean_text(draft, "key2", headers->key2);
}

/* Hands the headers their names. A connector without an older form takes every kind: it is not known here which. */
static enum ses_status convert(const struct ses_connector_headers *headers,
                               struct ses_credential_draft *draft, enum ses_auth_kind kind)
{
    const struct ses_credential_row *row = ses_credential_row(draft->found.connector);
    const struct ses_legacy_form *form = NULL;

    if (row == NULL || row->legacy_count == 0) {
        name_headers(headers, draft, kind);
        return SES_OK;
    }
    for (size_t i = 0; i < row->legacy_count; i++) {
        if (row->legacy[i].kind == kind)
            form = &row->legacy[i];
    }
    if (form == NULL)
        return ses_credential_refuse_key(draft, SES_REASON_AUTH_CONVERSION_FAILED, "x-auth",
                                         "Failed to convert legacy auth for connector",
                                         draft->found.connector->name);
    for (size_t i = 0; i < SES_LEGACY_KEYS_MAX && form->keys[i].source != SES_FROM_NOTHING; i++)
        ses_credential_add(draft, form->keys[i].key, source_value(headers, form->keys[i].source));
    return SES_OK;
}

/* Connector, then kind, then the headers that the kind demands: a caller is told the first fault only. */
enum ses_status ses_credentials_from_legacy(const struct ses_connector_headers *headers,
                                            struct ses_credential_draft *draft)
{
    enum ses_auth_kind kind = SES_AUTH_NO_KEY;

    SES_TRY(read_connector(headers, draft));
    SES_TRY(read_kind(headers, draft, &kind));
    SES_TRY(check_headers(headers, draft, kind));
    if (kind == SES_AUTH_CURRENCY_KEY)
        SES_TRY(check_key_map(headers, draft));
    return convert(headers, draft, kind);
}
