/* Protobuf decoder: any bytes give a message or a refusal; what was accepted packs, and unpacks to the same
 * bytes again. The first byte chooses the type. */
#include <stdlib.h>

#include <google/rpc/status.pb-c.h>
#include <grpc/reflection/v1/reflection.pb-c.h>
#include <sessiond/store/v1/record.pb-c.h>
#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/codec/codec_proto.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
    &types__merchant_authentication_service_create_session_token_request__descriptor,
    &types__merchant_authentication_service_create_server_session_authentication_token_request__descriptor,
    &sessiond__store__v1__session_record__descriptor,
    &grpc__reflection__v1__server_reflection_request__descriptor,
    &google__rpc__status__descriptor,
};

static void check_stable(const ProtobufCMessageDescriptor *type, const ProtobufCMessage *message,
                         struct ses_arena *arena)
{
    ProtobufCMessage *again;
    struct ses_slice first, second;

    SES_REQUIRE(ses_proto_pack(message, arena, &first) == SES_OK);
    SES_REQUIRE(ses_proto_unpack(type, first, arena, &again) == SES_OK);
    SES_REQUIRE(ses_proto_pack(again, arena, &second) == SES_OK);
    SES_REQUIRE(ses_slice_eq(first, second));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ses_arena arena;
    ProtobufCMessage *message;

    if (size == 0)
        return 0;
    const ProtobufCMessageDescriptor *type = types[data[0] % (sizeof(types) / sizeof(types[0]))];
    ses_arena_init(&arena, 64u * 1024 * 1024);
    if (ses_proto_unpack(type, ses_slice(data + 1, size - 1), &arena, &message) == SES_OK)
        check_stable(type, message, &arena);
    ses_arena_done(&arena);
    return 0;
}
