/* proto3 JSON to a message, by its descriptor. jansson parses (after codec_json_number.h has surveyed
 * the raw text: its depth and number of values bound what jansson may allocate), then one walk over its
 * tree fills the message in the exchange's arena. The tree dies before the method runs. */
#include <sessiond/codec/codec_json.h>

#include <sessiond/base/json_load.h>

#include <google/protobuf/any.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <payment_types/merchant_authentication.pb-c.h>
#include <payment_types/money.pb-c.h>
#include <payment_types/secret.pb-c.h>
#include <sessiond/v1/secret.pb-c.h>

#include <sessiond/codec/codec_proto.h>

#include "codec_json_duration.h"
#include "codec_json_number.h"
#include "codec_json_value.h"

/* Values in one text. jansson takes up to 50 bytes of heap for a byte of "[[],[],.."; our largest request has
 * 60 values. */
#define VALUES_MAX 4096

/* Of one message, for each a bit; the largest of ours has fewer than 64. */
#define FIELDS_MAX 256

struct reader {
    struct ses_arena *arena;
    struct ses_error *error;
    bool plain; /* the plain routes' form, see ses_json_decode */
    const struct ses_json_types *types;
};

/* The newer protocol's HTTP mode writes a oneof with one level more: {"domain_context":{"Payment":{..}}}.
 * protobuf-c's descriptors do not name oneofs, hence this table. */
static const struct wrapper {
    const ProtobufCMessageDescriptor *message;
    const char *name;
    const char *member; /* any member of that oneof */
} wrappers[] = {
    {&types__merchant_authentication_service_create_server_session_authentication_token_request__descriptor,
     "domain_context", "payment"},
};

/* The ceiling of the exchange's arena, not the machine's memory: one request asked for too much. */
static enum ses_status no_memory(struct reader *r)
{
    ses_error_set(r->error, SES_NO_MEMORY, SES_STR("the request needs more memory than one request may use"));
    return SES_NO_MEMORY;
}

static enum ses_status refuse_text(struct reader *r, struct ses_slice message)
{
    ses_error_refuse(r->error, SES_REASON_MALFORMED_REQUEST, message);
    return r->error->status;
}

static enum ses_status refuse(struct reader *r, const struct ses_path *path, const char *what)
{
    struct ses_slice field = ses_path_text(path, r->arena);
    const char *text = ses_arena_printf(r->arena, "%.*s %s", SES_FMT(field), what);

    (void)refuse_text(r, text == NULL ? ses_slice_str(what) : ses_slice_str(text));
    ses_error_violation(r->error, field, ses_slice_str(what));
    return SES_INVALID_ARGUMENT;
}

/* Whether key is the lowerCamelCase (or, with pascal, the PascalCase) spelling of a field's name.
 * Compared in place instead of made: the names of a message are looked through for each unknown key. */
static bool is_camel_of(const char *name, const char *key, bool pascal)
{
    bool upper = pascal;

    for (; *name != '\0'; name++) {
        if (*name == '_') {
            upper = true;
            continue;
        }
        char expected = upper && *name >= 'a' && *name <= 'z' ? (char)(*name - 'a' + 'A') : *name;
        if (*key++ != expected)
            return false;
        upper = false;
    }
    return *key == '\0';
}

/* proto3 JSON: a parser takes both the field's own name and its lowerCamelCase spelling. */
static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *descriptor,
                                                  const char *key)
{
    const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(descriptor, key);

    for (unsigned i = 0; field == NULL && i < descriptor->n_fields; i++) {
        if (is_camel_of(descriptor->fields[i].name, key, false))
            field = &descriptor->fields[i];
    }
    return field;
}

static enum ses_status read_message(struct reader *r, const struct ses_path *up, json_t *object,
                                    ProtobufCMessage *message);

