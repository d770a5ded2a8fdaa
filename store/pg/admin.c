#include "admin.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <sessiond/base/clock.h>

#define BYTEA         17   /* PostgreSQL's pg_type.dat */
#define PASSWORD_SIZE 1025 /* with its NUL */

/* libpq's words are several lines with the host's name; one line is kept, and none that could hold what a stranger wrote. */
static const char *one_line(const char *words, char ret_line[SES_PG_TEXT_SIZE])
{
    size_t len = 0;

    for (; *words != '\0' && len + 1 < SES_PG_TEXT_SIZE; words++) {
        bool blank = *words == '\n' || *words == '\t' || *words == ' ';

        if (blank && (len == 0 || ret_line[len - 1] == ' '))
            continue;
        ret_line[len++] = blank ? ' ' : (unsigned char)*words < 0x20 ? '?' : *words;
    }
    while (len > 0 && ret_line[len - 1] == ' ')
        len--;
    ret_line[len] = '\0';
    return ret_line;
}

void ses_pg_admin_close(struct pg_admin *admin)
{
    PQfinish(admin->conn);
    admin->conn = NULL;
}

/* A socket that is in error counts as ready: libpq finds out. */
bool ses_pg_admin_wait(const struct pg_admin *admin, short events, uint64_t deadline_ms)
{
    for (;;) {
        struct pollfd fd = {.fd = PQsocket(admin->conn), .events = events};
        uint64_t now_ms = ses_clock_mono_ms();
        int got = now_ms >= deadline_ms ? 0 : poll(&fd, 1, (int)(deadline_ms - now_ms));

        if (got > 0)
            return true;
        if (got == 0 || errno != EINTR)
            return false;
    }
}

/* ---- connecting --------------------------------------------------------------------------------------- */

/* libpq would print it. */
static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static enum ses_status finish_connecting(struct pg_admin *admin, const char *host, struct ses_fault *fault)
{
    uint64_t deadline_ms = ses_clock_mono_ms() + admin->timeout_ms;
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    char line[SES_PG_TEXT_SIZE];

    while (PQstatus(admin->conn) != CONNECTION_BAD && next != PGRES_POLLING_OK &&
           next != PGRES_POLLING_FAILED) {
        if (!ses_pg_admin_wait(admin, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ms))
            return ses_fault(fault, SES_UNAVAILABLE, "%s: no answer within %llu ms", host,
                             (unsigned long long)admin->timeout_ms);
        next = PQconnectPoll(admin->conn);
    }
    if (PQstatus(admin->conn) == CONNECTION_OK) {
        (void)PQsetNoticeProcessor(admin->conn, ignore_notice, NULL);
        return SES_OK;
    }
    return ses_fault(fault, SES_UNAVAILABLE, "%s: %s", host, one_line(PQerrorMessage(admin->conn), line));
}

/* A name is resolved by libpq, which blocks: here nobody waits but who asked. */
enum ses_status ses_pg_admin_connect(struct pg_admin *admin, const struct pg_target *target, unsigned node,
                                     const struct ses_secret *password, uint64_t timeout_ms,
                                     struct ses_fault *fault)
{
    const char *address = target->address[node][0] == '\0' ? NULL : target->address[node];
    char text[PASSWORD_SIZE] = "";
    struct pg_parameters parameters;
    enum ses_status status;

    if (password != NULL && password->len >= sizeof(text))
        return ses_fault(fault, SES_INVALID_ARGUMENT, "the password is longer than %zu bytes",
                         sizeof(text) - 1);
    if (password != NULL)
        memcpy(text, password->bytes, password->len);
    ses_pg_target_parameters(target, node, address, password == NULL ? NULL : text, &parameters);
    *admin = (struct pg_admin){
        .conn = PQconnectStartParams((const char *const *)parameters.keywords,
                                     (const char *const *)parameters.values, 0),
        .timeout_ms = timeout_ms,
    };
    ses_wipe(text, sizeof(text));
    if (admin->conn == NULL)
        return ses_fault(fault, SES_NO_MEMORY, "out of memory");
    status = finish_connecting(admin, target->names.host[node], fault);
    if (status != SES_OK)
        ses_pg_admin_close(admin);
    return status;
}

