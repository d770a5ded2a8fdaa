/* One row a connector: its config keys, then the older forms that fill the same keys. NEED and MAY are
 * secrets; HEADER, BODY, SIGNATURE and MULTI are kinds of x-auth, and what stands in them says which header
 * is which key.
 */
#include "credential_table.h"

#define NEED(name)                                                                                           \
    {                                                                                                        \
        name, SES_CONFIG_SECRET, true                                                                        \
    }
#define MAY(name)                                                                                            \
    {                                                                                                        \
        name, SES_CONFIG_SECRET, false                                                                       \
    }
#define STRING(name)                                                                                         \
    {                                                                                                        \
        name, SES_CONFIG_STRING, false                                                                       \
    }
#define FLAG(name)                                                                                           \
    {                                                                                                        \
        name, SES_CONFIG_BOOL, false                                                                         \
    }
#define LIST(name)                                                                                           \
    {                                                                                                        \
        name, SES_CONFIG_LIST, true                                                                          \
    }
#define KEPT(name)                                                                                           \
    {                                                                                                        \
        name, SES_CONFIG_KEPT, false                                                                         \
    }
#define MAP(name)                                                                                            \
    {                                                                                                        \
        name, SES_CONFIG_MAP, true                                                                           \
    }
#define NO_OLDER                                                                                             \
    {                                                                                                        \
        {                                                                                                    \
            SES_AUTH_NO_KEY,                                                                                 \
            {                                                                                                \
                {                                                                                            \
                    NULL, SES_FROM_NOTHING                                                                   \
                }                                                                                            \
            }                                                                                                \
        }                                                                                                    \
    }
#define BASE_URL   STRING("base_url")
#define SECOND_URL STRING("secondary_base_url")
#define ACCESS_URL(name)                                                                                     \
    {                                                                                                        \
        name, SES_CONFIG_ACCESS_URL, false                                                                   \
    }

#define API_KEY(name)                                                                                        \
    {                                                                                                        \
        name, SES_FROM_API_KEY                                                                               \
    }
#define KEY1(name)                                                                                           \
    {                                                                                                        \
        name, SES_FROM_KEY1                                                                                  \
    }
#define KEY2(name)                                                                                           \
    {                                                                                                        \
        name, SES_FROM_KEY2                                                                                  \
    }
#define API_SECRET(name)                                                                                     \
    {                                                                                                        \
        name, SES_FROM_API_SECRET                                                                            \
    }

