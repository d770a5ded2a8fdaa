/* credential_config.c - x-connector-config and its deprecated twin x-connector-auth. */
#include "credential_draft.h"

#include "json.h"
#include "registry.h"

/* The two headers differ in their names and in the name of the outer key. */
struct form {
    const char *header;
    const char *unreadable; /* sentences */
    const char *unparsable;
    const char *unknown;
    const char *missing;
    const char *incomplete;
    bool auth_type_accepted;
};

static const struct form config_form = {
    "x-connector-config",
    "X-Connector-Config header is not visible ASCII or is too long",
    "Failed to parse X-Connector-Config JSON into ConnectorSpecificConfig",
    "Failed to parse X-Connector-Config JSON: \"config\" names no connector",
    "X-Connector-Config header missing config",
    "Failed to convert connector config from X-Connector-Config header",
    false,
};

/* The platform replaces the text "auth_type" by "config" before parsing, so both keys work, but not
 * together. */
static const struct form auth_form = {
    "x-connector-auth",
    "X-Connector-Auth header is not visible ASCII or is too long",
    "Failed to parse X-Connector-Auth JSON into ConnectorSpecificConfig",
    "Failed to parse X-Connector-Auth JSON: \"auth_type\" names no connector",
    "X-Connector-Auth header missing auth_type",
    "Failed to convert connector config from X-Connector-Auth header",
    true,
};

static enum ses_status unparsable(struct ses_credential_draft *draft, const struct form *form,
                                  const char *key)
{
    return ses_credential_refuse_key(draft, SES_REASON_INVALID_CONNECTOR_CONFIG_JSON, form->header,
                                     form->unparsable, key);
}

static enum ses_status incomplete(struct ses_credential_draft *draft, const struct form *form,
                                  const char *key)
{
    return ses_credential_refuse_key(draft, SES_REASON_AUTH_CONVERSION_FAILED, form->header, form->incomplete,
                                     key);
}

static enum ses_status read_secret(struct ses_credential_draft *draft, const struct form *form,
                                   const json_t *entry, const struct ses_config_key *key)
{
    struct ses_slice value;

    switch (ses_json_secret(entry, key->name, &value)) {
    case SES_JSON_TEXT:
        ses_credential_add(draft, key->name, value);
        return SES_OK;
    case SES_JSON_ABSENT:
        return key->required ? incomplete(draft, form, key->name) : SES_OK;
    default:
        return unparsable(draft, form, key->name);
    }
}

static enum ses_status check_list(struct ses_credential_draft *draft, const struct form *form,
                                  const json_t *list, const char *key)
{
    json_t *item;
    size_t index;

    if (!json_is_array(list))
        return unparsable(draft, form, key);
    json_array_foreach(list, index, item) {
        if (!json_is_string(item))
            return unparsable(draft, form, key);
    }
    return SES_OK;
}

/* Payload's auth_key_map: PayloadCurrencyAuthData by currency. */
static enum ses_status check_map(struct ses_credential_draft *draft, const struct form *form, json_t *map,
                                 const char *key)
{
    const char *currency;
    json_t *entry;
    struct ses_slice value;

    if (!json_is_object(map))
        return unparsable(draft, form, key);
    json_object_foreach(map, currency, entry) {
        enum ses_json_text api_key = ses_json_secret(entry, "api_key", &value);

        if (!json_is_object(entry) || api_key == SES_JSON_WRONG ||
            ses_json_secret(entry, "processing_account_id", &value) == SES_JSON_WRONG)
            return unparsable(draft, form, key);
        if (api_key == SES_JSON_ABSENT)
            return incomplete(draft, form, key);
    }
    ses_credential_keep_first(draft, map);
    return SES_OK;
}

static enum ses_status read_key(struct ses_credential_draft *draft, const struct form *form,
                                const json_t *entry, const struct ses_config_key *key)
{
    json_t *value = json_object_get(entry, key->name);
    struct ses_slice text;

    switch (key->type) {
    case SES_CONFIG_SECRET:
        return read_secret(draft, form, entry, key);
    case SES_CONFIG_LIST:
        return check_list(draft, form, value, key->name);
    case SES_CONFIG_MAP:
        SES_TRY(check_map(draft, form, value, key->name));
        ses_credential_mean_json(draft, key->name, value);
        return SES_OK;
    case SES_CONFIG_BOOL:
        if (value != NULL && !json_is_boolean(value) && !json_is_null(value))
            return unparsable(draft, form, key->name);
        return SES_OK;
    case SES_CONFIG_KEPT:
        switch (ses_json_text(entry, key->name, &text)) {
        case SES_JSON_TEXT:
            ses_credential_keep(draft, key->name, text);
            return SES_OK;
        case SES_JSON_ABSENT:
            return SES_OK;
        default:
            return unparsable(draft, form, key->name);
        }
    case SES_CONFIG_ACCESS_URL:
        if (ses_json_text(entry, key->name, &draft->found.access_url) == SES_JSON_WRONG)
            return unparsable(draft, form, key->name);
        return SES_OK;
    default:
        if (ses_json_text(entry, key->name, &text) == SES_JSON_WRONG)
            return unparsable(draft, form, key->name);
        return SES_OK;
    }
}

