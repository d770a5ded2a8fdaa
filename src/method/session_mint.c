/* Claims of a token from a session. Times are the world's, by one difference for all of them
 * (base/clock.h): iat and exp of one token must fit each other. */
#include "session_mint.h"

#include <stdatomic.h>

#include <sessiond/base/clock.h>
#include <sessiond/domain/money.h>
#include <sessiond/domain/session_machine.h>

#include "natural_key.h"

/* A session in PROCESSING has no end, a token must have one. It is worked out from the record's own
 * times and not from now, so that every process makes the same token until the next span begins. */
uint64_t ses_session_token_end(const struct ses_service *service, const struct ses_session *session)
{
    uint64_t needed_ms;
    uint64_t from_ms;

    if (session->expires_ms != SES_NEVER_MS)
        return session->expires_ms;
    from_ms = session->token_issued_ms > session->updated_ms ? session->token_issued_ms : session->updated_ms;
    needed_ms = ses_clock_now_ms() + service->options.session_ttl_ms;
    /* In whole spans, so that calls between two of them get the same token. */
    if (needed_ms > from_ms + SES_PROCESSING_TOKEN_MS)
        from_ms += (needed_ms - from_ms - 1) / SES_PROCESSING_TOKEN_MS * SES_PROCESSING_TOKEN_MS;
    return from_ms + SES_PROCESSING_TOKEN_MS;
}

/* A worker of a version before, which still answers calls, would refuse what it does not know. */
static enum ses_token_purpose purpose_of(const struct ses_service_options *options)
{
    bool known = options->token_forms_known == NULL ||
                 atomic_load_explicit(options->token_forms_known, memory_order_relaxed);

    return known ? options->token_purpose : SES_TOKEN_PLAIN;
}

enum ses_status ses_session_mint(const struct ses_service *service, const struct ses_session *session,
                                 int64_t ahead_ms, struct ses_arena *arena, char **ret_token)
{
    const struct ses_service_options *options = &service->options;
    const struct ses_currency *currency = ses_currency_by_number(session->currency);
    char text[SES_TOKEN_SIZE_MAX];
    char names[SES_BINDING_NAMES_SIZE];
    char tenant[SES_TENANT_TAG_SIZE];
    size_t len = 0;
    struct ses_claims claims = {
        .issuer = ses_slice_str(options->issuer),
        .audience = ses_slice_str(options->audience),
        .merchant = session->merchant,
        .issued_ms = ses_clock_shift(session->token_issued_ms, ahead_ms),
        .expires_ms = ses_clock_shift(ses_session_token_end(service, session), ahead_ms),
        .generation = session->generation,
        .minor_amount = session->minor_amount,
        .test = session->test_mode,
    };

    if (session->connector.name == NULL || currency == NULL)
        return SES_INVALID_ARGUMENT; /* of a newer version; nothing is guessed */
    claims.connector = ses_slice_str(session->connector.name);
    claims.currency = ses_slice_str(currency->code);
    ses_tenant_tag(service, session->tenant, tenant);
    claims.tenant_tag = ses_slice_str(tenant);
    memcpy(claims.session_id, session->id, sizeof(claims.session_id));
    memcpy(claims.browser_hash, session->binding.hash, sizeof(claims.browser_hash));
    claims.browser_fields = ses_slice(names, ses_binding_names(session->binding.facets, names));
    ses_hash(SES_SLICE_EMPTY, session->merchant_session_id, claims.merchant_session_hash);
    SES_TRY(ses_token_mint(options->keyring, &claims, purpose_of(options), text, &len));
    *ret_token = ses_arena_str(arena, ses_slice(text, len));
    return *ret_token == NULL ? SES_NO_MEMORY : SES_OK;
}

void ses_session_token_given(const struct ses_service *service, enum ses_token_cause cause)
{
    ses_family_add(service->options.metrics, SES_F_TOKENS, (size_t)cause, 1);
}
