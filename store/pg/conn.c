#include "conn.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define NOTHING_MAX 4 /* in a row: a pipeline that is broken has no other end */

static void on_poll(uv_poll_t *poll, int status, int events);

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void drop_poll(struct pg_conn *conn)
{
    if (conn->poll == NULL)
        return;
    conn->poll->data = NULL;
    conn->watched = 0;
    uv_close((uv_handle_t *)conn->poll, on_poll_closed);
    conn->poll = NULL;
}

/* libpq takes another socket in the course of connecting when it tries again without TLS. */
static bool watch(struct pg_conn *conn, int events)
{
    int fd = PQsocket(conn->pg);

    if (conn->poll != NULL && conn->fd != fd)
        drop_poll(conn);
    if (fd < 0)
        return false;
    if (conn->poll == NULL) {
        conn->poll = malloc(sizeof(*conn->poll));
        if (conn->poll == NULL)
            return false;
        if (uv_poll_init(conn->loop, conn->poll, fd) != 0) {
            free(conn->poll);
            conn->poll = NULL;
            return false;
        }
        conn->poll->data = conn;
        conn->fd = fd;
    }
    if (conn->watched == events)
        return true;
    conn->watched = events;
    return uv_poll_start(conn->poll, events, on_poll) == 0;
}

/* ---- its end ---- */

