"""Every x-connector-config variant of the protocol with its keys, and the older x-auth forms, for the tests that walk them all.

A third writing of the table (the server's and the unit tests' are the others): a slip in one of them shows.
keys: name = mandatory, name? = optional text or secret, name?b = optional flag, name[] = mandatory list, name{} = mandatory map.
legacy: kind -> {key: header}, or None where it is not known and every kind is taken; a header that the kind demands is sent even where no key takes it.
"""
import json

A, K1, K2, S = "x-api-key", "x-key1", "x-key2", "x-api-secret"
KINDS = {"header-key": [A], "body-key": [A, K1], "signature-key": [A, K1, S], "multi-auth-key": [A, K1, S, K2], "no-key": [],
         "temporary-auth": [], "currency-auth-key": ["x-auth-key-map"]}

VARIANTS = {
    "Nuvei": ("nuvei", "merchant_id merchant_site_id merchant_secret", {"signature-key": dict(merchant_id=A, merchant_site_id=K1, merchant_secret=S)}),
    "Paytm": ("paytm", "merchant_id merchant_key website client_id?",
              {"signature-key": dict(merchant_id=A, merchant_key=K1, website=S),
               "multi-auth-key": dict(merchant_id=A, merchant_key=K1, website=S, client_id=K2)}),
    "Stripe": ("stripe", "api_key", {"header-key": dict(api_key=A)}),
    "Adyen": ("adyen", "api_key merchant_account review_key? dispute_base_url? endpoint_prefix?",
              {"body-key": dict(api_key=A, merchant_account=K1), "signature-key": dict(api_key=A, merchant_account=K1, review_key=S)}),
    "Airwallex": ("airwallex", "api_key client_id", {"body-key": dict(api_key=A, client_id=K1)}),
    "Billwerk": ("billwerk", "api_key public_api_key secondary_base_url?", {"body-key": dict(api_key=A, public_api_key=K1)}),
    "Braintree": ("braintree", "public_key private_key merchant_account_id? merchant_config_currency? apple_pay_supported_networks[] "
                  "apple_pay_merchant_capabilities[] apple_pay_label? gpay_merchant_name? gpay_merchant_id? "
                  "gpay_allowed_auth_methods[] gpay_allowed_card_networks[] paypal_client_id? gpay_gateway_merchant_id?",
                  {"signature-key": dict(public_key=A, private_key=S)}),
    "Datatrans": ("datatrans", "merchant_id password", {"body-key": dict(merchant_id=K1, password=A)}),
    "Fiservcommercehub": ("fiservcommercehub", "api_key secret merchant_id terminal_id",
                          {"multi-auth-key": dict(api_key=A, secret=S, merchant_id=K1, terminal_id=K2)}),
    "Getnet": ("getnet", "api_key api_secret seller_id", {"signature-key": dict(api_key=A, api_secret=S, seller_id=K1)}),
    "Globalpay": ("globalpay", "app_id app_key", {"body-key": dict(app_id=K1, app_key=A)}),
    "Iatapay": ("iatapay", "client_id merchant_id client_secret", {"signature-key": dict(client_id=A, merchant_id=K1, client_secret=S)}),
    "Itaubank": ("itaubank", "client_id client_secret", {"body-key": dict(client_id=A, client_secret=K1)}),
    "Jpmorgan": ("jpmorgan", "client_id client_secret company_name? product_name? merchant_purchase_description? "
                 "statement_descriptor? secondary_base_url?", {"body-key": dict(client_id=A, client_secret=K1)}),
    "Mollie": ("mollie", "api_key profile_token? secondary_base_url?",
               {"header-key": dict(api_key=A), "body-key": dict(api_key=A, profile_token=K1)}),
    "Multisafepay": ("multisafepay", "api_key", {"header-key": dict(api_key=A)}),
    "Nexixpay": ("nexixpay", "api_key", {"header-key": dict(api_key=A)}),
    "Shift4": ("shift4", "api_key", {"header-key": dict(api_key=A)}),
    "Nexinets": ("nexinets", "merchant_id api_key", {"body-key": dict(merchant_id=K1, api_key=A)}),
    "Payload": ("payload", "auth_key_map{}", {"currency-auth-key": {}}),
    "Paypal": ("paypal", "client_id client_secret payer_id?",
               {"body-key": dict(client_id=K1, client_secret=A), "signature-key": dict(client_id=K1, client_secret=A, payer_id=S)}),
    "PinelabsOnline": ("pinelabs_online", "client_id client_secret", {"body-key": dict(client_id=A, client_secret=K1)}),
    "Rapyd": ("rapyd", "access_key secret_key", {"body-key": dict(access_key=A, secret_key=K1)}),
    "Revolut": ("revolut", "secret_api_key signing_secret?", {"header-key": dict(secret_api_key=A)}),
    "Truelayer": ("truelayer", "client_id client_secret merchant_account_id account_holder_name private_key kid secondary_base_url?",
                  {"body-key": dict(client_id=A, client_secret=K1)}),
    "Trustpay": ("trustpay", "api_key project_id secret_key base_url_bank_redirects?",
                 {"signature-key": dict(api_key=A, project_id=K1, secret_key=S)}),
    "Volt": ("volt", "username password client_id client_secret secondary_base_url?",
             {"multi-auth-key": dict(username=A, password=S, client_id=K1, client_secret=K2)}),
    "Cybersource": ("cybersource", "api_key merchant_account api_secret disable_avs?b disable_cvn?b",
                    {"signature-key": dict(api_key=A, merchant_account=K1, api_secret=S)}),
    "Nmi": ("nmi", "api_key public_key?", {"header-key": dict(api_key=A), "body-key": dict(api_key=A, public_key=K1)}),
    "Redsys": ("redsys", "merchant_id terminal_id sha256_pwd", {"signature-key": dict(merchant_id=A, terminal_id=K1, sha256_pwd=S)}),
    "Worldpay": ("worldpay", "username password entity_id merchant_name?",
                 {"signature-key": dict(username=K1, password=A, entity_id=S)}),
    "Payu": ("payu", "api_key api_secret", {"body-key": dict(api_key=A, api_secret=K1)}),
    "Authorizedotnet": ("authorizedotnet", "name transaction_key", {"body-key": dict(name=A, transaction_key=K1)}),
    "AbsaSanlam": ("absa_sanlam", "api_key merchant_id", None),
    "Aci": ("aci", "api_key entity_id", None),
    "Juspay": ("juspay", "api_key merchant_id", None),
    "Tamara": ("tamara", "api_key", None),
    "Glomopay": ("glomopay", "api_key", None),
    "Hyperswitch": ("hyperswitch", "api_key", None),
    "Givepayments": ("givepayments", "api_key", None),
    "Payconex": ("payconex", "api_key account_id", None),
    "Qwikcilver": ("qwikcilver", "bootstrap_bearer_token terminal_id username password", None),
    "Checkout": ("checkout", "api_key api_secret processing_channel_id", None),
    "TsysTransit": ("tsys_transit", "device_id transaction_key developer_id", None),
    "Kount": ("kount", "api_key auth_server_id", None),
    "Flywire": ("flywire", "api_key shared_secret recipient_id", None),
}
# In the protocol's oneof without a connector behind them.
UNSUPPORTED = ("Screenstream", "Ebanx", "Globepay", "Coinbase", "Coingate")
# What sessiond-sim takes.
SIM_CONFIGS = {
    "nuvei": {"Nuvei": {"merchant_id": "mid_1111", "merchant_site_id": "site_2222", "merchant_secret": "nuvei_secret"}},
    "paytm": {"Paytm": {"merchant_id": "MID12345678901234567", "merchant_key": "0123456789abcdef", "website": "WEBSTAGING"}},
    "stripe": {"Stripe": {"api_key": "sk_test_x"}},
}
# Likewise, of those whose call tells no order: what is to go wrong stands at the beginning of api_secret or name (in ORDER), under which effects are
# counted.
SIM_MERCHANTS = {
    "payu": {"Payu": {"api_key": "payu_key", "api_secret": "client_1"}},
    "authorizedotnet": {"Authorizedotnet": {"name": "merchant_1", "transaction_key": "anet_key"}},
}
ORDER = {"payu": "api_secret", "authorizedotnet": "name"}
SIM_ALL = {**SIM_CONFIGS, **SIM_MERCHANTS}


