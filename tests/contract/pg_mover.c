#include "pg_mover.h"

#include <stdbool.h>

#include "unit.h"

#define GROUPS     4
#define TURNS      12 /* between two steps, at most */
#define COLUMNS    9
#define GROUP_SLOT "(slot >> 4 & 3) = %u"
#define GROUP_KEY  "(get_byte(key, 0) & 3) = %u"

enum step { STEP_REST, STEP_LEAVE, STEP_WAIT, STEP_COPY, STEP_OWN, STEP_GONE, STEP_DELETE };

struct pg_mover {
    PGconn *shard[2];
    unsigned owner[GROUPS];
    enum step step;
    unsigned group; /* of the move under way */
    unsigned turns; /* until the next step */
    unsigned moves;
    char *older; /* transactions of the source that may have begun before it said LEAVING */
    uint64_t state;
};

static unsigned chance(struct pg_mover *mover, unsigned below)
{
    mover->state = mover->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(mover->state >> 33) % below;
}

static PGresult *ask(PGconn *conn, const char *text)
{
    PGresult *result = PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    return result;
}

static void order(PGconn *conn, const char *text)
{
    PQclear(ask(conn, text));
}

static PGconn *source(const struct pg_mover *mover)
{
    return mover->shard[mover->owner[mover->group]];
}

static PGconn *target(const struct pg_mover *mover)
{
    return mover->shard[1 - mover->owner[mover->group]];
}

static void set_state(const struct pg_mover *mover, PGconn *conn, unsigned state)
{
    char text[256];

    (void)snprintf(text, sizeof(text),
                   "BEGIN; UPDATE slot SET state = %u WHERE " GROUP_SLOT
                   "; UPDATE shard SET epoch = epoch + 1; COMMIT",
                   state, mover->group);
    order(conn, text);
}

/* ---- the barrier ---- */

/* A statement has its transaction's number before it looks at anything. */
static void note_older(struct pg_mover *mover)
{
    PGresult *result = ask(source(mover), "SELECT array_agg(virtualtransaction) FROM pg_locks "
                                          "WHERE locktype = 'virtualxid' AND pid <> pg_backend_pid()");

    PQfreemem(mover->older);
    mover->older =
        PQescapeLiteral(source(mover), PQgetisnull(result, 0, 0) != 0 ? "{}" : PQgetvalue(result, 0, 0),
                        PQgetisnull(result, 0, 0) != 0 ? 2 : (size_t)PQgetlength(result, 0, 0));
    PQclear(result);
}

static bool older_are_over(const struct pg_mover *mover)
{
    size_t size = strlen(mover->older) + 128;
    char *text = malloc(size);
    PGresult *result;
    bool over;

    assert_non_null(text);
    (void)snprintf(
        text, size,
        "SELECT count(*) FROM pg_locks WHERE locktype = 'virtualxid' AND virtualtransaction = ANY(%s)",
        mover->older);
    result = ask(source(mover), text);
    over = strcmp(PQgetvalue(result, 0, 0), "0") == 0;
    PQclear(result);
    free(text);
    return over;
}

/* ---- rows ---- */

static void copy_row(PGconn *conn, const PGresult *rows, int n)
{
    static const Oid types[COLUMNS] = {17, 23, 17, 17, 20, 17, 17, 1184, 17};
    static const int binary[COLUMNS] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    const char *values[COLUMNS];
    int lengths[COLUMNS];
    PGresult *result;

    for (int i = 0; i < COLUMNS; i++) {
        values[i] = PQgetisnull(rows, n, i) != 0 ? NULL : PQgetvalue(rows, n, i);
        lengths[i] = PQgetlength(rows, n, i);
    }
    result = PQexecParams(conn, "INSERT INTO session VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)", COLUMNS,
                          types, values, lengths, binary, 1);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s", PQerrorMessage(conn));
    PQclear(result);
}

static void copy(const struct pg_mover *mover)
{
    char text[256];
    PGresult *rows;

    (void)snprintf(text, sizeof(text), "DELETE FROM session WHERE " GROUP_KEY, mover->group);
    order(target(mover), text);
    (void)snprintf(text, sizeof(text),
                   "SELECT key, revision, write_id, parent_id, retain_ms, record, lease_owner, lease_until, "
                   "intent FROM session WHERE " GROUP_KEY,
                   mover->group);
    rows = PQexecParams(source(mover), text, 0, NULL, NULL, NULL, NULL, 1);
    assert_int_equal(PQresultStatus(rows), PGRES_TUPLES_OK);
    for (int n = 0; n < PQntuples(rows); n++)
        copy_row(target(mover), rows, n);
    PQclear(rows);
}

static void delete_rows(struct pg_mover *mover)
{
    char text[128];

    (void)snprintf(text, sizeof(text), "DELETE FROM session WHERE " GROUP_KEY, mover->group);
    order(source(mover), text);
    mover->owner[mover->group] = 1 - mover->owner[mover->group];
    mover->moves++;
}

/* ---- steps ---- */

static void make_step(struct pg_mover *mover)
{
    switch (mover->step) {
    case STEP_REST:
        mover->group = chance(mover, GROUPS);
        break;
    case STEP_LEAVE:
        set_state(mover, source(mover), 2);
        note_older(mover);
        break;
    case STEP_WAIT:
        if (!older_are_over(mover))
            return;
        break;
    case STEP_COPY:
        copy(mover);
        break;
    case STEP_OWN:
        set_state(mover, target(mover), 1);
        break;
    case STEP_GONE:
        set_state(mover, source(mover), 0);
        break;
    case STEP_DELETE:
        delete_rows(mover);
        mover->step = STEP_REST;
        return;
    }
    mover->step++;
}

void pg_mover_turn(struct pg_mover *mover)
{
    if (mover->turns > 0) {
        mover->turns--;
        return;
    }
    mover->turns = chance(mover, TURNS);
    make_step(mover);
}

void pg_mover_order(struct pg_mover *mover, unsigned shard, const char *text)
{
    order(mover->shard[shard], text);
}

unsigned pg_mover_moves(const struct pg_mover *mover)
{
    return mover->moves;
}

struct pg_mover *pg_mover_new(const char *const conninfo[2], uint64_t seed)
{
    struct pg_mover *mover = calloc(1, sizeof(*mover));

    assert_non_null(mover);
    mover->state = seed;
    for (unsigned shard = 0; shard < 2; shard++) {
        char text[128];

        mover->shard[shard] = PQconnectdb(conninfo[shard]);
        if (PQstatus(mover->shard[shard]) != CONNECTION_OK)
            fail_msg("%s", PQerrorMessage(mover->shard[shard]));
        (void)snprintf(
            text, sizeof(text),
            "BEGIN; DELETE FROM session; UPDATE slot SET state = %u; UPDATE shard SET epoch = epoch + 1; "
            "COMMIT",
            1 - shard);
        order(mover->shard[shard], text);
    }
    return mover;
}

void pg_mover_free(struct pg_mover *mover)
{
    if (mover == NULL)
        return;
    for (unsigned shard = 0; shard < 2; shard++)
        PQfinish(mover->shard[shard]);
    PQfreemem(mover->older);
    free(mover);
}
