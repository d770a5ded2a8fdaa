/* grpc.testing.TestService, as grpc/grpc doc/interop-test-descriptions.md has it; without client streams. */
#include "services.h"

#include <grpc/testing/empty.pb-c.h>
#include <grpc/testing/messages.pb-c.h>

#include <sessiond/base/units.h>
#include <sessiond/exchange/message.h>

#include "paced.h"

#define ECHO_INITIAL  "x-grpc-test-echo-initial"
#define ECHO_TRAILING "x-grpc-test-echo-trailing-bin"
#define PAYLOAD_MAX   (3 * SES_MIB)

static void fail_memory(struct ses_exchange *x)
{
    ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
}

/* custom_metadata: one header comes back as a header, the other as a trailer. */
static void echo_metadata(struct ses_exchange *x)
{
    bool present;
    struct ses_slice value = ses_exchange_header(x, ECHO_INITIAL, &present);

    if (present)
        ses_exchange_reply_header(x, SES_STR(ECHO_INITIAL), value);
    value = ses_exchange_header(x, ECHO_TRAILING, &present);
    if (present)
        ses_exchange_reply_trailer(x, SES_STR(ECHO_TRAILING), value);
}

static bool decode(struct ses_exchange *x, struct ses_slice bytes, const ProtobufCMessageDescriptor *type,
                   ProtobufCMessage **ret_message)
{
    struct ses_error error;

    if (ses_message_decode(x, bytes, type, ret_message, &error) == SES_OK)
        return true;
    ses_exchange_fail(x, &error);
    return false;
}

/* true: the request asked for a failure, which was given. */
static bool failed_as_asked(struct ses_exchange *x, const Grpc__Testing__EchoStatus *wanted)
{
    struct ses_error error;

    if (wanted == NULL || wanted->code == 0)
        return false;
    ses_error_set(&error,
                  wanted->code > 0 && wanted->code <= (int)SES_UNAUTHENTICATED ? (enum ses_status)wanted->code
                                                                               : SES_UNKNOWN,
                  ses_slice_str(wanted->message));
    ses_exchange_fail(x, &error);
    return true;
}

static bool make_payload(struct ses_exchange *x, int32_t size, Grpc__Testing__Payload *ret_payload)
{
    grpc__testing__payload__init(ret_payload);
    if (size < 0 || size > (int32_t)PAYLOAD_MAX) {
        ses_exchange_fail_status(x, SES_INVALID_ARGUMENT, "no payload of that size");
        return false;
    }
    ret_payload->body.len = (size_t)size;
    ret_payload->body.data = ses_arena_zalloc(&x->arena, (size_t)size + 1);
    if (ret_payload->body.data == NULL)
        fail_memory(x);
    return ret_payload->body.data != NULL;
}

static void reply(struct ses_exchange *x, const ProtobufCMessage *message)
{
    struct ses_slice bytes;

    if (ses_message_encode(x, message, &bytes) == SES_OK)
        ses_exchange_reply(x, bytes);
    else
        fail_memory(x);
}

/* ---- unary */

static void empty_call(struct ses_exchange *x, void *arg)
{
    Grpc__Testing__Empty empty;
    ProtobufCMessage *message;

    grpc__testing__empty__init(&empty);
    (void)arg;
    if (!decode(x, x->body, &grpc__testing__empty__descriptor, &message))
        return;
    echo_metadata(x);
    reply(x, &empty.base);
}

static void unary_call(struct ses_exchange *x, void *arg)
{
    Grpc__Testing__SimpleResponse response;
    Grpc__Testing__SimpleRequest request;
    Grpc__Testing__Payload payload;
    ProtobufCMessage *message;

    grpc__testing__simple_response__init(&response);
    (void)arg;
    if (!decode(x, x->body, &grpc__testing__simple_request__descriptor, &message))
        return;
    memcpy(&request, message, sizeof(request));
    echo_metadata(x);
    if (failed_as_asked(x, request.response_status) || !make_payload(x, request.response_size, &payload))
        return;
    response.payload = &payload;
    reply(x, &response.base);
}

