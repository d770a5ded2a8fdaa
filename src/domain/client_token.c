/* A list of at most SES_CLIENT_TOKENS_MAX, in the order in which they were made. */
#include <sessiond/domain/client_token.h>

struct ses_client_token *ses_client_token_find(const struct ses_session *session,
                                               const uint8_t key[SES_CLIENT_TOKEN_KEY_BYTES])
{
    for (unsigned i = 0; i < session->client_tokens_count; i++) {
        if (memcmp(session->client_tokens[i].key, key, SES_CLIENT_TOKEN_KEY_BYTES) == 0)
            return &session->client_tokens[i];
    }
    return NULL;
}

static struct ses_client_token *find_ended(const struct ses_session *session, uint64_t now_ms)
{
    for (unsigned i = 0; i < session->client_tokens_count; i++) {
        if (session->client_tokens[i].ends_ms <= now_ms)
            return &session->client_tokens[i];
    }
    return NULL;
}

bool ses_client_token_room(const struct ses_session *session, const uint8_t key[SES_CLIENT_TOKEN_KEY_BYTES],
                           uint64_t now_ms)
{
    return session->client_tokens_count < SES_CLIENT_TOKENS_MAX ||
           ses_client_token_find(session, key) != NULL || find_ended(session, now_ms) != NULL;
}

bool ses_client_token_named(const struct ses_session *session, const struct ses_client_token *token)
{
    const struct ses_client_token *known = ses_client_token_find(session, token->key);

    return known != NULL && known->made_ms == token->made_ms && known->ends_ms == token->ends_ms &&
           known->kind == token->kind && ses_slice_eq(known->connector, token->connector);
}

static void drop(struct ses_session *session, const struct ses_client_token *token)
{
    size_t at = (size_t)(token - session->client_tokens);

    session->client_tokens_count--;
    memmove(session->client_tokens + at, session->client_tokens + at + 1,
            (session->client_tokens_count - at) * sizeof(*token));
}

enum ses_status ses_client_token_name(struct ses_session *session, const struct ses_client_token *token,
                                      uint64_t now_ms, struct ses_arena *arena)
{
    struct ses_client_token *known = ses_client_token_find(session, token->key);
    struct ses_client_token *list;

    if (known != NULL) {
        *known = *token;
        return SES_OK;
    }
    if (!ses_client_token_room(session, token->key, now_ms))
        return SES_RESOURCE_EXHAUSTED;
    if (session->client_tokens_count >= SES_CLIENT_TOKENS_MAX)
        drop(session, find_ended(session, now_ms));
    list = ses_arena_alloc(arena, (session->client_tokens_count + 1) * sizeof(*list));
    if (list == NULL)
        return SES_NO_MEMORY;
    if (session->client_tokens_count > 0)
        memcpy(list, session->client_tokens, session->client_tokens_count * sizeof(*list));
    list[session->client_tokens_count++] = *token;
    session->client_tokens = list;
    return SES_OK;
}
