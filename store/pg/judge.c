/* What lies under the keys of rows that a statement did not change: it tells why. Read where reads may be answered
 * only, or it would be what an old primary believes.
 */
#include "rows_impl.h"

#include <stdlib.h>

#include "lookup.h"

#define AGAIN_MS 20

struct judging {
    struct pg_lookup lookup;
    struct pg_rows *rows;
    int64_t epoch; /* of the map by which it was asked */
    size_t count;
    struct pg_row *row[]; /* judged: NULL */
};

static void judge(struct pg_rows *rows, struct pg_row *row, const struct pg_found *found)
{
    if (row->kind == PG_RELEASE || row->op == NULL) {
        ses_pg_row_end(rows, row, row->unknown && row->kind != PG_RELEASE ? SES_UNKNOWN : SES_CONFLICT);
        return;
    }
    switch (ses_pg_row_judge(row, found)) {
    case PG_VERDICT_OK:
        ses_pg_row_end(rows, row, SES_OK);
        break;
    case PG_VERDICT_CONFLICT:
        ses_pg_row_end(rows, row, SES_CONFLICT);
        break;
    case PG_VERDICT_BUSY:
        ses_pg_row_end(rows, row, SES_BUSY);
        break;
    case PG_VERDICT_UNKNOWN:
        ses_pg_row_end(rows, row, SES_UNKNOWN);
        break;
    case PG_VERDICT_AGAIN:
        ses_pg_row_later(rows, row, AGAIN_MS);
        break;
    case PG_VERDICT_CHANGE:
        ses_pg_row_wait(rows, ses_pg_queue_of(rows, row), row, true);
        break;
    }
}

static void judge_found(struct pg_rows *rows, struct judging *judging, const PGresult *result)
{
    for (int n = 0; n < PQntuples(result); n++) {
        struct pg_found found = ses_pg_found_read(result, n);
        struct ses_store_key key;

        if (!ses_pg_value_key(result, n, &key))
            continue;
        for (size_t i = 0; i < judging->count; i++) {
            if (judging->row[i] == NULL || ses_pg_key_compare(&judging->row[i]->key, &key) != 0)
                continue;
            judge(rows, judging->row[i], &found);
            judging->row[i] = NULL; /* a key is in flight once, but for its releases */
        }
    }
}

/* moved: the epoch is another one, so that what was written by it may lie elsewhere: written again. */
static void put_back(struct pg_rows *rows, struct pg_row *row, bool moved)
{
    if (row->op == NULL && row->kind != PG_RELEASE)
        ses_pg_row_end(rows, row, row->unknown ? SES_UNKNOWN : SES_CONFLICT);
    else
        ses_pg_row_wait(rows, moved ? ses_pg_queue_of(rows, row) : &rows->doubted, row, false);
}

/* Of another epoch than the statement's: nothing was changed by it, and this says nothing of why. */
static void put_back_older(struct pg_rows *rows, struct judging *judging)
{
    for (size_t i = 0; i < judging->count; i++) {
        if (judging->row[i]->epoch == judging->epoch)
            continue;
        put_back(rows, judging->row[i], true);
        judging->row[i] = NULL;
    }
}

static void free_judging(struct judging *judging)
{
    ses_pg_array_done(&judging->lookup.keys);
    free(judging);
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    static const struct pg_found nothing = {.row = false};
    struct judging *judging = SES_CONTAINER(request, struct judging, lookup.request);
    struct pg_rows *rows = judging->rows;
    bool good = answer->end == PG_END_DONE && ses_pg_link_may_read(rows->options.link);
    bool moved;

    ses_pg_sent_ended(rows, PG_USE_READ);
    ses_pg_count_read(rows, request, answer, judging->count);
    moved = good && !ses_pg_rows_hear(rows, ses_pg_value_epoch(answer->result, PG_IDS_EPOCH), judging->epoch);
    good = good && !moved;
    if (good) {
        put_back_older(rows, judging);
        judge_found(rows, judging, answer->result);
    }
    for (size_t i = 0; i < judging->count; i++) {
        if (judging->row[i] == NULL)
            continue;
        if (good)
            judge(rows, judging->row[i], &nothing);
        else
            put_back(rows, judging->row[i], moved);
    }
    free_judging(judging);
}

static struct judging *take(struct pg_rows *rows)
{
    size_t count = rows->doubted.count;
    struct judging *judging;

    if (count > rows->options.store->batch_rows)
        count = rows->options.store->batch_rows;
    judging = calloc(1, sizeof(*judging) + count * sizeof(struct pg_row *));
    if (judging == NULL)
        return NULL;
    ses_pg_array_init(&judging->lookup.keys);
    if (ses_pg_keys_begin(&judging->lookup.keys, (uint32_t)count) != SES_OK) {
        free_judging(judging);
        return NULL;
    }
    for (; judging->count < count; judging->count++) {
        struct pg_row *row = ses_pg_queue_first(&rows->doubted);

        ses_pg_queue_remove(row);
        judging->row[judging->count] = row;
        ses_pg_keys_add(&judging->lookup.keys, &row->key);
    }
    judging->rows = rows;
    judging->epoch = rows->map.epoch;
    ses_pg_lookup_make(&judging->lookup, &ses_pg_ids_sql, on_done);
    return judging;
}

void ses_pg_judge_pump(struct pg_rows *rows)
{
    while (rows->doubted.count > 0 && ses_pg_may_send(rows, PG_USE_READ) &&
           ses_pg_link_may_read(rows->options.link)) {
        struct judging *judging = take(rows);

        if (judging == NULL)
            return;
        if (ses_pg_send(rows, PG_USE_READ, &judging->lookup.request))
            continue;
        for (size_t i = judging->count; i > 0; i--)
            ses_pg_queue_push_front(&rows->doubted, judging->row[i - 1]);
        free_judging(judging);
        return;
    }
}
