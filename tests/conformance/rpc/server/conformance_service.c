/* connectrpc.conformance.v1.ConformanceService: answers as its requests say, and tells what it has seen of them. */
#include "services.h"

#include <sessiond/codec/codec_proto.h>
#include <sessiond/exchange/message.h>

#include "metadata.h"
#include "paced.h"

typedef Connectrpc__Conformance__V1__ConformancePayload payload_message;
typedef Connectrpc__Conformance__V1__ConformancePayload__RequestInfo info_message;
typedef Connectrpc__Conformance__V1__Error error_message;

#define TYPE_PREFIX    "type.googleapis.com/"
#define RESPONSE_ERROR CONNECTRPC__CONFORMANCE__V1__UNARY_RESPONSE_DEFINITION__RESPONSE_ERROR
#define RESPONSE_DATA  CONNECTRPC__CONFORMANCE__V1__UNARY_RESPONSE_DEFINITION__RESPONSE_RESPONSE_DATA

static void fail_memory(struct ses_exchange *x)
{
    ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
}

static enum ses_status to_any(struct ses_exchange *x, const ProtobufCMessage *message,
                              Google__Protobuf__Any *ret_any)
{
    struct ses_slice bytes;

    google__protobuf__any__init(ret_any);
    ret_any->type_url = ses_arena_printf(&x->arena, TYPE_PREFIX "%s", message->descriptor->name);
    SES_TRY(ses_proto_pack(message, &x->arena, &bytes));
    ret_any->value = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
    return ret_any->type_url == NULL ? SES_NO_MEMORY : SES_OK;
}

/* What the request was. */
static enum ses_status make_info(struct ses_exchange *x, const ProtobufCMessage *request,
                                 info_message **ret_info)
{
    struct room {
        info_message info;
        Google__Protobuf__Any any;
        Google__Protobuf__Any *anys[1];
        Connectrpc__Conformance__V1__ConformancePayload__ConnectGetInfo get;
    } *room = ses_arena_zalloc(&x->arena, sizeof(*room));
    info_message *info;

    if (room == NULL)
        return SES_NO_MEMORY;
    info = &room->info;
    connectrpc__conformance__v1__conformance_payload__request_info__init(info);
    connectrpc__conformance__v1__conformance_payload__connect_get_info__init(&room->get);
    SES_TRY(metadata_of_request(x, &info->n_request_headers, &info->request_headers));
    if (metadata_timeout_ms(x, &info->timeout_ms))
        info->_timeout_ms_case =
            CONNECTRPC__CONFORMANCE__V1__CONFORMANCE_PAYLOAD__REQUEST_INFO___TIMEOUT_MS_TIMEOUT_MS;
    SES_TRY(to_any(x, request, &room->any));
    room->anys[0] = &room->any;
    info->n_requests = 1;
    info->requests = room->anys;
    if (ses_slice_eq_str(x->http_method, "GET"))
        info->connect_get_info = &room->get;
    *ret_info = info;
    return SES_OK;
}

/* The error as the request has it, with its details; info, if any, is one more. */
static void fail_as(struct ses_exchange *x, const error_message *wanted, const info_message *info)
{
    size_t count = wanted->n_details + (info != NULL ? 1 : 0);
    struct ses_error_detail *details = ses_arena_alloc(&x->arena, (count + 1) * sizeof(*details));
    const char *message =
        wanted->_message_case == CONNECTRPC__CONFORMANCE__V1__ERROR___MESSAGE_MESSAGE ? wanted->message : "";
    struct ses_error error;

    if (details == NULL) {
        fail_memory(x);
        return;
    }
    /* The first statuses are gRPC's codes, in their order. */
    ses_error_set(&error,
                  wanted->code >= (int)SES_CANCELLED && wanted->code <= (int)SES_UNAUTHENTICATED
                      ? (enum ses_status)wanted->code
                      : SES_UNKNOWN,
                  ses_slice_str(message));
    for (size_t i = 0; i < wanted->n_details; i++) {
        const char *url = wanted->details[i]->type_url, *slash = strrchr(url, '/');

        details[i] = (struct ses_error_detail){
            ses_slice_str(slash == NULL ? url : slash + 1),
            ses_slice(wanted->details[i]->value.data, wanted->details[i]->value.len)};
    }
    if (info != NULL) {
        struct ses_error_detail *last = &details[wanted->n_details];

        last->type = ses_slice_str(info->base.descriptor->name);
        if (ses_proto_pack(&info->base, &x->arena, &last->bytes) != SES_OK) {
            fail_memory(x);
            return;
        }
    }
    error.details = details;
    error.details_count = count;
    ses_exchange_fail(x, &error);
}

