#include <sessiond/connector/connector.h>

#include "credential_cache.h"
#include "credential_draft.h"
#include "json.h"

bool ses_credential_header_ok(struct ses_slice value)
{
    if (value.len > SES_CONNECTOR_HEADER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] > 0x7e)
            return false;
    }
    return true;
}

enum ses_status ses_credential_refuse(struct ses_credential_draft *draft, const char *reason,
                                      const char *header, const char *message)
{
    ses_error_set(draft->error, SES_INVALID_ARGUMENT, ses_slice_str(message));
    draft->error->reason = ses_slice_str(reason);
    ses_error_metadata(draft->error, SES_STR("header"), ses_slice_str(header));
    return SES_INVALID_ARGUMENT;
}

enum ses_status ses_credential_refuse_key(struct ses_credential_draft *draft, const char *reason,
                                          const char *header, const char *message, const char *key)
{
    const char *text = key == NULL ? NULL : ses_arena_printf(draft->arena, "%s: %s", message, key);
    enum ses_status status = ses_credential_refuse(draft, reason, header, text == NULL ? message : text);

    if (key != NULL)
        ses_error_metadata(draft->error, SES_STR("key"), ses_slice_str(key));
    return status;
}

void ses_credential_add(struct ses_credential_draft *draft, const char *name, struct ses_slice value)
{
    struct ses_credentials *found = &draft->found;

    SES_REQUIRE(found->fields_count < SES_CREDENTIAL_FIELDS_MAX); /* the table's rows are shorter */
    found->fields[found->fields_count++] = (struct ses_credential){name, value};
    ses_credential_mean_text(draft, name, value);
}

struct ses_slice ses_credential_get(const struct ses_credentials *credentials, const char *name)
{
    for (size_t i = 0; i < credentials->fields_count; i++) {
        if (strcmp(credentials->fields[i].name, name) == 0)
            return credentials->fields[i].value;
    }
    return SES_SLICE_EMPTY;
}

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
    SES_TRY(read_fresh(headers, digest_key, arena, ret_credentials, ret_error));
    ses_credential_cache_put(cache, key, ret_credentials);
    return SES_OK;
}
