/* service_keys.h - the keys that a service makes of the data directory's secrets, and the ids of sessions. */
#ifndef SESSIOND_SRC_METHOD_SERVICE_KEYS_H
#define SESSIOND_SRC_METHOD_SERVICE_KEYS_H

#include <sessiond/base/hash.h>
#include <sessiond/base/secret.h>
#include <sessiond/domain/fingerprint.h>
#include <sessiond/store/store.h>

struct ses_service_options;

/* In guarded memory. */
struct ses_service_keys {
    struct ses_tag_key payload;
    struct ses_tag_key log;
    struct ses_tag_key tenant;
    uint8_t
        credentials[SES_HASH_BYTES]; /* keys the hash that tells one caller's credentials from another's */
};

/* [worker] ret_keys lies inside ret_memory. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_service_keys_make(const struct ses_service_options *options,
                                                     struct ses_secret *ret_memory,
                                                     struct ses_service_keys **ret_keys);
/* [worker] 48 bits of milliseconds, 80 random bits: ids are spread, ordered by time, and say nothing of the shard. */
void ses_service_session_id(uint64_t now_ms, uint8_t ret_id[SES_SESSION_ID_BYTES]);

#endif
