/* credential_samples.h - the platform's x-connector-config shapes and their older headers, written down a
 * second time and in another form than src/connector/credential_table.c, so that a slip in one of them shows.
 *
 * keys: name = mandatory secret, name? = optional secret, name?s = optional text, name?b = optional flag,
 * name[] = list, name{} = map. legacy: "kind key=source ..; kind ..", sources a = x-api-key, 1 = x-key1, 2 =
 * x-key2, s = x-api-secret.
 */
#ifndef SESSIOND_TESTS_UNIT_CONNECTOR_CREDENTIAL_SAMPLES_H
#define SESSIOND_TESTS_UNIT_CONNECTOR_CREDENTIAL_SAMPLES_H

struct sample {
    const char *variant, *connector, *keys, *legacy;
};

/* clang-format off */
static const struct sample samples[] = {
    {"Nuvei", "nuvei", "merchant_id merchant_site_id merchant_secret base_url?s",
     "signature-key merchant_id=a merchant_site_id=1 merchant_secret=s"},
    {"Paytm", "paytm", "merchant_id merchant_key website client_id? base_url?s",
     "signature-key merchant_id=a merchant_key=1 website=s; multi-auth-key merchant_id=a merchant_key=1 website=s client_id=2"},
    {"Stripe", "stripe", "api_key base_url?s", "header-key api_key=a"},
    {"Adyen", "adyen", "api_key merchant_account review_key? base_url?s dispute_base_url?s endpoint_prefix?s",
     "body-key api_key=a merchant_account=1; signature-key api_key=a merchant_account=1 review_key=s"},
    {"Airwallex", "airwallex", "api_key client_id base_url?s", "body-key api_key=a client_id=1"},
    {"Billwerk", "billwerk", "api_key public_api_key base_url?s secondary_base_url?s", "body-key api_key=a public_api_key=1"},
    {"Braintree", "braintree",
     "public_key private_key base_url?s merchant_account_id? merchant_config_currency?s apple_pay_supported_networks[] "
     "apple_pay_merchant_capabilities[] apple_pay_label?s gpay_merchant_name?s gpay_merchant_id?s gpay_allowed_auth_methods[] "
     "gpay_allowed_card_networks[] paypal_client_id?s gpay_gateway_merchant_id?s",
     "signature-key public_key=a private_key=s"},
    {"Datatrans", "datatrans", "merchant_id password base_url?s", "body-key merchant_id=1 password=a"},
    {"Fiservcommercehub", "fiservcommercehub", "api_key secret merchant_id terminal_id base_url?s",
     "multi-auth-key api_key=a secret=s merchant_id=1 terminal_id=2"},
    {"Getnet", "getnet", "api_key api_secret seller_id base_url?s", "signature-key api_key=a api_secret=s seller_id=1"},
    {"Globalpay", "globalpay", "app_id app_key base_url?s", "body-key app_id=1 app_key=a"},
    {"Iatapay", "iatapay", "client_id merchant_id client_secret base_url?s",
     "signature-key client_id=a merchant_id=1 client_secret=s"},
    {"Itaubank", "itaubank", "client_id client_secret certificates? private_key? base_url?s secondary_base_url?s",
     "body-key client_id=a client_secret=1"},
    {"Jpmorgan", "jpmorgan",
     "client_id client_secret base_url?s company_name? product_name? merchant_purchase_description? statement_descriptor? "
     "secondary_base_url?s",
     "body-key client_id=a client_secret=1"},
    {"Mollie", "mollie", "api_key profile_token? base_url?s secondary_base_url?s",
     "header-key api_key=a; body-key api_key=a profile_token=1"},
    {"Multisafepay", "multisafepay", "api_key base_url?s", "header-key api_key=a"},
    {"Nexixpay", "nexixpay", "api_key base_url?s", "header-key api_key=a"},
    {"Shift4", "shift4", "api_key base_url?s", "header-key api_key=a"},
    {"Nexinets", "nexinets", "merchant_id api_key base_url?s", "body-key merchant_id=1 api_key=a"},
    {"Payload", "payload", "auth_key_map{} base_url?s", "currency-auth-key"},
    {"Paypal", "paypal", "client_id client_secret payer_id? base_url?s",
     "body-key client_id=1 client_secret=a; signature-key client_id=1 client_secret=a payer_id=s"},
    {"PinelabsOnline", "pinelabs_online", "client_id client_secret base_url?s", "body-key client_id=a client_secret=1"},
    {"Rapyd", "rapyd", "access_key secret_key base_url?s", "body-key access_key=a secret_key=1"},
    {"Revolut", "revolut", "secret_api_key signing_secret? base_url?s", "header-key secret_api_key=a"},
    {"Truelayer", "truelayer",
     "client_id client_secret merchant_account_id account_holder_name private_key kid base_url?s secondary_base_url?s",
     "body-key client_id=a client_secret=1"},
    {"Trustpay", "trustpay", "api_key project_id secret_key base_url?s base_url_bank_redirects?s",
     "signature-key api_key=a project_id=1 secret_key=s"},
    {"Volt", "volt", "username password client_id client_secret base_url?s secondary_base_url?s",
     "multi-auth-key username=a password=s client_id=1 client_secret=2"},
    {"Cybersource", "cybersource", "api_key merchant_account api_secret base_url?s disable_avs?b disable_cvn?b",
     "signature-key api_key=a merchant_account=1 api_secret=s"},
    {"Nmi", "nmi", "api_key public_key? base_url?s", "header-key api_key=a; body-key api_key=a public_key=1"},
    {"Redsys", "redsys", "merchant_id terminal_id sha256_pwd base_url?s",
     "signature-key merchant_id=a terminal_id=1 sha256_pwd=s"},
    {"Worldpay", "worldpay", "username password entity_id base_url?s merchant_name?",
     "signature-key username=1 password=a entity_id=s"},
};
/* clang-format on */

#define SAMPLES_COUNT (sizeof(samples) / sizeof(samples[0]))

#endif