static enum ses_status read_text(struct reader *r, const struct ses_path *path, const json_t *value,
                                 void *member)
{
    if (!ses_json_is_text(value))
        return refuse(r, path, "must be a string");
    char *text = ses_arena_str(r->arena, ses_slice(json_string_value(value), json_string_length(value)));
    if (text == NULL)
        return no_memory(r);
    memcpy(member, &text, sizeof(text));
    return SES_OK;
}

/* {"value": ".."} and nothing else: an object of the caller's own would lose what is in it without a word. */
static bool is_secret_object(json_t *value)
{
    const char *key;
    json_t *member;

    json_object_foreach(value, key, member) {
        if (strcmp(key, "value") != 0)
            return false;
    }
    return json_is_object(value);
}

static bool is_secret(const ProtobufCMessageDescriptor *descriptor)
{
    return descriptor == &types__secret_string__descriptor ||
           descriptor == &sessiond__v1__secret_string__descriptor;
}

/* Messages that proto3 JSON writes as a string: a secret, if the caller likes, and a Duration. */
static bool is_text_form(const ProtobufCMessageDescriptor *descriptor)
{
    return is_secret(descriptor) || descriptor == &google__protobuf__duration__descriptor;
}

static enum ses_status read_text_form(struct reader *r, const struct ses_path *path, json_t *value,
                                      ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    const char *what;

    if (is_secret(descriptor))
        return read_text(r, path, value, ses_field_member(message, &descriptor->fields[0]));
    what = ses_json_duration_read(ses_slice(json_string_value(value), json_string_length(value)), message);
    return what == NULL ? SES_OK : refuse(r, path, what);
}

/* Beside "@type": the message's own fields, or its own form under "value". read_message takes "@type" for an unknown key. */
static enum ses_status read_any_body(struct reader *r, const struct ses_path *path, json_t *object,
                                     ProtobufCMessage *inner)
{
    json_t *form = json_object_get(object, "value");

    if (is_text_form(inner->descriptor) && ses_json_is_text(form))
        return read_text_form(r, path, form, inner);
    return read_message(r, path, object, inner);
}

/* "@type" may stand anywhere among them. */
static enum ses_status read_any(struct reader *r, const struct ses_path *path, json_t *object,
                                ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *type;
    const json_t *name = json_object_get(object, "@type");
    Google__Protobuf__Any any;
    ProtobufCMessage *inner;
    struct ses_slice url, bytes;

    google__protobuf__any__init(&any);
    if (json_object_size(object) == 0)
        return SES_OK;
    if (!ses_json_is_text(name))
        return refuse(r, path, "must name its type under \"@type\"");
    url = ses_slice(json_string_value(name), json_string_length(name));
    type = ses_json_type_of(r->types, url);
    if (type == NULL)
        return refuse(r, path, "is of a type (\"@type\") that is not known here");
    if (ses_message_make(type, r->arena, &inner) != SES_OK)
        return no_memory(r);
    SES_TRY(read_any_body(r, path, object, inner));
    any.type_url = ses_arena_str(r->arena, url);
    if (any.type_url == NULL || ses_proto_pack(inner, r->arena, &bytes) != SES_OK)
        return no_memory(r);
    any.value = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data}; /* ours: just made */
    memcpy(message, &any, sizeof(any));
    return SES_OK;
}

/* The message is put into its member before it is read, so that a failure leaves nothing dangling: all
 * of it is the arena's. */
static enum ses_status read_submessage(struct reader *r, const struct ses_path *path, json_t *value,
                                       void *member)
{
    const ProtobufCMessageDescriptor *descriptor = path->field->descriptor;
    bool bare = is_text_form(descriptor) && ses_json_is_text(value);
    ProtobufCMessage *message;

    if (is_secret(descriptor) && !bare && !is_secret_object(value))
        return refuse(r, path,
                      "must be a string, or an object with nothing but \"value\" "
                      "(JSON of your own: as text in a string)");
    if (!bare && !json_is_object(value))
        return refuse(r, path, "must be an object");
    if (ses_message_make(descriptor, r->arena, &message) != SES_OK)
        return no_memory(r);
    memcpy(member, &message, sizeof(void *));
    if (bare)
        return read_text_form(r, path, value, message);
    if (r->types != NULL && descriptor == &google__protobuf__any__descriptor)
        return read_any(r, path, value, message);
    return read_message(r, path, value, message);
}

