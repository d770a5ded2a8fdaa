/* main.c - sessiond-sim's command line. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <sessiond/base/log.h>
#include <sessiond/base/random.h>

#include "sim.h"

#define LEAVE_LOOK_MS 50
#define IDLE_MS       1000

struct options {
    struct sockaddr_in address;
    int fd; /* -1: listen ourselves */
    uint64_t seed;
    pid_t parent; /* 0: whoever it is now */
    bool detached;
};

static const char usage[] =
    "usage: sessiond-sim [--listen 127.0.0.1:PORT | --fd N] [--seed N] [--parent PID | --detached]\n"
    "  --listen ADDRESS:PORT  default 127.0.0.1:8090; port 0 takes a free one. "
    "The address in use is printed.\n"
    "  --fd N                 serve a socket that is bound (or listening) already\n"
    "  --seed N               makes the tokens repeatable\n"
    "  --parent PID           do not start unless that is the parent; ends with it in any case\n"
    "  --detached             outlive the parent process\n"
    "signals: TERM and INT end it, USR2 lets it answer what is asked first\n";

/* Whoever asks wants to know what can be tried, who mistyped does not. */
static void print_help(void)
{
    (void)printf(
        "%sa merchant_session_id (payu: api_secret, authorizedotnet: name) that begins with one of these says what the connector does:\n",
        usage);
    sim_prefixes_print(stdout);
}

static int usage_error(const char *what)
{
    (void)fprintf(stderr, "sessiond-sim: %s\n%s", what, usage);
    return 2;
}

/* IPv4 alone: the simulator is for this machine. */
static bool parse_address(const char *text, struct sockaddr_in *ret_address)
{
    struct ses_slice all = ses_slice_str(text);
    size_t colon = ses_slice_find(all, ':');
    char host[64];
    uint64_t port;

    if (colon == all.len || colon >= sizeof(host) ||
        ses_parse_u64(ses_slice_cut(all, colon + 1, all.len), UINT16_MAX, &port) != SES_OK)
        return false;
    memcpy(host, text, colon);
    host[colon] = '\0';
    return uv_ip4_addr(host, (int)port, ret_address) == 0;
}

