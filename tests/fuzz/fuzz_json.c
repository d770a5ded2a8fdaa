/* JSON decoder and writer: any bytes give a message or a refusal that names no value; what was accepted is
 * written, and read back gives the same text. The first byte chooses the type. */
#include <stdlib.h>

#include <google/rpc/error_details.pb-c.h>
#include <google/rpc/status.pb-c.h>
#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/codec/codec_json.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
    &types__merchant_authentication_service_create_session_token_request__descriptor,
    &types__merchant_authentication_service_create_server_session_authentication_token_request__descriptor,
    &google__rpc__error_info__descriptor,
    &google__rpc__status__descriptor,
    &google__rpc__status__descriptor, /* with types for its Any */
};
#define TYPES_COUNT (sizeof(types) / sizeof(types[0]))
static const struct ses_json_types any_types = {types + 2, 2};

static struct ses_slice write_text(const struct ses_json_types *of_any, const ProtobufCMessage *message,
                                   bool bare, struct ses_arena *arena)
{
    struct ses_json json;
    struct ses_slice text;

    ses_json_begin(&json, arena);
    json.types = of_any;
    ses_json_message(&json, message, bare);
    SES_REQUIRE(ses_json_end(&json, &text) == SES_OK);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ses_arena arena;
    struct ses_error error;
    ProtobufCMessage *message, *again;

    if (size == 0)
        return 0;
    const struct ses_json_types *of_any = data[0] % TYPES_COUNT == TYPES_COUNT - 1 ? &any_types : NULL;
    const ProtobufCMessageDescriptor *type = types[data[0] % TYPES_COUNT];
    struct ses_slice text = ses_slice(data + 1, size - 1);

    ses_arena_init(&arena, 64u * 1024 * 1024);
    if (ses_json_decode_with(&arena, of_any, type, text, false, &message, &error) == SES_OK) {
        for (int bare = 0; bare < 2; bare++) {
            struct ses_slice first = write_text(of_any, message, bare != 0, &arena);
            SES_REQUIRE(ses_json_decode_with(&arena, of_any, type, first, false, &again, &error) == SES_OK);
            SES_REQUIRE(ses_slice_eq(first, write_text(of_any, again, bare != 0, &arena)));
        }
    } else {
        SES_REQUIRE(error.status != SES_OK && error.message.len > 0);
    }
    ses_arena_done(&arena);
    return 0;
}
