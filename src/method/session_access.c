/* The checks of session_access.h in their order. An answer must never tell more than the caller has
 * proved: the token against the call first, without a look at the store, then the stored session
 * against the token. */
#include "session_access.h"

#include <inttypes.h>

#include <sessiond/base/clock.h>

#include "caller_check.h"
#include "inbox.h"
#include "natural_key.h"
#include "refusal.h"

/* ---- the call -------------------------------------------------------------------------------- */

/* Headers before the message: a log line of a refused call names its merchant. */
enum ses_status ses_access_begin(struct ses_access *a, struct ses_service *service, struct ses_exchange *x,
                                 struct ses_error *ret_error)
{
    a->service = service;
    a->x = x;
    SES_TRY(ses_request_metadata_read(x, &a->metadata, ret_error));
    x->tenant = a->metadata.tenant;
    x->merchant = a->metadata.merchant;
    return SES_OK;
}

/* An empty merchant_session_id is left absent, so that the rules call it missing. */
void ses_access_take(struct ses_access *a, const char *session_token, const char *merchant_session_id,
                     const Sessiond__V1__BrowserInformation *browser, bool test_mode)
{
    a->token = ses_slice_str(session_token);
    if (merchant_session_id[0] != '\0')
        ses_request_set_text(&a->request, SES_FIELD_MERCHANT_SESSION_ID, merchant_session_id);
    ses_request_set_v1_browser(&a->request, browser);
    a->request.test_mode = test_mode;
}

/* ---- the token ------------------------------------------------------------------------------- */

static enum ses_status refuse(struct ses_error *error, enum ses_reason reason, struct ses_slice message)
{
    ses_refusal_set(error, reason, 0, message);
    return error->status;
}

/* One answer for every way in which a token can be wrong: who tries forged ones learns nothing from
 * differences. */
static enum ses_status refuse_token(struct ses_error *error)
{
    return refuse(error, SES_REASON_TOKEN_INVALID,
                  SES_STR("the session token is not one of this server, or was altered"));
}

/* The token is genuine, the call is not its own: which part differs may be told, the caller knows both. */
static enum ses_status refuse_mismatch(struct ses_error *error, struct ses_slice differing)
{
    static const struct {
        const char *differing;
        const char *message;
    } rows[] = {
        {"test_mode",
         "the session token was made with another test_mode than the call's, where a missing one is "
         "false: send the one that the session was created with"},
        {"tenant", "the session token was made for another tenant than the call's x-tenant-id"},
        {"merchant", "the session token was made for another merchant than the call's x-merchant-id"},
        {"merchant_session_id", "the session token was made for another merchant_session_id than the call's"},
    };
    size_t row = 0;

    while (!ses_slice_eq_str(differing, rows[row].differing))
        SES_REQUIRE(++row < sizeof(rows) / sizeof(rows[0]));
    ses_refusal_set(error, SES_REASON_TOKEN_MISMATCH, 0, ses_slice_str(rows[row].message));
    ses_error_metadata(error, SES_STR("differing"), differing);
    return error->status;
}

static enum ses_status explain_refusal(enum ses_status status, struct ses_error *ret_error)
{
    switch (status) {
    case SES_NO_MEMORY:
        ses_refusal_store(ret_error, status);
        return ret_error->status;
    case SES_FAILED_PRECONDITION:
        return refuse_mismatch(ret_error, SES_STR("test_mode"));
    default:
        return refuse_token(ret_error);
    }
}

/* Verified without its time (now 0), which is judged by sessiond's clock and the era in which the token was issued
 * (base/clock.h). */
static enum ses_status read_token(struct ses_access *a, uint64_t now_ms, struct ses_error *ret_error)
{
    const struct ses_service_options *options = &a->service->options;
    const struct ses_claims *claims = &a->claims;
    enum ses_status status =
        ses_token_verify(options->keyring, a->token, a->request.test_mode, 0, &a->x->arena, &a->claims);

    if (status != SES_OK)
        return explain_refusal(status, ret_error);
    if (!ses_slice_eq_str(claims->issuer, options->issuer) ||
        !ses_slice_eq_str(claims->audience, options->audience))
        return refuse_token(ret_error);
    if (ses_clock_is_over(claims->issued_ms, claims->expires_ms + SES_TOKEN_LEEWAY_MS, now_ms))
        return refuse(ret_error, SES_REASON_TOKEN_EXPIRED, SES_STR("the session token's time is over"));
    return SES_OK;
}

/* A token of a version that did not name its tenant is bound by merchant and id alone. */
static bool same_tenant(const struct ses_access *a)
{
    char tag[SES_TENANT_TAG_SIZE];

    ses_tenant_tag(a->service, a->metadata.tenant, tag);
    return a->claims.tenant_tag.len == 0 || ses_slice_eq_str(a->claims.tenant_tag, tag);
}

/* The token's claims against what the call says of itself, before anything is looked up: the answer must not
 * tell what is stored under another name. */
static enum ses_status compare_claims(const struct ses_access *a, struct ses_error *ret_error)
{
    uint8_t hash[SES_HASH_BYTES];

