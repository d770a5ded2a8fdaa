/* credential_table.h - which keys a connector's entry in x-connector-config has, and where the older x-auth
 * headers put them. */
#ifndef SESSIOND_SRC_CONNECTOR_CREDENTIAL_TABLE_H
#define SESSIOND_SRC_CONNECTOR_CREDENTIAL_TABLE_H

#include <sessiond/connector/connector.h>

enum ses_config_type {
    SES_CONFIG_SECRET, /* a string, or {"value": ".."}; copied into the credentials */
    SES_CONFIG_STRING, /* looked at and passed over */
    SES_CONFIG_KEPT,   /* a text that some call needs, and that says nothing of who calls */
    SES_CONFIG_ACCESS_URL, /* likewise; names the host of the connector's access tokens, where its API is at another one */
    SES_CONFIG_BOOL,
    SES_CONFIG_LIST, /* of strings; must be present, even if empty */
    SES_CONFIG_MAP   /* currency -> {api_key, processing_account_id?}; must be present */
};

struct ses_config_key {
    const char *name;
    enum ses_config_type type;
    bool required;
};

/* Values of x-auth, and the headers that each must bring along. */
enum ses_auth_kind {
    SES_AUTH_HEADER_KEY,    /* x-api-key */
    SES_AUTH_BODY_KEY,      /* x-api-key, x-key1 */
    SES_AUTH_SIGNATURE_KEY, /* x-api-key, x-key1, x-api-secret */
    SES_AUTH_MULTI_KEY,     /* x-api-key, x-key1, x-api-secret, x-key2 */
    SES_AUTH_NO_KEY,        /* none */
    SES_AUTH_TEMPORARY,     /* none */
    SES_AUTH_CURRENCY_KEY,  /* x-auth-key-map */
    SES_AUTH_COUNT
};

enum ses_auth_source {
    SES_FROM_NOTHING,
    SES_FROM_API_KEY,
    SES_FROM_KEY1,
    SES_FROM_KEY2,
    SES_FROM_API_SECRET
};

#define SES_LEGACY_KEYS_MAX 4

struct ses_legacy_form {
    enum ses_auth_kind kind;
    struct {
        const char *key;
        enum ses_auth_source source;
    } keys[SES_LEGACY_KEYS_MAX];
};

#define SES_CONFIG_KEYS_MAX  16
#define SES_LEGACY_FORMS_MAX 2

struct ses_credential_row {
    const char *name; /* the connector's */
    struct ses_config_key keys[SES_CONFIG_KEYS_MAX];
    struct ses_legacy_form legacy[SES_LEGACY_FORMS_MAX];
    size_t legacy_count;
};

/* NULL for a connector whose keys are not known to us: its entry may be any object. */
const struct ses_credential_row *ses_credential_row(const struct ses_connector *connector);

#endif
