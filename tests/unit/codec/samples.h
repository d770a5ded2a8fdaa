/* samples.h - full requests for the codec tests, and an arena for what becomes of them. */
#ifndef SESSIOND_TESTS_UNIT_CODEC_SAMPLES_H
#define SESSIOND_TESTS_UNIT_CODEC_SAMPLES_H

#include <sessiond/store/v1/record.pb-c.h>
#include <payment_types/merchant_authentication.pb-c.h>

#include <sessiond/base/arena.h>
#include "unit.h"

typedef Types__MerchantAuthenticationServiceCreateSessionTokenRequest SampleRequest;

#define SAMPLE_REQUEST types__merchant_authentication_service_create_session_token_request__descriptor
#define SAMPLE_NEWER                                                                                         \
    types__merchant_authentication_service_create_server_session_authentication_token_request__descriptor
#define SAMPLE_RESPONSE    types__merchant_authentication_service_create_session_token_response__descriptor
#define SAMPLE_RECORD      sessiond__store__v1__session_record__descriptor
#define SAMPLE_BYTES_MAX   4096
#define SAMPLE_ARENA_BYTES (1024u * 1024)

/* Every kind of field that a request has. */
extern const char sample_json[];

/* The same as protobuf, by protobuf-c's own packer: SAMPLE_BYTES_MAX at most. */
size_t sample_pack(uint8_t *ret_bytes);

/* Number types that no message of ours has today: a descriptor by hand, as protoc-gen-c would write it. */
struct sample_numbers {
    ProtobufCMessage base;
    int32_t sint32;
    int64_t sint64;
    uint32_t fixed32;
    int64_t sfixed64;
    float single;
    double real;
    uint64_t uint64;
};

extern const ProtobufCMessageDescriptor sample_numbers;

/* For one test at a time: cmocka's sample_setup and sample_teardown open and end it. */
extern struct ses_arena sample_arena;

int sample_setup(void **state);
int sample_teardown(void **state);

#endif