static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {{"listen", required_argument, NULL, 'l'},
                                          {"fd", required_argument, NULL, 'f'},
                                          {"seed", required_argument, NULL, 's'},
                                          {"detached", no_argument, NULL, 'd'},
                                          {"parent", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    uint64_t number;
    int option;

    while ((option = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        switch (option) {
        case 'l':
            if (!parse_address(optarg, &options->address))
                return usage_error("--listen wants an IPv4 address and a port, e.g. 127.0.0.1:8090");
            break;
        case 'f':
            if (ses_parse_u64(ses_slice_str(optarg), 65535, &number) != SES_OK)
                return usage_error("--fd wants a descriptor");
            options->fd = (int)number;
            break;
        case 's':
            if (ses_parse_u64(ses_slice_str(optarg), UINT64_MAX, &options->seed) != SES_OK)
                return usage_error("--seed wants a number");
            break;
        case 'p':
            if (ses_parse_u64(ses_slice_str(optarg), INT32_MAX, &number) != SES_OK)
                return usage_error("--parent wants a process id");
            options->parent = (pid_t)number;
            break;
        case 'd':
            options->detached = true;
            break;
        case 'h':
            print_help();
            exit(0);
        default:
            return usage_error("unknown option");
        }
    }
    return optind == argc ? 0 : usage_error("unexpected argument");
}

/* A simulator that outlives its supervisor would answer for the next one's tests. The parent may have died
 * before prctl took effect, hence the look afterwards; only --parent makes that watertight. */
static bool follow_parent(const struct options *options)
{
    pid_t parent = options->parent > 0 ? options->parent : getppid();

    return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent;
}

/* A descriptor of the supervisor's is bound and may listen already; listening again is harmless. */
static int listen_on(struct sim *sim, const struct options *options)
{
    int error = uv_tcp_init(sim->loop, &sim->listener);

    SES_REQUIRE(error == 0);
    sim->listener.data = sim;
    if (options->fd >= 0)
        error = uv_tcp_open(&sim->listener, options->fd);
    else
        error = uv_tcp_bind(&sim->listener, (const struct sockaddr *)&options->address, 0);
    if (error == 0)
        error = uv_listen((uv_stream_t *)&sim->listener, 1024, sim_on_connection);
    return error;
}

/* Tests that ask for port 0 read the port from this line. */
static void announce(const struct sim *sim)
{
    struct sockaddr_in address = {0};
    int len = sizeof(address);
    char host[64] = "";

    if (uv_tcp_getsockname(&sim->listener, (struct sockaddr *)&address, &len) != 0 ||
        uv_ip4_name(&address, host, sizeof(host)) != 0)
        return;
    (void)printf("sessiond-sim: listening on %s:%u\n", host, ntohs(address.sin_port));
    (void)fflush(stdout);
}

static void stop(struct sim *sim)
{
    sim_close_all(sim);
    uv_stop(sim->loop);
}

/* Each answer is its connection's last; connections that are kept and not used are closed after a while, so that
 * a request that is on its way is still read. What hangs on purpose is not waited for for ever. */
static void on_leave(uv_timer_t *handle)
{
    struct sim *sim = handle->data;
    uint64_t since_ms = uv_now(sim->loop) - sim->leave_since_ms;

    if (since_ms >= IDLE_MS)
        sim_close_idle(sim);
    if (sim->connections == 0 || since_ms >= SIM_LATENCY_MS_MAX + IDLE_MS)
        stop(sim);
}

/* Whoever has our socket takes what comes from now on: an upgrade of the server starts a successor at it. */
static void leave(struct sim *sim)
{
    if (sim->leaving)
        return;
    sim->leaving = true;
    sim->leave_since_ms = uv_now(sim->loop);
    uv_close((uv_handle_t *)&sim->listener, NULL);
    (void)uv_timer_start(&sim->leave, on_leave, LEAVE_LOOK_MS, LEAVE_LOOK_MS);
}

/* USR2: what is asked is answered first. Not QUIT, which a terminal sends to us as to the supervisor. */
static void on_signal(uv_signal_t *handle, int number)
{
    struct sim *sim = handle->data;

    if (number == SIGUSR2)
        leave(sim);
    else
        stop(sim);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

/* Signals through the loop: handles must be closed by it, not by a handler. */
static void run(struct sim *sim)
{
    uv_signal_t signals[3];
    const int numbers[3] = {SIGTERM, SIGINT, SIGUSR2};

    SES_REQUIRE(uv_timer_init(sim->loop, &sim->leave) == 0);
    sim->leave.data = sim;
    for (size_t i = 0; i < 3; i++) {
        SES_REQUIRE(uv_signal_init(sim->loop, &signals[i]) == 0);
        signals[i].data = sim;
        SES_REQUIRE(uv_signal_start(&signals[i], on_signal, numbers[i]) == 0);
    }
    (void)uv_run(sim->loop, UV_RUN_DEFAULT);
    uv_walk(sim->loop, close_handle, NULL);
    (void)uv_run(sim->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv)
{
    struct options options = {.fd = -1};
    struct sim sim = {0};
    int error;

    ses_log_fill_standard();
    SES_REQUIRE(uv_ip4_addr("127.0.0.1", 8090, &options.address) == 0);
    ses_random_init();
    /* A random seed unless one is given: tokens of two runs differ, as a real connector's would. */
    ses_random_bytes(&options.seed, sizeof(options.seed));
    error = parse_options(argc, argv, &options);
    if (error != 0)
        return error;
    if (!options.detached && !follow_parent(&options)) {
        (void)fputs("sessiond-sim: the parent process is gone (use --detached to run without one)\n", stderr);
        return 1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    sim.loop = uv_default_loop();
    sim.seed = options.seed;
    if (sim.loop == NULL || sim_table_init(&sim.table) != SES_OK) {
        (void)fputs("sessiond-sim: out of memory\n", stderr);
        return 1;
    }
    error = listen_on(&sim, &options);
    if (error != 0) {
        (void)fprintf(stderr, "sessiond-sim: cannot listen: %s\n", uv_strerror(error));
        return 1;
    }
    announce(&sim);
    run(&sim);
    sim_table_done(&sim.table);
    return uv_loop_close(sim.loop) == 0 ? 0 : 1;
}
