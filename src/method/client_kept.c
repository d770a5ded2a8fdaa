/* A client token and the session that it is for are two records. The session is written first, so that it names whatever there is of it; and
 * looked at once more when the token is stored, as it may have ended in between without finding it. */
#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/codec/wire.h>

#include "client_core.h"
#include "client_forget.h"
#include "refusal.h"

#define SETTLE_MS 5000 /* for the session's word, when the token is stored */

/* Beside sessions and access tokens, and never one's: sessions' are of four parts, each with its length, and the fourth of an access
 * token's is another. */
void ses_client_key(const struct ses_client *c, struct ses_store_key *ret_key)
{
    const struct ses_secret *secret = c->service->options.natural_key;
    const struct ses_slice parts[] = {
        c->headers.metadata.tenant,
        c->headers.metadata.merchant,
        c->ask.request.test_mode ? SES_STR("test") : SES_STR("live"),
        SES_STR("client token"),
        ses_slice_str(c->headers.credentials.connector->name),
        c->ask.request.text[SES_FIELD_MERCHANT_SESSION_ID],
        c->session == NULL ? SES_SLICE_EMPTY : ses_slice(c->session->id, SES_SESSION_ID_BYTES),
    };

    ses_hash_parts(ses_slice(secret->bytes, secret->len), parts, sizeof(parts) / sizeof(parts[0]),
                   ret_key->bytes);
}

/* An encoded types.ClientAuthenticationTokenData is one field of a oneof. */
static uint32_t kind_of(struct ses_slice data)
{
    struct ses_wire wire = ses_wire(data);
    struct ses_wire_item item;

    return ses_wire_more(&wire) && ses_wire_next(&wire, &item) == SES_OK ? item.number : 0;
}

static void name(struct ses_client *c, ses_client_next_fn *next, uint64_t until_mono_ns)
{
    c->next = next;
    c->session->one = (struct ses_client_token){
        .connector = ses_slice_str(c->headers.credentials.connector->name),
        .kind = kind_of(c->made.data),
        .made_ms = c->made.made_ms,
        .ends_ms = c->made.ends_ms,
    };
    ses_client_session_name(c->session, until_mono_ns);
}

/* ---- what the session says ------------------------------------------------------------------- */

static void forgotten(struct ses_client_forget *forget, const struct ses_error *error)
{
    struct ses_client *c = forget->arg;

    (void)error; /* it ends by itself, and what ended the session has it removed when it is said again */
    ses_client_fail(c, &c->refused);
}

/* Nobody will ever ask under this key again: an intent would only lie there. */
static void end_with_session(struct ses_client *c, const struct ses_error *error)
{
    struct ses_client_forget *forget;

    c->asked = false;
    if (!c->stored || ses_client_forget_one(c->service, c->x, &c->session->key, &forget) != SES_OK) {
        ses_client_fail(c, error);
        return;
    }
    c->refused = *error;
    ses_client_forget_start(forget, forgotten, c);
}

static void told(struct ses_client_session *session, const struct ses_error *error)
{
    struct ses_client *c = session->arg;

    if (error == NULL)
        c->next(c);
    else if (session->over)
        end_with_session(c, error);
    else
        ses_client_fail(c, error);
}

/* ---- the call's steps ------------------------------------------------------------------------ */

enum ses_status ses_client_find_session(struct ses_client *c, ses_client_next_fn *next,
                                        struct ses_error *ret_error)
{
    struct ses_client_session *session = ses_arena_alloc(&c->x->arena, sizeof(*session));

    if (session == NULL) {
        ses_refusal_internal(ret_error, SES_NO_MEMORY);
        return ret_error->status;
    }
    memset(session, 0, offsetof(struct ses_client_session, loop.found));
    session->service = c->service;
    session->x = c->x;
    session->ask = &c->ask;
    session->told = told;
    session->arg = c;
    SES_TRY(ses_client_session_verify(session, &c->headers, ret_error));
    c->session = session;
    ses_client_key(c, &session->key);
    c->next = next;
    ses_client_session_look(session, 0);
    return SES_OK;
}

/* Who has waited for another call may wait for a session that has ended meanwhile: the connector is not asked for it. */
void ses_client_look_again(struct ses_client *c, ses_client_next_fn *next)
{
    c->next = next;
    if (c->session == NULL || c->looks == 1)
        next(c);
    else
        ses_client_session_look(c->session, c->loop.lease_end_ns);
}

void ses_client_keep(struct ses_client *c, ses_client_next_fn *next)
{
    if (c->session == NULL)
        next(c);
    else
        name(c, next, c->loop.lease_end_ns);
}

static void answer(struct ses_client *c)
{
    ses_client_answer(c, &c->made, c->source);
}

void ses_client_settle(struct ses_client *c, enum ses_client_source source)
{
    c->stored = true;
    c->source = source;
    if (c->session == NULL)
        answer(c);
    else
        name(c, answer, ses_clock_mono_ns() + SETTLE_MS * SES_NS_PER_MS);
}
