#include "session_read.h"

#include <sessiond/base/clock.h>

#include "refusal.h"

/* One call; in its exchange's arena. */
struct session_read {
    const struct ses_session_read_kind *kind;
    struct ses_access access;
    struct ses_store_op op;
};

static enum ses_status judge(struct session_read *read, enum ses_status status, struct ses_slice *ret_reply,
                             struct ses_error *ret_error)
{
    uint64_t now_ms = ses_clock_now_ms();
    struct ses_access *a = &read->access;
    struct ses_access_found found;

    status = ses_access_read(a->service, &read->op, status, now_ms, &found);
    if (status == SES_OK)
        status = ses_access_keep_name(&found, &a->x->arena);
    if (status == SES_OK)
        status = read->kind->reply(a, &found, now_ms, ret_reply, ret_error);
    if (status != SES_OK && ret_error->status == SES_OK)
        ses_refusal_store(ret_error, status);
    return status;
}

static void fail(struct ses_exchange *x, struct ses_error *error)
{
    ses_refusal_summarise(error, &x->arena);
    ses_exchange_fail(x, error);
}

static void answer(struct session_read *read, enum ses_status status)
{
    struct ses_error error = {.status = SES_OK};
    struct ses_slice reply = SES_SLICE_EMPTY;

    if (judge(read, status, &reply, &error) == SES_OK)
        ses_service_reply(read->access.service, read->access.x, reply);
    else
        fail(read->access.x, &error);
}

/* An exchange that was cancelled meanwhile drops the answer. */
static void on_read(struct ses_store_op *op, enum ses_status status)
{
    struct session_read *read = SES_CONTAINER(op, struct session_read, op);

    read->access.service->in_flight--;
    answer(read, status);
    ses_exchange_release(read->access.x);
}

void ses_session_read_start(struct ses_exchange *x, struct ses_service *service,
                            const struct ses_session_read_kind *kind)
{
    struct session_read *read = ses_arena_zalloc(&x->arena, sizeof(*read));
    struct ses_error error = {.status = SES_OK};
    enum ses_status status;

    if (read == NULL) {
        ses_exchange_fail_status(x, SES_NO_MEMORY, "out of memory");
        return;
    }
    read->kind = kind;
    if (kind->read_request(&read->access, service, x, &error) != SES_OK) {
        fail(x, &error);
        return;
    }
    read->op.done = on_read;
    read->op.deadline_mono_ns = x->deadline_mono_ns;
    status = ses_store_get(service->options.store, &read->op, &read->access.key, &service->scratch);
    if (status != SES_PENDING) {
        answer(read, status);
        return;
    }
    ses_exchange_hold(x);
    service->in_flight++;
}
