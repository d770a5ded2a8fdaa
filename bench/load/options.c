#include "options.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CONNECTIONS_MAX 50000u
#define STREAMS_MAX     4096u
#define PREFIX_MAX      20u
#define RETURN_URL_MAX  200u
#define RATE_MAX        10e6
#define SECONDS_MAX     (7 * 86400.0)

static const char usage[] =
    "usage: sessiond-load [options]\n"
    "  --address HOST:PORT   IPv4 address of the server (127.0.0.1:8080)\n"
    "  --connections N       HTTP/2 connections (4)\n"
    "  --streams N           concurrent calls a connection (64)\n"
    "what is called\n"
    "  --method create|get|change|authorize|access_token\n"
    "                        CreateSessionToken (default); GetSession; AdvanceSession, one PROCESSING_STARTED "
    "each;\n"
    "                        Authorize through the gateway, one each; CreateServerAuthenticationToken. The\n"
    "                        sessions of get, change and authorize are created first and not counted\n"
    "  --sessions N          with get: how many sessions (1000); each token is presented once before "
    "counting\n"
    "  --tokens-fresh        with get: as many sessions as calls, each token presented once, counted; change "
    "and\n"
    "                        authorize do so\n"
    "  --tokens-out FILE     with create and --calls: the tokens are kept there, a line each, for a later run "
    "with the\n"
    "                        same --prefix and --first:\n"
    "  --tokens-in FILE      with get, change, authorize: no session is created first\n"
    "  --mix NAME=WEIGHT,..  whole payments: create, read, redirect, three_ds, three_ds_grpc, webhook "
    "(bench/README.md)\n"
    "  --think-ms T          of a payment: between an answer and its next call (0)\n"
    "  --return-url URL      where the browser is sent back to (https://merchant.example/back); the server "
    "must\n"
    "                        allow it\n"
    "  --first N             number of the first merchant_session_id (0)\n"
    "  --prefix TEXT         prefix of the ids (a new one each run)\n"
    "  --same-id             the same merchant_session_id always: the replay path\n"
    "  --any-token           any token is right, not only sessiond's: to measure another server of the "
    "protocol\n"
    "  --connector NAME      x-connector (adyen), with\n"
    "  --config JSON         its x-connector-config\n"
    "  --merchant NAME       x-merchant-id (none)\n"
    "how much\n"
    "  --calls N             how many calls; or\n"
    "  --journeys N          with --mix: how many payments, each to its end; or\n"
    "  --seconds S           how long (10)\n"
    "  --warmup S            before counting starts (0)\n"
    "  --rate R              open loop: calls a second, or payments begun; without it a closed loop\n"
    "  --poisson             open loop with Poisson arrivals instead of constant spacing\n"
    "  --give-up-ms T        open loop: a call that found no free stream for so long is not made (it waits)\n"
    "TLS\n"
    "  --tls                 HTTP/2 over TLS, chain and address of the server's certificate verified\n"
    "  --ca FILE             certificates that are trusted (the system's)\n"
    "  --tls-name NAME       the server's name instead of its address, in SNI and verification\n"
    "  --insecure            verify nothing\n"
    "results\n"
    "  --pid PID             a server process whose CPU time is measured; may be repeated\n"
    "  --json                result as one JSON object\n"
    "  --quiet               no progress bar (there is none where standard error is no terminal)\n";

enum {
    OPT_ADDRESS = 256,
    OPT_CONNECTIONS,
    OPT_STREAMS,
    OPT_METHOD,
    OPT_SESSIONS,
    OPT_TOKENS_FRESH,
    OPT_TOKENS_OUT,
    OPT_TOKENS_IN,
    OPT_MIX,
    OPT_THINK_MS,
    OPT_RETURN_URL,
    OPT_FIRST,
    OPT_PREFIX,
    OPT_SAME_ID,
    OPT_ANY_TOKEN,
    OPT_CONNECTOR,
    OPT_CONFIG,
    OPT_MERCHANT,
    OPT_CALLS,
    OPT_JOURNEYS,
    OPT_SECONDS,
    OPT_WARMUP,
    OPT_RATE,
    OPT_POISSON,
    OPT_GIVE_UP_MS,
    OPT_TLS,
    OPT_CA,
    OPT_TLS_NAME,
    OPT_INSECURE,
    OPT_PID,
    OPT_JSON,
    OPT_QUIET,
};

