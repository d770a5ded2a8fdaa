/* What protobuf's conformance_test_runner asks: a message from JSON or from the wire format, and back to either, by the
 * codec alone. Requests and answers stand on standard input and output behind their length (4 bytes, little end first).
 *
 * Cases of other messages and formats are skipped, and those that have a field left out by reduce.py.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <conformance/conformance.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/test_messages_proto3.pb-c.h>
#include <lacking.h>

#include <sessiond/base/file.h>
#include <sessiond/base/units.h>
#include <sessiond/codec/codec_json.h>
#include <sessiond/codec/codec_proto.h>
#include <sessiond/codec/wire.h>

#define MESSAGE_MAX (8 * SES_MIB)
#define ARENA_MAX   (256u * SES_MIB)
#define WELL_KNOWN  "type.googleapis.com/google.protobuf."
#define MESSAGE     &protobuf_test_messages__proto3__test_all_types_proto3__descriptor

static const ProtobufCMessageDescriptor *const types[] = {MESSAGE, &google__protobuf__duration__descriptor};
static const struct ses_json_types any_types = {types, 2};

static const struct lacking {
    uint32_t number;
    const char *name;
    const char *json_name;
    const char *why;
} lacking[] = {
#define ROW(number, name, json_name, why) {number, name, json_name, why},
    LACKING(ROW)
#undef ROW
};
#define LACKING_COUNT (sizeof(lacking) / sizeof(lacking[0]))

/* ---- what is skipped */

static const char *lacks_on_wire(struct ses_slice bytes)
{
    struct ses_wire wire = ses_wire(bytes);
    struct ses_wire_item item;

    while (ses_wire_more(&wire) && ses_wire_next(&wire, &item) == SES_OK) {
        for (size_t i = 0; i < LACKING_COUNT; i++) {
            if (lacking[i].number == item.number)
                return lacking[i].why;
        }
    }
    return NULL;
}

static bool has_key(const char *text, const char *name)
{
    char key[128];

    (void)snprintf(key, sizeof(key), "\"%s\"", name);
    return strstr(text, key) != NULL;
}

static const char *lacks_in_json(const char *text)
{
    for (size_t i = 0; i < LACKING_COUNT; i++) {
        if (has_key(text, lacking[i].name) || has_key(text, lacking[i].json_name))
            return lacking[i].why;
    }
    for (const char *at = text; (at = strstr(at, WELL_KNOWN)) != NULL; at++) {
        if (strncmp(at + strlen(WELL_KNOWN), "Duration\"", 9) != 0)
            return "an Any of such a type";
    }
    return NULL;
}

static const char *why_skip(const Conformance__ConformanceRequest *request)
{
    bool from_json = request->payload_case == CONFORMANCE__CONFORMANCE_REQUEST__PAYLOAD_JSON_PAYLOAD;
    bool from_wire = request->payload_case == CONFORMANCE__CONFORMANCE_REQUEST__PAYLOAD_PROTOBUF_PAYLOAD;
    bool to_json = request->requested_output_format == CONFORMANCE__WIRE_FORMAT__JSON;
    bool to_wire = request->requested_output_format == CONFORMANCE__WIRE_FORMAT__PROTOBUF;

    if (strcmp(request->message_type, (MESSAGE)->name) != 0)
        return "another message than proto3's";
    if (!(from_json || from_wire) || !(to_json || to_wire))
        return "another format";
    if (!from_json && !to_json)
        return "no JSON in it";
    return from_json
               ? lacks_in_json(request->json_payload)
               : lacks_on_wire(ses_slice(request->protobuf_payload.data, request->protobuf_payload.len));
}

/* ---- the case */

static const char *read_message(const Conformance__ConformanceRequest *request, struct ses_arena *arena,
                                ProtobufCMessage **ret_message)
{
    static struct ses_error error;
    struct ses_proto_options options = {.arena = arena};
    struct ses_proto_fault fault;

    if (request->payload_case == CONFORMANCE__CONFORMANCE_REQUEST__PAYLOAD_JSON_PAYLOAD)
        return ses_json_decode_with(arena, &any_types, MESSAGE, ses_slice_str(request->json_payload), false,
                                    ret_message, &error) == SES_OK
                   ? NULL
                   : ses_arena_str(arena, error.message);
    return ses_proto_decode(&options, MESSAGE,
                            ses_slice(request->protobuf_payload.data, request->protobuf_payload.len),
                            ret_message, &fault) == SES_OK
               ? NULL
               : fault.what;
}

/* Our JSON has the names of the proto, which proto3 JSON allows; the runner's validators look for lowerCamelCase. Keys are
 * renamed for them, top level alone. */