/* ---- streams */

struct output {
    struct paced paced; /* first */
    size_t count;
    Grpc__Testing__ResponseParameters **parameters;
};

static uint64_t output_pause(const struct paced *paced, size_t i)
{
    const struct output *output = (const struct output *)paced;

    return i < output->count ? (uint64_t)(uint32_t)output->parameters[i]->interval_us / 1000 : 0;
}

static bool send_output(struct ses_exchange *x, const Grpc__Testing__ResponseParameters *parameters)
{
    Grpc__Testing__StreamingOutputCallResponse response;
    Grpc__Testing__Payload payload;
    struct ses_slice bytes;

    grpc__testing__streaming_output_call_response__init(&response);
    if (!make_payload(x, parameters->size, &payload))
        return false;
    response.payload = &payload;
    if (ses_message_encode(x, &response.base, &bytes) != SES_OK) {
        fail_memory(x);
        return false;
    }
    ses_exchange_send(x, bytes);
    return true;
}

static bool output_send(struct paced *paced, size_t i)
{
    const struct output *output = (const struct output *)paced;

    return i < output->count && send_output(paced->x, output->parameters[i]);
}

static void output_end(struct paced *paced)
{
    ses_exchange_end(paced->x);
}

static const struct paced_ops output_ops = {output_pause, output_send, output_end};

static void streaming_output_call(struct ses_exchange *x, void *arg)
{
    struct output *output = ses_arena_zalloc(&x->arena, sizeof(*output));
    Grpc__Testing__StreamingOutputCallRequest request;
    ProtobufCMessage *message;

    (void)arg;
    if (output == NULL) {
        fail_memory(x);
        return;
    }
    if (!decode(x, x->body, &grpc__testing__streaming_output_call_request__descriptor, &message))
        return;
    memcpy(&request, message, sizeof(request));
    echo_metadata(x);
    if (failed_as_asked(x, request.response_status))
        return;
    output->count = request.n_response_parameters;
    output->parameters = request.response_parameters;
    paced_begin(&output->paced, x, &output_ops);
}

/* custom_metadata and status_code_and_message ask by unary calls and by this one. Pauses between its answers are left
 * out: no case of ours has them. */
static void full_duplex_message(struct ses_exchange *x, struct ses_slice bytes, void *arg)
{
    Grpc__Testing__StreamingOutputCallRequest request;
    ProtobufCMessage *message;

    (void)arg;
    if (!decode(x, bytes, &grpc__testing__streaming_output_call_request__descriptor, &message))
        return;
    memcpy(&request, message, sizeof(request));
    if (failed_as_asked(x, request.response_status))
        return;
    for (size_t i = 0; i < request.n_response_parameters; i++) {
        if (!send_output(x, request.response_parameters[i]))
            return;
    }
}

static void full_duplex_call(struct ses_exchange *x, void *arg)
{
    echo_metadata(x);
    full_duplex_message(x, x->body, arg);
}

static void full_duplex_end(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_end(x);
}

/* ---- */

#define SERVICE "/grpc.testing.TestService/"

/* UnimplementedCall is none of them. */
const struct ses_route interop_routes[] = {
    {.path = SERVICE "EmptyCall",
     .kind = SES_ROUTE_UNARY,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = empty_call},
    {.path = SERVICE "UnaryCall",
     .kind = SES_ROUTE_UNARY,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = unary_call},
    {.path = SERVICE "CacheableUnaryCall",
     .kind = SES_ROUTE_UNARY,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = unary_call},
    {.path = SERVICE "StreamingOutputCall",
     .kind = SES_ROUTE_SERVER_STREAM,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = streaming_output_call},
    {.path = SERVICE "FullDuplexCall",
     .kind = SES_ROUTE_BIDI,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = full_duplex_call,
     .message = full_duplex_message,
     .half_close = full_duplex_end},
};
const size_t interop_routes_count = sizeof(interop_routes) / sizeof(interop_routes[0]);
