/* sessiond-load: CreateSessionToken calls with distinct merchant_session_ids, or GetSession calls with the
 * tokens of sessions that it creates beforehand; every answer checked. */
#include "load.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS_MAX 50000u
#define STREAMS_MAX     4096u

static const char usage[] =
    "usage: sessiond-load [options]\n"
    "  --address HOST:PORT   IPv4 address of the server (127.0.0.1:8080)\n"
    "  --connections N       HTTP/2 connections (4)\n"
    "  --streams N           concurrent calls a connection (64)\n"
    "  --calls N             how many calls; else:\n"
    "  --seconds S           how long (10)\n"
    "  --warmup S            before counting starts (0)\n"
    "  --rate R              open loop: calls a second; without it a closed loop\n"
    "  --poisson             open loop with Poisson arrivals instead of constant spacing\n"
    "  --first N             number of the first merchant_session_id (0)\n"
    "  --prefix TEXT         prefix of the ids (a new one each run)\n"
    "  --same-id             the same merchant_session_id always: the replay path\n"
    "  --method create|get   get: GetSession; its sessions are created first and not counted\n"
    "  --sessions N          with get: how many sessions (1000); each token is presented once before "
    "counting\n"
    "  --tokens-fresh        with get: as many sessions as calls, each token presented once, counted\n"
    "  --connector NAME      x-connector (adyen), with\n"
    "  --config JSON         its x-connector-config\n"
    "  --pid PID             a server process whose CPU time is measured; may be repeated\n"
    "  --json                result as one JSON object\n"
    "  --quiet               no progress bar\n";

enum {
    OPT_ADDRESS = 256,
    OPT_CONNECTIONS,
    OPT_STREAMS,
    OPT_CALLS,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_RATE,
    OPT_POISSON,
    OPT_FIRST,
    OPT_PREFIX,
    OPT_SAME_ID,
    OPT_METHOD,
    OPT_SESSIONS,
    OPT_TOKENS_FRESH,
    OPT_CONNECTOR,
    OPT_CONFIG,
    OPT_PID,
    OPT_JSON,
    OPT_QUIET,
    OPT_HELP
};

static const struct option options[] = {
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"streams", required_argument, NULL, OPT_STREAMS},
    {"calls", required_argument, NULL, OPT_CALLS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"rate", required_argument, NULL, OPT_RATE},
    {"poisson", no_argument, NULL, OPT_POISSON},
    {"first", required_argument, NULL, OPT_FIRST},
    {"prefix", required_argument, NULL, OPT_PREFIX},
    {"same-id", no_argument, NULL, OPT_SAME_ID},
    {"method", required_argument, NULL, OPT_METHOD},
    {"sessions", required_argument, NULL, OPT_SESSIONS},
    {"tokens-fresh", no_argument, NULL, OPT_TOKENS_FRESH},
    {"connector", required_argument, NULL, OPT_CONNECTOR},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"pid", required_argument, NULL, OPT_PID},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static _Noreturn void refuse(const char *what, const char *value)
{
    fprintf(stderr, "sessiond-load: %s: %s\n", what, value);
    exit(2);
}

static uint64_t number(const char *name, const char *text, uint64_t max)
{
    uint64_t value;

    if (ses_parse_u64(ses_slice_str(text), max, &value) != SES_OK)
        refuse(name, text);
    return value;
}

static double real(const char *name, const char *text)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || value < 0)
        refuse(name, text);
    return value;
}

static void set_address(struct load_plan *plan, const char *text)
{
    char host[64];
    const char *colon = strrchr(text, ':');

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        refuse("--address is HOST:PORT", text);
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    plan->address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)number("--address port", colon + 1, 65535))};
    if (inet_pton(AF_INET, host, &plan->address.sin_addr) != 1)
        refuse("--address wants an IPv4 address", text);
    (void)snprintf(plan->authority, sizeof(plan->authority), "%s", text);
}

