/* An error in the words of each door: google.rpc.Status for gRPC, Connect's JSON, and the plain routes'
 * JSON. The details are google.rpc's (BadRequest, ErrorInfo, RetryInfo), which client libraries know
 * how to read. */
#include <sessiond/exchange/exchange.h>

#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>

#include <sessiond/codec/codec_proto.h>

#include <sessiond/codec/codec_json.h>

/* BadRequest, ErrorInfo, RetryInfo. */
#define OURS_MAX    3
#define DETAILS_MAX (OURS_MAX + SES_ERROR_DETAILS_MAX)
#define TYPE_PREFIX "type.googleapis.com/"
/* The refusal's own, and where the reason is explained. */
#define INFO_ENTRIES_MAX (SES_ERROR_METADATA_MAX + 1)
#define HELP             "help"

/* Ours has its message too, for people. */
struct detail {
    const ProtobufCMessage *message; /* NULL: encoded by somebody else */
    struct ses_slice type;
    struct ses_slice bytes;
};

/* The details of one error, and the storage of ours: protobuf-c messages. On the stack of whoever
 * encodes. protobuf-c wants arrays of pointers, hence each list twice. */
struct details {
    struct detail list[DETAILS_MAX];
    size_t count;

    Google__Rpc__BadRequest bad_request;
    Google__Rpc__BadRequest__FieldViolation violations[SES_ERROR_VIOLATIONS_MAX];
    Google__Rpc__BadRequest__FieldViolation *violation_pointers[SES_ERROR_VIOLATIONS_MAX];
    Google__Rpc__ErrorInfo info;
    Google__Rpc__ErrorInfo__MetadataEntry metadata[INFO_ENTRIES_MAX];
    Google__Rpc__ErrorInfo__MetadataEntry *metadata_pointers[INFO_ENTRIES_MAX];
    Google__Rpc__RetryInfo retry;
    Google__Protobuf__Duration delay;
};

SES_MUST_CHECK static enum ses_status add_ours(struct details *d, struct ses_arena *arena,
                                               const ProtobufCMessage *message)
{
    struct detail *detail = &d->list[d->count++];

    detail->message = message;
    detail->type = ses_slice_str(message->descriptor->name);
    return ses_proto_pack(message, arena, &detail->bytes);
}

/* protobuf-c wants C strings; slices may lack the NUL. */
SES_MUST_CHECK static enum ses_status to_string(struct ses_arena *arena, struct ses_slice text,
                                                char **ret_string)
{
    char *string = ses_arena_str(arena, text);

    if (string == NULL)
        return SES_NO_MEMORY;
    *ret_string = string;
    return SES_OK;
}

/* All violations, not the first: a caller mends its request in one go. */
SES_MUST_CHECK static enum ses_status add_bad_request(const struct ses_error *error, struct ses_arena *arena,
                                                      struct details *d)
{
    google__rpc__bad_request__init(&d->bad_request);
    for (size_t i = 0; i < error->violations_count; i++) {
        google__rpc__bad_request__field_violation__init(&d->violations[i]);
        SES_TRY(to_string(arena, error->violations[i].key, &d->violations[i].field));
        SES_TRY(to_string(arena, error->violations[i].value, &d->violations[i].description));
        d->violation_pointers[i] = &d->violations[i];
    }
    d->bad_request.field_violations = d->violation_pointers;
    d->bad_request.n_field_violations = error->violations_count;
    return add_ours(d, arena, &d->bad_request.base);
}

/* What is static and only read needs no copy; the generated struct knows no const. */
static char *borrow(const char *text)
{
    return (char *)(uintptr_t)text;
}

static void add_help(const struct ses_error *error, struct details *d)
{
    size_t at = d->info.n_metadata++;

    google__rpc__error_info__metadata_entry__init(&d->metadata[at]);
    d->metadata[at].key = borrow(HELP);
    d->metadata[at].value = borrow(ses_reason_help(error->reason));
    d->metadata_pointers[at] = &d->metadata[at];
}

