#include "access_token.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/connector/access_token.h>

#include "access_session.h"
#include "caller_check.h"
#include "change_loop.h"
#include "connector_call.h"
#include "connector_refusal.h"
#include "natural_key.h"
#include "refusal.h"

/* Where the answered token comes from, in the order of the family's values (base/metrics.h). */
enum source { STORED, SHARED, MADE, RENEWED, KEPT, REFUSED };

/* One call; in its exchange's arena. */
struct access {
    struct ses_service *service;
    struct ses_exchange *x;
    const struct ses_access_call *how;
    const char *older; /* connector_refusal.h */
    struct ses_access_asked asked;
    struct ses_access_session *session; /* that the token is put into; NULL: none */
    struct ses_slice base_url;
    uint64_t began_ms;                /* our time */
    bool anew;                        /* the caller wants another one than there was when it called */
    bool renews;                      /* current is a token that lives */
    bool answered;                    /* by the connector: made holds what there is to tell */
    struct ses_access_record current; /* what was read; in the scratch arena, copied before a lease */
    struct ses_access_record made;
    struct ses_access_record told; /* what is put into the session, then answered */
    struct ses_connector_call call;
    struct ses_change_loop loop;
    /* Behind loop.found nothing is zeroed. */
    struct ses_call_headers headers;
};

static struct access *access_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct access, loop);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void give_back(struct access *a)
{
    ses_connector_call_leave(&a->call);
    ses_store_release(a->service->options.store, &a->loop.lease, SES_LEASE_FORGET_INTENT);
}

static void fail(struct access *a, const struct ses_error *error)
{
    struct ses_error told = *error;

    give_back(a);
    ses_refusal_summarise(&told, &a->x->arena);
    ses_exchange_fail(a->x, &told);
    ses_change_loop_finish(&a->loop);
}

static void tell_failure(struct access *a, const struct ses_access_record *record)
{
    struct ses_error error;

    ses_connector_refusal(&record->failure, a->headers.credentials.connector, a->older, &a->x->arena, &error);
    fail(a, &error);
}

static void tell(struct access *a, const struct ses_access_record *record)
{
    struct ses_slice message;
    struct ses_error error;
    enum ses_status status = ses_access_message_write(a->x, record, ses_clock_now_ms(), &message);

    if (status != SES_OK) {
        ses_refusal_internal(&error, status);
        fail(a, &error);
        return;
    }
    give_back(a);
    if (a->session != NULL)
        ses_service_reply(a->service, a->x, message);
    else
        ses_exchange_reply(a->x, message);
    ses_change_loop_finish(&a->loop);
}

static void keep_in_session(struct access *a);

/* Told when it is in the session, too: whoever has the answer relies on that. The record may lie in the scratch arena. */
static void tell_session(struct access *a, const struct ses_access_record *record)
{
    struct ses_error error;

    if (ses_access_record_copy(record, &a->x->arena, &a->told) != SES_OK) {
        ses_refusal_store(&error, SES_NO_MEMORY);
        fail(a, &error);
        return;
    }
    give_back(a);
    keep_in_session(a);
}

static void answer(struct access *a, const struct ses_access_record *record, enum source source)
{
    bool refused = record->token.len == 0;

    ses_family_add(a->service->options.metrics, SES_F_ACCESS_TOKENS,
                   refused ? (size_t)REFUSED : (size_t)source, 1);
    if (refused && ses_call_headers_by_status(a->service, &a->headers))
        tell_failure(a, record);
    else if (refused || a->session == NULL)
        tell(a, record);
    else
        tell_session(a, record);
}

/* ---- what is stored -------------------------------------------------------------------------- */

static enum ses_status take(struct ses_change_loop *loop, enum ses_status status, uint64_t now_ms)
{
    struct access *a = access_of(loop);
    const struct ses_store_op *op = &loop->op;