static struct ses_slice rename_keys(struct ses_arena *arena, const ProtobufCMessage *message,
                                    struct ses_slice json)
{
    char *text = ses_arena_str(arena, json);

    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const char *name = message->descriptor->fields[i].name;
        const char *key = ses_arena_printf(arena, "\"%s\":", name), *at = strstr(text, key);
        char camel[128];
        size_t len = 0;
        bool upper = false;

        if (at == NULL || !ses_field_present(message, &message->descriptor->fields[i]))
            continue;
        for (const char *c = name; *c != '\0'; c++) {
            if (*c != '_')
                camel[len++] = upper && *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
            upper = *c == '_';
        }
        text = ses_arena_printf(arena, "%.*s\"%.*s\":%s", (int)(at - text), text, (int)len, camel,
                                at + strlen(key));
    }
    return ses_slice_str(text);
}

static enum ses_status write_message(const Conformance__ConformanceRequest *request, struct ses_arena *arena,
                                     const ProtobufCMessage *message, struct ses_slice *ret_bytes)
{
    struct ses_json json;

    if (request->requested_output_format == CONFORMANCE__WIRE_FORMAT__PROTOBUF)
        return ses_proto_pack(message, arena, ret_bytes);
    ses_json_begin(&json, arena);
    json.types = &any_types;
    ses_json_message(&json, message, false);
    SES_TRY(ses_json_end(&json, ret_bytes));
    *ret_bytes = rename_keys(arena, message, *ret_bytes);
    return SES_OK;
}

static void set_text(Conformance__ConformanceResponse *response,
                     Conformance__ConformanceResponse__ResultCase which, struct ses_arena *arena,
                     const char *text)
{
    response->result_case = which;
    response->skipped = ses_arena_str(arena, ses_slice_str(text)); /* all texts share its place */
}

static void answer(const Conformance__ConformanceRequest *request, struct ses_arena *arena,
                   Conformance__ConformanceResponse *response)
{
    const char *why = why_skip(request);
    ProtobufCMessage *message;
    struct ses_slice bytes;

    if (strcmp(request->message_type, "conformance.FailureSet") == 0) {
        response->result_case = CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_PROTOBUF_PAYLOAD;
        return;
    }
    if (why != NULL) {
        set_text(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SKIPPED, arena, why);
        return;
    }
    why = read_message(request, arena, &message);
    if (why != NULL) {
        set_text(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_PARSE_ERROR, arena, why);
    } else if (write_message(request, arena, message, &bytes) != SES_OK) {
        set_text(response, CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SERIALIZE_ERROR, arena, "unwritable");
    } else if (request->requested_output_format == CONFORMANCE__WIRE_FORMAT__JSON) {
        response->result_case = CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_JSON_PAYLOAD;
        response->json_payload = ses_arena_str(arena, bytes);
    } else {
        response->result_case = CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_PROTOBUF_PAYLOAD;
        response->protobuf_payload = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
    }
}

/* With SES_TESTEE_SKIPPED in the environment, each skipped case adds its reason to that file as a line: the runner counts
 * them, and tells no reasons. */
static void note_skipped(const Conformance__ConformanceResponse *response)
{
    const char *path = getenv("SES_TESTEE_SKIPPED");
    FILE *file;

    if (path == NULL || response->result_case != CONFORMANCE__CONFORMANCE_RESPONSE__RESULT_SKIPPED)
        return;
    file = fopen(path, "ae");
    if (file == NULL)
        return;
    (void)fprintf(file, "%s\n", response->skipped);
    (void)fclose(file);
}

static void serve_one(const uint8_t *bytes, size_t len)
{
    Conformance__ConformanceResponse response;
    Conformance__ConformanceRequest request;
    ProtobufCMessage *message;
    struct ses_arena arena;
    struct ses_slice out;
    uint32_t head;

    conformance__conformance_response__init(&response);
    ses_arena_init(&arena, ARENA_MAX);
    SES_REQUIRE(ses_proto_unpack(&conformance__conformance_request__descriptor, ses_slice(bytes, len), &arena,
                                 &message) == SES_OK);
    memcpy(&request, message, sizeof(request));
    answer(&request, &arena, &response);
    note_skipped(&response);
    SES_REQUIRE(ses_proto_pack(&response.base, &arena, &out) == SES_OK);
    head = htole32((uint32_t)out.len);
    SES_REQUIRE(ses_file_write_all(STDOUT_FILENO, ses_slice(&head, sizeof(head))));
    SES_REQUIRE(ses_file_write_all(STDOUT_FILENO, out));
    ses_arena_done(&arena);
}

int main(void)
{
    static uint8_t bytes[MESSAGE_MAX];
    uint32_t len;

    while (ses_file_read_all(STDIN_FILENO, (uint8_t *)&len, sizeof(len))) {
        len = le32toh(len);
        SES_REQUIRE(len <= sizeof(bytes) && ses_file_read_all(STDIN_FILENO, bytes, len));
        serve_one(bytes, len);
    }
    return 0;
}
