/* Each key has a purpose of its own in its derivation: one that leaks tells nothing of the others. */
#include "service_keys.h"

#include <sessiond/base/random.h>
#include <sessiond/method/service.h>

/* One key a purpose, from one secret: a tag that is seen in one place (a log line) tells nothing about
 * another. */
static void derive(const struct ses_secret *secret, struct ses_slice purpose, struct ses_tag_key *ret_key)
{
    uint8_t hash[SES_HASH_BYTES];

    ses_hash(ses_slice(secret->bytes, secret->len), purpose, hash);
    memcpy(ret_key->bytes, hash, sizeof(ret_key->bytes));
    ses_wipe(hash, sizeof(hash));
}

enum ses_status ses_service_keys_make(const struct ses_service_options *options,
                                      struct ses_secret *ret_memory, struct ses_service_keys **ret_keys)
{
    const struct ses_secret *natural = options->natural_key;
    struct ses_service_keys *keys;

    SES_TRY(ses_secret_new(sizeof(*keys), ret_memory));
    keys = (struct ses_service_keys *)(void *)ret_memory->bytes;
    derive(natural, SES_STR("payload tags"), &keys->payload);
    derive(natural, SES_STR("tenant tags"), &keys->tenant);
    derive(options->log_key, SES_STR("session pseudonyms"), &keys->log);
    ses_hash(ses_slice(natural->bytes, natural->len), SES_STR("connector credentials"), keys->credentials);
    *ret_keys = keys;
    return SES_OK;
}

/* Big endian milliseconds in front: ids sort by their time. */
void ses_service_session_id(uint64_t now_ms, uint8_t ret_id[SES_SESSION_ID_BYTES])
{
    for (size_t i = 0; i < 6; i++)
        ret_id[i] = (uint8_t)(now_ms >> (8 * (5 - i)));
    ses_random_bytes(ret_id + 6, SES_SESSION_ID_BYTES - 6);
}
