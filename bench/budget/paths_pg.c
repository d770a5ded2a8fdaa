/* A batch of creates over a link that answers at once: what the driver of PostgreSQL makes of each, without libpq's
 * copying and the kernel's sending (store/pg/README.md, "Figures", has all of it).
 */
#include "budget.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/hash.h>
#include <sessiond/store/store_pg.h>

#include "rows.h"

#define BATCH 256u

static struct pg_request *sent;

enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link);
bool __wrap_ses_pg_link_may_read(const struct pg_link *link);
int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link);
bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request);

enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link)
{
    (void)link;
    return PG_STATE_OPEN;
}

bool __wrap_ses_pg_link_may_read(const struct pg_link *link)
{
    (void)link;
    return true;
}

int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link)
{
    (void)link;
    return 1;
}

bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request)
{
    (void)link;
    (void)use;
    sent = request;
    return true;
}

static void on_done(struct ses_store_op *op, enum ses_status status)
{
    (void)op;
    SES_REQUIRE(status == SES_OK);
}

static void on_wake(void *arg)
{
    (void)arg;
}

static void put(struct pg_rows *rows, struct ses_store_op *op, const struct ses_record *record)
{
    struct pg_row *row = ses_pg_row_new(PG_CREATE, &record->key, record->body.len + RECORD_EXTRA_BYTES);

    SES_REQUIRE(row != NULL);
    ses_record_seal(&rows->sealer, record, row->sealed);
    row->revision = 1;
    op->done = on_done;
    SES_REQUIRE(ses_pg_rows_put(rows, row, op, NULL) == SES_PENDING);
}

/* Every row came back, in the order of the statement. */
static PGresult *make_answer(void)
{
    static char name[] = "key";
    PGresAttDesc field = {.name = name, .format = 1};
    const char *key = sent->values[1] + 20;
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    SES_REQUIRE(PQsetResultAttrs(result, 1, &field) == 1);
    for (unsigned i = 0; i < BATCH; i++, key += 4 + SES_STORE_KEY_BYTES) {
        char bytes[SES_STORE_KEY_BYTES];

        memcpy(bytes, key + 4, sizeof(bytes));
        SES_REQUIRE(PQsetvalue(result, (int)i, 0, bytes, sizeof(bytes)) == 1);
    }
    return result;
}

void budget_pg_create(const char *dir, unsigned operations)
{
    static const uint8_t body[200] = {1};
    static struct ses_store_op ops[BATCH];
    struct ses_secret secret;
    struct ses_seal_key key = {.id = 1, .key = &secret};
    struct ses_pg_options store = {.seal_keys = &key,
                                   .seal_keys_count = 1,
                                   .batch_rows = BATCH,
                                   .queue_max = 1024,
                                   .write_connections = 2};
    struct pg_inflight inflight;
    struct pg_rows_options options = {.inflight = &inflight, .store = &store, .wake = on_wake};
    struct ses_record records[BATCH];
    struct pg_answer answer = {.end = PG_END_DONE};
    struct pg_rows rows;

    (void)dir;
    SES_REQUIRE(operations == BATCH);
    BUDGET_OK(ses_secret_new(32, &secret));
    BUDGET_OK(ses_pg_inflight_init(&inflight, store.queue_max));
    BUDGET_OK(ses_pg_rows_init(&rows, &options));
    rows.map.known = true;
    rows.map.epoch = 1;
    memset(rows.map.mine, 1, sizeof(rows.map.mine));
    for (unsigned i = 0; i < BATCH; i++) {
        records[i] = (struct ses_record){
            .kind = SES_RECORD_SESSION, .expires_ms = 1, .body = ses_slice(body, sizeof(body))};
        ses_hash(SES_SLICE_EMPTY, ses_slice(&i, sizeof(i)), records[i].key.bytes);
    }
    BUDGET_COUNT({
        for (unsigned i = 0; i < BATCH; i++)
            put(&rows, &ops[i], &records[i]);
        (void)ses_pg_rows_turn(&rows, ses_clock_mono_ns());
    });
    answer.result = make_answer();
    BUDGET_COUNT({
        sent->done(sent, &answer);
        ses_pg_rows_tell(&rows);
    });
    PQclear((PGresult *)(uintptr_t)answer.result);
    SES_REQUIRE(rows.pending == 0);
    ses_pg_rows_done(&rows);
    ses_pg_inflight_done(&inflight);
    ses_secret_free(&secret);
}
