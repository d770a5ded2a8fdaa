/* Which URL a call goes to: the caller's own if it is allowed, else the operator's, else the processor's
 * published one. Whoever may name a URL may make us fetch from it, so the caller's has the most to prove.
 */
#include <sessiond/connector/access_token.h>

#include <sessiond/base/authority.h>

#include "credential_table.h"
#include "url.h"

#define BASE_URL "base_url"

/* The processors' published addresses, of the service that is asked for sessions or tokens. Any other connector is
 * not called, so it has none here. */
static const struct {
    const char *connector;
    const char *sandbox;
    const char *production;
} defaults[] = {
    /* Each live account has a host of its own: client_odd.c. */
    {"adyen", "https://checkout-test.adyen.com/",
     "https://{{merchant_endpoint_prefix}}-checkout-live.adyenpayments.com/checkout/"},
    {"airwallex", "https://api-demo.airwallex.com/api/v1", "https://api.airwallex.com/api/v1"},
    {"billwerk", "https://api.reepay.com/", "https://api.reepay.com/"},
    {"bluesnap", "https://sandbox.bluesnap.com", "https://ws.bluesnap.com"},
    {"braintree", "https://payments.sandbox.braintree-api.com/graphql",
     "https://payments.braintree-api.com/graphql"},
    {"cybersource", "https://apitest.cybersource.com/", "https://api.cybersource.com/"},
    {"datatrans", "https://api.sandbox.datatrans.com", "https://api.datatrans.com"},
    {"fiservcommercehub", "https://connect-cert.fiservapis.com/ch/", "https://connect.fiservapis.com/ch/"},
    {"getnet", "https://api-sbx.pre.globalgetnet.com", "https://api.pre.globalgetnet.com"},
    {"globalpay", "https://apis.sandbox.globalpay.com/ucp", "https://apis.globalpay.com/ucp"},
    {"iatapay", "https://sandbox.iata-pay.iata.org/api/v1", "https://iata-pay.iata.org/api/v1"},
    {"itaubank", "https://sandbox.devportal.itau.com.br", "https://api.itau.com.br"},
    /* One host for tokens of both kinds, beside those of its API. */
    {"jpmorgan", "https://id.payments.jpmorgan.com", "https://id.payments.jpmorgan.com"},
    {"kount", "https://login.kount.com", "https://login.kount.com"},
    {"mollie", "https://api.mollie.com/v2", "https://api.mollie.com/v2"},
    {"multisafepay", "https://testapi.multisafepay.com/v1/json", "https://api.multisafepay.com/v1/json"},
    {"nexinets", "https://apitest.payengine.de/v1", "https://api.payengine.de/v1"},
    {"nexixpay", "https://xpaysandbox.nexigroup.com/api/phoenix-0.0/psp/api/v1",
     "https://xpay.nexigroup.com/api/phoenix-0.0/psp/api/v1"},
    {"nuvei", "https://ppp-test.nuvei.com/ppp/api/v1", "https://secure.safecharge.com/ppp/api/v1"},
    {"payload", "https://api.payload.com", "https://api.payload.com"},
    {"paypal", "https://api-m.sandbox.paypal.com/", "https://api-m.paypal.com/"},
    {"paytm", "https://securestage.paytmpayments.com/", "https://secure.paytmpayments.com/"},
    {"pinelabs_online", "https://pluraluat.v2.pinepg.in/api/pay/v1", "https://api.pluralpay.in/api/pay/v1"},
    {"qwikcilver", "https://qc3.qwikcilver.com/Qwikcilver/eGMS.RestApi/api",
     "https://qc3.qwikcilver.com/Qwikcilver/eGMS.RestApi/api"},
    {"rapyd", "https://sandboxapi.rapyd.net", "https://api.rapyd.net"},
    {"revolut", "https://sandbox-merchant.revolut.com/", "https://merchant.revolut.com/"},
    {"shift4", "https://api.shift4.com", "https://api.shift4.com"},
    {"stripe", "https://api.stripe.com/", "https://api.stripe.com/"},
    {"payu", "https://secure.snd.payu.com", "https://secure.payu.com/api"},
    {"authorizedotnet", "https://apitest.authorize.net/xml/v1/request.api",
     "https://api.authorize.net/xml/v1/request.api"},
    {"truelayer", "https://auth.truelayer-sandbox.com", "https://auth.truelayer.com"},
    {"trustpay", "https://aapi.trustpay.eu/", "https://aapi.trustpay.eu/"},
    {"volt", "https://gateway.sandbox.volt.io", "https://gateway.volt.io"},
};

static enum ses_status refuse(struct ses_error *error, const char *key, struct ses_slice message)
{
    ses_error_refuse(error, SES_REASON_BASE_URL_REFUSED, message);
    ses_error_metadata(error, SES_STR("key"), ses_slice_str(key));
    return error->status;
}

static bool host_listed(const struct ses_connector_policy *policy, const struct ses_url *url)
{
    for (size_t i = 0; i < policy->base_url_hosts_count; i++) {
        if (ses_url_host_matches(url, policy->base_url_hosts[i]))
            return true;
    }
    return false;
}

/* A base URL comes from whoever may call us: without these checks it would make us fetch from any host that
 * we can reach (SSRF). The host is compared as libcurl will read it; names are not resolved here, the
 * operator's list vouches for them. */