/* reason is what programs compare, under our domain; the message is for people. */
SES_MUST_CHECK static enum ses_status add_info(const struct ses_error *error, struct ses_arena *arena,
                                               struct details *d)
{
    google__rpc__error_info__init(&d->info);
    d->info.reason = borrow(ses_reason_name(error->reason));
    d->info.domain = borrow(SES_ERROR_DOMAIN);
    for (size_t i = 0; i < error->metadata_count; i++) {
        google__rpc__error_info__metadata_entry__init(&d->metadata[i]);
        SES_TRY(to_string(arena, error->metadata[i].key, &d->metadata[i].key));
        SES_TRY(to_string(arena, error->metadata[i].value, &d->metadata[i].value));
        d->metadata_pointers[i] = &d->metadata[i];
    }
    d->info.metadata = d->metadata_pointers;
    d->info.n_metadata = error->metadata_count;
    if (error->reason != SES_REASON_NONE)
        add_help(error, d);
    return add_ours(d, arena, &d->info.base);
}

/* How long to wait, from the place that knows: clients that honour RetryInfo come back neither too soon
 * nor never. */
SES_MUST_CHECK static enum ses_status add_retry(const struct ses_error *error, struct ses_arena *arena,
                                                struct details *d)
{
    google__rpc__retry_info__init(&d->retry);
    google__protobuf__duration__init(&d->delay);
    d->delay.seconds = error->retry_delay_ms / 1000;
    d->delay.nanos = (int32_t)(error->retry_delay_ms % 1000) * 1000000;
    d->retry.retry_delay = &d->delay;
    return add_ours(d, arena, &d->retry.base);
}

/* d is written in place: its messages point into it. */
SES_MUST_CHECK static enum ses_status collect(const struct ses_error *error, struct ses_arena *arena,
                                              struct details *d)
{
    d->count = 0;
    if (error->violations_count > 0)
        SES_TRY(add_bad_request(error, arena, d));
    if (error->reason != SES_REASON_NONE || error->metadata_count > 0)
        SES_TRY(add_info(error, arena, d));
    if (error->retry_delay_ms > 0)
        SES_TRY(add_retry(error, arena, d));
    for (size_t i = 0; i < error->details_count && i < SES_ERROR_DETAILS_MAX; i++)
        d->list[d->count++] = (struct detail){NULL, error->details[i].type, error->details[i].bytes};
    return SES_OK;
}

/* The prefix is what every client library expects before a type's full name. */
SES_MUST_CHECK static enum ses_status to_any(const struct detail *detail, struct ses_arena *arena,
                                             Google__Protobuf__Any *any)
{
    google__protobuf__any__init(any);
    any->type_url = ses_arena_printf(arena, TYPE_PREFIX "%.*s", SES_FMT(detail->type));
    if (any->type_url == NULL)
        return SES_NO_MEMORY;
    any->value.data = (uint8_t *)(uintptr_t)detail->bytes.data; /* the packer only reads it */
    any->value.len = detail->bytes.len;
    return SES_OK;
}

/* Without details there is no grpc-status-details-bin: the code and the message are headers of their
 * own. */
enum ses_status ses_error_encode_status(const struct ses_error *error, struct ses_arena *arena,
                                        struct ses_slice *ret_bytes)
{
    Google__Rpc__Status status;
    Google__Protobuf__Any any[DETAILS_MAX], *pointers[DETAILS_MAX];
    struct details d;

    SES_TRY(collect(error, arena, &d));
    if (d.count == 0) {
        *ret_bytes = SES_SLICE_EMPTY;
        return SES_OK;
    }
    for (size_t i = 0; i < d.count; i++) {
        SES_TRY(to_any(&d.list[i], arena, &any[i]));
        pointers[i] = &any[i];
    }
    google__rpc__status__init(&status);
    status.code = (int32_t)ses_status_grpc(error->status);
    SES_TRY(to_string(arena, error->message, &status.message));
    status.details = pointers;
    status.n_details = d.count;
    return ses_proto_pack(&status.base, arena, ret_bytes);
}

