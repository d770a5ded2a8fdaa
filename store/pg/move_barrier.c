#include "move_barrier.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#define AGAIN_MS 2

/* Transactions by their virtual ids, which are never used twice in a server's life. */
#define WRITERS                                                                                              \
    "SELECT coalesce(string_agg(DISTINCT virtualtransaction, ' '), '') AS writers,"                          \
    " coalesce(string_agg(DISTINCT pid::text, ', '), '') AS pids FROM pg_locks"                              \
    " WHERE locktype = 'relation' AND relation = 'session'::regclass AND granted"                            \
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"                       \
    " AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()"

static enum ses_status ask(struct pg_side *side, const struct ses_buf *among, struct ses_fault *fault,
                           PGresult **ret_result)
{
    const struct pg_admin_value value = {among->data, among->len};

    if (among->len == 0)
        return ses_pg_admin_ask(&side->admin, WRITERS, NULL, 0, fault, ret_result);
    return ses_pg_admin_ask(&side->admin,
                            WRITERS
                            " AND virtualtransaction = ANY (string_to_array(convert_from($1, 'UTF8'), ' '))",
                            &value, 1, fault, ret_result);
}

static enum ses_status wait_for(struct pg_side *side, struct ses_buf *among, uint64_t deadline_ms,
                                struct ses_fault *fault)
{
    for (;;) {
        PGresult *result = NULL;
        enum ses_status status = ask(side, among, fault, &result);
        const char *writers = status == SES_OK ? ses_pg_admin_text(result, "writers") : "";
        bool none = writers[0] == '\0';

        if (status == SES_OK && !none) {
            ses_buf_clear(among);
            status = ses_buf_append(among, ses_slice_str(writers));
            if (status == SES_OK && ses_clock_mono_ms() >= deadline_ms)
                status = ses_fault(
                    fault, SES_UNAVAILABLE,
                    "shard %u: a transaction that began before has not ended (server process %.200s)",
                    side->shard, ses_pg_admin_text(result, "pids"));
        }
        PQclear(result);
        if (status != SES_OK || none)
            return status;
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

enum ses_status ses_pg_move_barrier(struct pg_side *side, uint64_t deadline_ms, struct ses_fault *fault)
{
    struct ses_buf among;
    enum ses_status status;

    ses_buf_init(&among, 64 * SES_KIB);
    status = wait_for(side, &among, deadline_ms, fault);
    ses_buf_done(&among);
    return status;
}
