/* A bidirectional stream of questions and answers about the schema. Answers are views into the embedded
 * set: what is packed is copied once, by the packer. */
#include <sessiond/exchange/reflection.h>

#include <stdlib.h>

#include <grpc/reflection/v1/reflection.pb-c.h>

#include <sessiond/base/units.h>
#include <sessiond/exchange/message.h>

#include "descriptor.h"

/* Both versions have the same messages under two package names, hence the same bytes: the v1 types serve
 * both.
 *
 * Answers are made in a scratch arena that is reset after each: a stream may ask any number of questions. A
 * client that asks (20 bytes) and never reads (up to 17 KiB each) is stopped at BACKLOG_BYTES_MAX. */
#define SCRATCH_BYTES_MAX      (2 * SES_MIB)
#define BACKLOG_BYTES_MAX      SES_MIB
#define STREAMS_PER_CONNECTION 16
/* A question is a name; the answer repeats it. */
#define QUESTION_BYTES_MAX (16 * SES_KIB)

struct ses_reflection {
    struct ses_descriptors *descriptors;
    struct ses_arena scratch;
};

/* The answer with room for each of its forms. */
struct reply {
    Grpc__Reflection__V1__ServerReflectionResponse response;
    Grpc__Reflection__V1__ErrorResponse error;
    Grpc__Reflection__V1__FileDescriptorResponse files;
    ProtobufCBinaryData file_bytes[SES_DESCRIPTOR_FILES_MAX];
    Grpc__Reflection__V1__ListServiceResponse list;
    Grpc__Reflection__V1__ServiceResponse services[SES_DESCRIPTOR_SERVICES_MAX];
    Grpc__Reflection__V1__ServiceResponse *service_pointers[SES_DESCRIPTOR_SERVICES_MAX];
    Grpc__Reflection__V1__ExtensionNumberResponse numbers;
};

static char *unconst(struct ses_slice text)
{
    return (char *)(uintptr_t)text.data; /* protobuf-c's structs lack const; the packer only reads */
}

/* An error about a name is an answer of the stream; the stream itself goes on. */
static void set_error(struct reply *reply, enum ses_status status, const char *message)
{
    grpc__reflection__v1__error_response__init(&reply->error);
    reply->error.error_code = (int32_t)ses_status_grpc(status);
    reply->error.error_message = (char *)(uintptr_t)message;
    reply->response.error_response = &reply->error;
    reply->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
}

/* The file itself, then everything it imports, each once. The recursion is as deep as imports are
 * nested, and each file is entered once. */
static void add_file(const struct ses_descriptors *d, struct reply *reply, size_t index, uint64_t *sent)
{
    const struct ses_descriptor_file *file = &d->files[index];

    _Static_assert(SES_DESCRIPTOR_FILES_MAX <= 64, "one bit a file");
    if ((*sent >> index & 1) != 0)
        return;
    *sent |= UINT64_C(1) << index;
    reply->file_bytes[reply->files.n_file_descriptor_proto++] =
        (ProtobufCBinaryData){file->bytes.len, (uint8_t *)(uintptr_t)file->bytes.data};
    for (size_t i = 0; i < file->imports_count; i++) /* imports form no cycle: protoc refuses one */
        add_file(d, reply, file->imports[i], sent);
}

static void set_files(const struct ses_descriptors *d, struct reply *reply, size_t index)
{
    uint64_t sent = 0;

    grpc__reflection__v1__file_descriptor_response__init(&reply->files);
    reply->files.file_descriptor_proto = reply->file_bytes;
    add_file(d, reply, index, &sent);
    reply->response.file_descriptor_response = &reply->files;
    reply->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
}

static void answer_filename(const struct ses_descriptors *d, struct reply *reply, const char *name)
{
    const struct ses_descriptor_file *file = ses_descriptors_file(d, ses_slice_str(name));

    if (file == NULL)
        set_error(reply, SES_NOT_FOUND, "no such file");
    else
        set_files(d, reply, (size_t)(file - d->files));
}

/* Any symbol is answered by the whole file that defines it, with its imports: that is what clients
 * expect, and what makes one question enough for them. */
static void answer_symbol(const struct ses_descriptors *d, struct reply *reply, const char *name)
{
    const struct ses_symbol *symbol = ses_descriptors_symbol(d, ses_slice_str(name));

    if (symbol == NULL)
        set_error(reply, SES_NOT_FOUND, "no such symbol");
    else
        set_files(d, reply, symbol->file);
}

/* proto3 messages have no extensions: a known type has none, an unknown one is unknown. */
static void answer_extension_numbers(const struct ses_descriptors *d, struct reply *reply, const char *type)
{
    const struct ses_symbol *symbol = ses_descriptors_symbol(d, ses_slice_str(type));

    if (symbol == NULL || symbol->kind != SES_SYMBOL_MESSAGE) {
        set_error(reply, SES_NOT_FOUND, "no such message type");
        return;
    }
    grpc__reflection__v1__extension_number_response__init(&reply->numbers);
    reply->numbers.base_type_name = unconst(symbol->name);
    reply->response.all_extension_numbers_response = &reply->numbers;
    reply->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ALL_EXTENSION_NUMBERS_RESPONSE;
}

