/* The core's middle, for connectors that make sessions themselves: lease, call, result. Where the call leaves something
 * behind, an intent is the one thing that makes an unknown outcome safe: it is stored before the first byte goes out. */
#include "create.h"

#include <sessiond/base/clock.h>
#include <sessiond/domain/money.h>
#include <sessiond/domain/session_machine.h>

#include "inbox.h"
#include "refusal.h"

/* ---- the answer ------------------------------------------------------------------------------ */

/* What it told, or what its documents say, counted from when it was asked first; 0: neither. */
static uint64_t connector_end(const struct ses_create *c, const struct ses_connector_result *result)
{
    uint64_t documented_ms = c->headers.credentials.connector->ops->session_life_ms;
    uint64_t life_ms = result->life_ms != 0 ? result->life_ms : documented_ms;

    if (result->expires_ms != 0)
        return ses_clock_from_wall(result->expires_ms);
    return life_ms != 0 ? c->loop.found.session.created_ms + life_ms : 0;
}

static void keep_result(struct ses_create *c, const struct ses_connector_result *result, uint64_t now_ms)
{
    struct ses_session *session = &c->loop.found.session;

    session->connector_session_present = true;
    session->connector_session = (struct ses_connector_session){
        .token = result->session_token,
        .id = result->session_id,
        .transaction_id = result->connector_transaction_id,
        .expires_ms = connector_end(c, result),
    };
    session->updated_ms = now_ms;
    session->token_issued_ms = now_ms;
    ses_session_set_end(session, now_ms + c->service->options.session_ttl_ms);
}

/* Atomic because the board is read by other processes while it is written. */
static void count_outcome(const struct ses_create *c, enum ses_connector_outcome outcome)
{
    struct ses_metrics *metrics = c->service->options.metrics;
    int row = c->headers.credentials.connector->metric;

    if (metrics != NULL && row >= 0 && row < SES_METRIC_CONNECTORS_MAX && outcome < SES_METRIC_OUTCOMES)
        atomic_fetch_add_explicit(&metrics->connector_calls[row][outcome], 1, memory_order_relaxed);
}

/* The intent's record; its body lies in the service's scratch arena. The intent carries the whole
 * session, so that the next identical call can be compared with it and can keep its id, and the
 * idempotency key, so that it asks the connector under the same one; and the events that wait, since it takes
 * the place of the inbox. */
static enum ses_status encode_intent(struct ses_create *c, struct ses_record *ret_record)
{
    const struct ses_session *session = &c->loop.found.session;
    struct ses_record record = ses_inbox_intent(session, c->inbox, c->service->options.inbox_ms);
    struct ses_record_intent intent = {
        .idempotency_key = ses_slice_str(c->idempotency_key),
        .started_ms = session->created_ms,
        .inbox = c->inbox,
    };

    ses_arena_reset(&c->service->scratch);
    SES_TRY(ses_session_record_encode(session, &intent, NULL, &c->service->scratch, &record.body));
    *ret_record = record;
    return SES_OK;
}

/* A session that is over when it begins cannot be handed out. */
static bool is_over(const struct ses_create *c, const struct ses_connector_result *result, uint64_t now_ms)
{
    uint64_t end_ms = connector_end(c, result);

    return end_ms != 0 && end_ms <= now_ms;
}

/* asked is set before anything else: from here on a failure of ours (parse without memory) must leave
 * the intent behind. It is taken back below only where the connector's own answer says that it did
 * nothing. */
static void on_answer(struct ses_connector_call *call, uint32_t http_status,
                      enum ses_connector_outcome outcome, struct ses_slice body)
{
    struct ses_create *c = SES_CONTAINER(call, struct ses_create, call);
    uint64_t now_ms = ses_clock_now_ms();
    struct ses_connector_result result = {.outcome = outcome};

    c->asked = true;
    if (http_status == 0) {
        ses_connector_result_transport(outcome, &result);
    } else {
        enum ses_status status =
            c->headers.credentials.connector->ops->parse(http_status, body, &c->x->arena, &result);

        if (status != SES_OK) {
            struct ses_error error;

            ses_refusal_internal(&error, status);
            ses_create_fail(c, &error);
            return;
        }
    }
    /* "I know this order already", with the first call's token: for a call that settles an intent of
     * ours that is the success of the call whose answer got lost. For any other it stays the refusal
     * that it is. */
    if (result.repeated && c->plan == SES_CREATE_SETTLED) {
        result.outcome = SES_OUTCOME_SUCCESS;
        result.status_code = 200;
    }
    if (result.outcome == SES_OUTCOME_SUCCESS && is_over(c, &result, now_ms))
        ses_connector_result_transport(SES_OUTCOME_BAD_RESPONSE, &result);
    count_outcome(c, result.outcome);
    c->x->connector_status = result.status_code;
    /* An unknown outcome leaves the intent behind: the next identical call must know that it is not the
     * first. So does a success until it is committed. */
    c->asked = result.outcome == SES_OUTCOME_SUCCESS || ses_outcome_unknown(result.outcome);
    if (result.outcome != SES_OUTCOME_SUCCESS) {
        ses_create_answer_failure(c, &result);
        return;
    }
    keep_result(c, &result, now_ms);
    ses_create_take_events(c);
    ses_change_loop_resume(&c->loop, ses_create_commit(c));
}