static const struct option options[] = {
    {"address", required_argument, NULL, OPT_ADDRESS},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"streams", required_argument, NULL, OPT_STREAMS},
    {"method", required_argument, NULL, OPT_METHOD},
    {"sessions", required_argument, NULL, OPT_SESSIONS},
    {"tokens-fresh", no_argument, NULL, OPT_TOKENS_FRESH},
    {"tokens-out", required_argument, NULL, OPT_TOKENS_OUT},
    {"tokens-in", required_argument, NULL, OPT_TOKENS_IN},
    {"mix", required_argument, NULL, OPT_MIX},
    {"think-ms", required_argument, NULL, OPT_THINK_MS},
    {"return-url", required_argument, NULL, OPT_RETURN_URL},
    {"first", required_argument, NULL, OPT_FIRST},
    {"prefix", required_argument, NULL, OPT_PREFIX},
    {"same-id", no_argument, NULL, OPT_SAME_ID},
    {"any-token", no_argument, NULL, OPT_ANY_TOKEN},
    {"connector", required_argument, NULL, OPT_CONNECTOR},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"merchant", required_argument, NULL, OPT_MERCHANT},
    {"calls", required_argument, NULL, OPT_CALLS},
    {"journeys", required_argument, NULL, OPT_JOURNEYS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"warmup", required_argument, NULL, OPT_WARMUP},
    {"rate", required_argument, NULL, OPT_RATE},
    {"poisson", no_argument, NULL, OPT_POISSON},
    {"give-up-ms", required_argument, NULL, OPT_GIVE_UP_MS},
    {"tls", no_argument, NULL, OPT_TLS},
    {"ca", required_argument, NULL, OPT_CA},
    {"tls-name", required_argument, NULL, OPT_TLS_NAME},
    {"insecure", no_argument, NULL, OPT_INSECURE},
    {"pid", required_argument, NULL, OPT_PID},
    {"json", no_argument, NULL, OPT_JSON},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {"help", no_argument, NULL, 'h'},
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

static double real(const char *name, const char *text, double max)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= 0 && value <= max)) /* no NaN either */
        refuse(name, text);
    return value;
}

static const char *short_text(const char *name, const char *text, size_t len_max)
{
    if (*text == '\0' || strlen(text) > len_max)
        refuse(name, *text == '\0' ? "(empty)" : text);
    return text;
}

static void set_mix(struct load_plan *plan, const char *text)
{
    char error[LOAD_MIX_ERROR_MAX];

    if (!load_mix_parse(text, &plan->mix, error))
        refuse("--mix", error);
    plan->by_mix = true;
}

