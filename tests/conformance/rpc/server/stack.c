/* As worker.c and worker_parts.c do it, with the usual limits where a suite does not ask for others. */
#include "stack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sessiond/base/random.h>
#include <sessiond/config/usual.h>

#include "services.h"

#define MESSAGE_MAX (4 * SES_MIB)
#define FILE_MAX    65536
/* A message, what is made of it, and the answer that repeats it. */
#define ARENA_FACTOR 16

_Noreturn void stack_fail(const char *what)
{
    (void)fprintf(stderr, "suites_server: %s (%s)\n", what, strerror(errno));
    exit(1);
}

static void require(enum ses_status status, const char *what)
{
    if (status == SES_OK)
        return;
    (void)fprintf(stderr, "suites_server: %s: %s\n", what, ses_status_name(status));
    exit(1);
}

struct ses_slice stack_read_file(const char *dir, const char *name)
{
    static char texts[4][FILE_MAX + 1];
    static size_t count;
    char path[4096];
    FILE *file;

    if (count == sizeof(texts) / sizeof(texts[0]) ||
        snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
        stack_fail("too many files, or too long a name");
    file = fopen(path, "rb");
    if (file == NULL)
        stack_fail(path);
    size_t len = fread(texts[count], 1, FILE_MAX, file);

    (void)fclose(file);
    return ses_slice(texts[count++], len);
}

static void on_prepare(uv_prepare_t *handle)
{
    struct stack *stack = handle->data;

    for (int round = 0; round < 2; round++) /* an answer may let the next request of its connection begin */
        ses_conns_flush(stack->conns);
}

static void on_term(uv_signal_t *handle, int signum)
{
    (void)signum;
    uv_stop(handle->loop);
}

static void on_input(uv_poll_t *handle, int status, int events)
{
    char bytes[64];

    (void)events;
    if (status < 0 || read(STDIN_FILENO, bytes, sizeof(bytes)) <= 0)
        uv_stop(handle->loop);
}

static void open_tls(struct stack *stack, const struct stack_options *options)
{
    struct ses_tls_options tls = {
        .certificate = stack_read_file(options->tls_dir, "server.pem"),
        .key = stack_read_file(options->tls_dir, "server.key"),
    };
    struct ses_fault fault = {.text = ""};
    enum ses_tls_text text;
    bool locked;

    require(ses_tls_memory_guard(1024, &locked), "memory for keys");
    if (ses_tls_context_new(&tls, &stack->tls, &text, &fault) != SES_OK)
        stack_fail(fault.text);
}

static void open_doors(struct stack *stack, size_t message_max)
{
    struct ses_exchange_pool_options pool = {
        .arena_bytes_max = ARENA_FACTOR * message_max,
        .exchanges_max = SES_USUAL_limits_exchanges,
        .keep = 16,
        .types = &services_types,
        .metrics = stack->metrics,
    };
    struct ses_door_options doors = {
        .timers = stack->timers,
        .limits = ses_usual_door_limits(),
        .http2 = true,
        .tls = stack->tls,
        .server_name = "suites",
        .metrics = stack->metrics,
    };

    doors.limits.body_bytes_max = message_max;
    doors.limits.exchange_ms_max = STACK_EXCHANGE_MS;
    /* Suites are nothing but faults and haste, as a single client. */
    doors.limits.errors_max = 1000000;
    doors.limits.ping_ms = 0;
    doors.limits.held_bytes_max = 64 * SES_MIB;
    require(ses_router_new(services_tables, services_counts(), services_tables_count, &stack->router),
            "routes");
    require(ses_exchange_pool_new(&pool, &stack->pool), "exchanges");
    doors.router = stack->router;
    doors.pool = stack->pool;
    require(ses_doors_new(&doors, &stack->doors), "doors");
}

static void open_conns(struct stack *stack)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct ses_conns_options conns = ses_usual_conns();
    socklen_t size = sizeof(address);

    conns.loop = &stack->loop;
    conns.timers = stack->timers;
    conns.held_bytes_max = 256 * SES_MIB;
    conns.on_accept = ses_doors_accept;
    conns.arg = stack->doors;
    conns.metrics = stack->metrics;
    require(ses_conns_new(&conns, &stack->conns), "connections");
    stack->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(stack->listen_fd, (const struct sockaddr *)&address, size) != 0 ||
        listen(stack->listen_fd, SOMAXCONN) != 0 ||
        getsockname(stack->listen_fd, (struct sockaddr *)&address, &size) != 0)
        stack_fail("no port");
    stack->port = ntohs(address.sin_port);
    require(ses_conns_listen(stack->conns, stack->listen_fd), "listening");
}

void stack_open(struct stack *stack, const struct stack_options *options)
{
    size_t message_max = options->message_max != 0 ? options->message_max : MESSAGE_MAX;

    (void)signal(SIGPIPE, SIG_IGN);
    ses_random_init();
    memset(stack, 0, sizeof(*stack));
    stack->metrics = aligned_alloc(64, (sizeof(*stack->metrics) + 63) / 64 * 64);
    if (stack->metrics == NULL || uv_loop_init(&stack->loop) != 0)
        stack_fail("no loop");
    memset(stack->metrics, 0, sizeof(*stack->metrics));
    require(ses_timers_new(&stack->loop, &stack->timers), "timers");
    services_timers = stack->timers;
    if (options->tls_dir != NULL)
        open_tls(stack, options);
    open_doors(stack, message_max);
    open_conns(stack);
    stack->prepare.data = stack;
    if (uv_prepare_init(&stack->loop, &stack->prepare) != 0 ||
        uv_prepare_start(&stack->prepare, on_prepare) != 0 ||
        uv_signal_init(&stack->loop, &stack->term) != 0 ||
        uv_signal_start(&stack->term, on_term, SIGTERM) != 0)
        stack_fail("no handles");
    if (options->watch_input && (uv_poll_init(&stack->loop, &stack->input, STDIN_FILENO) != 0 ||
                                 uv_poll_start(&stack->input, UV_READABLE | UV_DISCONNECT, on_input) != 0))
        stack_fail("standard input cannot be watched");
}

void stack_run(struct stack *stack)
{
    (void)uv_run(&stack->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Exchanges end with their connections, a turn later. */
void stack_close(struct stack *stack)
{
    (void)uv_prepare_stop(&stack->prepare);
    ses_conns_free(stack->conns);
    (void)uv_run(&stack->loop, UV_RUN_NOWAIT);
    ses_doors_free(stack->doors);
    ses_tls_context_free(stack->tls);
    ses_router_free(stack->router);
    ses_exchange_pool_free(stack->pool);
    ses_timers_free(stack->timers);
    uv_walk(&stack->loop, close_handle, NULL);
    (void)uv_run(&stack->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&stack->loop) != 0)
        stack_fail("handles are left");
    free(stack->metrics);
}
