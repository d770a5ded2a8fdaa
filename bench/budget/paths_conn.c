/* One call over each of 64 kept connections: what libuv, net/ and OpenSSL do between the kernel and the engine. The
 * engine only counts and answers; what TLS costs is the difference of the two paths. */
#include "budget.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include <sessiond/net/dev_cert.h>
#include <sessiond/net/tls.h>

#include "usual.h"

/* As many as keep their record buffers (src/net/tls_conn_impl.h). */
#define CONNECTIONS 64u
/* Of a CreateSessionToken over a connection that has compressed its headers before. */
#define REQUEST_BYTES 218u
#define ANSWER_BYTES  827u

struct rig;

struct engine {
    struct rig *rig;
    struct ses_conn *conn;
    size_t got;
};

/* The other end, which is not counted. ssl NULL: plain. */
struct client {
    int fd;
    SSL *ssl;
    BIO *in;
    BIO *out;
};

struct rig {
    uv_loop_t loop;
    uv_prepare_t prepare;
    struct ses_timers *timers;
    struct ses_conns *conns;
    struct ses_tls_context *context; /* NULL: plain */
    SSL_CTX *client_ctx;
    struct engine engines[CONNECTIONS];
    struct client clients[CONNECTIONS];
    unsigned accepted;
    unsigned answered;
};

/* ---- the server's side */

static enum ses_status on_bytes(void *arg, struct ses_slice bytes)
{
    struct engine *engine = arg;

    engine->got += bytes.len;
    if (engine->got == REQUEST_BYTES)
        ses_conn_want_write(engine->conn);
    return SES_OK;
}

static enum ses_status on_produce(void *arg, struct ses_buf *out)
{
    static const uint8_t answer[ANSWER_BYTES];
    struct engine *engine = arg;

    if (engine->got < REQUEST_BYTES)
        return SES_OK;
    engine->got = 0;
    engine->rig->answered++;
    return ses_buf_append(out, ses_slice(answer, sizeof(answer)));
}

static const struct ses_conn_ops ops = {.on_bytes = on_bytes, .on_produce = on_produce};

static void attach(void *arg, struct ses_conn *conn)
{
    struct rig *rig = arg;
    struct engine *engine = &rig->engines[rig->accepted++];

    *engine = (struct engine){rig, conn, 0};
    ses_conn_attach(conn, &ops, engine);
}

/* The first bytes begin TLS, as the sniffer knows. */
static enum ses_status on_first(void *arg, struct ses_slice bytes)
{
    struct engine *first = arg;
    const struct ses_tls_start start = {.context = first->rig->context,
                                        .first = bytes,
                                        .handshake_ms = 60000,
                                        .record_ms = 60000,
                                        .on_attach = attach,
                                        .arg = first->rig};
    struct ses_conn *conn = first->conn;

    free(first);
    return ses_tls_start(conn, &start);
}

static const struct ses_conn_ops first_ops = {.on_bytes = on_first};

static void on_accept(void *arg, struct ses_conn *conn)
{
    struct rig *rig = arg;
    struct engine *first;

    if (rig->context == NULL) {
        attach(rig, conn);
        return;
    }
    first = calloc(1, sizeof(*first));
    SES_REQUIRE(first != NULL);
    *first = (struct engine){rig, conn, 0};
    ses_conn_attach(conn, &first_ops, first);
}

static void on_prepare(uv_prepare_t *handle)
{
    ses_conns_flush(((struct rig *)handle->data)->conns);
}

static char *file_text(const char *dir, const char *name)
{
    char path[PATH_MAX];
    char *text = calloc(1, 16384);
    FILE *file;

    SES_REQUIRE(text != NULL && snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path));
    file = fopen(path, "r");
    SES_REQUIRE(file != NULL && fread(text, 1, 16383, file) > 0);
    (void)fclose(file);
    return text;
}

static struct ses_tls_context *new_context(const char *dir)
{
    static const char *const names[] = {"localhost"};
    struct ses_tls_context *context;
    struct ses_fault fault;
    enum ses_tls_text text;
    bool made;

    BUDGET_OK(ses_dev_cert_server(dir, names, 1, &made, &fault));
    const struct ses_tls_options options = {.certificate = ses_slice_str(file_text(dir, "server.pem")),
                                            .key = ses_slice_str(file_text(dir, "server.key"))};

    BUDGET_OK(ses_tls_context_new(&options, &context, &text, &fault));
    return context;
}

static int listen_at(struct sockaddr_in *ret_address)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t size = sizeof(*ret_address);

    *ret_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SES_REQUIRE(fd >= 0 && bind(fd, (const struct sockaddr *)ret_address, size) == 0);
    SES_REQUIRE(getsockname(fd, (struct sockaddr *)ret_address, &size) == 0);
    return fd;
}

