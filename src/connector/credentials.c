/* Resolving: the cache by a hash of the header values, else one of the two ways of reading them. A draft
 * points into headers and JSON; only when all is well is it packed into the arena, and the JSON wiped either
 * way.
 */
#include <sessiond/connector/connector.h>

#include "credential_cache.h"
#include "credential_draft.h"
#include "json.h"

/* x-connector-config, else x-connector-auth, else the older headers: the first that is there decides. */
static enum ses_status read_headers(const struct ses_connector_headers *headers,
                                    struct ses_credential_draft *draft)
{
    if (headers->connector_config.len > 0 || headers->connector_auth.len > 0)
        return ses_credentials_from_config(headers, draft);
    return ses_credentials_from_legacy(headers, draft);
}

static enum ses_status read_fresh(const struct ses_connector_headers *headers, struct ses_slice digest_key,
                                  struct ses_arena *arena, struct ses_credentials *ret_credentials,
                                  struct ses_error *ret_error)
{
    struct ses_credential_draft draft = {.arena = arena, .error = ret_error};
    enum ses_status status = read_headers(headers, &draft);
    uint8_t *block = NULL;

    if (status == SES_OK)
        status = ses_credential_digest(&draft, digest_key, draft.found.digest);
    if (status == SES_OK) {
        block = ses_arena_alloc(arena, ses_credentials_bytes(&draft.found) + 1);
        status = block == NULL ? SES_NO_MEMORY : SES_OK;
    }
    if (status == SES_OK) {
        ses_credentials_pack(&draft.found, block);
        *ret_credentials = draft.found;
    } else if (status == SES_NO_MEMORY) {
        ses_error_set(ret_error, SES_NO_MEMORY, SES_STR("out of memory while reading connector credentials"));
    }
    ses_json_wipe(draft.json);
    ses_json_wipe(draft.meaning);
    return status;
}

enum ses_status ses_credentials_resolve(struct ses_credential_cache *cache, struct ses_slice digest_key,
                                        const struct ses_connector_headers *headers, struct ses_arena *arena,
                                        struct ses_credentials *ret_credentials, struct ses_error *ret_error)
{
    uint8_t key[SES_HASH_BYTES];
    enum ses_status status;

    if (cache == NULL)
        return read_fresh(headers, digest_key, arena, ret_credentials, ret_error);
    ses_credential_cache_key(cache, headers, key);
    status = ses_credential_cache_get(cache, key, arena, ret_credentials);
    if (status == SES_NO_MEMORY)
        ses_error_set(ret_error, status, SES_STR("out of memory while reading connector credentials"));
    if (status != SES_NOT_FOUND)
        return status;
    /* Faults are not kept: a caller that mends its headers sends others. */
    SES_TRY(read_fresh(headers, digest_key, arena, ret_credentials, ret_error));
    ses_credential_cache_put(cache, key, ret_credentials);
    return SES_OK;
}