def values(variant, optional=True, secret="v"):
    """The object of a variant: every mandatory key, on demand the optional ones too."""
    found = {}
    for key in VARIANTS[variant][1].split():
        name = key.rstrip("b").rstrip("?") if key.endswith(("?", "?b")) else key.rstrip("[]{}")
        if key.endswith("[]"):
            found[name] = ["one"]
        elif key.endswith("{}"):
            found[name] = {"USD": {"api_key": secret}}
        elif not key.endswith(("?", "?b")):
            found[name] = secret
        elif optional:
            found[name] = True if key.endswith("b") else secret
    return found


def mandatory(variant):
    return [key.rstrip("[]{}") for key in VARIANTS[variant][1].split() if "?" not in key]


def config(choice):
    """The header's text for {Variant: {..}}."""
    return json.dumps({"config": choice})


def sim_metadata(connector):
    return [("x-connector", connector), ("x-connector-config", config(SIM_ALL[connector]))]


def merchant_metadata(connector, order):
    """Of one that is told no order: what the simulator takes for it."""
    (variant, keys), = SIM_MERCHANTS[connector].items()
    return [("x-connector-config", config({variant: {**keys, ORDER[connector]: order}}))]


def legacy_metadata(connector, kind, values_by_header):
    return [("x-connector", connector), ("x-auth", kind), *((header, values_by_header.get(header, "v")) for header in KINDS[kind])]
