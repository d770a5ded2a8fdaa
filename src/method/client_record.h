/* client_record.h - a client token as it is stored, or a call for one that is with the connector. */
#ifndef SESSIOND_SRC_METHOD_CLIENT_RECORD_H
#define SESSIOND_SRC_METHOD_CLIENT_RECORD_H

#include <sessiond/base/arena.h>
#include <sessiond/store/store.h>

#include "client_request.h"

/* 1 and 2 are an inbox's, 3 an access token's, under the same kind (record.proto). */
#define SES_CLIENT_FORMAT 4

/* Times are ours (base/clock.h). */
struct ses_client_record {
    uint64_t made_ms; /* 0: nothing is stored */
    uint64_t ends_ms; /* from then on as if nothing were */
    struct ses_client_meaning meaning;
    uint8_t credentials[SES_CREDENTIALS_DIGEST_BYTES];
    struct ses_slice
        data; /* secret: an encoded types.ClientAuthenticationTokenData; empty: the outcome is not known */
    uint32_t status_code;
    struct ses_slice idempotency_key;
};

/* [worker] A record of the store's but for its key; an intent without data. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_record_encode(const struct ses_client_record *record,
                                                        const uint8_t session_id[SES_SESSION_ID_BYTES],
                                                        struct ses_arena *arena,
                                                        struct ses_record *ret_record);
/* [worker] What takes a token's place when it is removed: over from now on, and without anything. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_record_over(uint64_t now_ms, struct ses_arena *arena,
                                                      struct ses_record *ret_record);
/* [worker] Texts in arena. SES_DATA_LOSS: no such body, or of a format that this version must not guess at;
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_client_record_decode(const struct ses_record *record,
                                                        struct ses_arena *arena,
                                                        struct ses_client_record *ret_record);

#endif