/* Messages and texts need the arena and recursion, everything else is codec_json_value.c's. */
static enum ses_status read_value(struct reader *r, const struct ses_path *path, json_t *value, void *member)
{
    bool out_of_memory;

    if (path->field->type == PROTOBUF_C_TYPE_MESSAGE)
        return read_submessage(r, path, value, member);
    if (path->field->type == PROTOBUF_C_TYPE_STRING)
        return read_text(r, path, value, member);
    const char *what = ses_json_scalar(value, path->field, r->arena, member, &out_of_memory);
    if (out_of_memory)
        return no_memory(r);
    return what == NULL ? SES_OK : refuse(r, path, what);
}

/* An element counts only once it was read (ses_field_extended behind read_value): a message that is
 * refused half way never shows an uninitialised one. */
static enum ses_status read_array(struct reader *r, const struct ses_path *path, json_t *array,
                                  ProtobufCMessage *message)
{
    void *member;

    if (!json_is_array(array))
        return refuse(r, path, "must be an array");
    for (size_t i = 0; i < json_array_size(array); i++) {
        struct ses_path element = {path->up, path->field, i};
        if (ses_field_extend(message, path->field, r->arena, &member) != SES_OK)
            return no_memory(r);
        SES_TRY(read_value(r, &element, json_array_get(array, i), member));
        ses_field_extended(message, path->field);
    }
    return SES_OK;
}

/* A map is a repeated message of key and value (field.h). Keys cannot repeat: jansson refuses that in
 * any object (JSON_REJECT_DUPLICATES). */
static enum ses_status read_map_entry(struct reader *r, const struct ses_path *path, const char *key,
                                      json_t *value, ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = path->field->descriptor;
    ProtobufCMessage *entry;
    void *member;

    SES_REQUIRE(descriptor->fields[0].type == PROTOBUF_C_TYPE_STRING); /* every map of ours */
    if (ses_field_extend(message, path->field, r->arena, &member) != SES_OK ||
        ses_message_make(descriptor, r->arena, &entry) != SES_OK)
        return no_memory(r);
    memcpy(member, &entry, sizeof(void *));
    char *name = ses_arena_str(r->arena, ses_slice_str(key));
    if (name == NULL)
        return no_memory(r);
    memcpy(ses_field_member(entry, &descriptor->fields[0]), &name, sizeof(name));
    struct ses_path inner = {path, &descriptor->fields[1], SIZE_MAX};
    SES_TRY(read_value(r, &inner, value, ses_field_member(entry, &descriptor->fields[1])));
    ses_field_extended(message, path->field);
    return SES_OK;
}

static enum ses_status read_map(struct reader *r, const struct ses_path *path, json_t *object,
                                ProtobufCMessage *message)
{
    const char *key;
    json_t *value;

    if (!json_is_object(object))
        return refuse(r, path, "must be an object");
    json_object_foreach(object, key, value)
        SES_TRY(read_map_entry(r, path, key, value, message));
    return SES_OK;
}

/* null is "not given" for every type (proto3 JSON). Of a oneof two members are a contradiction; the
 * wire format would take the last one, but JSON has no order to go by. */
static enum ses_status read_field(struct reader *r, const struct ses_path *path, json_t *value,
                                  ProtobufCMessage *message)
{
    if (json_is_null(value))
        return SES_OK;
    if (path->field->label == PROTOBUF_C_LABEL_REPEATED)
        return ses_field_is_map(path->field) ? read_map(r, path, value, message)
                                             : read_array(r, path, value, message);
    if (ses_field_is_oneof(path->field)) {
        uint32_t set = ses_field_oneof_case(message, path->field);
        if (set == path->field->id)
            return refuse(r, path, "is given twice");
        if (set != 0)
            return refuse(r, path, "excludes another field that is also given");
    }
    return read_value(r, path, value, ses_field_select(message, path->field));
}

