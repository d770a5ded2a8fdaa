/* One pointer a configuration, by the place of its hash (lru.h). What was refused is not kept: it is explained each time. */
#include "config_memo.h"

#include <stdlib.h>

#include <sessiond/base/lru.h>
#include <sessiond/base/random.h>
#include <sessiond/base/secret.h>

struct ses_connector_config_memo {
    uint8_t hash_key[SES_HASH_BYTES];
    struct ses_lru *lru;
    const struct ses_connector **connectors; /* by place; NULL: a good one that names none */
};

enum ses_status ses_connector_config_memo_new(size_t entries_max, struct ses_connector_config_memo **ret_memo)
{
    struct ses_connector_config_memo *memo = calloc(1, sizeof(*memo));

    if (memo == NULL)
        return SES_NO_MEMORY;
    memo->connectors = calloc(entries_max, sizeof(const struct ses_connector *));
    if (memo->connectors == NULL || ses_lru_new(entries_max, &memo->lru) != SES_OK) {
        ses_connector_config_memo_free(memo);
        return SES_NO_MEMORY;
    }
    ses_random_bytes(memo->hash_key, sizeof(memo->hash_key));
    *ret_memo = memo;
    return SES_OK;
}

void ses_connector_config_memo_free(struct ses_connector_config_memo *memo)
{
    if (memo == NULL)
        return;
    ses_lru_free(memo->lru);
    free(memo->connectors);
    ses_wipe(memo, sizeof(*memo));
    free(memo);
}

/* The key stands before the text, as a part: see ses_credential_cache_key. */
void ses_config_memo_key(const struct ses_connector_config_memo *memo, struct ses_slice text,
                         uint8_t ret_key[SES_HASH_BYTES])
{
    const struct ses_slice parts[] = {ses_slice(memo->hash_key, sizeof(memo->hash_key)), text};

    ses_hash_parts(SES_SLICE_EMPTY, parts, sizeof(parts) / sizeof(parts[0]), ret_key);
}

bool ses_config_memo_find(struct ses_connector_config_memo *memo, const uint8_t key[SES_HASH_BYTES],
                          const struct ses_connector **ret_connector)
{
    size_t place;

    if (!ses_lru_find(memo->lru, key, &place))
        return false;
    *ret_connector = memo->connectors[place];
    return true;
}

void ses_config_memo_add(struct ses_connector_config_memo *memo, const uint8_t key[SES_HASH_BYTES],
                         const struct ses_connector *connector)
{
    if (connector == NULL || connector->number != 0)
        memo->connectors[ses_lru_add(memo->lru, key)] = connector;
}
