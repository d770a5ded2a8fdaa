/* One change loop after the other. Nothing is taken out of a store: what lies in the place of a token is over and says nothing, and goes as
 * all that is over does. */
#include "client_forget.h"

#include <sessiond/base/clock.h>
#include <sessiond/domain/client_token.h>

#include "client_record.h"
#include "refusal.h"

#define FORGET_MS 5000 /* what a caller waits for it at most */

_Static_assert(SES_CLIENT_TOKEN_KEY_BYTES == SES_STORE_KEY_BYTES, "a session keeps the store's keys");

static struct ses_client_forget *forget_of(struct ses_change_loop *loop)
{
    return SES_CONTAINER(loop, struct ses_client_forget, loop);
}

static void end(struct ses_client_forget *forget, const struct ses_error *error)
{
    struct ses_exchange *x = forget->x;

    ses_exchange_hold(x);
    ses_change_loop_finish(&forget->loop);
    forget->done(forget, error);
    ses_exchange_release(x);
}

static void next(struct ses_client_forget *forget);

/* What cannot be read is nobody's to read. */
static enum ses_status take(struct ses_change_loop *loop, enum ses_status status, uint64_t now_ms)
{
    const struct ses_store_op *op = &loop->op;

    ses_access_found_none(&loop->found, op->version, op->leased);
    if (status == SES_NOT_FOUND || status == SES_DATA_LOSS)
        return SES_OK;
    SES_TRY(status);
    loop->found.intent = op->record.expires_ms > now_ms; /* something is there */
    return SES_OK;
}

static enum ses_change_verdict decide(struct ses_change_loop *loop, uint64_t now_ms)
{
    (void)now_ms;
    if (loop->found.intent && !loop->found.leased)
        return SES_CHANGE_WRITE;
    next(forget_of(loop));
    return SES_CHANGE_DONE;
}

static enum ses_status write_over(struct ses_change_loop *loop, uint64_t now_ms)
{
    struct ses_record record;

    SES_TRY(ses_client_record_over(now_ms, &loop->service->scratch, &record));
    return ses_change_loop_put(loop, &record);
}

static void committed(struct ses_change_loop *loop)
{
    next(forget_of(loop));
}

static void failed(struct ses_change_loop *loop, const struct ses_error *error)
{
    end(forget_of(loop), error);
}

static void next(struct ses_client_forget *forget)
{
    static const struct ses_change_loop_ops ops = {
        .take = take,
        .decide = decide,
        .write = write_over,
        .committed = committed,
        .failed = failed,
    };

    if (forget->count == 0) {
        end(forget, NULL);
        return;
    }
    forget->count--;
    ses_change_loop_start(&forget->loop, forget->service, forget->x, &ops, &forget->keys[forget->count],
                          SES_OWNER_NOBODY);
}

/* ---- for the calls --------------------------------------------------------------------------- */

static enum ses_status make(struct ses_service *service, struct ses_exchange *x, unsigned count,
                            struct ses_client_forget **ret_forget)
{
    struct ses_client_forget *forget = ses_arena_alloc(&x->arena, sizeof(*forget));
    struct ses_store_key *keys = ses_arena_alloc(&x->arena, count * sizeof(*keys));

    if (forget == NULL || keys == NULL)
        return SES_NO_MEMORY;
    memset(forget, 0, offsetof(struct ses_client_forget, loop.found));
    forget->service = service;
    forget->x = x;
    forget->keys = keys;
    forget->count = count;
    *ret_forget = forget;
    return SES_OK;
}

enum ses_status ses_client_forget_plan(struct ses_service *service, struct ses_exchange *x,
                                       const struct ses_session *session,
                                       struct ses_client_forget **ret_forget)
{
    struct ses_client_forget *forget = NULL;

    if (ses_session_closed(session->status) && session->client_tokens_count > 0) {
        SES_TRY(make(service, x, session->client_tokens_count, &forget));
        for (unsigned i = 0; i < forget->count; i++)
            memcpy(forget->keys[i].bytes, session->client_tokens[i].key, sizeof(forget->keys[i].bytes));
    }
    *ret_forget = forget;
    return SES_OK;
}

enum ses_status ses_client_forget_one(struct ses_service *service, struct ses_exchange *x,
                                      const struct ses_store_key *key, struct ses_client_forget **ret_forget)
{
    SES_TRY(make(service, x, 1, ret_forget));
    (*ret_forget)->keys[0] = *key;
    return SES_OK;
}

void ses_client_forget_start(struct ses_client_forget *forget,
                             void (*done)(struct ses_client_forget *forget, const struct ses_error *error),
                             void *arg)
{
    forget->done = done;
    forget->arg = arg;
    forget->loop.must_until_ns = ses_clock_mono_ns() + FORGET_MS * SES_NS_PER_MS;
    next(forget);
}
