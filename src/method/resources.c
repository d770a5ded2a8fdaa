/* Answers that are the same for everybody: a probe's and the public keys. Neither reads a header of its
 * caller. */
#include "resources.h"

#include <sessiond/base/units.h>

#include "service_core.h"

#define KEYS_BYTES_MAX (64 * SES_KIB)

void ses_resource_health_start(struct ses_exchange *x, void *service)
{
    if (ses_service_serving(service))
        ses_exchange_reply_raw(x, 200, "application/json",
                               SES_STR("{\"status\":\"healthy\",\"service\":\"connector-service\"}"));
    else
        ses_exchange_reply_raw(x, 503, "application/json",
                               SES_STR("{\"status\":\"unhealthy\",\"service\":\"connector-service\"}"));
}

/* The ring writes into a buffer, the answer must live as long as the exchange: hence the copy into its
 * arena. */
void ses_resource_keys_start(struct ses_exchange *x, void *arg)
{
    const struct ses_service *service = arg;
    struct ses_buf json;
    struct ses_slice copy;
    enum ses_status status;

    ses_buf_init(&json, KEYS_BYTES_MAX);
    status = ses_keyring_publish(service->options.keyring, &json);
    if (status == SES_OK)
        status = ses_arena_copy(&x->arena, ses_buf_view(&json), &copy);
    ses_buf_done(&json);
    if (status != SES_OK) {
        ses_exchange_reply_raw(x, 503, "text/plain", SES_STR("out of memory\n"));
        return;
    }
    ses_exchange_reply_header(x, SES_STR("cache-control"), SES_STR("public, max-age=60"));
    ses_exchange_reply_raw(x, 200, "application/json", copy);
}

void ses_resource_openapi_start(struct ses_exchange *x, void *arg)
{
    const struct ses_service *service = arg;

    if (service->options.openapi.plain.len == 0)
        ses_exchange_reply_raw(x, 404, "text/plain", SES_STR("there is no description\n"));
    else
        ses_exchange_reply_made(x, "application/json", &service->options.openapi);
}