static void set_method(struct load_plan *plan, const char *text)
{
    static const struct {
        const char *name, *script;
        bool stored, once; /* the sessions are created first; each is called once */
    } methods[] = {
        {"create", "create", false, false},
        {"get", "get_stored", true, false},
        {"change", "change_stored", true, true},
        {"authorize", "authorize_stored", true, true},
        {"access_token", "access_token", false, false},
    };
    size_t i = 0;

    while (i < sizeof(methods) / sizeof(methods[0]) && strcmp(text, methods[i].name) != 0)
        i++;
    if (i == sizeof(methods) / sizeof(methods[0]))
        refuse("--method is create, get, change, authorize or access_token", text);
    plan->uses_stored = methods[i].stored;
    plan->tokens_fresh = plan->tokens_fresh || methods[i].once;
    plan->mix = load_mix_of(methods[i].script);
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

/* What is called. False: not one of these options. */
static bool set_calls(struct load_plan *plan, int option, const char *value)
{
    switch (option) {
    case OPT_METHOD:
        set_method(plan, value);
        return true;
    case OPT_SESSIONS:
        plan->sessions = number("--sessions", value, LOAD_TOKENS_MAX);
        return true;
    case OPT_TOKENS_FRESH:
        plan->tokens_fresh = true;
        return true;
    case OPT_TOKENS_OUT:
        plan->tokens_out = value;
        return true;
    case OPT_TOKENS_IN:
        plan->tokens_in = value;
        return true;
    case OPT_MIX:
        set_mix(plan, value);
        return true;
    case OPT_THINK_MS:
        plan->think_ns = (uint64_t)(real("--think-ms", value, SECONDS_MAX * 1e3) * 1e6);
        return true;
    case OPT_RETURN_URL:
        plan->return_url = short_text("--return-url", value, RETURN_URL_MAX);
        return true;
    case OPT_FIRST:
        plan->first_id = number("--first", value, UINT64_MAX / 2);
        return true;
    case OPT_PREFIX:
        (void)snprintf(plan->id_prefix, sizeof(plan->id_prefix), "%s",
                       short_text("--prefix", value, PREFIX_MAX));
        return true;
    case OPT_SAME_ID:
        plan->same_id = true;
        return true;
    case OPT_ANY_TOKEN:
        plan->any_token = true;
        return true;
    case OPT_CONNECTOR:
        plan->connector = value;
        return true;
    case OPT_CONFIG:
        plan->config = value;
        return true;
    case OPT_MERCHANT:
        plan->merchant = value;
        return true;
    default:
        return false;
    }
}

/* How much of it, over how many connections. */
static bool set_amount(struct load_plan *plan, int option, const char *value)
{
    switch (option) {
    case OPT_ADDRESS:
        set_address(plan, value);
        return true;
    case OPT_CONNECTIONS:
        plan->connections = (unsigned)number("--connections", value, CONNECTIONS_MAX);
        return true;
    case OPT_STREAMS:
        plan->streams = (unsigned)number("--streams", value, STREAMS_MAX);
        return true;
    case OPT_CALLS:
        plan->calls = number("--calls", value, UINT64_MAX / 2);
        return true;
    case OPT_JOURNEYS:
        plan->journeys = number("--journeys", value, UINT64_MAX / 2);
        return true;
    case OPT_SECONDS:
        plan->seconds = real("--seconds", value, SECONDS_MAX);
        return true;
    case OPT_WARMUP:
        plan->warmup_seconds = real("--warmup", value, SECONDS_MAX);
        return true;
    case OPT_RATE:
        plan->rate = real("--rate", value, RATE_MAX);
        return true;
    case OPT_POISSON:
        plan->poisson = true;
        return true;
    case OPT_GIVE_UP_MS:
        plan->give_up_ns = (uint64_t)(real("--give-up-ms", value, SECONDS_MAX * 1e3) * 1e6);
        return true;
    default:
        return false;
    }
}

static bool set_tls(struct load_plan *plan, int option, const char *value)
{
    switch (option) {
    case OPT_TLS:
        plan->tls = true;
        return true;
    case OPT_CA:
        plan->tls_ca = value;
        return true;
    case OPT_TLS_NAME:
        plan->tls_name = short_text("--tls-name", value, 253); /* RFC 1035 */
        return true;
    case OPT_INSECURE:
        plan->tls_insecure = true;
        return true;
    default:
        return false;
    }
}

static void set_result(struct load_plan *plan, int option, const char *value)
{
    switch (option) {
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
    case 'h':
        (void)fputs(usage, stdout);
        exit(0);
    default:
        (void)fputs(usage, stderr);
        exit(2);
    }
}

/* Options that contradict each other. */
static void check_whole(const struct load_plan *plan)
{
    if (plan->connections == 0 || plan->streams == 0)
        refuse("--connections and --streams", "must be at least 1");
    if ((uint64_t)plan->connections * plan->streams > LOAD_JOURNEYS_MAX && plan->rate <= 0)
        refuse("--connections times --streams", "more than 65536 calls at a time");
    if (plan->by_mix && plan->uses_stored)
        refuse("--mix and --method get, change, authorize", "exclude each other");
    if (plan->tokens_in != NULL && !plan->uses_stored)
        refuse("--tokens-in", "needs --method get, change or authorize");
    if (plan->tokens_out != NULL && (plan->uses_stored || plan->by_mix || plan->calls == 0))
        refuse("--tokens-out", "needs --method create and --calls");
    if (plan->by_mix && plan->same_id)
        refuse("--mix and --same-id", "exclude each other");
    if (plan->by_mix && plan->calls != 0)
        refuse("--calls", "a mix is counted in --journeys or --seconds");
    if (plan->journeys != 0 && (!plan->by_mix || plan->warmup_seconds > 0))
        refuse("--journeys", plan->by_mix ? "has no warm-up" : "needs --mix");
    if (plan->think_ns != 0 && !plan->by_mix)
        refuse("--think-ms", "needs --mix");
    if (!plan->tls && (plan->tls_ca != NULL || plan->tls_name != NULL || plan->tls_insecure))
        refuse("--ca, --tls-name, --insecure", "need --tls");
    if (plan->tokens_fresh && plan->calls == 0 && plan->tokens_in == NULL)
        refuse("--tokens-fresh, --method change, authorize", "need --calls or --tokens-in");
    if ((plan->poisson || plan->give_up_ns != 0) && plan->rate <= 0)
        refuse(plan->poisson ? "--poisson" : "--give-up-ms", "needs --rate");
}

/* Letters and '-' only, as in load_spell_id. */
static void new_prefix(struct load_plan *plan)
{
    (void)snprintf(plan->id_prefix, sizeof(plan->id_prefix), "load-%x", (unsigned)getpid());
    for (char *c = plan->id_prefix + 5; *c != '\0'; c++)
        *c = (char)(*c <= '9' ? *c - '0' + 'g' : *c);
}

void load_options_parse(int argc, char **argv, struct load_plan *ret_plan)
{
    struct load_plan *plan = ret_plan;
    int option;

    *plan = (struct load_plan){.mix = load_mix_of("create"),
                               .sessions = 1000,
                               .connections = 4,
                               .streams = 64,
                               .seconds = 10,
                               .return_url = "https://merchant.example/back",
                               .connector = "adyen",
                               .config =
                                   "{\"config\":{\"Adyen\":{\"api_key\":\"k\",\"merchant_account\":\"m\"}}}"};
    set_address(plan, "127.0.0.1:8080");
    new_prefix(plan);
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (!set_calls(plan, option, optarg) && !set_amount(plan, option, optarg) &&
            !set_tls(plan, option, optarg))
            set_result(plan, option, optarg);
    if (optind < argc)
        refuse("unexpected argument", argv[optind]);
    plan->quiet = plan->quiet || isatty(STDERR_FILENO) == 0; /* a bar is for eyes, not for files */
    check_whole(plan);
}
