#include "sweep.h"

#include <endian.h>

#include <sessiond/base/clock.h>

#define BEHIND_MAX_MS 2000  /* what is made up for at once */
#define RETRY_MS      60000 /* after a step that was refused, or lost */

/* pg_type.dat */
#define OID_INT8 20
#define OID_TID  27

static const Oid types[PG_SWEEP_PARAMS] = {OID_INT8, OID_TID, OID_TID};

/* turn is looked up once: whether this process may, what time it is (a clock that is asked for each row costs more than
 * the row), that this commit waits for nobody, and a row that somebody has locked for a moment. One scan: to pass over locked rows
 * they would have to be locked first and found again, which costs four times as much (12 ms a step of 2,800 rows that are all
 * removed, 3 ms so). */
const struct pg_statement ses_pg_sweep_statement = {
    .name = "sessiond_sweep",
    .text =
        "WITH turn AS MATERIALIZED (SELECT pg_try_advisory_xact_lock(1936028531, 1) AS mine,"
        " set_config('synchronous_commit', 'off', true) AS quick, set_config('lock_timeout', '10ms', true) AS brief,"
        " clock_timestamp() AS now, floor(extract(epoch FROM clock_timestamp()) * 1000)::int8 AS now_ms),"
        " gone AS (DELETE FROM session s WHERE s.ctid >= $2 AND s.ctid < $3 AND (SELECT mine FROM turn)"
        " AND (SELECT epoch FROM shard) = $1 AND s.retain_ms < (SELECT now_ms FROM turn)"
        " AND (s.lease_owner IS NULL OR s.lease_until <= (SELECT now FROM turn)) RETURNING 1)"
        " SELECT (SELECT mine FROM turn), (SELECT count(*) FROM gone),"
        " pg_relation_size('session') / current_setting('block_size')::int8",
    .params = PG_SWEEP_PARAMS,
    .types = types,
};

enum { COLUMN_MINE, COLUMN_GONE, COLUMN_PAGES, COLUMNS };

/* Block and row, both in the network's order; rows count from 1. */
static void encode_tid(uint32_t page, uint8_t ret_tid[PG_SWEEP_TID_BYTES])
{
    uint32_t block = htobe32(page);

    memset(ret_tid, 0, PG_SWEEP_TID_BYTES);
    memcpy(ret_tid, &block, sizeof(block));
}

static uint64_t read_number(const PGresult *result, int column)
{
    uint64_t number = 0;

    if (PQgetlength(result, 0, column) == (int)sizeof(number))
        memcpy(&number, PQgetvalue(result, 0, column), sizeof(number));
    return be64toh(number);
}

static void rest(struct pg_sweep *sweep, uint64_t for_ms)
{
    sweep->rest_mono_ms = ses_clock_mono_ms() + for_ms;
}

static void know(struct pg_sweep *sweep)
{
    sweep->known_mono_ms = ses_clock_mono_ms();
}

/* A table of less than a step is looked through at once, and then not for a round. */
static void end_round(struct pg_sweep *sweep)
{
    uint64_t now_ms = ses_clock_mono_ms();
    uint64_t end_ms = sweep->round_mono_ms + PG_SWEEP_ROUND_MS;

    know(sweep);
    sweep->page = 0;
    rest(sweep, end_ms > now_ms ? end_ms - now_ms : 0);
    sweep->round_mono_ms = 0;
}

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct pg_sweep *sweep = request->arg;

    sweep->flying = false;
    if (answer->end != PG_END_DONE || answer->result == NULL || PQntuples(answer->result) != 1 ||
        PQnfields(answer->result) != COLUMNS) {
        rest(sweep, RETRY_MS);
        return;
    }
    if (PQgetvalue(answer->result, 0, COLUMN_MINE)[0] == 0) { /* somebody else is at it */
        know(sweep);
        sweep->page = 0;
        sweep->round_mono_ms = 0;
        rest(sweep, PG_SWEEP_ROUND_MS);
        return;
    }
    ses_shard_count(sweep->metrics, sweep->shard, SES_S_SWEPT, read_number(answer->result, COLUMN_GONE));
    sweep->pages = (uint32_t)read_number(answer->result, COLUMN_PAGES);
    if (sweep->pages - 1 >= UINT32_MAX - PG_SWEEP_STEP_PAGES ||
        sweep->page + PG_SWEEP_STEP_PAGES >= sweep->pages)
        end_round(sweep);
    else {
        sweep->page += PG_SWEEP_STEP_PAGES;
        ses_pg_sweep_turn(sweep);
    }
}

/* Steps are spread over the round by the table's pages. */
static bool is_due(struct pg_sweep *sweep, uint64_t now_ms)
{
    uint64_t due_ms;

    if (now_ms < sweep->rest_mono_ms)
        return false;
    if (sweep->round_mono_ms == 0)
        sweep->round_mono_ms = now_ms;
    if (sweep->page == 0)
        return true;
    due_ms = sweep->round_mono_ms + (uint64_t)PG_SWEEP_ROUND_MS * sweep->page / sweep->pages;
    if (now_ms > due_ms + BEHIND_MAX_MS) /* the shard was away: not all that was missed at once */
        sweep->round_mono_ms += now_ms - due_ms - BEHIND_MAX_MS;
    return now_ms >= due_ms;
}

static void tell_age(const struct pg_sweep *sweep, uint64_t now_ms)
{
    ses_shard_gauge_set(sweep->metrics, sweep->shard, SES_S_SWEEP_AGE,
                        (now_ms - sweep->known_mono_ms) / 1000);
}

void ses_pg_sweep_turn(struct pg_sweep *sweep)
{
    static const int lengths[PG_SWEEP_PARAMS] = {8, PG_SWEEP_TID_BYTES, PG_SWEEP_TID_BYTES};
    uint64_t now_ms = ses_clock_mono_ms();
    uint64_t epoch = htobe64((uint64_t)ses_pg_link_epoch(sweep->link));

    tell_age(sweep, now_ms);
    if (sweep->flying || ses_pg_link_state(sweep->link) != PG_STATE_OPEN || !is_due(sweep, now_ms))
        return;
    memcpy(sweep->epoch, &epoch, sizeof(epoch));
    encode_tid(sweep->page, sweep->from);
    encode_tid(sweep->page + PG_SWEEP_STEP_PAGES, sweep->to);
    sweep->values[0] = (const char *)sweep->epoch;
    sweep->values[1] = (const char *)sweep->from;
    sweep->values[2] = (const char *)sweep->to;
    sweep->request = (struct pg_request){
        .statement = &ses_pg_sweep_statement,
        .values = sweep->values,
        .lengths = lengths,
        .done = on_done,
        .arg = sweep,
    };
    sweep->flying = ses_pg_link_send(sweep->link, PG_USE_READ, &sweep->request);
}

void ses_pg_sweep_init(struct pg_sweep *sweep, struct pg_link *link, unsigned shard,
                       struct ses_metrics *metrics, uint64_t delay_ms)
{
    *sweep = (struct pg_sweep){.link = link, .shard = shard, .metrics = metrics};
    know(sweep);
    rest(sweep, delay_ms);
}
