#include "micro.h"

#include <llhttp.h>

#include <sessiond/base/status.h>

static const char request[] =
    "POST /types.MerchantAuthenticationService/CreateSessionToken HTTP/1.1\r\nhost: 127.0.0.1:8080\r\n"
    "user-agent: curl/7.88.1\r\naccept: */*\r\ncontent-type: application/json\r\nx-connector: stripe\r\n"
    "x-connector-config: {\"config\":{\"Stripe\":{\"api_key\":\"sk_test_x\"}}}\r\ncontent-length: "
    "2\r\n\r\n{}";

static void parse(void *arg, unsigned times)
{
    llhttp_settings_t settings;
    llhttp_t parser;

    (void)arg;
    llhttp_settings_init(&settings);
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    for (unsigned i = 0; i < times; i++)
        SES_REQUIRE(llhttp_execute(&parser, request, sizeof(request) - 1) == HPE_OK);
}

void micro_llhttp(void)
{
    micro_measure("llhttp: a request with body, 320 bytes", parse, NULL);
}