    (void)now_ms;
    a->answered = false;
    a->renews = false;
    a->current = (struct ses_access_record){.made_ms = 0};
    ses_access_found_none(&loop->found, op->version, op->leased);
    if (status == SES_NOT_FOUND)
        return SES_OK;
    SES_TRY(status);
    /* Of a later version, or damaged: it is a token like any other, and another one takes its place. */
    status = ses_access_record_decode(&op->record, &a->service->scratch, &a->current);
    return status == SES_DATA_LOSS ? SES_OK : status;
}

static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct access *a = access_of(loop);
    bool later = a->current.made_ms != 0 && a->current.made_ms >= a->began_ms;

    if (loop->lease.held) /* decided before it was taken */
        return SES_CHANGE_WRITE;
    if (a->anew &&
        a->current.made_ms == a->began_ms) /* what there was when it called may be of the same millisecond */
        later = false;
    if (ses_access_record_lives(&a->current, now_ms) && (later || !a->anew)) {
        a->renews = !later && ses_access_record_due(&a->current, now_ms);
        if (a->renews && !loop->found.leased)
            return SES_CHANGE_WRITE;
        answer(a, &a->current, later ? SHARED : STORED);
        return SES_CHANGE_DONE;
    }
    if (!later)
        return SES_CHANGE_WRITE;
    answer(a, &a->current, SHARED);
    return SES_CHANGE_DONE;
}

/* ---- the call -------------------------------------------------------------------------------- */

/* What is answered where no call can be made, or none was any use. */
static void fall_back(struct access *a, const struct ses_error *error)
{
    if (a->renews)
        answer(a, &a->current, KEPT);
    else
        fail(a, error);
}

static enum ses_status put(struct access *a)
{
    struct ses_record record;

    ses_arena_reset(&a->service->scratch);
    SES_TRY(ses_access_record_encode(&a->made, &a->service->scratch, &record));
    return ses_change_loop_put(&a->loop, &record);
}

/* A token that lives is not thrown away for a refusal: those that come next have it, and ask again a while later. */
static void keep(struct access *a, const struct ses_connector_result *result, uint64_t now_ms)
{
    if (result->outcome == SES_OUTCOME_SUCCESS || !a->renews) {
        ses_access_record_make(result, now_ms, &a->made);
        return;
    }
    a->made = a->current;
    a->made.renewal_failed_ms = now_ms;
}

static void on_answer(struct ses_connector_call *call, uint32_t http_status,
                      enum ses_connector_outcome outcome, struct ses_slice body)
{
    struct access *a = SES_CONTAINER(call, struct access, call);
    struct ses_connector_result result = {.outcome = outcome};
    enum ses_status status = SES_OK;

    if (http_status == 0)
        ses_connector_result_transport(outcome, &result);
    else
        status = ses_access_parse(a->how, http_status, body, ses_clock_wall_ms(), &a->x->arena, &result);
    if (status == SES_OK) {
        a->x->connector_status = result.status_code;
        a->answered = true;
        keep(a, &result, ses_clock_now_ms());
        status = put(a);
    }
    ses_change_loop_resume(&a->loop, status);
}

static enum ses_status build(struct access *a, struct ses_error *ret_error)
{
    struct ses_access_request request = {
        .credentials = &a->headers.credentials,
        .base_url = a->base_url,
        .now_ms = ses_clock_wall_ms(),
    };

    ses_random_bytes(request.random, sizeof(request.random));
    a->call = (struct ses_connector_call){.service = a->service,
                                          .x = a->x,
                                          .connector = a->headers.credentials.connector,
                                          .answered = on_answer};
    return ses_access_build(a->how, &request, &a->x->arena, &a->call.request, ret_error);
}

/* Ends the call: the loop is told to leave it alone. */
static enum ses_status refused(struct access *a, const struct ses_error *error)
{
    fall_back(a, error);
    return SES_PENDING;
}

