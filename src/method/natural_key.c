/* Names for one session, each by a keyed hash with a key of its own: what one of them gives away (a log
 * line, a token) must not help with another. */
#include "natural_key.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/little.h>

void ses_natural_key(const struct ses_service *service, struct ses_slice tenant, struct ses_slice merchant,
                     bool test_mode, struct ses_slice merchant_session_id, struct ses_store_key *ret_key)
{
    const struct ses_secret *secret = service->options.natural_key;
    struct ses_slice parts[] = {
        tenant,
        merchant,
        test_mode ? SES_STR("test") : SES_STR("live"),
        merchant_session_id,
    };

    ses_hash_parts(ses_slice(secret->bytes, secret->len), parts, sizeof(parts) / sizeof(parts[0]),
                   ret_key->bytes);
}

/* Both parts are tagged and added with different weights, so that (a, b) and (b, a) are two owners. 0
 * is "nobody" (store.h), hence the 1 +. */
ses_store_owner ses_natural_owner(const struct ses_service *service, struct ses_slice tenant,
                                  struct ses_slice merchant)
{
    const struct ses_tag_key *key = &service->keys->tenant;
    uint64_t hash = ses_tag(key, merchant) + 3 * ses_tag(key, tenant);

    return (ses_store_owner)(1 + hash % SES_OWNER_MAX);
}

/* A token outlives a move to another machine. */
static void tag_text(const struct ses_tag_key *key, struct ses_slice bytes, char *ret_text)
{
    uint8_t little[SES_LITTLE_BYTES];

    ses_little_put(ses_tag(key, bytes), little);
    (void)ses_hex_encode(ses_slice(little, sizeof(little)), ret_text);
}

void ses_tenant_tag(const struct ses_service *service, struct ses_slice tenant,
                    char ret_text[SES_TENANT_TAG_SIZE])
{
    tag_text(&service->keys->tenant, tenant, ret_text);
}

void ses_name_session(const struct ses_service *service, struct ses_exchange *x,
                      const uint8_t session_id[SES_SESSION_ID_BYTES])
{
    tag_text(&service->keys->log, ses_slice(session_id, SES_SESSION_ID_BYTES), x->session_pseudonym);
}
