/* Sweeping on real rows: what goes, what stays, who waits for nobody. The sweep runs on a link that sends its statement at
 * once and waits for the answer; when steps come is tested in tests/unit/store. */
#include "sweep.h"

#include <endian.h>

#include "beside.h"

static PGconn *link_conn;
static int64_t link_epoch = 1;
static struct pg_request *sent;
static bool refuse_next; /* the server will refuse what is sent next */

bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request);
enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link);
int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link);

bool __wrap_ses_pg_link_send(struct pg_link *link, enum pg_use use, struct pg_request *request)
{
    (void)link;
    (void)use;
    sent = request;
    return true;
}

enum pg_state __wrap_ses_pg_link_state(const struct pg_link *link)
{
    (void)link;
    return PG_STATE_OPEN;
}

int64_t __wrap_ses_pg_link_epoch(const struct pg_link *link)
{
    (void)link;
    return link_epoch;
}

struct seen {
    bool mine;
    uint64_t gone;
    uint64_t pages;
};

static uint64_t number(const PGresult *result, int column)
{
    uint64_t value;

    memcpy(&value, PQgetvalue(result, 0, column), sizeof(value));
    return be64toh(value);
}

/* What the sweep asked for, asked; it is told the answer. */
static struct seen obey(void)
{
    static const int binary[] = {1, 1, 1};
    struct pg_request *request = sent;
    struct pg_answer answer = {.end = PG_END_DONE};
    struct seen seen;
    PGresult *result;

    assert_non_null(request);
    sent = NULL;
    result = PQexecParams(link_conn, request->statement->text, request->statement->params,
                          request->statement->types, request->values, request->lengths, binary, 1);
    if (refuse_next) { /* lock_not_available */
        assert_string_equal(PQresultErrorField(result, PG_DIAG_SQLSTATE), "55P03");
        refuse_next = false;
        answer.end = PG_END_REFUSED;
        request->done(request, &answer);
        PQclear(result);
        return (struct seen){.mine = true};
    }
    if (PQresultStatus(result) != PGRES_TUPLES_OK)
        fail_msg("%s", PQerrorMessage(link_conn));
    seen = (struct seen){PQgetvalue(result, 0, 0)[0] != 0, number(result, 1), number(result, 2)};
    answer.result = result;
    request->done(request, &answer);
    PQclear(result);
    return seen;
}

/* One round from the table's beginning; rows removed. */
static struct seen sweep_all(void)
{
    struct pg_sweep sweep;
    struct seen all = {.gone = 0};
    uint32_t page = 0;

    ses_pg_sweep_init(&sweep, NULL, 0, NULL, 0);
    do {
        struct seen seen;

        page = sweep.page;
        sweep.round_mono_ms = 1; /* all that has to be done is due */
        ses_pg_sweep_turn(&sweep);
        seen = obey();
        all = (struct seen){seen.mine, all.gone + seen.gone, seen.pages};
        assert_true(sweep.page == 0 || sweep.page == page + PG_SWEEP_STEP_PAGES);
        sent = NULL;
        sweep.flying = false;
    } while (sweep.page != 0);
    return all;
}

#define NOW "(extract(epoch FROM clock_timestamp()) * 1000)::int8"
#define FILL(n, columns, values)                                                                             \
    "INSERT INTO session (key, revision, write_id, retain_ms" columns ") SELECT sha256((" n                  \
    " || '.' || n)::bytea), 1, 'w', " values " FROM generate_series(1, 10) n"

static int setup(void **state)
{
    (void)state;
    (void)beside_place();
    link_conn = beside_connect();
    PQclear(beside_query(link_conn,
                         "SET lock_timeout = '60s'")); /* whoever waits for a lock fails, and hangs nobody */
    link_epoch = 1;
    beside_order("sql primary TRUNCATE session"); /* rows begin on the first page */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    PQfinish(link_conn);
    return 0;
}

static long rows(void)
{
    return beside_number(link_conn, "SELECT count(*) FROM session");
}

static void fill(const char *text)
{
    PQclear(beside_query(link_conn, text));
}

/* Ten rows of each kind; which of them are over. */
static void test_what_goes_and_what_stays(void **state)
{
    (void)state;
    fill(FILL("1", ", record", NOW " + 60000, 'r'")); /* a session */
    fill(FILL("2", ", record", NOW " - 1, 'r'"));     /* over */
    fill(FILL("3", "", NOW " - 1"));                  /* a reservation, over */
    fill(FILL("4", ", lease_owner, lease_until", NOW " + 60000, 'o', now() + interval '1 s'")); /* held */
    fill(FILL("5", ", record, lease_owner, lease_until",
              NOW " - 1, 'r', 'o', now() + interval '1 hour'")); /* leased */
    fill(FILL("6", ", record, lease_owner, lease_until",
              NOW " - 1, 'r', 'o', now() - interval '1 s'")); /* was */
    fill(FILL("7", ", intent, lease_owner, lease_until",
              NOW " + 60000, 'i', 'o', now() - interval '1 s'")); /* current */
    assert_int_equal(sweep_all().gone, 30);
    assert_int_equal(rows(), 40);
    assert_int_equal(beside_number(link_conn, "SELECT count(*) FROM session WHERE retain_ms < " NOW
                                              " AND (lease_until IS NULL OR lease_until < now())"),
                     0);
    assert_int_equal(sweep_all().gone, 0);
}