static void set_option(struct load_plan *plan, int option, const char *value)
{
    switch (option) {
    case OPT_ADDRESS:
        set_address(plan, value);
        break;
    case OPT_CONNECTIONS:
        plan->connections = (unsigned)number("--connections", value, CONNECTIONS_MAX);
        break;
    case OPT_STREAMS:
        plan->streams = (unsigned)number("--streams", value, STREAMS_MAX);
        break;
    case OPT_CALLS:
        plan->calls = number("--calls", value, UINT64_MAX / 2);
        break;
    case OPT_SECONDS:
        plan->seconds = real("--seconds", value);
        break;
    case OPT_WARMUP:
        plan->warmup_seconds = real("--warmup", value);
        break;
    case OPT_RATE:
        plan->rate = real("--rate", value);
        break;
    case OPT_POISSON:
        plan->poisson = true;
        break;
    case OPT_FIRST:
        plan->first_id = number("--first", value, UINT64_MAX / 2);
        break;
    case OPT_PREFIX:
        (void)snprintf(plan->id_prefix, sizeof(plan->id_prefix), "%s", value);
        break;
    case OPT_SAME_ID:
        plan->same_id = true;
        break;
    case OPT_METHOD:
        if (strcmp(value, "create") != 0 && strcmp(value, "get") != 0)
            refuse("--method is create or get", value);
        plan->method = strcmp(value, "get") == 0 ? LOAD_GET : LOAD_CREATE;
        break;
    case OPT_SESSIONS:
        plan->sessions = number("--sessions", value, LOAD_TOKENS_MAX);
        break;
    case OPT_TOKENS_FRESH:
        plan->tokens_fresh = true;
        break;
    case OPT_CONNECTOR:
        plan->connector = value;
        break;
    case OPT_CONFIG:
        plan->config = value;
        break;
    case OPT_PID:
        if (plan->pids_count == LOAD_PIDS_MAX)
            refuse("too many --pid", value);
        plan->pids[plan->pids_count++] = (int)number("--pid", value, INT32_MAX);
        break;
    case OPT_JSON:
        plan->json = true;
        break;
    case OPT_QUIET:
        plan->quiet = true;
        break;
    case OPT_HELP:
        (void)fputs(usage, stdout);
        exit(0);
    default:
        (void)fputs(usage, stderr);
        exit(2);
    }
}

/* An uncounted run of a variant of the plan: a closed loop, so many calls. */
static int prepare(const struct load_plan *plan, enum load_method method, uint64_t calls)
{
    static struct load_run run;
    struct load_plan part = *plan;
    int status;

    part.method = method;
    part.calls = calls;
    part.rate = 0;
    part.warmup_seconds = 0;
    part.pids_count = 0;
    part.quiet = true;
    status = load_run(&part, &run);
    if (status != 0)
        fprintf(stderr, "sessiond-load: preparation: %s\n", run.totals.first_error);
    return status;
}

/* Sessions for GetSession calls. The run goes on to send a few calls more than it counts (those in flight
 * when it stops), so there are a few sessions more than asked for. */
static int prepare_get(struct load_plan *plan)
{
    uint64_t in_flight = (uint64_t)plan->connections * plan->streams;
    uint64_t count = plan->tokens_fresh ? plan->calls + in_flight : plan->sessions;

    if (plan->tokens_fresh && plan->calls == 0)
        refuse("--tokens-fresh", "needs --calls");
    if (count == 0 || count > LOAD_TOKENS_MAX)
        refuse("--sessions", "out of range");
    plan->tokens = load_tokens_new((size_t)count);
    if (prepare(plan, LOAD_CREATE, count) != 0)
        return 1;
    return plan->tokens_fresh ? 0 : prepare(plan, LOAD_GET, 2 * count);
}

int main(int argc, char **argv)
{
    static struct load_run run; /* holds histograms */
    struct load_plan plan = {.sessions = 1000,
                             .connections = 4,
                             .streams = 64,
                             .seconds = 10,
                             .connector = "adyen",
                             .config =
                                 "{\"config\":{\"Adyen\":{\"api_key\":\"k\",\"merchant_account\":\"m\"}}}"};
    int option, status;

    set_address(&plan, "127.0.0.1:8080");
    (void)snprintf(plan.id_prefix, sizeof(plan.id_prefix), "load-%x", (unsigned)getpid());
    for (char *c = plan.id_prefix + 5; *c != '\0'; c++)
        *c = (char)(*c <= '9' ? *c - '0' + 'g' : *c); /* letters only, as in load_message_encode */
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        set_option(&plan, option, optarg);
    if (optind < argc)
        refuse("unexpected argument", argv[optind]);
    if (plan.connections == 0 || plan.streams == 0)
        refuse("--connections and --streams", "must be at least 1");
    (void)signal(SIGPIPE, SIG_IGN);
    status = plan.method == LOAD_GET ? prepare_get(&plan) : 0;
    if (status == 0) {
        status = load_run(&plan, &run);
        load_report(&run);
    }
    load_tokens_free(plan.tokens);
    return status;
}
