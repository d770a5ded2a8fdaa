#include "micro.h"

#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/base/status.h>

static const uint8_t request_bytes[] =
    "\x0a\x16"
    "load-ghij-aaaaaaaaabcd"
    "\x12\x06\x08\x90\x4e\x10\x92\x01"
    "\x32\x6f\x42\x09"
    "text/html"
    "\x4a\x62"
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36 "
    "\x38\x01";

static void unpack(void *arg, unsigned times)
{
    (void)arg;
    for (unsigned i = 0; i < times; i++) {
        ProtobufCMessage *message = protobuf_c_message_unpack(
            &types__merchant_authentication_service_create_session_token_request__descriptor, NULL,
            sizeof(request_bytes) - 1, request_bytes);

        SES_REQUIRE(message != NULL);
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

static void pack(void *arg, unsigned times)
{
    uint8_t room[512];

    for (unsigned i = 0; i < times; i++)
        SES_REQUIRE(protobuf_c_message_pack(arg, room) == sizeof(request_bytes) - 1);
}

void micro_protobuf(void)
{
    ProtobufCMessage *message = protobuf_c_message_unpack(
        &types__merchant_authentication_service_create_session_token_request__descriptor, NULL,
        sizeof(request_bytes) - 1, request_bytes);

    SES_REQUIRE(message != NULL);
    micro_measure("protobuf-c: unpack a request, malloc", unpack, NULL);
    micro_measure("protobuf-c: pack it", pack, message);
    protobuf_c_message_free_unpacked(message, NULL);
}