/* 20,000 rows, each third of them over, on more pages than one step looks at. */
static void test_a_large_table(void **state)
{
    struct seen seen;

    (void)state;
    fill(
        "INSERT INTO session (key, revision, write_id, retain_ms, record) SELECT sha256(n::text::bytea), 1, 'w', " NOW
        " + CASE WHEN n % 3 = 0 THEN -1 ELSE 600000 END, repeat('r', 350)::bytea FROM generate_series(1, 20000) n");
    seen = sweep_all();
    assert_true(seen.pages > 2 * PG_SWEEP_STEP_PAGES);
    assert_int_equal(seen.gone, 6666);
    assert_int_equal(rows(), 20000 - 6666);
}

/* No step may read the whole table, or look for each row that it removes. */
static void test_the_plan(void **state)
{
    char text[4096];
    char plan[8192] = "";
    PGresult *result;

    (void)state;
    fill(
        "INSERT INTO session (key, revision, write_id, retain_ms, record) SELECT sha256(n::text::bytea), 1, 'w', " NOW
        ", repeat('r', 350)::bytea FROM generate_series(1, 20000) n");
    fill("SET plan_cache_mode = force_generic_plan");
    (void)snprintf(text, sizeof(text), "PREPARE step (int8, tid, tid) AS %s", ses_pg_sweep_statement.text);
    fill(text);
    result = beside_query(link_conn, "EXPLAIN EXECUTE step (1, '(200,0)', '(400,0)')");
    for (int i = 0; i < PQntuples(result); i++)
        (void)snprintf(plan + strlen(plan), sizeof(plan) - strlen(plan), "%s\n", PQgetvalue(result, i, 0));
    PQclear(result);
    if (strstr(plan, "Tid Range Scan on session s") == NULL || strstr(plan, "One-Time Filter") == NULL ||
        strstr(plan, "Seq Scan on session") != NULL)
        fail_msg("%s", plan);
}

/* A row that another statement has: the step is given up, nobody is waited for, and the next one removes what it may. */
static void test_locked_rows(void **state)
{
    PGconn *other = beside_connect();

    (void)state;
    fill(FILL("1", ", record", NOW " - 1, 'r'"));
    PQclear(beside_query(other, "BEGIN"));
    PQclear(beside_query(other, "SELECT FROM session ORDER BY key LIMIT 3 FOR UPDATE"));
    refuse_next = true;
    (void)sweep_all();
    assert_int_equal(rows(), 10);
    /* And a row that is changed meanwhile lives. */
    PQclear(beside_query(other, "UPDATE session SET retain_ms = " NOW
                                " + 60000 WHERE key = (SELECT key FROM session ORDER BY key LIMIT 1)"));
    PQclear(beside_query(other, "COMMIT"));
    assert_int_equal(sweep_all().gone, 9);
    assert_int_equal(rows(), 1);
    PQfinish(other);
}

static void test_one_sweeper(void **state)
{
    PGconn *other = beside_connect();

    (void)state;
    fill(FILL("1", ", record", NOW " - 1, 'r'"));
    PQclear(beside_query(other, "BEGIN"));
    PQclear(beside_query(other, "SELECT pg_try_advisory_xact_lock(1936028531, 1)"));
    assert_false(sweep_all().mine);
    assert_int_equal(rows(), 10);
    PQclear(beside_query(other, "COMMIT"));
    assert_true(sweep_all().mine);
    assert_int_equal(rows(), 0);
    PQfinish(other);
}

/* A process that has not heard of the newest map of slots removes nothing. */
static void test_epoch(void **state)
{
    (void)state;
    fill(FILL("1", ", record", NOW " - 1, 'r'"));
    link_epoch = 2;
    assert_int_equal(sweep_all().gone, 0);
    link_epoch = 1;
    assert_int_equal(sweep_all().gone, 10);
}

/* It is answered while every other commit waits; and the session of the statement waits again afterwards. */
static void test_the_standby_is_not_waited_for(void **state)
{
    (void)state;
    fill(FILL("1", ", record", NOW " - 1, 'r'"));
    beside_order("link stall");
    assert_int_equal(sweep_all().gone, 10);
    beside_order("link flow");
    PQclear(beside_query(link_conn, "SELECT 1"));
    PGresult *result = beside_query(link_conn, "SHOW synchronous_commit");
    assert_string_equal(PQgetvalue(result, 0, 0), "on");
    PQclear(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_goes_and_what_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_large_table, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_plan, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locked_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_sweeper, setup, teardown),
        cmocka_unit_test_setup_teardown(test_epoch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_standby_is_not_waited_for, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