/* false: x was answered. */
static bool reply_metadata(struct ses_exchange *x, size_t headers_count,
                           Connectrpc__Conformance__V1__Header *const *headers, size_t trailers_count,
                           Connectrpc__Conformance__V1__Header *const *trailers)
{
    if (metadata_to_reply(x, false, headers_count, headers) == SES_OK &&
        metadata_to_reply(x, true, trailers_count, trailers) == SES_OK)
        return true;
    ses_exchange_fail_status(x, SES_INVALID_ARGUMENT, "a header of the answer cannot be sent");
    return false;
}

static const ProtobufCMessage *take_request(struct ses_exchange *x, const ProtobufCMessageDescriptor *type)
{
    ProtobufCMessage *message;
    struct ses_error error;

    if (ses_message_decode(x, x->body, type, &message, &error) == SES_OK)
        return message;
    ses_exchange_fail(x, &error);
    return NULL;
}

/* ---- unary */

/* UnaryResponse and IdempotentUnaryResponse have one form, and so have their requests. */
struct unary_shape {
    const ProtobufCMessageDescriptor *request;
};
static const struct unary_shape unary_shape = {&connectrpc__conformance__v1__unary_request__descriptor};
static const struct unary_shape idempotent_shape = {
    &connectrpc__conformance__v1__idempotent_unary_request__descriptor};

struct call {
    struct paced paced; /* first */
    const Connectrpc__Conformance__V1__UnaryResponseDefinition *wanted;
    info_message *info;
};

static uint64_t call_pause(const struct paced *paced, size_t i)
{
    const struct call *call = (const struct call *)paced;

    (void)i;
    return call->wanted != NULL ? call->wanted->response_delay_ms : 0;
}

static bool call_send(struct paced *paced, size_t i)
{
    (void)paced;
    (void)i;
    return false; /* the one answer is its end */
}

static void call_end(struct paced *paced)
{
    const struct call *call = (const struct call *)paced;
    Connectrpc__Conformance__V1__UnaryResponse response;
    payload_message payload;
    struct ses_slice bytes;

    connectrpc__conformance__v1__unary_response__init(&response);
    connectrpc__conformance__v1__conformance_payload__init(&payload);
    if (call->wanted != NULL && call->wanted->response_case == RESPONSE_ERROR) {
        fail_as(paced->x, call->wanted->error, call->info);
        return;
    }
    if (call->wanted != NULL && call->wanted->response_case == RESPONSE_DATA)
        payload.data = call->wanted->response_data;
    payload.request_info = call->info;
    response.payload = &payload;
    if (ses_message_encode(paced->x, &response.base, &bytes) == SES_OK)
        ses_exchange_reply(paced->x, bytes);
    else
        fail_memory(paced->x);
}

static const struct paced_ops call_ops = {call_pause, call_send, call_end};