/* All services of the set, also those of the protocols (health, reflection). */
static void answer_list(const struct ses_descriptors *d, struct reply *reply)
{
    grpc__reflection__v1__list_service_response__init(&reply->list);
    for (size_t i = 0; i < d->services_count; i++) {
        grpc__reflection__v1__service_response__init(&reply->services[i]);
        reply->services[i].name = unconst(d->services[i]);
        reply->service_pointers[i] = &reply->services[i];
    }
    reply->list.service = reply->service_pointers;
    reply->list.n_service = d->services_count;
    reply->response.list_services_response = &reply->list;
    reply->response.message_response_case =
        GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
}

static void answer(const struct ses_descriptors *d,
                   const Grpc__Reflection__V1__ServerReflectionRequest *request, struct reply *reply)
{
    switch (request->message_request_case) {
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
        answer_filename(d, reply, request->file_by_filename);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
        answer_symbol(d, reply, request->file_containing_symbol);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_EXTENSION:
        set_error(reply, SES_NOT_FOUND, "no such extension");
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_ALL_EXTENSION_NUMBERS_OF_TYPE:
        answer_extension_numbers(d, reply, request->all_extension_numbers_of_type);
        break;
    case GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
        answer_list(d, reply);
        break;
    default:
        set_error(reply, SES_INVALID_ARGUMENT, "the request asks nothing");
    }
}

SES_MUST_CHECK static enum ses_status make_reply(struct ses_reflection *reflection,
                                                 const struct ses_exchange *x, struct ses_slice message,
                                                 struct ses_slice *ret_bytes)
{
    ProtobufCMessage *decoded;
    Grpc__Reflection__V1__ServerReflectionRequest request;

    if (message.len > QUESTION_BYTES_MAX)
        return SES_TOO_LARGE;
    SES_TRY(ses_message_decode_into(x, message, &grpc__reflection__v1__server_reflection_request__descriptor,
                                    &reflection->scratch, &decoded));
    memcpy(&request, decoded, sizeof(request));
    /* Some KiB: in the scratch, not on the stack. */
    struct reply *reply = ses_arena_zalloc(&reflection->scratch, sizeof(*reply));
    if (reply == NULL)
        return SES_NO_MEMORY;
    grpc__reflection__v1__server_reflection_response__init(&reply->response);
    reply->response.valid_host = request.host;
    reply->response.original_request = &request;
    answer(reflection->descriptors, &request, reply);
    return ses_message_encode_into(x, &reply->response.base, &reflection->scratch, ret_bytes);
}

/* Answered from inside, in order; nothing waits, so the only thing to bound is what the client does not
 * read. */
static void on_message(struct ses_exchange *x, struct ses_slice message, void *arg)
{
    struct ses_reflection *reflection = arg;
    struct ses_slice bytes;

    if (x->ops->backlog != NULL && x->ops->backlog(x) > BACKLOG_BYTES_MAX) {
        ses_exchange_fail_status(x, SES_RESOURCE_EXHAUSTED, "the client asks without reading the answers");
        return;
    }
    enum ses_status status = make_reply(reflection, x, message, &bytes);
    if (status == SES_OK) /* the door copies */
        ses_exchange_send(x, bytes);
    else
        ses_exchange_fail_status(x, status, "not a valid ServerReflectionRequest");
    ses_arena_reset(&reflection->scratch);
}

static void on_start(struct ses_exchange *x, void *arg)
{
    on_message(x, x->body, arg);
}

static void on_half_close(struct ses_exchange *x, void *arg)
{
    (void)arg;
    ses_exchange_end(x);
}

static const char *const paths[SES_REFLECTION_ROUTES] = {
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
};

const char *ses_reflection_path(int route)
{
    return paths[route];
}

void ses_reflection_routes(struct ses_reflection *reflection, int metric,
                           struct ses_route ret_routes[SES_REFLECTION_ROUTES])
{
    for (int i = 0; i < SES_REFLECTION_ROUTES; i++) {
        ret_routes[i] = (struct ses_route){
            .path = paths[i],
            .kind = SES_ROUTE_BIDI,
            .rights = SES_RIGHTS_ANY,
            .streams_per_connection = STREAMS_PER_CONNECTION,
            .flow = "ServerReflection",
            .metric = metric < 0 ? -1 : metric + i,
            .start = on_start,
            .message = on_message,
            .half_close = on_half_close,
            .arg = reflection,
        };
    }
}

enum ses_status ses_reflection_new(struct ses_reflection **ret_reflection)
{
    struct ses_reflection *reflection = calloc(1, sizeof(*reflection));

    if (reflection == NULL)
        return SES_NO_MEMORY;
    ses_arena_init(&reflection->scratch, SCRATCH_BYTES_MAX);
    enum ses_status status = ses_descriptors_new(ses_protoset(), &reflection->descriptors);
    if (status != SES_OK) {
        ses_reflection_free(reflection);
        return status;
    }
    *ret_reflection = reflection;
    return SES_OK;
}

void ses_reflection_free(struct ses_reflection *reflection)
{
    if (reflection == NULL)
        return;
    ses_descriptors_free(reflection->descriptors);
    ses_arena_done(&reflection->scratch);
    free(reflection);
}
