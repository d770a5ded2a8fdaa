/* Few sessions have any: all of it is made in the arena, and only then. */
#include "record_clients.h"

#include <sessiond/domain/client_token.h>

typedef Sessiond__Store__V1__SessionRecord session_record;
typedef Sessiond__Store__V1__NamedClientToken stored_token;

static void put_token(const struct ses_client_token *token, stored_token *stored)
{
    sessiond__store__v1__named_client_token__init(stored);
    stored->key = ses_record_bytes(ses_slice(token->key, sizeof(token->key)));
    stored->connector = ses_record_bytes(token->connector);
    stored->kind = token->kind;
    stored->made_ms = token->made_ms;
    stored->ends_ms = token->ends_ms;
}

/* Set anew, also to none: origin may be another session's, in whose place this one comes. */
enum ses_status ses_record_put_clients(const struct ses_session *session, struct ses_arena *arena,
                                       session_record *record)
{
    stored_token *tokens;
    stored_token **pointers;

    record->n_client_tokens = 0;
    if (session->client_tokens_count == 0)
        return SES_OK;
    tokens = ses_arena_alloc(arena, session->client_tokens_count * sizeof(*tokens));
    pointers = ses_arena_alloc(arena, session->client_tokens_count * sizeof(void *));
    if (tokens == NULL || pointers == NULL)
        return SES_NO_MEMORY;
    for (unsigned i = 0; i < session->client_tokens_count; i++) {
        put_token(&session->client_tokens[i], &tokens[i]);
        pointers[i] = &tokens[i];
    }
    record->n_client_tokens = session->client_tokens_count;
    record->client_tokens = pointers;
    return SES_OK;
}

static bool take_token(const stored_token *stored, struct ses_client_token *ret_token)
{
    struct ses_client_token token = {.connector = ses_record_slice(stored->connector),
                                     .kind = stored->kind,
                                     .made_ms = stored->made_ms,
                                     .ends_ms = stored->ends_ms};

    if (stored->key.len != sizeof(token.key))
        return false;
    memcpy(token.key, stored->key.data, sizeof(token.key));
    *ret_token = token;
    return true;
}

/* A version that lets a session have more of them is read whole: each may have to be removed. */
enum ses_status ses_record_take_clients(const session_record *record, struct ses_arena *arena,
                                        struct ses_session *session)
{
    size_t count = record->n_client_tokens;

    if (count == 0)
        return SES_OK;
    session->client_tokens = ses_arena_alloc(arena, count * sizeof(*session->client_tokens));
    if (session->client_tokens == NULL)
        return SES_NO_MEMORY;
    for (size_t i = 0; i < count; i++) {
        if (!take_token(record->client_tokens[i], &session->client_tokens[i]))
            return SES_DATA_LOSS;
    }
    session->client_tokens_count = (unsigned)count;
    return SES_OK;
}