/* ---- asking ------------------------------------------------------------------------------------------- */

enum ses_status ses_pg_admin_lost(struct pg_admin *admin, struct ses_fault *fault)
{
    char line[SES_PG_TEXT_SIZE];

    (void)one_line(PQerrorMessage(admin->conn), line);
    ses_pg_admin_close(admin);
    return ses_fault(fault, SES_UNAVAILABLE, "the connection is lost: %s", line);
}

/* A warning, if one comes with an answer. */
static void on_notice(void *arg, const PGresult *notice)
{
    struct pg_admin *admin = arg;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);

    if (severity != NULL && strcmp(severity, "WARNING") == 0)
        admin->warned = true;
}

static bool is_copy(const PGresult *result)
{
    return PQresultStatus(result) == PGRES_COPY_IN || PQresultStatus(result) == PGRES_COPY_OUT;
}

/* The next result of an answer; NULL: that was all. */
static enum ses_status next_result(struct pg_admin *admin, uint64_t deadline_ms, struct ses_fault *fault,
                                   PGresult **ret_result)
{
    while (PQisBusy(admin->conn) != 0) {
        if (!ses_pg_admin_wait(admin, POLLIN, deadline_ms)) {
            ses_pg_admin_close(admin);
            return ses_fault(fault, SES_UNAVAILABLE, "no answer within %llu ms",
                             (unsigned long long)admin->timeout_ms);
        }
        if (PQconsumeInput(admin->conn) == 0)
            return ses_pg_admin_lost(admin, fault);
    }
    *ret_result = PQgetResult(admin->conn);
    return SES_OK;
}

/* The last result; or the first that says that rows follow, which libpq would give again and again. Of several statements'
 * answers the rows that a COPY has taken are kept. */
static enum ses_status receive(struct pg_admin *admin, struct ses_fault *fault, PGresult **ret_result)
{
    uint64_t deadline_ms = ses_clock_mono_ms() + admin->timeout_ms;
    PGresult *result = NULL;

    for (;;) {
        PGresult *next = NULL;
        enum ses_status status = next_result(admin, deadline_ms, fault, &next);

        if (status != SES_OK) {
            PQclear(result);
            return status;
        }
        if (next == NULL)
            break;
        PQclear(result);
        result = next;
        if (is_copy(result))
            break;
        if (strncmp(PQcmdStatus(result), "COPY ", 5) == 0)
            admin->copied = strtoull(PQcmdTuples(result), NULL, 10);
    }
    *ret_result = result;
    return result == NULL ? ses_pg_admin_lost(admin, fault) : SES_OK;
}

enum ses_status ses_pg_admin_receive(struct pg_admin *admin, struct ses_fault *fault, PGresult **ret_result)
{
    char line[SES_PG_TEXT_SIZE];

    *ret_result = NULL;
    SES_TRY(receive(admin, fault, ret_result));
    if (PQresultStatus(*ret_result) == PGRES_TUPLES_OK || PQresultStatus(*ret_result) == PGRES_COMMAND_OK ||
        is_copy(*ret_result))
        return SES_OK;
    (void)one_line(PQresultErrorMessage(*ret_result), line);
    PQclear(*ret_result);
    *ret_result = NULL;
    if (PQstatus(admin->conn) == CONNECTION_BAD)
        return ses_pg_admin_lost(admin, fault);
    return ses_fault(fault, SES_IO, "%s", line);
}

static void begin_asking(struct pg_admin *admin)
{
    admin->warned = false;
    admin->copied = 0;
    (void)PQsetNoticeReceiver(admin->conn, on_notice, admin);
}

