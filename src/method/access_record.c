/* The record, and the two times that a token's life has: when others are asked for, and when it is not handed out any more. */
#include "access_record.h"

#include <sessiond/codec/codec_proto.h>

#include "record_steps.h"

typedef Sessiond__Store__V1__AccessTokenRecord access_record;

/* Taken off a life, so that what is handed out can still be used: a tenth of it, at most half a minute. */
#define MARGIN_MS_MAX  30000u
#define MARGIN_PART    10u
#define RENEW_PART     5u     /* of its life are left: another one is asked for */
#define RENEW_AGAIN_MS 10000u /* after one that failed */
/* A refusal, and a token without a life, are for those that wait just now. */
#define KEPT_MS 60000u

void ses_access_record_make(const struct ses_connector_result *result, uint64_t now_ms,
                            struct ses_access_record *ret_record)
{
    uint64_t life_ms = result->life_ms;
    uint64_t margin_ms = life_ms / MARGIN_PART > MARGIN_MS_MAX ? MARGIN_MS_MAX : life_ms / MARGIN_PART;

    *ret_record = (struct ses_access_record){.made_ms = now_ms};
    if (result->outcome != SES_OUTCOME_SUCCESS) {
        ret_record->failure = *result;
        return;
    }
    ret_record->token = result->session_token;
    ret_record->type = result->token_type;
    ret_record->ends_ms = life_ms == 0 ? 0 : now_ms + life_ms - margin_ms;
}

bool ses_access_record_lives(const struct ses_access_record *record, uint64_t now_ms)
{
    return record->token.len > 0 && now_ms < record->ends_ms;
}

bool ses_access_record_due(const struct ses_access_record *record, uint64_t now_ms)
{
    uint64_t life_ms = record->ends_ms - record->made_ms;

    return record->ends_ms - now_ms <= life_ms / RENEW_PART &&
           now_ms >= record->renewal_failed_ms + RENEW_AGAIN_MS;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

enum ses_status ses_access_record_encode(const struct ses_access_record *record, struct ses_arena *arena,
                                         struct ses_record *ret_record)
{
    access_record message = SESSIOND__STORE__V1__ACCESS_TOKEN_RECORD__INIT;
    struct ses_record stored = {.kind = SES_RECORD_INBOX, .expires_ms = record->made_ms + KEPT_MS};

    if (record->ends_ms > stored.expires_ms)
        stored.expires_ms = record->ends_ms;
    message.format = SES_ACCESS_FORMAT;
    message.made_ms = record->made_ms;
    message.token = ses_record_bytes(record->token);
    message.type = ses_record_bytes(record->type);
    message.ends_ms = record->ends_ms;
    message.renewal_failed_ms = record->renewal_failed_ms;
    message.outcome = (uint32_t)record->failure.outcome;
    message.status_code = record->failure.status_code;
    message.code = ses_record_bytes(record->failure.code);
    message.message = ses_record_bytes(record->failure.message);
    message.reason = ses_record_bytes(record->failure.reason);
    SES_TRY(ses_proto_pack(&message.base, arena, &stored.body));
    *ret_record = stored;
    return SES_OK;
}

static struct ses_connector_result take_failure(const access_record *message)
{
    enum ses_connector_outcome outcome = message->outcome < SES_OUTCOME_COUNT
                                             ? (enum ses_connector_outcome)message->outcome
                                             : SES_OUTCOME_BAD_RESPONSE;

    return (struct ses_connector_result){
        .outcome = outcome,
        .status_code = message->status_code,
        .code = ses_record_slice(message->code),
        .message = ses_record_slice(message->message),
        .reason = ses_record_slice(message->reason),
    };
}

enum ses_status ses_access_record_decode(const struct ses_record *record, struct ses_arena *arena,
                                         struct ses_access_record *ret_record)
{
    ProtobufCMessage *decoded = NULL;
    const access_record *message;
    enum ses_status status;

    if (record->kind != SES_RECORD_INBOX)
        return SES_DATA_LOSS;
    status = ses_proto_unpack(&sessiond__store__v1__access_token_record__descriptor, record->body, arena,
                              &decoded);
    if (status != SES_OK)
        return status == SES_NO_MEMORY ? SES_NO_MEMORY : SES_DATA_LOSS;
    message = (const access_record *)decoded;
    if (message->format != SES_ACCESS_FORMAT)
        return SES_DATA_LOSS;
    *ret_record = (struct ses_access_record){
        .made_ms = message->made_ms,
        .token = ses_record_slice(message->token),
        .type = ses_record_slice(message->type),
        .ends_ms = message->ends_ms,
        .renewal_failed_ms = message->renewal_failed_ms,
    };
    if (message->token.len == 0)
        ret_record->failure = take_failure(message);
    return SES_OK;
}

enum ses_status ses_access_record_copy(const struct ses_access_record *record, struct ses_arena *arena,
                                       struct ses_access_record *ret_copy)
{
    *ret_copy = *record;
    SES_TRY(ses_arena_copy(arena, record->token, &ret_copy->token));
    return ses_arena_copy(arena, record->type, &ret_copy->type);
}