    if (!same_tenant(a))
        return refuse_mismatch(ret_error, SES_STR("tenant"));
    if (!ses_slice_eq(a->claims.merchant, a->metadata.merchant))
        return refuse_mismatch(ret_error, SES_STR("merchant"));
    ses_hash(SES_SLICE_EMPTY, a->request.text[SES_FIELD_MERCHANT_SESSION_ID], hash);
    if (memcmp(hash, a->claims.merchant_session_hash, sizeof(hash)) != 0)
        return refuse_mismatch(ret_error, SES_STR("merchant_session_id"));
    return SES_OK;
}

static enum ses_status require_token(struct ses_error *ret_error)
{
    *ret_error = (struct ses_error){.status = SES_OK};
    ses_error_violation(ret_error, SES_STR("session_token"), SES_STR("is required"));
    return SES_INVALID_ARGUMENT;
}

static enum ses_right right_of(const struct ses_access *a)
{
    if (a->operates)
        return SES_RIGHT_OPERATE;
    return a->token.len > 0 ? SES_RIGHT_CONTINUE : SES_RIGHT_WEBHOOK;
}

/* The key is made of what the caller says; with a token that was just proved to be the same as the
 * token's. */
enum ses_status ses_access_verify(struct ses_access *a, struct ses_error *ret_error)
{
    SES_TRY(ses_request_check_step(&a->request, ret_error));
    if (a->token.len == 0 && !a->token_optional)
        return require_token(ret_error);
    SES_TRY(ses_caller_check(a->x, right_of(a), a->request.test_mode, ret_error));
    if (a->token.len > 0) {
        SES_TRY(read_token(a, ses_clock_now_ms(), ret_error));
        SES_TRY(compare_claims(a, ret_error));
    }
    ses_binding_take(&a->service->keys->payload, &a->request, &a->binding);
    ses_natural_key(a->service, a->metadata.tenant, a->metadata.merchant, a->request.test_mode,
                    a->request.text[SES_FIELD_MERCHANT_SESSION_ID], &a->key);
    return SES_OK;
}

/* ---- the stored session ------------------------------------------------------------------------ */

/* Which facets differ, by name; the caller is the merchant's server and decides what the shopper is
 * told. */
static enum ses_status refuse_browser(struct ses_access *a, struct ses_error *ret_error)
{
    bool missing = a->verdict.missing_policy == SES_BINDING_MISSING_REFUSE;
    uint32_t wrong = a->verdict.hard | (missing ? a->verdict.missing : 0);
    char names[SES_BINDING_NAMES_SIZE];
    const char *copy = ses_arena_str(&a->x->arena, ses_slice(names, ses_binding_names(wrong, names)));

    ses_refusal_set(ret_error, SES_REASON_BROWSER_MISMATCH, 0,
                    a->verdict.hard != 0
                        ? SES_STR("this is not the browser that the session is bound to")
                        : SES_STR("the call does not tell the browser that the session is bound to"));
    if (copy != NULL)
        ses_error_metadata(ret_error, SES_STR("fields"), ses_slice_str(copy));
    return ret_error->status;
}

/* By the policy of today, not of the day the session was made: an operator who tightens it means all
 * sessions. */
static enum ses_status judge_browser(struct ses_access *a, const struct ses_session *session,
                                     struct ses_error *ret_error)
{
    struct ses_binding_policy policy = ses_service_binding(a->service, session->merchant);

    ses_binding_judge(&policy, &session->binding, &a->binding, &a->verdict);
    return a->verdict.result == SES_BINDING_REFUSED ? refuse_browser(a, ret_error) : SES_OK;
}

static enum ses_status refuse_generation(const struct ses_access *a, const struct ses_session *session,
                                         struct ses_error *ret_error)
{
    const char *number = ses_arena_printf(&a->x->arena, "%" PRIu32, session->generation);

    ses_refusal_set(ret_error, SES_REASON_TOKEN_SUPERSEDED, 0,
                    SES_STR("a newer token of this session has taken the place of this one"));
    if (number != NULL)
        ses_error_metadata(ret_error, SES_STR("generation"), ses_slice_str(number));
    return ret_error->status;
}

/* The bytes are the same, the token with them: whoever can say that again has said it before. To the same method: one
 * method's bytes may be another one's call. */
uint64_t ses_access_tag(const struct ses_access *a)
{
    const struct ses_tag_key *key = &a->service->keys->payload;
    uint64_t tag = ses_tag(key, a->x->body) ^ ses_tag(key, ses_slice_str(a->x->route->path));

    return tag != 0 ? tag : 1;
}

/* In the order of what the caller can do about it: another session has the name, this one is revoked,
 * it is over, there is a newer token, this is the wrong browser. */