/* A key that does not parse is told before one that is merely absent, as the platform does it. */
static enum ses_status read_keys(struct ses_credential_draft *draft, const struct form *form,
                                 const json_t *entry, const struct ses_credential_row *row)
{
    enum ses_status absent = SES_OK;
    struct ses_error first_absent = {0};

    for (size_t i = 0; i < SES_CONFIG_KEYS_MAX && row->keys[i].name != NULL; i++) {
        enum ses_status status = read_key(draft, form, entry, &row->keys[i]);

        if (status == SES_OK)
            continue;
        if (draft->error->reason != SES_REASON_AUTH_CONVERSION_FAILED)
            return status;
        if (absent == SES_OK)
            first_absent = *draft->error;
        absent = status;
    }
    if (absent != SES_OK)
        *draft->error = first_absent;
    return absent;
}

/* Any object stands for keys that are not known here, whatever its values are (strings, booleans, lists,
 * maps). No call needs them, but who has other ones is another caller. */
static void read_unknown_keys(struct ses_credential_draft *draft, json_t *entry)
{
    const char *key;
    json_t *value;

    json_object_foreach(entry, key, value) {
        if (strcmp(key, "base_url") != 0)
            ses_credential_mean_json(draft, key, value);
    }
}

static enum ses_status read_variant(struct ses_credential_draft *draft, const struct form *form,
                                    const char *variant, json_t *entry)
{
    enum ses_status status = SES_OK;
    const struct ses_credential_row *row;

    if (ses_connector_variant_unsupported(variant))
        return ses_credential_refuse(draft, SES_REASON_UNSUPPORTED_CONNECTOR, form->header,
                                     "Connector is not supported");
    draft->found.connector = ses_connector_by_variant(variant);
    if (draft->found.connector == NULL)
        status = ses_connector_of_variant(variant, draft->arena, &draft->found.connector);
    if (status == SES_MALFORMED)
        return ses_credential_refuse_name(draft, SES_REASON_INVALID_CONNECTOR_CONFIG_JSON, form->header,
                                          form->unknown, true);
    SES_TRY(status);
    if (!json_is_object(entry))
        return unparsable(draft, form, NULL);
    row = ses_credential_row(draft->found.connector);
    if (row != NULL)
        SES_TRY(read_keys(draft, form, entry, row));
    else
        read_unknown_keys(draft, entry);
    /* base_url has a meaning everywhere. */
    if (ses_json_text(entry, "base_url", &draft->found.base_url) == SES_JSON_WRONG)
        return unparsable(draft, form, "base_url");
    return SES_OK;
}

/* The object under "config" (or "auth_type"): exactly one member, whose key names the connector. */
static enum ses_status find_variant(struct ses_credential_draft *draft, const struct form *form,
                                    json_t **ret_choice)
{
    json_t *choice = json_object_get(draft->json, "config");
    json_t *twin = form->auth_type_accepted ? json_object_get(draft->json, "auth_type") : NULL;

    if (choice != NULL && twin != NULL)
        return unparsable(draft, form, NULL);
    if (choice == NULL)
        choice = twin;
    if (choice == NULL || json_is_null(choice) || (json_is_object(choice) && json_object_size(choice) == 0))
        return ses_credential_refuse(draft, SES_REASON_INVALID_CONNECTOR_CONFIG_FORMAT, form->header,
                                     form->missing);
    if (json_object_size(choice) != 1) /* 0 for what is not an object */
        return unparsable(draft, form, NULL);
    *ret_choice = choice;
    return SES_OK;
}

static enum ses_status read_config(struct ses_credential_draft *draft, const struct form *form,
                                   struct ses_slice text)
{
    enum ses_status status;
    json_t *choice = NULL;
    void *variant;

    if (!ses_credential_header_ok(text))
        return ses_credential_refuse(draft, SES_REASON_INVALID_CONNECTOR_CONFIG_HEADER, form->header,
                                     form->unreadable);
    status = ses_json_parse(text, SES_JSON_CONFIG_DEPTH_MAX, &draft->json);
    if (status == SES_NO_MEMORY)
        return status;
    if (status != SES_OK || !json_is_object(draft->json))
        return unparsable(draft, form, NULL);
    SES_TRY(find_variant(draft, form, &choice));
    variant = json_object_iter(choice);
    return read_variant(draft, form, json_object_iter_key(variant), json_object_iter_value(variant));
}

enum ses_status ses_credentials_from_config(const struct ses_connector_headers *headers,
                                            struct ses_credential_draft *draft)
{
    if (headers->connector_config.len > 0)
        SES_TRY(read_config(draft, &config_form, headers->connector_config));
    else
        SES_TRY(read_config(draft, &auth_form, headers->connector_auth));
    /* The platform does not read x-connector here. A caller that names one connector and sends another's
     * credentials has mixed something up; better told than charged at the wrong place. */
    if (headers->connector.len > 0 && !ses_slice_eq_str(headers->connector, draft->found.connector->name))
        return ses_credential_refuse(draft, SES_REASON_CONNECTOR_CONTRADICTION, "x-connector",
                                     "x-connector names another connector than the connector config");
    return SES_OK;
}
