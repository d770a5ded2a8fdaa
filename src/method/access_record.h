/* access_record.h - a connector's access token, or why there is none, as it is stored: what one call learnt, for all others. */
#ifndef SESSIOND_SRC_METHOD_ACCESS_RECORD_H
#define SESSIOND_SRC_METHOD_ACCESS_RECORD_H

#include <sessiond/base/arena.h>
#include <sessiond/connector/connector.h>
#include <sessiond/store/store.h>

/* 1 and 2 are an inbox's, which lies under the same kind (record.proto). */
#define SES_ACCESS_FORMAT 3

/* Times are ours (base/clock.h). */
struct ses_access_record {
    uint64_t made_ms;                    /* when the connector had answered; 0: nothing is stored */
    struct ses_slice token;              /* secret; empty: the connector refused */
    struct ses_slice type;               /* may be empty */
    uint64_t ends_ms;                    /* a margin before the token's end; 0: no life was told */
    uint64_t renewal_failed_ms;          /* 0: it did not */
    struct ses_connector_result failure; /* without a token */
};

/* What the connector's answer comes to. A success without a life is kept for those that waited for it. */
void ses_access_record_make(const struct ses_connector_result *result, uint64_t now_ms,
                            struct ses_access_record *ret_record);
/* Is there a token that lives? */
bool ses_access_record_lives(const struct ses_access_record *record, uint64_t now_ms);
/* Should another one be asked for, while this one lives? */
bool ses_access_record_due(const struct ses_access_record *record, uint64_t now_ms);

/* [worker] A record of the store's but for its key. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_access_record_encode(const struct ses_access_record *record,
                                                        struct ses_arena *arena,
                                                        struct ses_record *ret_record);
/* [worker] Texts in arena. SES_DATA_LOSS: no such body, or of a format that this version must not guess at;
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_access_record_decode(const struct ses_record *record,
                                                        struct ses_arena *arena,
                                                        struct ses_access_record *ret_record);
/* [worker] With the token and its type in arena. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_access_record_copy(const struct ses_access_record *record,
                                                      struct ses_arena *arena,
                                                      struct ses_access_record *ret_copy);

#endif
