/* What is counted, and what is told to who operates the database. */
#include <sessiond/base/clock.h>

#include "rows_impl.h"
#include "sqlstate.h"

#define TOLD_FULL_MS 60000 /* a disk at its edge takes one row and refuses the next */

void ses_pg_count(const struct pg_rows *rows, enum ses_shard_counter counter, uint64_t n)
{
    ses_shard_count(rows->options.store->metrics, rows->options.shard, counter, n);
}

void ses_pg_count_end(const struct pg_rows *rows, const struct pg_row *row, enum ses_status status)
{
    if (row->op == NULL)
        return;
    if (status == SES_OK && row->sealed_bytes > 0)
        ses_count(rows->options.store->metrics, SES_C_STORE_PUTS, 1);
    else if (status == SES_FULL || status == SES_UNAVAILABLE || status == SES_UNKNOWN)
        ses_count(rows->options.store->metrics, SES_C_STORE_FAILED, 1);
    if (status == SES_BUSY)
        ses_pg_count(rows, SES_S_BUSY, 1);
    else if (status == SES_CONFLICT)
        ses_pg_count(rows, SES_S_CONFLICTS, 1);
    else if (status == SES_UNAVAILABLE)
        ses_pg_count(rows, SES_S_REFUSED, 1);
    if (row->unknown)
        ses_pg_count(rows, status == SES_UNKNOWN ? SES_S_UNSETTLED : SES_S_SETTLED, 1);
}

/* Wrong with the statement, the schema or the role: it would be refused again, and nothing tries again by itself. */
static void tell_refused(const struct pg_rows *rows, const struct pg_request *request,
                         const struct pg_answer *answer)
{
    struct ses_log_line line;

    if (rows->options.store->log == NULL || answer->end != PG_END_REFUSED ||
        ses_pg_error_of(answer->sqlstate) != PG_ERROR_POISON)
        return;
    ses_log_begin_bounded(rows->options.store->log, SES_LOG_ERROR, "store_pg_refused", NULL, &line);
    ses_log_str(&line, "statement", request->statement->name);
    ses_log_str(&line, "sqlstate", answer->sqlstate);
    ses_log_str(
        &line, "msg",
        "the database refused a statement that it should take: `sessiondctl store check` tells what is wrong");
    ses_log_end(&line);
}

/* NULL: nothing is counted. */
static struct ses_shard_metrics *metrics_of(const struct pg_rows *rows)
{
    struct ses_metrics *metrics = rows->options.store->metrics;

    return metrics == NULL ? NULL : &metrics->shard[rows->options.shard];
}

static void count_time(struct ses_hist *hist, const struct pg_request *request)
{
    ses_hist_add(hist, ses_clock_mono_ns() - request->sent_mono_ns);
}

void ses_pg_count_write(const struct pg_rows *rows, const struct pg_request *request,
                        const struct pg_answer *answer, size_t rows_count, uint64_t queued_ns)
{
    struct ses_shard_metrics *shard = metrics_of(rows);

    tell_refused(rows, request, answer);
    if (shard == NULL || answer->end != PG_END_DONE)
        return;
    ses_pg_count(rows, SES_S_COMMITS, 1);
    ses_hist_add(&shard->batch_rows, rows_count);
    ses_hist_add(&shard->wait_ns, request->sent_mono_ns > queued_ns ? request->sent_mono_ns - queued_ns : 0);
    count_time(&shard->write_ns, request);
}

void ses_pg_count_read(const struct pg_rows *rows, const struct pg_request *request,
                       const struct pg_answer *answer, size_t keys_count)
{
    struct ses_shard_metrics *shard = metrics_of(rows);

    tell_refused(rows, request, answer);
    if (shard == NULL || answer->end != PG_END_DONE)
        return;
    ses_pg_count(rows, SES_S_READS, 1);
    ses_hist_add(&shard->read_rows, keys_count);
    count_time(&shard->read_ns, request);
}

void ses_pg_tell_full(struct pg_rows *rows)
{
    uint64_t now_ns = ses_clock_mono_ns();
    bool soon = rows->full_told_ns != 0 && now_ns < rows->full_told_ns + TOLD_FULL_MS * SES_NS_PER_MS;

    if (rows->options.store->log == NULL || rows->full == rows->full_told || (rows->full && soon))
        return;
    rows->full_told = rows->full;
    if (rows->full)
        rows->full_told_ns = now_ns;
    ses_log_msg(rows->options.store->log, rows->full ? SES_LOG_ERROR : SES_LOG_INFO,
                rows->full ? "store_full" : "store_has_space",
                rows->full
                    ? "the primary's disk is full: what needs room there is refused, all else goes on. Make "
                      "room before its WAL has none left either, which ends it"
                    : "the primary's disk: writes are accepted again");
}

void ses_pg_tell_unreadable(const struct pg_rows *rows, struct ses_slice sealed)
{
    struct ses_log_line line;
    struct ses_record record;

    ses_count(rows->options.store->metrics, SES_C_STORE_UNREADABLE, 1);
    if (rows->options.store->log == NULL)
        return;
    ses_log_begin_bounded(rows->options.store->log, SES_LOG_ERROR, "record_unreadable", NULL, &line);
    if (ses_record_decode(sealed, &record) == SES_OK)
        ses_log_u64(&line, "seal_key", ses_record_seal_key(sealed));
    ses_log_u64(&line, "bytes", sealed.len);
    ses_log_str(
        &line, "msg",
        "a row's record does not open: it was altered, or sealed with a key that this machine does not have");
    ses_log_end(&line);
}
