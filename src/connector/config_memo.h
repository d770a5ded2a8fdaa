/* config_memo.h - configurations that ses_connector_config_check has found good: a caller sends the same one with each call. */
#ifndef SESSIOND_SRC_CONNECTOR_CONFIG_MEMO_H
#define SESSIOND_SRC_CONNECTOR_CONFIG_MEMO_H

#include <sessiond/base/hash.h>
#include <sessiond/connector/connector.h>

/* A hash under a key of this process stands for the text, which is not kept: it holds credentials. */
void ses_config_memo_key(const struct ses_connector_config_memo *memo, struct ses_slice text,
                         uint8_t ret_key[SES_HASH_BYTES]);
/* False: it is not there. */
bool ses_config_memo_find(struct ses_connector_config_memo *memo, const uint8_t key[SES_HASH_BYTES],
                          const struct ses_connector **ret_connector);
/* Of one that was not found. A connector that is in no table is not kept: its row dies with the call. */
void ses_config_memo_add(struct ses_connector_config_memo *memo, const uint8_t key[SES_HASH_BYTES],
                         const struct ses_connector *connector);

#endif
