#include "micro.h"

#include <string.h>

#include <jansson.h>

#include <sessiond/base/status.h>

static const char small[] = "{\"config\":{\"Stripe\":{\"api_key\":\"sk_test_x\"}}}";
static const char large[] = "{\"merchant_session_id\":\"session_001\",\"amount\":{\"minor_amount\":10000,"
                            "\"currency\":\"USD\"},\"browser_"
                            "info\":{\"accept_header\":\"text/html\",\"user_agent\":\"Mozilla/5.0 (X11; "
                            "Linux x86_64) AppleWebKit/537.36\","
                            "\"color_depth\":24,\"screen_height\":1080,\"screen_width\":1920,\"java_"
                            "enabled\":false},\"test_mode\":true}";

static void parse(void *arg, unsigned times)
{
    const char *text = arg;
    size_t len = strlen(text);

    for (unsigned i = 0; i < times; i++) {
        json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

        SES_REQUIRE(json != NULL);
        json_decref(json);
    }
}

void micro_jansson(void)
{
    char text[sizeof(large)];

    memcpy(text, small, sizeof(small));
    micro_measure("jansson: x-connector-config, 46 bytes", parse, text);
    memcpy(text, large, sizeof(large));
    micro_measure("jansson: a request, 290 bytes", parse, text);
}
