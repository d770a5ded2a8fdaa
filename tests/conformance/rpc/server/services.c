#include "services.h"

#include <connectrpc/conformance/v1/service.pb-c.h>

#include "paced.h"

struct ses_timers *services_timers;

/* What h2spec asks for: a resource with a body. It sends frames behind the request that are errors as long as nothing was
 * answered, hence the pause. */
#define H2SPEC_PAUSE_MS 50

static uint64_t h2spec_pause(const struct paced *paced, size_t i)
{
    (void)paced;
    return i == 0 ? H2SPEC_PAUSE_MS : 0;
}

static bool h2spec_send(struct paced *paced, size_t i)
{
    (void)paced;
    (void)i;
    return false;
}

static void h2spec_end(struct paced *paced)
{
    ses_exchange_reply_raw(paced->x, 200, "text/plain", SES_STR("suites\n"));
}

static const struct paced_ops h2spec_ops = {h2spec_pause, h2spec_send, h2spec_end};

static void answer_h2spec(struct ses_exchange *x, void *arg)
{
    struct paced *paced = ses_arena_zalloc(&x->arena, sizeof(*paced));

    (void)arg;
    if (paced != NULL)
        paced_begin(paced, x, &h2spec_ops);
    else
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
}

static const struct ses_route resources[] = {
    {.path = "/h2spec",
     .kind = SES_ROUTE_PLAIN,
     .get_or_post = true,
     .any_host = true,
     .metric = -1,
     .start = answer_h2spec},
};

static const ProtobufCMessageDescriptor *const types[] = {
    &connectrpc__conformance__v1__unary_request__descriptor,
    &connectrpc__conformance__v1__idempotent_unary_request__descriptor,
    &connectrpc__conformance__v1__server_stream_request__descriptor,
    &connectrpc__conformance__v1__client_stream_request__descriptor,
    &connectrpc__conformance__v1__bidi_stream_request__descriptor,
    &connectrpc__conformance__v1__unimplemented_request__descriptor,
    &connectrpc__conformance__v1__conformance_payload__request_info__descriptor,
    &connectrpc__conformance__v1__header__descriptor,
};
const struct ses_json_types services_types = {types, sizeof(types) / sizeof(types[0])};

const struct ses_route *const services_tables[] = {conformance_routes, interop_routes, resources};
const size_t services_tables_count = 3;

const size_t *services_counts(void)
{
    static size_t counts[3];

    counts[0] = conformance_routes_count;
    counts[1] = interop_routes_count;
    counts[2] = sizeof(resources) / sizeof(resources[0]);
    return counts;
}
