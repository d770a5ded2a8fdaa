/* The record's bytes. */
#include "client_record.h"

#include <sessiond/codec/codec_proto.h>

#include "record_steps.h"

typedef Sessiond__Store__V1__ClientTokenRecord client_record;

enum ses_status ses_client_record_encode(const struct ses_client_record *record,
                                         const uint8_t session_id[SES_SESSION_ID_BYTES],
                                         struct ses_arena *arena, struct ses_record *ret_record)
{
    client_record message = SESSIOND__STORE__V1__CLIENT_TOKEN_RECORD__INIT;
    struct ses_record stored = {.kind = record->data.len > 0 ? SES_RECORD_INBOX : SES_RECORD_INTENT,
                                .expires_ms = record->ends_ms};
    uint64_t tags[SES_CLIENT_PARTS];

    if (stored.kind == SES_RECORD_INTENT)
        memcpy(stored.session_id, session_id, SES_SESSION_ID_BYTES);
    for (unsigned part = 0; part < SES_CLIENT_PARTS; part++) {
        if ((record->meaning.parts >> part & 1) != 0)
            tags[message.n_tags++] = record->meaning.tag[part];
    }
    message.format = SES_CLIENT_FORMAT;
    message.made_ms = record->made_ms;
    message.parts = record->meaning.parts;
    message.tags = tags;
    message.credentials = ses_record_bytes(ses_slice(record->credentials, sizeof(record->credentials)));
    message.data = ses_record_bytes(record->data);
    message.status_code = record->status_code;
    message.idempotency_key = ses_record_bytes(record->idempotency_key);
    SES_TRY(ses_proto_pack(&message.base, arena, &stored.body));
    *ret_record = stored;
    return SES_OK;
}

enum ses_status ses_client_record_over(uint64_t now_ms, struct ses_arena *arena,
                                       struct ses_record *ret_record)
{
    client_record message = SESSIOND__STORE__V1__CLIENT_TOKEN_RECORD__INIT;
    struct ses_record stored = {.kind = SES_RECORD_INBOX, .expires_ms = now_ms};

    message.format = SES_CLIENT_FORMAT;
    SES_TRY(ses_proto_pack(&message.base, arena, &stored.body));
    *ret_record = stored;
    return SES_OK;
}

/* False: not what a version of ours writes, or parts of a later one that this one cannot compare. */
static bool take_meaning(const client_record *message, struct ses_client_meaning *ret_meaning)
{
    size_t at = 0;

    memset(ret_meaning, 0, sizeof(*ret_meaning));
    if (message->parts >> SES_CLIENT_PARTS != 0)
        return false;
    ret_meaning->parts = (uint32_t)message->parts;
    for (unsigned part = 0; part < SES_CLIENT_PARTS; part++) {
        if ((message->parts >> part & 1) == 0)
            continue;
        if (at == message->n_tags)
            return false;
        ret_meaning->tag[part] = message->tags[at++];
    }
    return at == message->n_tags;
}

enum ses_status ses_client_record_decode(const struct ses_record *record, struct ses_arena *arena,
                                         struct ses_client_record *ret_record)
{
    ProtobufCMessage *decoded = NULL;
    const client_record *message;
    enum ses_status status;

    if (record->kind != SES_RECORD_INBOX && record->kind != SES_RECORD_INTENT)
        return SES_DATA_LOSS;
    status = ses_proto_unpack(&sessiond__store__v1__client_token_record__descriptor, record->body, arena,
                              &decoded);
    if (status != SES_OK)
        return status == SES_NO_MEMORY ? SES_NO_MEMORY : SES_DATA_LOSS;
    message = (const client_record *)decoded;
    if (message->format != SES_CLIENT_FORMAT || !take_meaning(message, &ret_record->meaning) ||
        message->credentials.len != sizeof(ret_record->credentials))
        return SES_DATA_LOSS;
    memcpy(ret_record->credentials, message->credentials.data, sizeof(ret_record->credentials));
    ret_record->made_ms = message->made_ms;
    ret_record->ends_ms = record->expires_ms;
    ret_record->data = ses_record_slice(message->data);
    ret_record->status_code = message->status_code;
    ret_record->idempotency_key = ses_record_slice(message->idempotency_key);
    return SES_OK;
}