/* connectrpc.com/docs/protocol, "Error End-Stream" and "Unary Errors": type without prefix, value in unpadded
 * base64, debug for people. */
SES_MUST_CHECK static enum ses_status write_connect(const struct ses_error *error, struct ses_arena *arena,
                                                    struct ses_json *json)
{
    struct details d;

    SES_TRY(collect(error, arena, &d));
    ses_json_open(json, '{');
    ses_json_member(json, "code", ses_slice_str(ses_status_connect_name(error->status)));
    ses_json_member(json, "message", error->message);
    if (d.count > 0) {
        ses_json_key(json, SES_STR("details"));
        ses_json_open(json, '[');
    }
    for (size_t i = 0; i < d.count; i++) {
        ses_json_element(json);
        ses_json_open(json, '{');
        ses_json_member(json, "type", d.list[i].type);
        ses_json_key(json, SES_STR("value"));
        ses_json_base64(json, d.list[i].bytes, false);
        if (d.list[i].message != NULL) {
            ses_json_key(json, SES_STR("debug"));
            ses_json_message(json, d.list[i].message, false);
        }
        ses_json_close(json, '}');
    }
    if (d.count > 0)
        ses_json_close(json, ']');
    ses_json_close(json, '}');
    return SES_OK;
}

/* The same details in plain JSON, for callers without protobuf. */
static void write_pairs(struct ses_json *json, const struct ses_error *error)
{
    if (error->violations_count > 0) {
        ses_json_key(json, SES_STR("violations"));
        ses_json_open(json, '[');
        for (size_t i = 0; i < error->violations_count; i++) {
            ses_json_element(json);
            ses_json_open(json, '{');
            ses_json_member(json, "field", error->violations[i].key);
            ses_json_member(json, "description", error->violations[i].value);
            ses_json_close(json, '}');
        }
        ses_json_close(json, ']');
    }
    if (error->metadata_count > 0 || error->reason != SES_REASON_NONE) {
        ses_json_key(json, SES_STR("metadata"));
        ses_json_open(json, '{');
        for (size_t i = 0; i < error->metadata_count; i++) {
            ses_json_key(json, error->metadata[i].key);
            ses_json_write_text(json, error->metadata[i].value);
        }
        if (error->reason != SES_REASON_NONE)
            ses_json_member(json, HELP, ses_slice_str(ses_reason_help(error->reason)));
        ses_json_close(json, '}');
    }
}

/* The protocol's HTTP mode knows message and code (the HTTP status as text); the rest is ours. */
static void write_route(const struct ses_error *error, struct ses_arena *arena, struct ses_json *json)
{
    const char *code = ses_arena_printf(arena, "%d", ses_status_http_route(error->status));

    ses_json_open(json, '{');
    ses_json_key(json, SES_STR("error"));
    ses_json_open(json, '{');
    ses_json_member(json, "message", error->message);
    ses_json_member(json, "code", code == NULL ? SES_STR("500") : ses_slice_str(code));
    if (error->reason != SES_REASON_NONE)
        ses_json_member(json, "reason", ses_slice_str(ses_reason_name(error->reason)));
    write_pairs(json, error);
    ses_json_close(json, '}');
    ses_json_close(json, '}');
}

/* The gRPC doors have no JSON; they are listed so that every door has an answer. */
enum ses_status ses_error_encode_json(const struct ses_error *error, enum ses_door door,
                                      struct ses_arena *arena, struct ses_slice *ret_json)
{
    struct ses_json json;

    ses_json_begin(&json, arena);
    if (door == SES_DOOR_CONNECT || door == SES_DOOR_GRPC || door == SES_DOOR_GRPC_WEB)
        SES_TRY(write_connect(error, arena, &json));
    else
        write_route(error, arena, &json);
    return ses_json_end(&json, ret_json);
}