enum ses_status ses_access_judge(struct ses_access *a, const struct ses_session *session, uint64_t now_ms,
                                 struct ses_error *ret_error)
{
    if (session == NULL)
        return refuse(ret_error, SES_REASON_SESSION_NOT_FOUND,
                      SES_STR("there is no session with this merchant_session_id"));
    ses_name_session(a->service, a->x, session->id);
    if (a->token.len == 0)
        return SES_OK;
    if (memcmp(session->id, a->claims.session_id, sizeof(session->id)) != 0)
        return refuse(
            ret_error, SES_REASON_SESSION_REPLACED,
            SES_STR("a newer session with this merchant_session_id has taken the place of this one"));
    if (session->status == SES_SESSION_REVOKED && !a->revoked_accepted)
        return refuse(ret_error, SES_REASON_SESSION_REVOKED, SES_STR("the session was revoked"));
    if (session->status == SES_SESSION_EXPIRED)
        return refuse(ret_error, SES_REASON_SESSION_EXPIRED, SES_STR("the session's time is over"));
    a->repeats = a->writes && session->written_by != 0 && session->written_by == ses_access_tag(a);
    if (!a->repeats && !ses_session_accepts(session, a->claims.generation, now_ms))
        return refuse_generation(a, session, ret_error);
    return judge_browser(a, session, ret_error);
}

/* ---- reading ------------------------------------------------------------------------------------ */

static enum ses_status decode_session(struct ses_service *service, const struct ses_record *record,
                                      struct ses_access_found *found)
{
    SES_TRY(ses_session_record_decode(record->body, &service->scratch, &found->session, &found->origin));
    memcpy(found->session.id, record->session_id, sizeof(found->session.id));
    return SES_OK;
}

/* Events that were told before are over. */
static uint64_t inbox_since(const struct ses_service *service, uint64_t now_ms)
{
    return now_ms > service->options.inbox_ms ? now_ms - service->options.inbox_ms : 0;
}

/* An inbox that cannot be read must not keep the payment from being made, but no other event may take its place;
 * and memory comes back: an event that was told KEPT must not be lost for the want of it. */
static enum ses_status take_inbox(struct ses_service *service, const struct ses_record *record,
                                  uint64_t now_ms, struct ses_access_found *found)
{
    struct ses_inbox *inbox = ses_arena_alloc(&service->scratch, sizeof(*inbox));
    uint64_t since_ms = inbox_since(service, now_ms);
    enum ses_status status = SES_OK;

    if (inbox == NULL)
        return SES_NO_MEMORY;
    if (record->kind == SES_RECORD_INBOX)
        status = ses_inbox_decode(record->body, since_ms, &service->scratch, inbox);
    else
        ses_record_origin_inbox(found->origin, since_ms, inbox);
    found->inbox_unreadable = status == SES_DATA_LOSS;
    if (status == SES_OK && inbox->count > 0)
        found->inbox = inbox;
    return status == SES_NO_MEMORY ? status : SES_OK;
}

/* An intent is no session to anybody: the call that made it has told nobody yet. */
static enum ses_status take_intent(struct ses_service *service, const struct ses_record *record,
                                   uint64_t now_ms, struct ses_access_found *found)
{
    SES_TRY(decode_session(service, record, found));
    found->intent = found->session.expires_ms > now_ms;
    return take_inbox(service, record, now_ms, found);
}

static enum ses_status take_session(struct ses_service *service, const struct ses_record *record,
                                    uint64_t now_ms, struct ses_access_found *found)
{
    SES_TRY(decode_session(service, record, found));
    (void)ses_session_settle(&found->session, now_ms);
    /* An expired one is still told as such, until it is collected; a closed one is forgotten. */
    found->live = !ses_session_closed(found->session.status) || record->expires_ms > now_ms;
    return SES_OK;
}

void ses_access_found_none(struct ses_access_found *found, struct ses_store_version version, bool leased)
{
    found->origin = NULL;
    found->inbox = NULL;
    found->inbox_unreadable = false;
    found->version = version;
    found->live = false;
    found->intent = false;
    found->leased = leased;
}

enum ses_status ses_access_read(struct ses_service *service, const struct ses_store_op *op,
                                enum ses_status status, uint64_t now_ms, struct ses_access_found *ret_found)
{
    ses_access_found_none(ret_found, op->version, op->leased);
    if (status == SES_NOT_FOUND)
        return SES_OK;
    SES_TRY(status);
    switch (op->record.kind) {
    case SES_RECORD_SESSION:
        return take_session(service, &op->record, now_ms, ret_found);
    case SES_RECORD_INTENT:
        return take_intent(service, &op->record, now_ms, ret_found);
    case SES_RECORD_INBOX:
        return take_inbox(service, &op->record, now_ms, ret_found);
    case SES_RECORD_MOVED: /* another store has it: a server that knows of that one is not shown this */
        break;
    }
    return SES_DATA_LOSS;
}

enum ses_status ses_access_keep_name(struct ses_access_found *found, struct ses_arena *arena)
{
    struct ses_connector_identity *connector = &found->session.connector;

    if (!(found->live || found->intent) || !connector->unlisted)
        return SES_OK;
    connector->name = ses_arena_str(arena, ses_slice_str(connector->name));
    connector->unlisted = false;
    return connector->name == NULL ? SES_NO_MEMORY : SES_OK;
}