/* ---- the call -------------------------------------------------------------------------------- */

/* now_ms is the world's clock, not ours: the connector compares it with its own. */
static enum ses_status build(struct ses_create *c, struct ses_outbound_request *ret_request,
                             struct ses_error *ret_error)
{
    const struct ses_currency *currency = ses_currency_by_number(c->payload.currency);
    struct ses_session_call call = {
        .credentials = &c->headers.credentials,
        .base_url = c->base_url,
        .merchant_session_id = c->request.text[SES_FIELD_MERCHANT_SESSION_ID],
        .minor_amount = c->payload.minor_amount,
        .currency = currency->code,
        .exponent = currency->exponent,
        .os_type = c->request.text[SES_FIELD_OS_TYPE],
        .os_type_present = (c->request.present & SES_FIELD_BIT(SES_FIELD_OS_TYPE)) != 0,
        .idempotency_key = ses_slice_str(c->idempotency_key),
        .now_ms = ses_clock_wall_ms(),
    };

    ses_random_bytes(call.salt, sizeof(call.salt));
    SES_TRY(ses_create_payer(c, &call, ret_error));
    return c->headers.credentials.connector->ops->build(&call, &c->x->arena, ret_request, ret_error);
}

static void fail_start(struct ses_create *c, enum ses_status status)
{
    struct ses_error error;

    ses_connector_call_refusal(&c->call, status, &error);
    ses_create_fail(c, &error);
}

static void start(struct ses_create *c)
{
    enum ses_status status = ses_connector_call_start(&c->call);

    if (status != SES_OK)
        fail_start(c, status);
    else
        c->phase = SES_CREATE_CALLING;
    ses_exchange_waits(c->x);
}

/* ---- the lease ------------------------------------------------------------------------------- */

/* The last moment at which a cancelled call can be dropped: nobody has been asked. */
void ses_create_leased(struct ses_change_loop *loop)
{
    struct ses_create *c = SES_CONTAINER(loop, struct ses_create, loop);

    if (!c->x->cancelled) {
        start(c);
        return;
    }
    ses_create_leave_place(c);
    ses_store_release(c->service->options.store, &loop->lease, SES_LEASE_FORGET_INTENT);
    ses_change_loop_finish(loop);
}

/* Where the connector's call leaves nothing behind there is nothing to settle: no intent, and its commit is saved. Who
 * comes meanwhile waits all the same, and events that came before stay where they wait until the session takes them. */
static enum ses_status take_lease(struct ses_create *c)
{
    struct ses_record record;

    if (c->headers.credentials.connector->leaves == SES_CALL_LEAVES_NOTHING) {
        c->phase = SES_CREATE_LEASING;
        return ses_change_loop_reserve(&c->loop, ses_connector_call_lease_ms(&c->call));
    }
    SES_TRY(encode_intent(c, &record));
    c->phase = SES_CREATE_LEASING;
    return ses_change_loop_lease(&c->loop, &record, ses_connector_call_lease_ms(&c->call));
}

/* Ends the call: the loop is told to leave it alone. */
static enum ses_status refused(struct ses_create *c, const struct ses_error *error)
{
    ses_create_fail(c, error);
    return SES_PENDING;
}

static enum ses_status refused_start(struct ses_create *c, enum ses_status status)
{
    fail_start(c, status);
    return SES_PENDING;
}

enum ses_status ses_create_ask_connector(struct ses_create *c)
{
    const struct ses_secret *secret = c->service->options.natural_key;
    struct ses_error error = {.status = SES_OK};
    enum ses_status status;

    /* Where nothing is left behind there is nothing that a key would have to name a second time. */
    if (c->headers.credentials.connector->leaves != SES_CALL_LEAVES_NOTHING &&
        (c->plan != SES_CREATE_SETTLED || c->idempotency_key[0] == '\0'))
        ses_idempotency_key(ses_slice(secret->bytes, secret->len),
                            ses_slice(c->loop.key.bytes, sizeof(c->loop.key.bytes)), &c->payload,
                            c->idempotency_key);
    /* Built before anything is written: credentials that cannot work cost no commit. */
    c->call.service = c->service;
    c->call.x = c->x;
    c->call.connector = c->headers.credentials.connector;
    c->call.answered = on_answer;
    if (build(c, &c->call.request, &error) != SES_OK) {
        if (error.reason == SES_REASON_AMOUNT_NOT_ACCEPTED)
            ses_error_violation(&error, ses_field_path(c->rpc->naming, SES_FIELD_MINOR_AMOUNT),
                                error.message);
        return refused(c, &error);
    }
    /* Before the intent, so that a call without a place costs nothing and leaves nothing. */
    status = ses_connector_call_take(&c->call, c->loop.owner);
    return status == SES_OK ? take_lease(c) : refused_start(c, status);
}