static const struct wrapper *find_wrapper(const ProtobufCMessageDescriptor *descriptor, const char *key)
{
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
        if (wrappers[i].message == descriptor &&
            (strcmp(wrappers[i].name, key) == 0 || is_camel_of(wrappers[i].name, key, false)))
            return &wrappers[i];
    }
    return NULL;
}

/* Members of the oneof under the extra level; what else stands there is ignored like every unknown key. */
static enum ses_status read_wrapped(struct reader *r, const struct ses_path *up,
                                    const struct wrapper *wrapper, json_t *object, ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    unsigned oneof = find_field(descriptor, wrapper->member)->quantifier_offset;
    struct ses_path self = {up, find_field(descriptor, wrapper->member), SIZE_MAX};
    const char *key;
    json_t *value;

    if (json_is_null(object))
        return SES_OK;
    if (!json_is_object(object))
        return refuse(r, &self, "must stand in an object");
    json_object_foreach(object, key, value) {
        for (unsigned i = 0; i < descriptor->n_fields; i++) {
            struct ses_path path = {up, &descriptor->fields[i], SIZE_MAX};
            if (ses_field_is_oneof(path.field) && path.field->quantifier_offset == oneof &&
                (is_camel_of(path.field->name, key, true) || strcmp(path.field->name, key) == 0))
                SES_TRY(read_field(r, &path, value, message));
        }
    }
    return SES_OK;
}

/* The plain routes have no proto3 default: an amount that is not told is a fault of the caller's, not a
 * payment of nothing (the one field that upstream's HTTP mode demands, too). */
static enum ses_status demand_amount(struct reader *r, const struct ses_path *up, json_t *object)
{
    const char *name = "minor_amount";
    struct ses_path path = {
        up, protobuf_c_message_descriptor_get_field_by_name(&types__money__descriptor, name), SIZE_MAX};
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        if ((strcmp(key, name) == 0 || is_camel_of(name, key, false)) && !json_is_null(value))
            return SES_OK;
    }
    return refuse(r, &path, "is required");
}

static enum ses_status read_message(struct reader *r, const struct ses_path *up, json_t *object,
                                    ProtobufCMessage *message)
{
    uint64_t seen[FIELDS_MAX / 64] = {0}; /* both spellings of one field are one field */
    const char *key;
    json_t *value;

    /* A schema with a larger message fails in the first test that decodes it. */
    SES_REQUIRE(message->descriptor->n_fields <= FIELDS_MAX);
    if (r->plain && message->descriptor == &types__money__descriptor)
        SES_TRY(demand_amount(r, up, object));
    json_object_foreach(object, key, value) {
        struct ses_path path = {up, find_field(message->descriptor, key), SIZE_MAX};
        if (path.field == NULL) {
            const struct wrapper *wrapper = find_wrapper(message->descriptor, key);
            if (wrapper != NULL)
                SES_TRY(read_wrapped(r, up, wrapper, value, message));
            continue; /* unknown keys are ignored */
        }
        size_t at = (size_t)(path.field - message->descriptor->fields);
        uint64_t bit = UINT64_C(1) << at % 64;
        if ((seen[at / 64] & bit) != 0)
            return refuse(r, &path, "is given twice");
        seen[at / 64] |= bit;
        SES_TRY(read_field(r, &path, value, message));
    }
    return SES_OK;
}

/* jansson's own text quotes the input, which may be a secret: only its code and position are used. */
static enum ses_status refuse_syntax(struct reader *r, const json_error_t *fault)
{
    const char *what = "not valid JSON";

