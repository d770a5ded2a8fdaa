#include "move_side.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#include "map.h"
#include "schema.h"

#define TEXT_SIZE 1536
#define AGAIN_MS  20 /* while another transaction has the shard's row */
#define LOCKED_MS                                                                                            \
    3000 /* for how long a lock is waited for: a mover that was killed leaves it when its statement ends */
#define LOCK_AGAIN 100

_Static_assert((int)SES_PG_SLOT_GONE == PG_SCHEMA_GONE && (int)SES_PG_SLOT_OWN == PG_SCHEMA_OWN &&
                   (int)SES_PG_SLOT_LEAVING == PG_SCHEMA_LEAVING && SES_PG_SLOTS == PG_SCHEMA_SLOTS,
               "slots have one set of names for the tables and one for callers");

/* Asked in each statement that changes something: whatever stands in between may have exchanged the server's session. */
#define HAS_LOCK "EXISTS (SELECT FROM " PG_MOVE_LOCK_ROWS " AND pid = pg_backend_pid())"

void ses_pg_side_init(struct pg_side *side, const struct ses_pg_place *place, unsigned shard,
                      enum ses_durability durability)
{
    *side = (struct pg_side){.place = place, .shard = shard, .durability = durability};
}

bool ses_pg_side_is_open(const struct pg_side *side)
{
    return side->admin.conn != NULL;
}

void ses_pg_side_close(struct pg_side *side)
{
    ses_pg_admin_close(&side->admin);
}

void ses_pg_range_text(unsigned first, unsigned last, char ret_text[PG_RANGE_SIZE])
{
    SES_REQUIRE(first <= last && last < SES_PG_SLOTS);
    (void)snprintf(ret_text, PG_RANGE_SIZE,
                   "key BETWEEN '\\x%04x' AND decode('%04x' || repeat('ff', 30), 'hex')", first << 4,
                   last << 4 | 15);
}

bool ses_pg_slots_read(const char *states, uint8_t ret_slot[SES_PG_SLOTS])
{
    if (strlen(states) != SES_PG_SLOTS || strspn(states, "012") != SES_PG_SLOTS)
        return false;
    for (unsigned i = 0; i < SES_PG_SLOTS; i++)
        ret_slot[i] = (uint8_t)(states[i] - '0');
    return true;
}

/* A side that said something unexpected is not to be believed any more. */
static enum ses_status give_up(struct pg_side *side, enum ses_status status, struct ses_fault *fault,
                               const char *text)
{
    ses_pg_side_close(side);
    return ses_fault(fault, status, "shard %u: %s", side->shard, text);
}

/* A query of the caller's; the fault gets the shard's number. */
static enum ses_status ask(struct pg_side *side, const char *text, struct ses_fault *fault,
                           PGresult **ret_result)
{
    enum ses_status status = ses_pg_admin_ask(&side->admin, text, NULL, 0, fault, ret_result);

    if (status != SES_OK) {
        struct ses_fault words = *fault;

        status = ses_fault(fault, status, "shard %u: %.900s", side->shard, words.text);
    }
    return status;
}

/* The answer to a write: not acknowledged where a warning came with it. */
static enum ses_status ask_write(struct pg_side *side, const char *text, struct ses_fault *fault,
                                 PGresult **ret_result)
{
    enum ses_status status = ask(side, text, fault, ret_result);

    if (status == SES_OK && side->admin.warned) {
        PQclear(*ret_result);
        *ret_result = NULL;
        status = give_up(side, SES_UNAVAILABLE, fault,
                         "somebody has cancelled the wait for the standby: not acknowledged");
    } else if (status == SES_IO)
        ses_pg_side_close(side);
    return status;
}

/* ---- opening ---- */

/* What the role or the database have set is not relied upon. A machine that dies without a word leaves its lock within
 * half a minute. */
static enum ses_status set_up(struct pg_side *side, struct ses_fault *fault)
{
    static const char text[] =
        "SELECT set_config('default_transaction_isolation', 'read committed', false),"
        " set_config('client_min_messages', 'warning', false), set_config('statement_timeout', '0', false),"
        " set_config('lock_timeout', '0', false), set_config('idle_session_timeout', '0', false),"
        " set_config('idle_in_transaction_session_timeout', '0', false), set_config('enable_seqscan', 'off', false),"
        " set_config('jit', 'off', false),"
        " set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false),"
        " set_config('tcp_keepalives_count', '3', false)";
    PGresult *result = NULL;
    enum ses_status status = ask(side, text, fault, &result);

    PQclear(result);
    return status;
}