static enum ses_status write_record(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct access *a = access_of(loop);
    struct ses_error error = {.status = SES_OK};
    enum ses_status status;

    (void)now_ms;
    if (loop->lease.held)
        return put(a);
    if (build(a, &error) != SES_OK)
        return refused(a, &error);
    status = ses_connector_call_take(&a->call, loop->owner);
    if (status != SES_OK) {
        ses_connector_call_refusal(&a->call, status, &error);
        return refused(a, &error);
    }
    if (a->renews) /* the scratch arena is everybody's again when this returns */
        SES_TRY(ses_access_record_copy(&a->current, &a->x->arena, &a->current));
    return ses_change_loop_reserve(loop, ses_connector_call_lease_ms(&a->call));
}

static void leased(struct ses_change_loop *loop)
{
    struct access *a = access_of(loop);
    struct ses_error error;
    enum ses_status status;

    if (a->x->cancelled) { /* nobody has been asked: whoever waits is next */
        give_back(a);
        ses_change_loop_finish(loop);
        return;
    }
    status = ses_connector_call_start(&a->call);
    if (status != SES_OK) {
        ses_connector_call_refusal(&a->call, status, &error);
        fall_back(a, &error);
        return;
    }
    ses_exchange_waits(a->x);
}

/* ---- the loop's other ends ------------------------------------------------------------------- */

static void committed(struct ses_change_loop *loop)
{
    struct access *a = access_of(loop);

    answer(a, &a->made, a->made.renewal_failed_ms != 0 ? KEPT : a->renews ? RENEWED : MADE);
}

/* What the connector has said is told although it could not be kept for others. */
static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    struct access *a = access_of(loop);

    if (a->answered)
        answer(a, &a->made, MADE);
    else
        fail(a, error);
}

/* Out of a place that was taken for a call which somebody else makes. */
static void lost(struct ses_change_loop *loop)
{
    ses_connector_call_leave(&access_of(loop)->call);
}

static const struct ses_change_loop_ops access_ops = {
    .take = take,
    .decide = decide,
    .write = write_record,
    .leased = leased,
    .lost = lost,
    .committed = committed,
    .failed = failed,
};

/* ---- the session ----------------------------------------------------------------------------- */

static const struct ses_session *found_session(const struct access *a)
{
    return a->loop.found.live ? &a->loop.found.session : NULL;
}

static enum ses_change_verdict decide_put(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct access *a = access_of(loop);
    struct ses_error error;

    if (ses_access_session_judge(a->session, found_session(a), now_ms, &error) != SES_OK) {
        fail(a, &error);
        return SES_CHANGE_DONE;
    }
    if (ses_access_session_merge(&loop->found.session, &a->told, now_ms))
        return SES_CHANGE_WRITE;
    tell(a, &a->told);
    return SES_CHANGE_DONE;
}

static enum ses_status write_session(struct ses_change_loop *loop, uint64_t now_ms)
{
    (void)now_ms;
    return ses_change_loop_put_session(loop);
}

static void committed_session(struct ses_change_loop *loop)
{
    struct access *a = access_of(loop);

    tell(a, &a->told);
}

static void failed_session(struct ses_change_loop *loop, const struct ses_error *error)
{
    fail(access_of(loop), error);
}

static void keep_in_session(struct access *a)
{
    static const struct ses_change_loop_ops ops = {
        .take = ses_change_loop_take_session,
        .decide = decide_put,
        .write = write_session,
        .committed = committed_session,
        .failed = failed_session,
    };

    ses_change_loop_start(&a->loop, a->service, a->x, &ops, &a->session->access.key, SES_OWNER_NOBODY);
}

static void find_token(struct access *a);

static enum ses_change_verdict decide_ask(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct access *a = access_of(loop);
    struct ses_error error;

    if (ses_access_session_judge(a->session, found_session(a), now_ms, &error) == SES_OK)
        find_token(a);
    else
        fail(a, &error);
    return SES_CHANGE_DONE;
}

/* A call that may not change the session costs nobody a call to the connector. */
static void look_at_session(struct access *a)
{
    static const struct ses_change_loop_ops ops = {
        .take = ses_change_loop_take_session,
        .decide = decide_ask,
        .failed = failed_session,
    };

    ses_change_loop_start(&a->loop, a->service, a->x, &ops, &a->session->access.key, SES_OWNER_NOBODY);
}