#define HEADER(...)                                                                                          \
    {                                                                                                        \
        SES_AUTH_HEADER_KEY,                                                                                 \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define BODY(...)                                                                                            \
    {                                                                                                        \
        SES_AUTH_BODY_KEY,                                                                                   \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define SIGNATURE(...)                                                                                       \
    {                                                                                                        \
        SES_AUTH_SIGNATURE_KEY,                                                                              \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }
#define MULTI(...)                                                                                           \
    {                                                                                                        \
        SES_AUTH_MULTI_KEY,                                                                                  \
        {                                                                                                    \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

/* Messages *Config of the protocol (both its older and newer version); every url key beside base_url names a
 * second service that no call of ours uses. Secrets are message fields there, so a missing one is found after
 * parsing (AUTH_CONVERSION_FAILED), while a missing list or map does not even parse. */
/* clang-format off */
static const struct ses_credential_row rows[] = {
    {"nuvei", {NEED("merchant_id"), NEED("merchant_site_id"), NEED("merchant_secret"), BASE_URL},
     {SIGNATURE(API_KEY("merchant_id"), KEY1("merchant_site_id"), API_SECRET("merchant_secret"))}, 1},
    {"paytm", {NEED("merchant_id"), NEED("merchant_key"), NEED("website"), MAY("client_id"), BASE_URL},
     {SIGNATURE(API_KEY("merchant_id"), KEY1("merchant_key"), API_SECRET("website")),
      MULTI(API_KEY("merchant_id"), KEY1("merchant_key"), API_SECRET("website"), KEY2("client_id"))}, 2},
    {"stripe", {NEED("api_key"), BASE_URL}, {HEADER(API_KEY("api_key"))}, 1},
    {"payu", {NEED("api_key"), NEED("api_secret"), BASE_URL}, {BODY(API_KEY("api_key"), KEY1("api_secret"))}, 1},
    {"authorizedotnet", {NEED("name"), NEED("transaction_key"), BASE_URL},
     {BODY(API_KEY("name"), KEY1("transaction_key"))}, 1},
    {"adyen", {NEED("api_key"), NEED("merchant_account"), MAY("review_key"), BASE_URL,
               STRING("dispute_base_url"), KEPT("endpoint_prefix")},
     {BODY(API_KEY("api_key"), KEY1("merchant_account")),
      SIGNATURE(API_KEY("api_key"), KEY1("merchant_account"), API_SECRET("review_key"))}, 2},
    {"airwallex", {NEED("api_key"), NEED("client_id"), BASE_URL},
     {BODY(API_KEY("api_key"), KEY1("client_id"))}, 1},
    {"billwerk", {NEED("api_key"), NEED("public_api_key"), BASE_URL, SECOND_URL},
     {BODY(API_KEY("api_key"), KEY1("public_api_key"))}, 1},
    {"bluesnap", {NEED("username"), NEED("password"), BASE_URL},
     {BODY(KEY1("username"), API_KEY("password"))}, 1},
    {"braintree", {NEED("public_key"), NEED("private_key"), BASE_URL, MAY("merchant_account_id"),
                   STRING("merchant_config_currency"), LIST("apple_pay_supported_networks"),
                   LIST("apple_pay_merchant_capabilities"), KEPT("apple_pay_label"),
                   STRING("gpay_merchant_name"), STRING("gpay_merchant_id"),
                   LIST("gpay_allowed_auth_methods"), LIST("gpay_allowed_card_networks"),
                   KEPT("paypal_client_id"), STRING("gpay_gateway_merchant_id")},
     {SIGNATURE(API_KEY("public_key"), API_SECRET("private_key"))}, 1},
    {"datatrans", {NEED("merchant_id"), NEED("password"), BASE_URL},
     {BODY(KEY1("merchant_id"), API_KEY("password"))}, 1},
    {"fiservcommercehub", {NEED("api_key"), NEED("secret"), NEED("merchant_id"), NEED("terminal_id"),
                           BASE_URL},
     {MULTI(API_KEY("api_key"), API_SECRET("secret"), KEY1("merchant_id"), KEY2("terminal_id"))}, 1},
    {"getnet", {NEED("api_key"), NEED("api_secret"), NEED("seller_id"), BASE_URL},
     {SIGNATURE(API_KEY("api_key"), API_SECRET("api_secret"), KEY1("seller_id"))}, 1},
    {"globalpay", {NEED("app_id"), NEED("app_key"), BASE_URL}, {BODY(KEY1("app_id"), API_KEY("app_key"))}, 1},
    {"iatapay", {NEED("client_id"), NEED("merchant_id"), NEED("client_secret"), BASE_URL},
     {SIGNATURE(API_KEY("client_id"), KEY1("merchant_id"), API_SECRET("client_secret"))}, 1},
    {"itaubank", {NEED("client_secret"), NEED("client_id"), MAY("certificates"), MAY("private_key"),
                  BASE_URL, SECOND_URL},
     {BODY(API_KEY("client_id"), KEY1("client_secret"))}, 1},
    {"jpmorgan", {NEED("client_id"), NEED("client_secret"), BASE_URL, MAY("company_name"),
                  MAY("product_name"), MAY("merchant_purchase_description"),
                  MAY("statement_descriptor"), ACCESS_URL("secondary_base_url")},
     {BODY(API_KEY("client_id"), KEY1("client_secret"))}, 1},
    {"mollie", {NEED("api_key"), MAY("profile_token"), BASE_URL, SECOND_URL},
     {HEADER(API_KEY("api_key")), BODY(API_KEY("api_key"), KEY1("profile_token"))}, 2},
    {"multisafepay", {NEED("api_key"), BASE_URL}, {HEADER(API_KEY("api_key"))}, 1},
    {"nexinets", {NEED("merchant_id"), NEED("api_key"), BASE_URL},
     {BODY(KEY1("merchant_id"), API_KEY("api_key"))}, 1},
    {"nexixpay", {NEED("api_key"), BASE_URL}, {HEADER(API_KEY("api_key"))}, 1},
    {"shift4", {NEED("api_key"), BASE_URL}, {HEADER(API_KEY("api_key"))}, 1},
    {"payload", {MAP("auth_key_map"), BASE_URL}, {{SES_AUTH_CURRENCY_KEY, {{NULL, SES_FROM_NOTHING}}}}, 1},
    {"paypal", {NEED("client_id"), NEED("client_secret"), MAY("payer_id"), BASE_URL},
     {BODY(KEY1("client_id"), API_KEY("client_secret")),
      SIGNATURE(KEY1("client_id"), API_KEY("client_secret"), API_SECRET("payer_id"))}, 2},
    {"pinelabs_online", {NEED("client_id"), NEED("client_secret"), BASE_URL},
     {BODY(API_KEY("client_id"), KEY1("client_secret"))}, 1},
    {"rapyd", {NEED("access_key"), NEED("secret_key"), BASE_URL},
     {BODY(API_KEY("access_key"), KEY1("secret_key"))}, 1},
    {"revolut", {NEED("secret_api_key"), MAY("signing_secret"), BASE_URL},
     {HEADER(API_KEY("secret_api_key"))}, 1},
    {"truelayer", {NEED("client_id"), NEED("client_secret"), NEED("merchant_account_id"),
                   NEED("account_holder_name"), NEED("private_key"), NEED("kid"), BASE_URL,
                   ACCESS_URL("secondary_base_url")},
     {BODY(API_KEY("client_id"), KEY1("client_secret"))}, 1},
    {"trustpay", {NEED("api_key"), NEED("project_id"), NEED("secret_key"), BASE_URL,
                  ACCESS_URL("base_url_bank_redirects")},
     {SIGNATURE(API_KEY("api_key"), KEY1("project_id"), API_SECRET("secret_key"))}, 1},
    {"volt", {NEED("username"), NEED("password"), NEED("client_id"), NEED("client_secret"), BASE_URL,
              SECOND_URL},
     {MULTI(API_KEY("username"), API_SECRET("password"), KEY1("client_id"), KEY2("client_secret"))}, 1},
    {"cybersource", {NEED("api_key"), NEED("merchant_account"), NEED("api_secret"), BASE_URL,
                     FLAG("disable_avs"), FLAG("disable_cvn")},
     {SIGNATURE(API_KEY("api_key"), KEY1("merchant_account"), API_SECRET("api_secret"))}, 1},
    {"nmi", {NEED("api_key"), MAY("public_key"), BASE_URL},
     {HEADER(API_KEY("api_key")), BODY(API_KEY("api_key"), KEY1("public_key"))}, 2},
    {"redsys", {NEED("merchant_id"), NEED("terminal_id"), NEED("sha256_pwd"), BASE_URL},
     {SIGNATURE(API_KEY("merchant_id"), KEY1("terminal_id"), API_SECRET("sha256_pwd"))}, 1},
    {"worldpay", {NEED("username"), NEED("password"), NEED("entity_id"), BASE_URL, MAY("merchant_name")},
     {SIGNATURE(KEY1("username"), API_KEY("password"), API_SECRET("entity_id"))}, 1},
    /* Of the newest protocol: their older forms are not known. */
    {"absa_sanlam", {NEED("api_key"), NEED("merchant_id"), BASE_URL}, NO_OLDER, 0},
    {"aci", {NEED("api_key"), NEED("entity_id"), BASE_URL}, NO_OLDER, 0},
    {"juspay", {NEED("api_key"), NEED("merchant_id"), BASE_URL}, NO_OLDER, 0},
    {"tamara", {NEED("api_key"), BASE_URL}, NO_OLDER, 0},
    {"glomopay", {NEED("api_key"), BASE_URL}, NO_OLDER, 0},
    {"hyperswitch", {NEED("api_key"), BASE_URL}, NO_OLDER, 0},
    {"givepayments", {NEED("api_key"), BASE_URL}, NO_OLDER, 0},
    {"payconex", {NEED("api_key"), NEED("account_id"), BASE_URL}, NO_OLDER, 0},
    {"qwikcilver", {NEED("bootstrap_bearer_token"), NEED("terminal_id"), NEED("username"), NEED("password"),
                    BASE_URL}, NO_OLDER, 0},
    {"checkout", {NEED("api_key"), NEED("api_secret"), NEED("processing_channel_id"), BASE_URL}, NO_OLDER, 0},
    {"tsys_transit", {NEED("device_id"), NEED("transaction_key"), NEED("developer_id"), BASE_URL}, NO_OLDER, 0},
    {"kount", {NEED("api_key"), NEED("auth_server_id"), BASE_URL}, NO_OLDER, 0},
    {"flywire", {NEED("api_key"), NEED("shared_secret"), NEED("recipient_id"), BASE_URL}, NO_OLDER, 0},
};
/* clang-format on */

const struct ses_credential_row *ses_credential_row(const struct ses_connector *connector)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (strcmp(rows[i].name, connector->name) == 0)
            return &rows[i];
    }
    return NULL;
}