static enum ses_status judge(struct pg_side *side, const PGresult *result, struct ses_fault *fault)
{
    if (PQntuples(result) == 1 && ses_pg_admin_number(result, "pid") != PQbackendPID(side->admin.conn))
        return give_up(
            side, SES_FAILED_PRECONDITION, fault,
            "a pooler stands in between, and the mover's lock is one connection's to the server: use a "
            "copy of the configuration that names the servers");
    if (PQntuples(result) != 1 || ses_pg_admin_number(result, "format") != PG_SCHEMA_FORMAT ||
        ses_pg_admin_number(result, "shard") != (int64_t)side->shard)
        return give_up(side, SES_FAILED_PRECONDITION, fault,
                       "the database has not the tables of that shard: sessiondctl store check says more");
    if (side->durability == SES_DURABILITY_REPLICA && !ses_pg_admin_is(result, "durable"))
        return give_up(side, SES_FAILED_PRECONDITION, fault,
                       "the primary acknowledges without a standby (synchronous_commit, "
                       "synchronous_standby_names), and store.durability is replica");
    return SES_OK;
}

/* Before anything is set: what is set in a pooler's session stays there for others. */
static enum ses_status look(struct pg_side *side, struct ses_fault *fault)
{
    static const char text[] =
        "SELECT pg_backend_pid() AS pid, format, shard, current_setting('synchronous_commit') IN ('on', 'remote_apply')"
        " AND current_setting('synchronous_standby_names') <> '' AS durable FROM shard";
    PGresult *result = NULL;
    enum ses_status status = ask(side, text, fault, &result);

    if (status == SES_OK)
        status = judge(side, result, fault);
    PQclear(result);
    return status;
}

static enum ses_status tell_holder(struct pg_side *side, struct ses_fault *fault)
{
    PGresult *result = NULL;
    enum ses_status status = ask(side, PG_MOVE_HOLDER, fault, &result);

    if (status == SES_OK) {
        const char *holder = ses_pg_admin_text(result, "holder");

        status = ses_fault(
            fault, SES_BUSY,
            "shard %u: another sessiondctl moves slots there, or what is left of one still waits for "
            "the standby (%s)",
            side->shard, holder[0] == '\0' ? "it is gone just now" : holder);
    }
    PQclear(result);
    ses_pg_side_close(side);
    return status;
}

static enum ses_status lock(struct pg_side *side, struct ses_fault *fault)
{
    uint64_t end_ms = ses_clock_mono_ms() + LOCKED_MS;

    for (;;) {
        PGresult *result = NULL;
        enum ses_status status =
            ask(side, "SELECT pg_try_advisory_lock(" PG_MOVE_LOCK ") AS taken", fault, &result);
        bool taken = status == SES_OK && ses_pg_admin_is(result, "taken");

        PQclear(result);
        if (status != SES_OK || taken)
            return status;
        if (ses_clock_mono_ms() >= end_ms)
            return tell_holder(side, fault);
        (void)poll(NULL, 0, LOCK_AGAIN);
    }
}

static enum ses_status read_slots(struct pg_side *side, struct ses_fault *fault)
{
    PGresult *result = NULL;
    enum ses_status status = ask(side, "SELECT " PG_SLOTS_STATES, fault, &result);

    if (status == SES_OK && !ses_pg_slots_read(ses_pg_admin_text(result, "states"), side->slot))
        status = give_up(side, SES_FAILED_PRECONDITION, fault,
                         "the table slot is not whole: sessiondctl store check says more");
    PQclear(result);
    return status;
}

static enum ses_status prepare(struct pg_side *side, struct ses_fault *fault)
{
    SES_TRY(look(side, fault));
    SES_TRY(set_up(side, fault));
    SES_TRY(lock(side, fault));
    SES_TRY(ses_pg_side_touch(side, fault));
    return read_slots(side, fault);
}

static enum ses_status connect(struct pg_side *side, struct ses_fault *fault)
{
    struct pg_target target;
    enum ses_status status;

    SES_TRY(ses_pg_target_init(&target, side->place->conninfo, fault));
    status = ses_pg_admin_connect_primary(&side->admin, &target, side->place->password,
                                          side->place->timeout_ms, fault);
    ses_pg_target_done(&target);
    if (status != SES_OK) {
        struct ses_fault words = *fault;

        status = ses_fault(fault, status, "shard %u: %.900s", side->shard, words.text);
    }
    return status;
}

enum ses_status ses_pg_side_open(struct pg_side *side, struct ses_fault *fault)
{
    enum ses_status status;

    SES_REQUIRE(!ses_pg_side_is_open(side));
    SES_TRY(connect(side, fault));
    status = prepare(side, fault);
    if (status != SES_OK)
        ses_pg_side_close(side);
    return status;
}

/* ---- writing ---- */

/* Not behind a commit of somebody else's that waits for the standby: who would be there again with each try. */
enum ses_status ses_pg_side_touch(struct pg_side *side, struct ses_fault *fault)
{
    static const char text[] =
        "WITH l AS MATERIALIZED (SELECT FROM shard FOR UPDATE SKIP LOCKED),"
        " u AS (UPDATE shard SET epoch = epoch FROM l WHERE " HAS_LOCK " RETURNING 1)"
        " SELECT (SELECT count(*) FROM u) AS written, (SELECT count(*) FROM l) AS free,"
        " (extract(epoch FROM now()) * 1000000)::int8 AS now_us";
    uint64_t end_ms = ses_clock_mono_ms() + side->place->timeout_ms;

