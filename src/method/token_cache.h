/* token_cache.h - tokens whose signature this worker has verified before: one Ed25519 verification is 48 us,
 * finding it here 1 us.
 *
 * Only the signature and the parsing are saved. Time, generation, revocation and everything that is stored
 * are judged anew by each call. A key that is revoked takes its tokens out of here too: workers learn of keys
 * by being replaced. Fixed memory: 260 bytes an entry, the least recently used one goes.
 */
#ifndef SESSIOND_SRC_METHOD_TOKEN_CACHE_H
#define SESSIOND_SRC_METHOD_TOKEN_CACHE_H

#include <sessiond/domain/request.h>
#include <sessiond/token/token.h>

/* What calls need of a verified token. */
struct ses_token_facts {
    uint8_t session_id[16];
    uint8_t merchant_session_hash[SES_HASH_BYTES];
    uint64_t issued_ms; /* both in the world's time, as the token has them */
    uint64_t expires_ms;
    uint32_t generation;
    bool test;
    uint8_t tenant_len; /* 0: of a version whose tokens did not name it */
    char tenant[16];
    uint8_t merchant_len;
    char merchant[SES_CALLER_ID_BYTES_MAX];
};

struct ses_token_cache;

SES_MUST_CHECK enum ses_status ses_token_cache_new(size_t entries_max, struct ses_token_cache **ret_cache);
void ses_token_cache_free(struct ses_token_cache *cache);
/* [worker] key: BLAKE2b-256 of the whole token. False: not there. */
bool ses_token_cache_get(struct ses_token_cache *cache, const uint8_t key[SES_HASH_BYTES],
                         struct ses_token_facts *ret_facts);
void ses_token_cache_put(struct ses_token_cache *cache, const uint8_t key[SES_HASH_BYTES],
                         const struct ses_token_facts *facts);

#endif