enum ses_status ses_pg_admin_ask(struct pg_admin *admin, const char *text,
                                 const struct pg_admin_value *values, int count, struct ses_fault *fault,
                                 PGresult **ret_result)
{
    const char *data[PG_ADMIN_PARAMETERS_MAX];
    int lengths[PG_ADMIN_PARAMETERS_MAX];
    int formats[PG_ADMIN_PARAMETERS_MAX];
    Oid types[PG_ADMIN_PARAMETERS_MAX];

    SES_REQUIRE(admin->conn != NULL && count <= PG_ADMIN_PARAMETERS_MAX);
    *ret_result = NULL;
    begin_asking(admin);
    for (int i = 0; i < count; i++) {
        data[i] = values[i].data;
        lengths[i] = (int)values[i].len;
        formats[i] = 1;
        types[i] = BYTEA;
    }
    if (PQsendQueryParams(admin->conn, text, count, types, data, lengths, formats, 0) == 0)
        return ses_pg_admin_lost(admin, fault);
    return ses_pg_admin_receive(admin, fault, ret_result);
}

enum ses_status ses_pg_admin_tell(struct pg_admin *admin, const char *texts, struct ses_fault *fault,
                                  PGresult **ret_result)
{
    SES_REQUIRE(admin->conn != NULL);
    *ret_result = NULL;
    begin_asking(admin);
    if (PQsendQuery(admin->conn, texts) == 0)
        return ses_pg_admin_lost(admin, fault);
    return ses_pg_admin_receive(admin, fault, ret_result);
}

const char *ses_pg_admin_text(const PGresult *result, const char *column)
{
    int at = PQfnumber(result, column);

    return at < 0 || PQntuples(result) == 0 ? "" : PQgetvalue(result, 0, at);
}

int64_t ses_pg_admin_number(const PGresult *result, const char *column)
{
    return strtoll(ses_pg_admin_text(result, column), NULL, 10);
}

bool ses_pg_admin_is(const PGresult *result, const char *column)
{
    return strcmp(ses_pg_admin_text(result, column), "t") == 0;
}

/* ---- the primary -------------------------------------------------------------------------------------- */

/* 0: a standby, or it did not say. */
static uint32_t ask_timeline(struct pg_admin *admin, struct ses_fault *fault)
{
    static const char text[] = "SELECT CASE WHEN pg_is_in_recovery() THEN '0'"
                               " ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END AS timeline";
    PGresult *result = NULL;
    uint32_t timeline = 0;

    if (ses_pg_admin_ask(admin, text, NULL, 0, fault, &result) == SES_OK) {
        timeline = (uint32_t)strtoul(ses_pg_admin_text(result, "timeline"), NULL, 16);
        if (timeline == 0)
            (void)!ses_fault(fault, SES_OK, "is a standby");
    }
    PQclear(result);
    return timeline;
}

/* All nodes are asked: where two accept writes, the one of the older timeline was left behind. */
enum ses_status ses_pg_admin_connect_primary(struct pg_admin *admin, const struct pg_target *target,
                                             const struct ses_secret *password, uint64_t timeout_ms,
                                             struct ses_fault *fault)
{
    struct ses_fault all = {.text = ""};
    uint32_t highest = 0;
    size_t len = 0;

    *admin = (struct pg_admin){.conn = NULL};
    for (unsigned i = 0; i < target->names.nodes; i++) {
        struct pg_admin other = {.conn = NULL};
        enum ses_status status = ses_pg_admin_connect(&other, target, i, password, timeout_ms, fault);
        uint32_t timeline = status == SES_OK ? ask_timeline(&other, fault) : 0;

        if (timeline > highest) {
            ses_pg_admin_close(admin);
            *admin = other;
            highest = timeline;
            continue;
        }
        if (len < sizeof(all.text))
            len += (size_t)snprintf(all.text + len, sizeof(all.text) - len, "%s%s%s%s", len == 0 ? "" : "; ",
                                    status == SES_OK ? target->names.host[i] : "",
                                    status == SES_OK ? ": " : "", fault->text);
        ses_pg_admin_close(&other);
    }
    return highest > 0 ? SES_OK : ses_fault(fault, SES_UNAVAILABLE, "there is no primary: %s", all.text);
}

enum ses_status ses_pg_admin_open(struct pg_admin *admin, const struct ses_pg_place *place,
                                  struct ses_fault *fault)
{
    struct pg_target target;
    enum ses_status status;

    SES_TRY(ses_pg_target_init(&target, place->conninfo, fault));
    status = ses_pg_admin_connect_primary(admin, &target, place->password, place->timeout_ms, fault);
    ses_pg_target_done(&target);
    return status;
}