static enum ses_status check_callers_url(const struct ses_connector_policy *policy, const char *key,
                                         struct ses_slice text, struct ses_error *error)
{
    struct ses_url url;
    enum ses_status status = text.len > SES_BASE_URL_BYTES_MAX ? SES_MALFORMED : ses_url_parse(text, &url);

    if (status == SES_NO_MEMORY) {
        ses_error_set(error, status, SES_STR("out of memory while checking base_url"));
        return status;
    }
    if (status != SES_OK || ses_slice_find(text, '?') < text.len)
        return refuse(
            error, key,
            SES_STR("base_url must be an absolute http or https URL with a plain host and without user "
                    "information, query or fragment"));
    if (!host_listed(policy, &url))
        return refuse(error, key, SES_STR("base_url names a host that is not on the operator's allow-list"));
    if (policy->sandbox && !ses_url_loopback(&url))
        return refuse(error, key, SES_STR("base_url must name a loopback host: the sandbox calls no other"));
    if (!url.https && !policy->sandbox)
        return refuse(error, key, SES_STR("base_url must use https"));
    return SES_OK;
}

/* Nothing leaves the machine in the sandbox: what is tried there comes with made-up credentials, or with
 * real ones by mistake. An operator may have set a loopback address for live calls as well; without one there
 * is none. */
static enum ses_status check_sandbox(struct ses_slice text, bool test_mode, struct ses_error *error)
{
    struct ses_authority authority;
    struct ses_origin origin;

    /* By our own reading, at a tenth of libcurl's cost: the text is the operator's, and host.c has libcurl's before the
     * first call to a host. */
    if (ses_origin_parse(text, &origin) == SES_OK &&
        ses_authority_parse_peer(origin.authority, &authority) == SES_OK &&
        ses_host_is_loopback(authority.host))
        return SES_OK;
    ses_error_refuse(
        error, SES_REASON_SANDBOX_LIVE_CALL,
        test_mode ? SES_STR("this server runs with --sandbox, which has no simulation of this connector")
                  : SES_STR("this server runs with --sandbox, which makes no live calls: set test_mode: "
                            "true"));
    ses_error_metadata(error, SES_STR("field"), SES_STR("test_mode"));
    return error->status;
}

static const char *configured_url(const struct ses_connector_policy *policy,
                                  const struct ses_connector *connector, bool test_mode)
{
    for (size_t i = 0; i < policy->overrides_count; i++) {
        const struct ses_connector_url *row = &policy->overrides[i];
        const char *url = test_mode ? row->sandbox : row->production;

        if (row->connector == connector && url != NULL)
            return url;
    }
    for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
        if (strcmp(defaults[i].connector, connector->name) == 0)
            return test_mode ? defaults[i].sandbox : defaults[i].production;
    }
    return "";
}

/* text: the caller's, under that key; empty: none. called: a call will be made to it. */
static enum ses_status choose_url(const struct ses_connector_policy *policy,
                                  const struct ses_connector *connector, const char *key,
                                  struct ses_slice text, bool test_mode, bool called, struct ses_arena *arena,
                                  struct ses_slice *ret_url, struct ses_error *ret_error)
{
    struct ses_slice url = text;
    enum ses_status status;

    if (url.len > 0) {
        SES_TRY(check_callers_url(policy, key, url, ret_error));
    } else {
        url = ses_slice_str(configured_url(policy, connector, test_mode));
        if (policy->sandbox && called)
            SES_TRY(check_sandbox(url, test_mode, ret_error));
    }
    status = ses_arena_copy(arena, url, ret_url);
    if (status != SES_OK)
        ses_error_set(ret_error, status, SES_STR("out of memory while choosing the connector's URL"));
    return status;
}

enum ses_status ses_connector_base_url(const struct ses_connector_policy *policy,
                                       const struct ses_credentials *credentials, bool test_mode,
                                       struct ses_arena *arena, struct ses_slice *ret_url,
                                       struct ses_error *ret_error)
{
    const struct ses_connector *connector =
        credentials->connector; /* NULL: a URL is judged, whoever has it */

    return choose_url(policy, connector, BASE_URL, credentials->base_url, test_mode,
                      connector != NULL && connector->ops != NULL, arena, ret_url, ret_error);
}

/* The key that names the host of the connector's access tokens; NULL: base_url does. */
static const char *access_key(const struct ses_connector *connector)
{
    const struct ses_credential_row *row = ses_credential_row(connector);

    for (size_t i = 0; row != NULL && i < SES_CONFIG_KEYS_MAX && row->keys[i].name != NULL; i++) {
        if (row->keys[i].type == SES_CONFIG_ACCESS_URL)
            return row->keys[i].name;
    }
    return NULL;
}

/* Who names another base_url of such a connector means its API: credentials are not sent there, and the token's host stays. */
enum ses_status ses_access_base_url(const struct ses_connector_policy *policy,
                                    const struct ses_credentials *credentials, bool test_mode,
                                    struct ses_arena *arena, struct ses_slice *ret_url,
                                    struct ses_error *ret_error)
{
    const char *key = access_key(credentials->connector);

    return choose_url(policy, credentials->connector, key != NULL ? key : BASE_URL,
                      key != NULL ? credentials->access_url : credentials->base_url, test_mode, true, arena,
                      ret_url, ret_error);
}