static void open_server(struct rig *rig, struct sockaddr_in *ret_address)
{
    struct ses_conns_options options = ses_usual_conns();

    SES_REQUIRE(uv_loop_init(&rig->loop) == 0);
    BUDGET_OK(ses_timers_new(&rig->loop, &rig->timers));
    options.loop = &rig->loop;
    options.timers = rig->timers;
    options.on_accept = on_accept;
    options.arg = rig;
    BUDGET_OK(ses_conns_new(&options, &rig->conns));
    rig->prepare.data = rig;
    SES_REQUIRE(uv_prepare_init(&rig->loop, &rig->prepare) == 0 &&
                uv_prepare_start(&rig->prepare, on_prepare) == 0);
    BUDGET_OK(ses_conns_listen(rig->conns, listen_at(ret_address)));
}

/* ---- the clients' side */

static void client_send(struct client *client)
{
    char bytes[8192];
    int len;

    while ((len = BIO_read(client->out, bytes, sizeof(bytes))) > 0)
        SES_REQUIRE(send(client->fd, bytes, (size_t)len, 0) == len);
}

/* What has come, at least something. */
static size_t client_take(struct client *client)
{
    char bytes[8192];
    ssize_t got = recv(client->fd, bytes, sizeof(bytes), 0);

    SES_REQUIRE(got > 0 && (client->ssl == NULL || BIO_write(client->in, bytes, (int)got) == got));
    return (size_t)got;
}

static void client_open(struct rig *rig, struct client *client, const struct sockaddr_in *address)
{
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    SES_REQUIRE(client->fd >= 0 &&
                connect(client->fd, (const struct sockaddr *)address, sizeof(*address)) == 0);
    if (rig->context == NULL)
        return;
    client->ssl = SSL_new(rig->client_ctx);
    client->in = BIO_new(BIO_s_mem());
    client->out = BIO_new(BIO_s_mem());
    SSL_set_bio(client->ssl, client->in, client->out);
    SSL_set_connect_state(client->ssl);
    while (SSL_do_handshake(client->ssl) != 1) {
        client_send(client);
        while (recv(client->fd, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
            (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
        (void)client_take(client);
    }
    client_send(client);
}

static void client_ask(struct client *client)
{
    static const uint8_t request[REQUEST_BYTES];
    size_t done;

    if (client->ssl == NULL) {
        SES_REQUIRE(send(client->fd, request, sizeof(request), 0) == sizeof(request));
        return;
    }
    SES_REQUIRE(SSL_write_ex(client->ssl, request, sizeof(request), &done) == 1);
    client_send(client);
}

static void client_hear(struct client *client)
{
    char answer[ANSWER_BYTES];
    size_t done = 0;

    while (client->ssl == NULL && done < ANSWER_BYTES)
        done += client_take(client);
    while (client->ssl != NULL && SSL_read_ex(client->ssl, answer, sizeof(answer), &done) != 1)
        (void)client_take(client);
    SES_REQUIRE(done == ANSWER_BYTES);
}

/* ---- the paths */

static void open_rig(struct rig *rig, const char *dir, bool tls)
{
    struct sockaddr_in address;

    if (tls) {
        rig->context = new_context(dir);
        rig->client_ctx = SSL_CTX_new(TLS_client_method());
        SES_REQUIRE(rig->client_ctx != NULL);
    }
    open_server(rig, &address);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        client_open(rig, &rig->clients[i], &address);
    while (rig->accepted < CONNECTIONS)
        (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
}

/* As many turns as it takes: a kernel that is busy may bring requests in several. */
static void serve(struct rig *rig)
{
    unsigned until = rig->answered + CONNECTIONS;

    while (rig->answered < until)
        (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
}

/* A request on every connection. */
static void ask_all(struct rig *rig, bool counted)
{
    for (unsigned i = 0; i < CONNECTIONS; i++)
        client_ask(&rig->clients[i]);
    if (counted)
        BUDGET_COUNT(serve(rig));
    else
        serve(rig);
    for (unsigned i = 0; i < CONNECTIONS; i++)
        client_hear(&rig->clients[i]);
}

static void run(const char *dir, unsigned operations, bool tls)
{
    static struct rig rig;

    open_rig(&rig, dir, tls);
    ask_all(&rig, false); /* a handshake may still have had its end to read */
    for (unsigned i = 0; i < operations; i += CONNECTIONS)
        ask_all(&rig, true);
}

void budget_conn(const char *dir, unsigned operations)
{
    run(dir, operations, false);
}

void budget_conn_tls(const char *dir, unsigned operations)
{
    run(dir, operations, true);
}
