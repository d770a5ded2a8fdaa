/* field.h - the fields of a CreateSessionToken request and what each RPC calls them.
 *
 * The numbers are stored (bits of a fingerprint): append, never renumber.
 */
#ifndef SESSIOND_DOMAIN_FIELD_H
#define SESSIOND_DOMAIN_FIELD_H

#include <sessiond/base/slice.h>

/* clang-format off */
/*  name, path in CreateSessionToken, path in CreateServerSessionAuthenticationToken */
#define SES_FIELD_TEXT_TABLE(X)                                                                              \
    X(MERCHANT_SESSION_ID, "merchant_session_id", "merchant_server_session_id")                              \
    X(METADATA, "metadata", "payment.metadata")                                                              \
    X(FEATURE_DATA, "connector_feature_data", "connector_feature_data")                                      \
    X(STATE_TOKEN, "state.access_token.token", "state.access_token.token")                                   \
    X(STATE_TOKEN_TYPE, "state.access_token.token_type", "state.access_token.token_type")                    \
    X(STATE_CUSTOMER, "state.connector_customer_id", "state.connector_customer_id")                          \
    X(LANGUAGE, "browser_info.language", "payment.browser_info.language")                                    \
    X(ACCEPT_HEADER, "browser_info.accept_header", "payment.browser_info.accept_header")                     \
    X(USER_AGENT, "browser_info.user_agent", "payment.browser_info.user_agent")                              \
    X(ACCEPT_LANGUAGE, "browser_info.accept_language", "payment.browser_info.accept_language")               \
    X(REFERER, "browser_info.referer", "payment.browser_info.referer")                                       \
    X(IP_ADDRESS, "browser_info.ip_address", "payment.browser_info.ip_address")                              \
    X(OS_TYPE, "browser_info.os_type", "payment.browser_info.os_type")                                       \
    X(OS_VERSION, "browser_info.os_version", "payment.browser_info.os_version")                              \
    X(DEVICE_MODEL, "browser_info.device_model", "payment.browser_info.device_model")                        \
    X(CUSTOMER, "customer", "payment.customer") /* the message's bytes */                                    \
    X(ADDRESS, "address", "payment.address")    /* the message's bytes */

#define SES_FIELD_NUMBER_TABLE(X)                                                                            \
    X(MINOR_AMOUNT, "amount.minor_amount", "payment.amount.minor_amount")                                    \
    X(CURRENCY, "amount.currency", "payment.amount.currency")                                                \
    X(STATE_EXPIRES_IN, "state.access_token.expires_in_seconds", "state.access_token.expires_in_seconds")    \
    X(COLOR_DEPTH, "browser_info.color_depth", "payment.browser_info.color_depth")                           \
    X(SCREEN_HEIGHT, "browser_info.screen_height", "payment.browser_info.screen_height")                     \
    X(SCREEN_WIDTH, "browser_info.screen_width", "payment.browser_info.screen_width")                        \
    X(JAVA_ENABLED, "browser_info.java_enabled", "payment.browser_info.java_enabled")                        \
    X(JAVA_SCRIPT_ENABLED, "browser_info.java_script_enabled", "payment.browser_info.java_script_enabled")   \
    X(TIME_ZONE_OFFSET, "browser_info.time_zone_offset_minutes",                                             \
      "payment.browser_info.time_zone_offset_minutes")

/* Present or not, no value of their own; CONNECTOR and CREDENTIALS come from the metadata headers. */
#define SES_FIELD_GROUP_TABLE(X)                                                                             \
    X(PAYMENT, "amount", "payment")                                                                          \
    X(AMOUNT, "amount", "payment.amount")                                                                    \
    X(STATE_ACCESS_TOKEN, "state.access_token", "state.access_token")                                        \
    X(CONNECTOR, "connector", "connector")                                                                   \
    X(CREDENTIALS, "credentials", "credentials")

enum ses_field {
#define SES_FIELD_ENUM(name, old_path, new_path) SES_FIELD_##name,
    SES_FIELD_TEXT_TABLE(SES_FIELD_ENUM)
    SES_FIELD_NUMBER_TABLE(SES_FIELD_ENUM)
    SES_FIELD_GROUP_TABLE(SES_FIELD_ENUM)
#undef SES_FIELD_ENUM
    SES_FIELD_COUNT
};
/* clang-format on */

#define SES_FIELD_TEXTS      (SES_FIELD_ADDRESS + 1)
#define SES_FIELD_NUMBERS    (SES_FIELD_TIME_ZONE_OFFSET + 1 - SES_FIELD_TEXTS)
#define SES_FIELD_BIT(field) (UINT64_C(1) << (field))

/* Whose words a caller reads in an error. */
enum ses_naming {
    SES_NAMING_SESSION_TOKEN,
    SES_NAMING_SERVER_SESSION_TOKEN,
    SES_NAMING_SDK_TOKEN,    /* as the first but for the name of the call */
    SES_NAMING_CLIENT_TOKEN, /* as the second but for that */
    SES_NAMING_COUNT
};

/* [any] The proto path, dots between; static storage. */
struct ses_slice ses_field_path(enum ses_naming naming, enum ses_field field);

#endif