static bool is_code(const char *text)
{
    for (int i = 0; i < 5; i++)
        if (!((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z')))
            return false;
    return text[5] == ':' || text[5] == '\n' || text[5] == '\0';
}

/* libpq keeps the code of a connection that the server refused to itself; with PQERRORS_VERBOSE it stands in
 * the text: "..: FATAL:  28P01: .." */
static void find_code(const char *text, char *ret_code)
{
    for (const char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  "))
        if (is_code(at + 3)) {
            memcpy(ret_code, at + 3, 5);
            ret_code[5] = '\0';
            return;
        }
}

static void describe(const struct pg_conn *conn, struct pg_fault *ret_fault)
{
    const char *text = conn->pg != NULL ? PQerrorMessage(conn->pg) : "";
    size_t len = strcspn(text, "\n");

    *ret_fault = (struct pg_fault){.sqlstate = ""};
    if (conn->failed)
        memcpy(ret_fault->sqlstate, conn->sqlstate, sizeof(ret_fault->sqlstate));
    else
        find_code(text, ret_fault->sqlstate);
    if (len >= sizeof(ret_fault->text))
        len = sizeof(ret_fault->text) - 1;
    memcpy(ret_fault->text, text, len);
}

void ses_pg_conn_close(struct pg_conn *conn)
{
    PQclear(conn->result);
    conn->result = NULL;
    conn->life++;
    drop_poll(conn);
    if (conn->pg != NULL)
        PQfinish(conn->pg);
    conn->pg = NULL;
    conn->up = conn->busy = conn->doomed = conn->preparing = conn->guarded = false;
    conn->to_prepare = NULL;
    conn->prepared_count = 0;
}

static void end(struct pg_conn *conn)
{
    struct pg_fault fault;

    describe(conn, &fault);
    ses_pg_conn_close(conn);
    conn->ops->down(conn, &fault);
}

/* ---- connecting ---- */

/* Of the server's messages beside an answer: a warning on a write says that it is not what it seems. */
static void on_notice(void *arg, const PGresult *notice)
{
    struct pg_conn *conn = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    const char *code = PQresultErrorField(notice, PG_DIAG_SQLSTATE);

    if ((severity != NULL && strcmp(severity, "WARNING") == 0) ||
        (code != NULL && strncmp(code, "01", 2) == 0))
        conn->warned = true;
}

void ses_pg_conn_init(struct pg_conn *conn, struct uv_loop_s *loop, const struct pg_conn_ops *ops)
{
    *conn = (struct pg_conn){.loop = loop, .ops = ops, .fd = -1};
}

/* Behind PQconnectStart: it has to be asked for writing first. A connection that failed at once is not told
 * inside the call that began it. */
bool ses_pg_conn_start(struct pg_conn *conn, const struct pg_parameters *parameters)
{
    SES_REQUIRE(conn->pg == NULL);
    conn->failed = conn->final = conn->warned = false;
    conn->pg = PQconnectStartParams(parameters->keywords, parameters->values, 0);
    if (conn->pg == NULL)
        return false;
    (void)PQsetErrorVerbosity(conn->pg, PQERRORS_VERBOSE);
    (void)PQsetNoticeReceiver(conn->pg, on_notice, conn);
    if (PQstatus(conn->pg) == CONNECTION_BAD || !watch(conn, UV_WRITABLE))
        conn->doomed = true;
    return true;
}

bool ses_pg_conn_is_taken(const struct pg_conn *conn)
{
    return conn->pg != NULL && PQstatus(conn->pg) != CONNECTION_STARTED &&
           PQstatus(conn->pg) != CONNECTION_BAD;
}

/* The socket may be closed inside, and its number given to another one: nothing is watched meanwhile. */
static void step_connect(struct pg_conn *conn)
{
    bool watched;

    (void)uv_poll_stop(conn->poll);
    conn->watched = 0;
    switch (PQconnectPoll(conn->pg)) {
    case PGRES_POLLING_READING:
        watched = watch(conn, UV_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        watched = watch(conn, UV_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        watched = PQsetnonblocking(conn->pg, 1) == 0 && watch(conn, UV_READABLE);
        conn->up = watched;
        break;
    default:
        watched = false;
        break;
    }
    if (!watched)
        end(conn);
    else if (conn->up)
        conn->ops->up(conn);
}

/* ---- statements ---- */

/* Looks for what can be sent on; the rest waits for the socket. */
static void push(struct pg_conn *conn)
{
    int left = PQflush(conn->pg);

    if (left < 0 || !watch(conn, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE))
        conn->doomed = true;
}

static void begin(struct pg_conn *conn, int sent)
{
    conn->busy = true;
    conn->warned = conn->failed = conn->final = false;
    if (sent == 0)
        conn->doomed = true;
    else
        push(conn);
}

void ses_pg_conn_query(struct pg_conn *conn, const char *text)
{
    SES_REQUIRE(conn->up && !conn->busy);
    begin(conn, PQsendQuery(conn->pg, text));
}

static bool is_prepared(const struct pg_conn *conn, const struct pg_statement *statement)
{
    for (unsigned i = 0; i < conn->prepared_count; i++)
        if (conn->prepared[i] == statement)
            return true;
    return false;
}

static const int *formats_of(int params)
{
    static const int binary[] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

    SES_REQUIRE((size_t)params <= sizeof(binary) / sizeof(binary[0]));
    return binary;
}

static int send_unnamed(struct pg_conn *conn, const struct pg_statement *statement, const char *const *values,
                        const int *lengths)
{
    return PQsendQueryParams(conn->pg, statement->text, statement->params, statement->types, values, lengths,
                             formats_of(statement->params), 1);
}

/* The first use carries the text: the parameters are the caller's only inside the call, so that nothing could be sent
 * behind the answer to a Parse. */
void ses_pg_conn_execute(struct pg_conn *conn, const struct pg_statement *statement,
                         const char *const *values, const int *lengths)
{
    SES_REQUIRE(conn->up && !conn->busy);
    if (is_prepared(conn, statement)) {
        begin(conn, PQsendQueryPrepared(conn->pg, statement->name, statement->params, values, lengths,
                                        formats_of(statement->params), 1));
        return;
    }
    if (conn->prepared_count < PG_PREPARED_MAX)
        conn->to_prepare = statement;
    begin(conn, send_unnamed(conn, statement, values, lengths));
}

/* Both are one transaction, because one Sync stands behind both. */
void ses_pg_conn_execute_guarded(struct pg_conn *conn, const struct pg_guard *guard,
                                 const struct pg_statement *statement, const char *const *values,
                                 const int *lengths)
{
    bool sent;

    SES_REQUIRE(conn->up && !conn->busy);
    conn->guarded = true;
    conn->passed = false;
    sent = PQenterPipelineMode(conn->pg) == 1 &&
           send_unnamed(conn, guard->statement, guard->values, guard->lengths) == 1 &&
           send_unnamed(conn, statement, values, lengths) == 1 && PQpipelineSync(conn->pg) == 1;
    begin(conn, sent ? 1 : 0);
}

/* An error undoes what came before it in the same transaction. What ends the connection (FATAL), or comes
 * from a pooler that has lost its server (class 08), takes the right along to say that nothing was written. */
static void take(struct pg_conn *conn, PGresult *result)
{
    const char *severity, *code;

    switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
        PQclear(conn->result);
        conn->result = result;
        if (conn->guarded && !conn->passed) {
            conn->passed = true;
            PQclear(conn->result);
            conn->result = NULL;
        }
        return;
    case PGRES_PIPELINE_ABORTED: /* behind a guard that did not hold */
        PQclear(result);
        return;
    default:
        break;
    }
    severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    conn->failed = true;
    conn->final = conn->final || severity == NULL || strcmp(severity, "ERROR") != 0 || code == NULL ||
                  strncmp(code, "08", 2) == 0 || strncmp(code, "57P", 3) == 0;
    conn->sqlstate[0] = '\0';
    if (code != NULL && strlen(code) == 5)
        memcpy(conn->sqlstate, code, 6);
    PQclear(result);
}

static void prepare_next(struct pg_conn *conn)
{
    const struct pg_statement *statement = conn->to_prepare;

    begin(conn,
          PQsendPrepare(conn->pg, statement->name, statement->text, statement->params, statement->types));
    conn->preparing = true;
}

/* A failure to prepare is no one's: the statement itself has been answered, and goes unnamed next time too. */
static void prepared(struct pg_conn *conn)
{
    conn->preparing = false;
    if (!conn->failed)
        conn->prepared[conn->prepared_count++] = conn->to_prepare;
    conn->to_prepare = NULL;
}

/* Names that the server does not know (any more), or plans that do not fit: another pooler's session, DISCARD, other
 * columns. */
static void forget_names(struct pg_conn *conn)
{
    if (strcmp(conn->sqlstate, "26000") == 0 || strcmp(conn->sqlstate, "0A000") == 0)
        conn->prepared_count = 0;
}

static void finish_statement(struct pg_conn *conn)
{
    struct pg_answer answer = {.end = PG_END_DONE};
    PGresult *result = conn->result;
    bool guarded = conn->guarded;

    conn->busy = conn->guarded = false;
    conn->result = NULL;
    if (conn->preparing) {
        prepared(conn);
        PQclear(result);
        conn->ops->idle(conn);
        return;
    }
    if (conn->failed) {
        forget_names(conn);
        conn->to_prepare = NULL;
        answer.end = PG_END_REFUSED;
        answer.elsewhere = guarded && !conn->passed;
        memcpy(answer.sqlstate, conn->sqlstate, sizeof(answer.sqlstate));
    } else if (conn->warned) {
        answer.end = PG_END_UNKNOWN;
    } else {
        answer.result = result;
    }
    if (conn->to_prepare != NULL)
        prepare_next(conn);
    conn->answered = result;
    conn->ops->answer(conn, &answer);
    PQclear(conn->answered);
    conn->answered = NULL;
    if (conn->up && !conn->busy)
        conn->ops->idle(conn);
}

/* Whether that ends the statement. In a pipeline each of its two ends with nothing, and then comes the Sync. */
static bool is_last(struct pg_conn *conn, PGresult *result)
{
    if (!conn->guarded)
        return result == NULL;
    if (PQresultStatus(result) != PGRES_PIPELINE_SYNC)
        return false;
    PQclear(result);
    if (PQexitPipelineMode(conn->pg) != 1)
        conn->doomed = true;
    return true;
}

/* Everything that came. ready: the server takes the next one. */
static void collect(struct pg_conn *conn, bool *ret_ready)
{
    *ret_ready = false;
    for (unsigned nothing = 0; nothing < NOTHING_MAX && PQisBusy(conn->pg) == 0;) {
        PGresult *result = PQgetResult(conn->pg);

        if (is_last(conn, result)) {
            *ret_ready = true;
            return;
        }
        nothing = result == NULL ? nothing + 1 : 0;
        if (result != NULL)
            take(conn, result);
    }
}

/* They come between answers, and beside them. */
static void take_notifications(struct pg_conn *conn)
{
    PGnotify *told;

    while ((told = PQnotifies(conn->pg)) != NULL) {
        conn->ops->notified(conn, told->extra);
        PQfreemem(told);
    }
}

/* libpq closes the socket itself when it finds it dead: then the number is another file's soon. */
static void step_io(struct pg_conn *conn, int events)
{
    unsigned life = conn->life;
    bool ready = false, dead = false;

    if ((events & UV_WRITABLE) != 0)
        push(conn);
    if ((events & UV_WRITABLE) == 0 || (events & UV_READABLE) != 0)
        dead = PQconsumeInput(conn->pg) == 0;
    collect(conn, &ready);
    take_notifications(conn);
    dead = dead || conn->doomed || conn->final || PQstatus(conn->pg) != CONNECTION_OK;
    if (dead)
        drop_poll(conn);
    if (ready && conn->busy && !conn->final)
        finish_statement(conn);
    if (dead && conn->life == life)
        end(conn);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct pg_conn *conn = poll->data;

    if (conn == NULL)
        return;
    /* An error of the socket: libuv has stopped to watch, libpq finds out which it is. */
    if (status < 0)
        conn->watched = 0;
    if (!conn->up)
        step_connect(conn);
    else
        step_io(conn, status < 0 ? UV_READABLE | UV_WRITABLE : events);
}

void ses_pg_conn_turn(struct pg_conn *conn)
{
    if (conn->pg != NULL && conn->doomed)
        end(conn);
}