/* ---- start ----------------------------------------------------------------------------------- */

static enum ses_status find_call(struct access *a, struct ses_error *ret_error)
{
    const struct ses_connector *connector = a->headers.credentials.connector;

    a->how = ses_access_call_of(connector);
    if (a->how != NULL)
        return SES_OK;
    ses_error_refuse(ret_error, SES_REASON_ACCESS_TOKEN_UNSUPPORTED,
                     SES_STR("this connector's API knows no access tokens: its calls need none"));
    ses_error_metadata(ret_error, SES_STR("connector"), ses_slice_str(connector->name));
    return ret_error->status;
}

static enum ses_status find_session(struct access *a, struct ses_error *ret_error)
{
    if (!ses_access_session_named(a->x))
        return SES_OK;
    a->session = ses_arena_zalloc(&a->x->arena, sizeof(*a->session));
    if (a->session == NULL) {
        ses_error_set(ret_error, SES_NO_MEMORY, SES_STR("out of memory"));
        return SES_NO_MEMORY;
    }
    return ses_access_session_verify(a->session, a->service, a->x, &a->headers, &a->asked, ret_error);
}

static enum ses_status read_call(struct access *a, struct ses_error *ret_error)
{
    SES_TRY(ses_call_headers_read(a->service, a->x, &a->headers, ret_error));
    SES_TRY(ses_access_message_read(a->x, &a->asked, ret_error));
    SES_TRY(ses_caller_check(a->x, SES_RIGHT_CREATE, a->asked.test_mode, ret_error));
    SES_TRY(find_call(a, ret_error));
    SES_TRY(find_session(a, ret_error));
    a->anew = ses_slice_eq_str(ses_exchange_header(a->x, "cache-control", NULL), "no-cache");
    return ses_access_base_url(&a->service->options.policy, &a->headers.credentials, a->asked.test_mode,
                               &a->x->arena, &a->base_url, ret_error);
}

/* Beside sessions, and never one's: theirs are of four parts, each with its length. base_url belongs to it, or one caller could make
 * another one's token come from where he likes. */
static void make_key(const struct access *a, struct ses_store_key *ret_key)
{
    const struct ses_secret *secret = a->service->options.natural_key;
    const struct ses_credentials *credentials = &a->headers.credentials;
    const struct ses_slice parts[] = {
        a->headers.metadata.tenant,
        a->headers.metadata.merchant,
        a->asked.test_mode ? SES_STR("test") : SES_STR("live"),
        SES_STR("access token"),
        ses_slice_str(credentials->connector->name),
        ses_slice(credentials->digest, sizeof(credentials->digest)),
        a->base_url,
    };

    ses_hash_parts(ses_slice(secret->bytes, secret->len), parts, sizeof(parts) / sizeof(parts[0]),
                   ret_key->bytes);
}

static void find_token(struct access *a)
{
    struct ses_store_key key;

    make_key(a, &key);
    ses_change_loop_start(
        &a->loop, a->service, a->x, &access_ops, &key,
        ses_natural_owner(a->service, a->headers.metadata.tenant, a->headers.metadata.merchant));
}

static void start(struct ses_service *service, struct ses_exchange *x, const char *older)
{
    struct access *a = ses_arena_alloc(&x->arena, sizeof(*a));
    struct ses_error error;

    if (a == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    memset(a, 0, offsetof(struct access, loop.found));
    a->service = service;
    a->x = x;
    a->older = older;
    a->began_ms = ses_clock_now_ms();
    ses_error_clear(&error);
    if (read_call(a, &error) != SES_OK) {
        fail(a, &error);
        return;
    }
    if (a->session != NULL)
        look_at_session(a);
    else
        find_token(a);
}

void ses_create_access_token_start(struct ses_exchange *x, void *service)
{
    start(service, x, "Access Token");
}

void ses_create_server_authentication_token_start(struct ses_exchange *x, void *service)
{
    start(service, x, NULL);
}