    if (json_error_code(fault) == json_error_duplicate_key)
        what = "a key is given twice";
    else if (json_error_code(fault) == json_error_invalid_utf8)
        what = "not UTF-8";
    else if (json_error_code(fault) == json_error_null_character ||
             json_error_code(fault) == json_error_null_byte_in_key)
        what = "a NUL in a string";
    else if (json_error_code(fault) == json_error_numeric_overflow)
        what = "a number is out of range";
    const char *text =
        ses_arena_printf(r->arena, "request body: %s (line %d, column %d)", what, fault->line, fault->column);
    return refuse_text(r, text == NULL ? SES_STR("request body: not valid JSON") : ses_slice_str(text));
}

/* For the cleanup attribute: every return below frees the tree. */
static void release_json(json_t **root)
{
    json_decref(*root);
}

/* RFC 8259 section 8.1: nobody should send one, everybody may ignore it. */
static struct ses_slice skip_byte_order_mark(struct ses_slice text)
{
    return text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0 ? ses_slice_cut(text, 3, text.len)
                                                                      : text;
}

/* NULL: refused, and *ret_status says how. jansson is asked a second time only for a better fault: the
 * marked text has other columns than what the caller wrote. The marks need JSON_ALLOW_NUL, which is
 * safe because a NUL of the caller's was refused above. */
static json_t *parse(struct reader *r, struct ses_slice text, enum ses_status *ret_status)
{
    struct ses_json_survey survey;
    struct ses_slice marked = text;
    json_error_t fault = {0};
    enum ses_status status;
    json_t *root = NULL;

    ses_json_survey(text, &survey);
    if (survey.depth_max > SES_JSON_DEPTH_MAX || survey.values > VALUES_MAX) {
        *ret_status = refuse_text(r, SES_STR("request body: nested too deeply or too many values"));
        return NULL;
    }
    if (survey.nul) {
        *ret_status = refuse_text(r, SES_STR("request body: a NUL in a string"));
        return NULL;
    }
    if (survey.literals > 0 && ses_json_mark_literals(text, &survey, r->arena, &marked) != SES_OK) {
        *ret_status = no_memory(r);
        return NULL;
    }
    /* Any value: that it is no object (null, a text) is another fault than that it is no JSON. */
    status = ses_json_load(marked, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault, &root);
    if (status == SES_OK)
        return root;
    if (status == SES_MALFORMED && survey.literals > 0) { /* for the position in what the caller wrote */
        status = ses_json_load(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &fault, &root);
        json_decref(root);
    }
    *ret_status = status == SES_NO_MEMORY ? no_memory(r) : refuse_syntax(r, &fault);
    return NULL;
}

enum ses_status ses_json_decode_with(struct ses_arena *arena, const struct ses_json_types *types,
                                     const ProtobufCMessageDescriptor *descriptor, struct ses_slice text,
                                     bool plain, ProtobufCMessage **ret_message, struct ses_error *ret_error)
{
    struct reader r = {arena, ret_error, plain, types};
    enum ses_status status = SES_OK;
    ProtobufCMessage *message;

    text = skip_byte_order_mark(text);
    if (text.len == 0)
        return refuse_text(&r, SES_STR("request body: empty, a JSON object is needed"));
    json_t *root __attribute__((cleanup(release_json))) = parse(&r, text, &status);
    if (root == NULL)
        return status;
    if (!json_is_object(root))
        return refuse_text(&r, SES_STR("request body: must be a JSON object"));
    if (ses_message_make(descriptor, arena, &message) != SES_OK)
        return no_memory(&r);
    SES_TRY(read_message(&r, NULL, root, message));
    *ret_message = message;
    return SES_OK;
}

enum ses_status ses_json_decode(struct ses_arena *arena, const ProtobufCMessageDescriptor *descriptor,
                                struct ses_slice text, bool plain, ProtobufCMessage **ret_message,
                                struct ses_error *ret_error)
{
    return ses_json_decode_with(arena, NULL, descriptor, text, plain, ret_message, ret_error);
}