static void unary(struct ses_exchange *x, void *arg)
{
    const struct unary_shape *shape = arg;
    const ProtobufCMessage *message = take_request(x, shape->request);
    struct call *call = ses_arena_zalloc(&x->arena, sizeof(*call));
    Connectrpc__Conformance__V1__UnaryRequest request;

    if (message == NULL)
        return;
    if (call == NULL || make_info(x, message, &call->info) != SES_OK) {
        fail_memory(x);
        return;
    }
    memcpy(&request, message, sizeof(request));
    call->wanted = request.response_definition;
    if (call->wanted == NULL ||
        reply_metadata(x, call->wanted->n_response_headers, call->wanted->response_headers,
                       call->wanted->n_response_trailers, call->wanted->response_trailers))
        paced_begin(&call->paced, x, &call_ops);
}

/* ---- server stream */

struct stream {
    struct paced paced; /* first */
    const Connectrpc__Conformance__V1__StreamResponseDefinition *wanted;
    info_message *info;
};

static uint64_t stream_pause(const struct paced *paced, size_t i)
{
    const struct stream *stream = (const struct stream *)paced;

    return stream->wanted != NULL && i < stream->wanted->n_response_data ? stream->wanted->response_delay_ms
                                                                         : 0;
}

/* The first tells of the request. */
static bool stream_send(struct paced *paced, size_t i)
{
    Connectrpc__Conformance__V1__ServerStreamResponse response;
    payload_message payload;
    struct stream *stream = (struct stream *)paced;
    struct ses_slice bytes;

    connectrpc__conformance__v1__server_stream_response__init(&response);
    connectrpc__conformance__v1__conformance_payload__init(&payload);
    if (stream->wanted == NULL || i >= stream->wanted->n_response_data)
        return false;
    payload.data = stream->wanted->response_data[i];
    payload.request_info = i == 0 ? stream->info : NULL;
    response.payload = &payload;
    if (ses_message_encode(paced->x, &response.base, &bytes) != SES_OK)
        return false;
    ses_exchange_send(paced->x, bytes);
    return true;
}

static void stream_end(struct paced *paced)
{
    const struct stream *stream = (const struct stream *)paced;

    if (stream->wanted != NULL && stream->wanted->error != NULL)
        fail_as(paced->x, stream->wanted->error, paced->next == 0 ? stream->info : NULL);
    else
        ses_exchange_end(paced->x);
}

static const struct paced_ops stream_ops = {stream_pause, stream_send, stream_end};

static void server_stream(struct ses_exchange *x, void *arg)
{
    const ProtobufCMessage *message =
        take_request(x, &connectrpc__conformance__v1__server_stream_request__descriptor);
    Connectrpc__Conformance__V1__ServerStreamRequest request;
    struct stream *stream = ses_arena_zalloc(&x->arena, sizeof(*stream));

    (void)arg;
    if (message == NULL)
        return;
    if (stream == NULL || make_info(x, message, &stream->info) != SES_OK) {
        fail_memory(x);
        return;
    }
    memcpy(&request, message, sizeof(request));
    stream->wanted = request.response_definition;
    if (stream->wanted == NULL ||
        reply_metadata(x, stream->wanted->n_response_headers, stream->wanted->response_headers,
                       stream->wanted->n_response_trailers, stream->wanted->response_trailers))
        paced_begin(&stream->paced, x, &stream_ops);
}

/* ---- */

#define SERVICE "/connectrpc.conformance.v1.ConformanceService/"

/* Unimplemented is none of them. */
const struct ses_route conformance_routes[] = {
    {.path = SERVICE "Unary",
     .kind = SES_ROUTE_UNARY,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = unary,
     .arg = (void *)(uintptr_t)&unary_shape},
    {.path = SERVICE "IdempotentUnary",
     .kind = SES_ROUTE_UNARY,
     .no_side_effects = true,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = unary,
     .arg = (void *)(uintptr_t)&idempotent_shape},
    {.path = SERVICE "ServerStream",
     .kind = SES_ROUTE_SERVER_STREAM,
     .rights = SES_RIGHTS_OPEN,
     .metric = -1,
     .start = server_stream},
};
const size_t conformance_routes_count = sizeof(conformance_routes) / sizeof(conformance_routes[0]);
