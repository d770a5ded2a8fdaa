#include "admin_copy.h"

#include <poll.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#define DRAIN_MS 1000
#define KEEP_MAX (256 * 1024u)

struct copy {
    struct pg_admin *from;
    struct pg_admin *to;
    uint64_t deadline_ms;
    size_t kept; /* bytes that were given to libpq since all had left */
};

static uint64_t left_ms(const struct copy *copy)
{
    uint64_t now_ms = ses_clock_mono_ms();

    return now_ms < copy->deadline_ms ? copy->deadline_ms - now_ms : 0;
}

static enum ses_status late(struct pg_admin *admin, struct ses_fault *fault)
{
    ses_pg_admin_close(admin);
    return ses_fault(fault, SES_UNAVAILABLE, "the rows were not copied in time");
}

/* What was given to libpq leaves. The server may have something to say against it meanwhile. */
static enum ses_status flush(struct copy *copy, struct ses_fault *fault)
{
    int left;

    while ((left = PQflush(copy->to->conn)) > 0) {
        if (!ses_pg_admin_wait(copy->to, POLLIN | POLLOUT, copy->deadline_ms))
            return late(copy->to, fault);
        if (PQconsumeInput(copy->to->conn) == 0)
            return ses_pg_admin_lost(copy->to, fault);
    }
    copy->kept = 0;
    return left < 0 ? ses_pg_admin_lost(copy->to, fault) : SES_OK;
}

/* No row is taken any more: the server has said why, or is gone. */
static enum ses_status refused(struct copy *copy, struct ses_fault *fault)
{
    PGresult *result = NULL;
    enum ses_status status;

    copy->to->timeout_ms = left_ms(copy);
    status = ses_pg_admin_receive(copy->to, fault, &result);
    PQclear(result);
    return status == SES_OK ? ses_pg_admin_lost(copy->to, fault) : status;
}

static enum ses_status put(struct copy *copy, const char *row, int len, struct ses_fault *fault)
{
    int done;

    while ((done = PQputCopyData(copy->to->conn, row, len)) == 0)
        SES_TRY(flush(copy, fault));
    if (done < 0)
        return refused(copy, fault);
    copy->kept += (size_t)len;
    return copy->kept < KEEP_MAX ? SES_OK : flush(copy, fault);
}

/* SES_NOT_FOUND: that was the last one. */
static enum ses_status get(struct copy *copy, char **ret_row, int *ret_len, struct ses_fault *fault)
{
    for (;;) {
        int len = PQgetCopyData(copy->from->conn, ret_row, 1);

        if (len > 0) {
            *ret_len = len;
            return SES_OK;
        }
        if (len == -1)
            return SES_NOT_FOUND;
        if (len < -1)
            return ses_pg_admin_lost(copy->from, fault);
        if (!ses_pg_admin_wait(copy->from, POLLIN, copy->deadline_ms))
            return late(copy->from, fault);
        if (PQconsumeInput(copy->from->conn) == 0)
            return ses_pg_admin_lost(copy->from, fault);
    }
}

/* The end of the answer of one side, behind its rows. */
static enum ses_status finish(struct copy *copy, struct pg_admin *admin, struct ses_fault *fault)
{
    PGresult *result = NULL;
    enum ses_status status;

    admin->timeout_ms = left_ms(copy);
    status = ses_pg_admin_receive(admin, fault, &result);
    PQclear(result);
    return status;
}

/* The rest of the rows, for nobody: the source's connection is worth it, it has the lock. */
static void drain(struct copy *copy)
{
    struct ses_fault fault;
    char *row = NULL;
    int len = 0;

    copy->deadline_ms = ses_clock_mono_ms() + DRAIN_MS;
    while (get(copy, &row, &len, &fault) == SES_OK)
        PQfreemem(row);
    if (copy->from->conn != NULL && finish(copy, copy->from, &fault) != SES_OK)
        ses_pg_admin_close(copy->from);
}

static enum ses_status carry(struct copy *copy, struct ses_fault *fault)
{
    enum ses_status status;
    char *row = NULL;
    int len = 0;

    while ((status = get(copy, &row, &len, fault)) == SES_OK) {
        status = put(copy, row, len, fault);
        PQfreemem(row);
        if (status != SES_OK) {
            drain(copy);
            return status;
        }
    }
    return status == SES_NOT_FOUND ? SES_OK : status;
}

static enum ses_status begin(struct copy *copy, struct pg_admin *admin, const char *texts,
                             struct ses_fault *fault)
{
    PGresult *result = NULL;
    enum ses_status status;

    admin->timeout_ms = left_ms(copy);
    status = ses_pg_admin_tell(admin, texts, fault, &result);
    PQclear(result);
    return status;
}

/* All of the source's rows are there before the target is told that these are all. */
static enum ses_status read_all(struct copy *copy, const char *read, struct ses_fault *fault)
{
    enum ses_status status = begin(copy, copy->from, read, fault);

    if (status == SES_OK)
        status = carry(copy, fault);
    if (status == SES_OK)
        status = finish(copy, copy->from, fault);
    if (status != SES_OK)
        ses_pg_admin_close(copy->to);
    return status;
}

static enum ses_status copy_all(struct copy *copy, const char *read, const char *write,
                                struct ses_fault *fault)
{
    SES_TRY(begin(copy, copy->to, write, fault));
    (void)PQsetnonblocking(copy->to->conn, 1);
    SES_TRY(read_all(copy, read, fault));
    if (PQputCopyEnd(copy->to->conn, NULL) < 0)
        return ses_pg_admin_lost(copy->to, fault);
    SES_TRY(flush(copy, fault));
    (void)PQsetnonblocking(copy->to->conn, 0);
    SES_TRY(finish(copy, copy->to, fault));
    if (copy->to->copied == copy->from->copied && !copy->to->warned)
        return SES_OK;
    ses_pg_admin_close(copy->to);
    return ses_fault(fault, SES_UNAVAILABLE, "the rows were written, and not acknowledged");
}

enum ses_status ses_pg_admin_copy(struct pg_admin *from, const char *read, struct pg_admin *to,
                                  const char *write, uint64_t deadline_ms, struct ses_fault *fault,
                                  uint64_t *ret_rows)
{
    struct copy copy = {.from = from, .to = to, .deadline_ms = deadline_ms};
    const uint64_t timeouts_ms[2] = {from->timeout_ms, to->timeout_ms};
    enum ses_status status = copy_all(&copy, read, write, fault);

    from->timeout_ms = timeouts_ms[0];
    to->timeout_ms = timeouts_ms[1];
    if (status == SES_OK)
        *ret_rows = to->copied;
    return status;
}
