/* A caller's connector configuration, where it is not we who call by it: it is passed on to a payment server, which sends the
 * connector's call, credentials included, to whatever URLs it names. */
#include <sessiond/connector/connector.h>

#include "config_memo.h"
#include "json.h"
#include "registry.h"

static bool ends_in_url(const char *key)
{
    struct ses_slice name = ses_slice_str(key);

    return name.len >= 3 && memcmp(name.data + name.len - 3, "url", 3) == 0;
}

/* base_url, secondary_base_url, dispute_base_url, base_url_bank_redirects ..: a key of tomorrow is one, too. */
static bool names_url(const char *key)
{
    return strstr(key, "base_url") != NULL || ends_in_url(key);
}

/* It becomes the first part of a host's name. */
static bool is_host_part(struct ses_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return true;
}

static enum ses_status check_text(const struct ses_connector_policy *policy, const char *key,
                                  struct ses_slice text, struct ses_arena *arena, struct ses_error *error)
{
    struct ses_credentials credentials = {.base_url = text};
    struct ses_slice url;

    if (text.len > 0 && names_url(key))
        return ses_connector_base_url(policy, &credentials, false, arena, &url, error);
    if (strcmp(key, "endpoint_prefix") != 0 || is_host_part(text))
        return SES_OK;
    ses_error_refuse(error, SES_REASON_BASE_URL_REFUSED,
                     SES_STR("endpoint_prefix must be letters, digits and '-'"));
    return error->status;
}

/* Its depth is bounded by the parser. */
static enum ses_status check_object(const struct ses_connector_policy *policy, json_t *object,
                                    struct ses_arena *arena,
                                    struct ses_error *error) // NOLINT(misc-no-recursion)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        if (json_is_string(value))
            SES_TRY(check_text(policy, key, ses_slice(json_string_value(value), json_string_length(value)),
                               arena, error));
        else if (json_is_object(value))
            SES_TRY(check_object(policy, value, arena, error));
    }
    return SES_OK;
}

/* Whose configuration it is; NULL: what it says is for the payment server to judge. */
static enum ses_status find_connector(const json_t *json, struct ses_arena *arena,
                                      const struct ses_connector **ret_connector)
{
    json_t *choice = json_object_get(json, "config");
    enum ses_status status;
    const char *variant;

    *ret_connector = NULL;
    if (choice == NULL)
        choice = json_object_get(json, "auth_type");
    if (json_object_size(choice) != 1)
        return SES_OK;
    variant = json_object_iter_key(json_object_iter(choice));
    *ret_connector = ses_connector_by_variant(variant);
    if (*ret_connector != NULL)
        return SES_OK;
    status = ses_connector_of_variant(variant, arena, ret_connector);
    return status == SES_MALFORMED ? SES_OK : status;
}

static enum ses_status check_config(const struct ses_connector_policy *policy, struct ses_slice text,
                                    struct ses_arena *arena, const struct ses_connector **ret_connector,
                                    struct ses_error *ret_error)
{
    json_t *json = NULL;
    enum ses_status status = ses_json_parse(text, SES_JSON_CONFIG_DEPTH_MAX, &json);

    if (status == SES_NO_MEMORY) {
        ses_error_set(ret_error, status, SES_STR("out of memory"));
        return status;
    }
    if (status != SES_OK) {
        ses_error_refuse(ret_error, SES_REASON_INVALID_CONNECTOR_CONFIG_JSON,
                         SES_STR("x-connector-config is not JSON"));
        return ret_error->status;
    }
    status = check_object(policy, json, arena, ret_error);
    if (status == SES_OK) {
        status = find_connector(json, arena, ret_connector);
        if (status != SES_OK)
            ses_error_set(ret_error, status, SES_STR("out of memory"));
    }
    ses_json_wipe(json);
    return status;
}

enum ses_status ses_connector_config_check(const struct ses_connector_policy *policy,
                                           struct ses_connector_config_memo *memo, struct ses_slice text,
                                           struct ses_arena *arena,
                                           const struct ses_connector **ret_connector,
                                           struct ses_error *ret_error)
{
    uint8_t key[SES_HASH_BYTES];

    ses_config_memo_key(memo, text, key);
    if (ses_config_memo_find(memo, key, ret_connector))
        return SES_OK;
    SES_TRY(check_config(policy, text, arena, ret_connector, ret_error));
    ses_config_memo_add(memo, key, *ret_connector);
    return SES_OK;
}
