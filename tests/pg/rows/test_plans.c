/* How a real server plans the statements: by the primary key, on a table without statistics too. A plan is made once
 * a connection, perhaps while the table is empty, and must do for a million rows.
 */
#include "unit.h"

#include <libpq-fe.h>

#include <look.h>
#include <sql.h>

static PGconn *conn;

static PGresult *ask(const char *text)
{
    PGresult *result = PQexec(conn, text);
    ExecStatusType status = PQresultStatus(result);

    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    return result;
}

static void assert_planned(const struct pg_statement *statement)
{
    char text[256];
    size_t len = 0;
    PGresult *result = PQprepare(conn, statement->name, statement->text, statement->params, statement->types);

    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", statement->name, PQerrorMessage(conn));
    PQclear(result);
    len = (size_t)snprintf(text, sizeof(text), "EXPLAIN EXECUTE \"%s\" (NULL", statement->name);
    for (int i = 1; i < statement->params; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, ", NULL");
    (void)snprintf(text + len, sizeof(text) - len, ")");
    result = ask(text);
    for (int i = 0; i < PQntuples(result); i++) {
        const char *line = PQgetvalue(result, i, 0);

        if (strstr(line, "Seq Scan on session") != NULL || strstr(line, "Index Only") != NULL)
            fail_msg("%s: %s", statement->name, line);
        if (strstr(line, "Hash Join") != NULL || strstr(line, "Merge Join") != NULL ||
            strstr(line, "JIT") != NULL)
            fail_msg("%s: %s", statement->name, line);
    }
    PQclear(result);
}

static void test_by_the_key_alone(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < PG_KIND_COUNT; kind++) {
        const struct pg_write *write = ses_pg_write_sql((enum pg_kind)kind);

        assert_planned(write->usual);
        if (write->plain != write->usual)
            assert_planned(write->plain);
    }
    assert_planned(&ses_pg_read_sql);
    assert_planned(&ses_pg_ids_sql);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_the_key_alone)};
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
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(conn);
    return failed;
}
