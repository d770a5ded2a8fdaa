#include "beside.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char conninfo[4096];
static char password[256];
static struct ses_secret secret;

/* The word "password=.." stands among the others. */
static void read_environment(void)
{
    const char *text = getenv("SES_PG");
    const char *word = text == NULL ? NULL : strstr(text, "password=");
    size_t len;

    if (text == NULL) {
        print_message("there is no PostgreSQL beside this: run it by with_cluster.py\n");
        exit(77);
    }
    assert_non_null(word);
    len = strcspn(word, " ");
    (void)snprintf(password, sizeof(password), "%.*s", (int)(len - 9), word + 9);
    (void)snprintf(conninfo, sizeof(conninfo), "%.*s%s", (int)(word - text), text, word + len);
    secret = (struct ses_secret){(uint8_t *)password, strlen(password)};
}

struct ses_pg_place beside_place(void)
{
    if (conninfo[0] == '\0')
        read_environment();
    return (struct ses_pg_place){.conninfo = conninfo, .password = &secret, .timeout_ms = 60000};
}

PGconn *beside_connect(void)
{
    char text[8192];
    PGconn *conn;

    (void)snprintf(text, sizeof(text), "%s target_session_attrs=read-write", getenv("SES_PG"));
    conn = PQconnectdb(text);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    return conn;
}

PGresult *beside_query(PGconn *conn, const char *text)
{
    PGresult *result = PQexec(conn, text);

    if (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", text, PQerrorMessage(conn));
    return result;
}

long beside_number(PGconn *conn, const char *text)
{
    PGresult *result = beside_query(conn, text);
    long number;

    assert_int_equal(PQntuples(result), 1);
    number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return number;
}

void beside_order(const char *order)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char answer[4096] = "";
    size_t len = 0;

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", getenv("SES_PG_CONTROL"));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(dprintf(fd, "%s\n", order), (int)strlen(order) + 1);
    while (len + 1 < sizeof(answer) && strchr(answer, '\n') == NULL) {
        ssize_t got = read(fd, answer + len, sizeof(answer) - 1 - len);

        assert_true(got > 0);
        len += (size_t)got;
        answer[len] = '\0';
    }
    (void)close(fd);
    if (strncmp(answer, "ok", 2) != 0)
        fail_msg("%s: %s", order, answer);
}