    for (;;) {
        PGresult *result = NULL;
        enum ses_status status = ask_write(side, text, fault, &result);
        bool written = status == SES_OK && ses_pg_admin_number(result, "written") == 1;
        int64_t now_us = status == SES_OK ? ses_pg_admin_number(result, "now_us") : 0;
        bool free_row = status == SES_OK && ses_pg_admin_number(result, "free") == 1;

        PQclear(result);
        side->touched_us = now_us;
        if (status != SES_OK || written)
            return status;
        if (free_row)
            return give_up(side, SES_FAILED_PRECONDITION, fault,
                           "the mover's lock is not on this connection any more");
        if (ses_clock_mono_ms() >= end_ms)
            return give_up(side, SES_UNAVAILABLE, fault,
                           "another transaction has the shard's row, and waits for the standby?");
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

enum ses_status ses_pg_side_change(struct pg_side *side, unsigned first, unsigned last, enum ses_pg_slot from,
                                   enum ses_pg_slot to, uint64_t timeout_ms, struct ses_fault *fault)
{
    char text[TEXT_SIZE];
    PGresult *result = NULL;
    uint64_t usual_ms = side->admin.timeout_ms;
    unsigned count = last - first + 1;
    enum ses_status status;
    bool all;

    (void)snprintf(
        text, sizeof(text),
        "WITH fits AS MATERIALIZED (SELECT count(*) = %u AND " HAS_LOCK
        " AS yes FROM slot WHERE slot BETWEEN %u AND %u AND state = %d),"
        " e AS (UPDATE shard SET epoch = epoch + 1 FROM fits WHERE yes RETURNING 1),"
        " s AS (UPDATE slot SET state = %d FROM fits WHERE yes AND slot BETWEEN %u AND %u RETURNING 1)"
        " SELECT (SELECT count(*) FROM s) AS changed, (SELECT count(*) FROM e) AS epochs",
        count, first, last, (int)from, (int)to, first, last);
    side->admin.timeout_ms = timeout_ms;
    status = ask_write(side, text, fault, &result);
    side->admin.timeout_ms = usual_ms;
    all = status == SES_OK && ses_pg_admin_number(result, "changed") == (int64_t)count &&
          ses_pg_admin_number(result, "epochs") == 1;
    PQclear(result);
    if (status != SES_OK)
        return status == SES_IO ? SES_UNAVAILABLE : status;
    if (!all)
        return give_up(side, SES_ABORTED, fault, "the slots are not what they were a moment ago");
    memset(side->slot + first, (int)to, count);
    return SES_OK;
}

enum ses_status ses_pg_side_clean(struct pg_side *side, unsigned first, unsigned last, uint64_t *ret_rows,
                                  struct ses_fault *fault)
{
    char range[PG_RANGE_SIZE];
    char text[TEXT_SIZE];
    PGresult *result = NULL;
    enum ses_status status;
    bool fits;

    ses_pg_range_text(first, last, range);
    (void)snprintf(text, sizeof(text),
                   "WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)),"
                   " fits AS MATERIALIZED (SELECT count(*) = %u AND " HAS_LOCK
                   " AS yes FROM slot, quick WHERE slot BETWEEN %u AND %u AND state = 0),"
                   " gone AS (DELETE FROM session WHERE (SELECT yes FROM fits)"
                   " AND ctid = ANY (ARRAY (SELECT ctid FROM session WHERE %s LIMIT %d)) RETURNING 1)"
                   " SELECT (SELECT yes FROM fits) AS fits, (SELECT count(*) FROM gone) AS gone",
                   last - first + 1, first, last, range, PG_SIDE_CLEAN_ROWS);
    status = ask(side, text, fault, &result);
    fits = status == SES_OK && ses_pg_admin_is(result, "fits");
    *ret_rows = status == SES_OK ? (uint64_t)ses_pg_admin_number(result, "gone") : 0;
    PQclear(result);
    if (status == SES_OK && !fits)
        return give_up(side, SES_ABORTED, fault, "the slots are not what they were a moment ago");
    if (status == SES_IO)
        ses_pg_side_close(side);
    return status == SES_IO ? SES_UNAVAILABLE : status;
}

enum ses_status ses_pg_side_count(struct pg_side *side, unsigned first, unsigned last, uint64_t *ret_rows,
                                  struct ses_fault *fault)
{
    char range[PG_RANGE_SIZE];
    char text[TEXT_SIZE];
    PGresult *result = NULL;
    enum ses_status status;

    ses_pg_range_text(first, last, range);
    (void)snprintf(text, sizeof(text),
                   "SELECT " PG_KEY_SLOT " AS slot, count(*) FROM session"
                   " WHERE %s GROUP BY 1",
                   range);
    status = ask(side, text, fault, &result);
    memset(ret_rows, 0, (last - first + 1) * sizeof(*ret_rows));
    for (int i = 0; i < PQntuples(result); i++) {
        unsigned long slot = strtoul(PQgetvalue(result, i, 0), NULL, 10);

        if (slot >= first && slot <= last)
            ret_rows[slot - first] = strtoull(PQgetvalue(result, i, 1), NULL, 10);
    }
    PQclear(result);
    return status;
}
