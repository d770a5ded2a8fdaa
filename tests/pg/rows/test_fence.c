/* By an epoch that is over nothing is written, whatever the kind and the form; and each answer of a read tells the epoch, also
 * that nothing was found. A real server says so: each statement as it is sent.
 */
#include "unit.h"

#include <libpq-fe.h>

#include <pg/batch.h>
#include <look.h>
#include <lookup.h>

#define EPOCH        7
#define RECORD_BYTES 100
#define ROWS         "SELECT coalesce(string_agg(s::text, ','), '') FROM session s"

static PGconn *conn;
static const struct ses_store_key key = {.bytes = {1, 2, 3}};

static char *ask(const char *text)
{
    PGresult *result = PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);
    char *value = NULL;

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    if (PQntuples(result) == 1)
        value = strdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    return value;
}

static void say(const char *text)
{
    free(ask(text));
}

/* The row that this kind of write finds and changes; of a new key none. */
static void lay(enum pg_kind kind)
{
    static const char row[] =
        "INSERT INTO session (key, revision, write_id, retain_ms, record, lease_owner, lease_until) VALUES ("
        "'\\x010203' || decode(repeat('00', 29), 'hex'), 1, decode(repeat('07', 24), 'hex'), 0, '\\x01', "
        "%s)";
    char text[sizeof(row) + 128];
    bool leased = kind == PG_PUT_LEASED || kind == PG_RELEASE;

    say("DELETE FROM session");
    if (kind == PG_CREATE || kind == PG_LEASE_NEW)
        return;
    (void)snprintf(text, sizeof(text), row,
                   leased ? "decode(repeat('08', 16), 'hex'), clock_timestamp() + interval '1 hour'"
                          : "NULL, NULL");
    say(text);
}

static int execute(const struct pg_request *request, PGresult **ret_result)
{
    static const int binary[1 + PG_COLUMNS_MAX] = {1, 1, 1, 1, 1, 1, 1};
    const struct pg_statement *statement = request->statement;

    *ret_result = PQexecParams(conn, statement->text, statement->params, statement->types, request->values,
                               request->lengths, binary, 1);
    if (PQresultStatus(*ret_result) != PGRES_TUPLES_OK)
        fail_msg("%s: %s", statement->name, PQerrorMessage(conn));
    return PQntuples(*ret_result);
}

/* How many rows it changed. */
static int write_by(enum pg_kind kind, bool plain, int64_t epoch)
{
    struct pg_row *row = ses_pg_row_new(kind, &key, RECORD_BYTES);
    struct pg_queue queue;
    struct pg_batch *batch;
    PGresult *result;
    int changed;

    assert_non_null(row);
    memset(row->expect_id, 7, sizeof(row->expect_id));
    memset(row->owner, 8, sizeof(row->owner));
    memset(row->sealed, 9, RECORD_BYTES);
    row->revision = 2;
    row->for_ms = 60000;
    ses_pg_queue_init(&queue);
    ses_pg_queue_push(&queue, row);
    batch = ses_pg_batch_take(&queue, 1, plain, epoch);
    assert_non_null(batch);
    changed = execute(&batch->request, &result);
    PQclear(result);
    ses_pg_batch_free(batch);
    ses_pg_row_free(row);
    return changed;
}

static void expect_fenced(enum pg_kind kind, bool plain, int64_t epoch)
{
    char *before, *after;

    lay(kind);
    before = ask(ROWS);
    if (write_by(kind, plain, epoch) != 0)
        fail_msg("kind %d%s: written by epoch %d", (int)kind, plain ? ", plain" : "", (int)epoch);
    after = ask(ROWS);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

static void test_by_another_epoch_nothing_is_written(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < PG_KIND_COUNT; kind++) {
        for (unsigned plain = 0; plain < 2; plain++) {
            expect_fenced((enum pg_kind)kind, plain != 0, EPOCH - 1);
            expect_fenced((enum pg_kind)kind, plain != 0, EPOCH + 1);
            assert_int_equal(write_by((enum pg_kind)kind, plain != 0, EPOCH), 1);
        }
    }
}

static void expect_told(const struct pg_statement *statement, int field)
{
    struct pg_lookup lookup;
    PGresult *result;

    ses_pg_array_init(&lookup.keys);
    assert_ok(ses_pg_keys_begin(&lookup.keys, 1));
    ses_pg_keys_add(&lookup.keys, &key);
    ses_pg_lookup_make(&lookup, statement, NULL);
    assert_int_equal(execute(&lookup.request, &result), 1);
    assert_int_equal(ses_pg_value_epoch(result, field), EPOCH);
    PQclear(result);
    ses_pg_array_done(&lookup.keys);
}

static void test_each_answer_tells_the_epoch(void **state)
{
    static const enum pg_kind kinds[] = {PG_CREATE, PG_CHANGE}; /* without a row, and with one */

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        lay(kinds[i]);
        expect_told(&ses_pg_read_sql, PG_READ_EPOCH);
        expect_told(&ses_pg_ids_sql, PG_IDS_EPOCH);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_another_epoch_nothing_is_written),
                                              cmocka_unit_test(test_each_answer_tells_the_epoch)};
    char greeting[PG_GREET_SIZE];
    int failed;

    if (getenv("SES_PG") == NULL) {
        (void)fprintf(stderr, "SES_PG is not set: run this by tests/pg/with_cluster.py\n");
        return 77;
    }
    conn = PQconnectdb(getenv("SES_PG"));
    if (PQstatus(conn) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(conn));
        return 1;
    }
    ses_pg_greet("0123456789abcdef", greeting);
    PQclear(PQexec(conn, greeting));
    say("UPDATE shard SET epoch = 7");
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(conn);
    return failed;
}
