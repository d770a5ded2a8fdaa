/* test_sim.c - build, driver, parse and the simulator's own program together: each side was written without
 * looking at the other. */
#include "driver_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sessiond/base/encode.h>

struct sim_process {
    pid_t pid;
    int port;
};

/* All programs of a build lie in one directory. */
static void sim_path(char *ret_path, size_t room)
{
    ssize_t len = readlink("/proc/self/exe", ret_path, room - 1);
    char *slash;

    assert_true(len > 0);
    ret_path[len] = '\0';
    slash = strrchr(ret_path, '/');
    (void)snprintf(slash + 1, room - (size_t)(slash + 1 - ret_path), "sessiond-sim");
}

static int read_port(int fd)
{
    static const char before[] = "sessiond-sim: listening on 127.0.0.1:";
    char line[128] = "";
    size_t len = 0;

    while (len < sizeof(line) - 1 && strchr(line, '\n') == NULL) {
        ssize_t got = read(fd, line + len, sizeof(line) - 1 - len);

        if (got <= 0)
            fail_msg("sessiond-sim did not start: is it built?");
        len += (size_t)got;
        line[len] = '\0';
    }
    assert_memory_equal(line, before, sizeof(before) - 1);
    return (int)strtol(line + sizeof(before) - 1, NULL, 10);
}

static struct sim_process sim_start(void)
{
    struct sim_process sim;
    char path[4096];
    int ends[2];

    sim_path(path, sizeof(path));
    assert_int_equal(pipe(ends), 0);
    sim.pid = unit_fork();
    if (sim.pid == 0) {
        (void)dup2(ends[1], 1);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl(path, path, "--listen", "127.0.0.1:0", "--seed", "7", (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    sim.port = read_port(ends[0]);
    (void)close(ends[0]);
    return sim;
}

/* It ends cleanly, leaks included when it is built with the sanitizer. */
static void sim_stop(const struct sim_process *sim)
{
    int status = -1;

    assert_int_equal(kill(sim->pid, SIGTERM), 0);
    assert_int_equal(waitpid(sim->pid, &status, 0), sim->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

struct bench {
    struct sim_process sim;
    struct rig rig;
    struct fixture f;
};

static void bench_start(struct bench *b)
{
    b->sim = sim_start();
    struct ses_driver_options options = usual_driver();

    options.host_calls_max = 1000;
    options.breaker_failures = 1000;
    rig_start(&b->rig, options);
}

static void bench_stop(struct bench *b)
{
    rig_stop(&b->rig);
    sim_stop(&b->sim);
}

static void choose(struct bench *b, const char *connector, const char *session_id)
{
    static char url[64];
    static char key[SES_HEX_SIZE(256)];

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", b->sim.port, connector);
    fixture_init(&b->f, connector, url);
    b->f.call.merchant_session_id = text(session_id);
    ses_hex_encode(text(session_id), key);
    b->f.call.idempotency_key = text(key);
    if (strcmp(connector, "stripe") == 0) {
        fixture_key(&b->f, "api_key", "sk_test_x");
        return;
    }
    fixture_key(&b->f, "merchant_id", "mid");
    if (strcmp(connector, "nuvei") == 0) {
        fixture_key(&b->f, "merchant_site_id", "site");
        fixture_key(&b->f, "merchant_secret", "nuvei_secret");
        return;
    }
    fixture_key(&b->f, "merchant_key", "0123456789abcdef");
    fixture_key(&b->f, "website", "WEBSTAGING");
}

/* The whole session call as rank method makes it; f.result has what came of it. */
static void run(struct bench *b, uint64_t deadline_ms)
{
    struct rig_call call;

    assert_int_equal(fixture_build(&b->f), SES_OK);
    assert_int_equal(rig_begin(&b->rig, &call, &b->f.request, ses_clock_mono_ns() + deadline_ms * MS),
                     SES_OK);
    rig_wait(&b->rig, &call);
    if (call.http_status == 0)
        ses_connector_result_transport(call.outcome, &b->f.result);
    else
        fixture_parse(&b->f, call.http_status, call.body);
}

static void expect(struct bench *b, const char *connector, const char *session_id,
                   enum ses_connector_outcome outcome, uint32_t status_code)
{
    choose(b, connector, session_id);
    run(b, 400);
    assert_int_equal(b->f.result.outcome, outcome);
    assert_int_equal(b->f.result.status_code, status_code);
    assert_true((b->f.result.session_token.len > 0) ==
                (outcome == SES_OUTCOME_SUCCESS || b->f.result.repeated));
    fixture_done(&b->f);
}

static void ask(struct bench *b, const char *path, const char *body, char *ret_body, size_t room)
{
    char url[128];
    struct ses_outbound_request request = {.body = text(body)};
    struct rig_call call;

    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", b->sim.port, path);
    request.url = text(url);
    assert_int_equal(rig_begin(&b->rig, &call, &request, FAR_AWAY), SES_OK);
    rig_wait(&b->rig, &call);
    assert_int_equal(call.http_status, 200);
    (void)snprintf(ret_body, room, "%s", call.body);
}

static void every_connector_gives_a_token(void **state)
{
    static const char *const ids[] = {"session_001", "h\xc3\xb6stile \"&=?#%\\\n\x01 id", "~", "a+b c%20"};
    struct bench b;

    (void)state;
    bench_start(&b);
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        expect(&b, "nuvei", ids[i], SES_OUTCOME_SUCCESS, 200);
        expect(&b, "paytm", ids[i], SES_OUTCOME_SUCCESS, 200);
        expect(&b, "stripe", ids[i], SES_OUTCOME_SUCCESS, 200);
    }
    bench_stop(&b);
}

static void every_key_length_is_verified(void **state)
{
    static const char *const keys[] = {"0123456789abcdef", "0123456789abcdef01234567",
                                       "0123456789abcdef0123456789abcdef", "short"};
    struct bench b;

    (void)state;
    bench_start(&b);
    for (size_t i = 0; i < 4; i++) {
        choose(&b, "paytm", keys[i]);
        b.f.credentials.fields[1].value = text(keys[i]);
        b.f.call.salt[0] = (uint8_t)(i * 77);
        run(&b, 400);
        assert_int_equal(b.f.result.outcome, SES_OUTCOME_SUCCESS);
        fixture_done(&b.f);
    }
    bench_stop(&b);
}

static void wrong_credentials_are_told(void **state)
{
    struct bench b;

    (void)state;
    bench_start(&b);
    choose(&b, "nuvei", "s");
    b.f.credentials.fields[2].value = text("wrong");
    run(&b, 400);
    assert_error(&b.f.result, SES_OUTCOME_DECLINED, 200, "1001", "Invalid checksum", "Invalid checksum");
    fixture_done(&b.f);
    choose(&b, "paytm", "s");
    b.f.credentials.fields[1].value = text("wrong");
    run(&b, 400);
    assert_error(&b.f.result, SES_OUTCOME_DECLINED, 200, "2005", "Checksum provided is invalid",
                 "Checksum provided is invalid");
    fixture_done(&b.f);
    choose(&b, "stripe", "s");
    b.f.credentials.fields[0].value = text("sk_live_x");
    run(&b, 400);
    assert_int_equal(b.f.result.outcome, SES_OUTCOME_AUTH_FAILED);
    assert_int_equal(b.f.result.status_code, 401);
    fixture_done(&b.f);
    bench_stop(&b);
}

/* What a prefix of the session id makes of each connector. */
static const struct {
    const char *session_id;
    struct {
        enum ses_connector_outcome outcome;
        uint32_t status_code;
    } nuvei, paytm, stripe;
} behaviours[] = {
    {"sim-slow-50-x", {SES_OUTCOME_SUCCESS, 200}, {SES_OUTCOME_SUCCESS, 200}, {SES_OUTCOME_SUCCESS, 200}},
    {"sim-slow-2000-x", {SES_OUTCOME_TIMEOUT, 504}, {SES_OUTCOME_TIMEOUT, 504}, {SES_OUTCOME_TIMEOUT, 504}},
    {"sim-hang-x", {SES_OUTCOME_TIMEOUT, 504}, {SES_OUTCOME_TIMEOUT, 504}, {SES_OUTCOME_TIMEOUT, 504}},
    {"sim-close-half-x",
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502}},
    {"sim-reset-x",
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502}},
    {"sim-rubbish-x",
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502}},
    {"sim-big-x",
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_BAD_RESPONSE, 502}},
    {"sim-no-token-x",
     {SES_OUTCOME_BAD_RESPONSE, 502},
     {SES_OUTCOME_DECLINED, 200},
     {SES_OUTCOME_BAD_RESPONSE, 502}},
    {"sim-declined-x", {SES_OUTCOME_DECLINED, 200}, {SES_OUTCOME_DECLINED, 200}, {SES_OUTCOME_DECLINED, 402}},
    {"sim-http-400-x", {SES_OUTCOME_DECLINED, 400}, {SES_OUTCOME_DECLINED, 400}, {SES_OUTCOME_DECLINED, 400}},
    {"sim-http-401-x",
     {SES_OUTCOME_AUTH_FAILED, 401},
     {SES_OUTCOME_AUTH_FAILED, 401},
     {SES_OUTCOME_AUTH_FAILED, 401}},
    {"sim-http-429-x",
     {SES_OUTCOME_RATE_LIMITED, 429},
     {SES_OUTCOME_RATE_LIMITED, 429},
     {SES_OUTCOME_RATE_LIMITED, 429}},
    {"sim-http-500-x",
     {SES_OUTCOME_SERVER_ERROR, 500},
     {SES_OUTCOME_SERVER_ERROR, 500},
     {SES_OUTCOME_SERVER_ERROR, 500}},
    {"sim-http-503-x",
     {SES_OUTCOME_SERVER_ERROR, 503},
     {SES_OUTCOME_SERVER_ERROR, 503},
     {SES_OUTCOME_SERVER_ERROR, 503}},
};

static void every_behaviour_has_its_outcome(void **state)
{
    struct bench b;

    (void)state;
    bench_start(&b);
    for (size_t i = 0; i < sizeof(behaviours) / sizeof(behaviours[0]); i++) {
        expect(&b, "nuvei", behaviours[i].session_id, behaviours[i].nuvei.outcome,
               behaviours[i].nuvei.status_code);
        expect(&b, "paytm", behaviours[i].session_id, behaviours[i].paytm.outcome,
               behaviours[i].paytm.status_code);
        expect(&b, "stripe", behaviours[i].session_id, behaviours[i].stripe.outcome,
               behaviours[i].stripe.status_code);
    }
    bench_stop(&b);
}

static unsigned effects_of(struct bench *b, const char *order)
{
    char path[256];
    char body[4096];

    (void)snprintf(path, sizeof(path), "/effects?order=%s", order);
    ask(b, path, "", body, sizeof(body));
    return (unsigned)strtoul(strchr(body, ':') + 1, NULL, 10);
}

/* An order is an effect where the connector acted, whether its answer arrived or not. */
static void effects_are_counted(void **state)
{
    struct bench b;

    (void)state;
    bench_start(&b);
    expect(&b, "nuvei", "order-1", SES_OUTCOME_SUCCESS, 200);
    expect(&b, "nuvei", "order-1", SES_OUTCOME_SUCCESS, 200);
    assert_int_equal(effects_of(&b, "order-1"), 2);
    expect(&b, "paytm", "order-2", SES_OUTCOME_SUCCESS, 200);
    expect(&b, "paytm", "order-2", SES_OUTCOME_DECLINED, 200); /* 0002 */
    assert_int_equal(effects_of(&b, "order-2"), 1);
    expect(&b, "stripe", "order-3", SES_OUTCOME_SUCCESS, 200);
    expect(&b, "stripe", "order-3", SES_OUTCOME_SUCCESS, 200); /* same idempotency key */
    assert_int_equal(effects_of(&b, "order-3"), 1);
    expect(&b, "stripe", "sim-hang-4", SES_OUTCOME_TIMEOUT, 504);
    assert_int_equal(effects_of(&b, "sim-hang-4"), 1);
    expect(&b, "stripe", "sim-close-half-5", SES_OUTCOME_BAD_RESPONSE, 502); /* sent twice, with one key */
    assert_int_equal(effects_of(&b, "sim-close-half-5"), 1);
    expect(&b, "nuvei", "sim-reset-6", SES_OUTCOME_BAD_RESPONSE, 502);
    assert_int_equal(effects_of(&b, "sim-reset-6"), 1); /* never sent twice */
    expect(&b, "nuvei", "sim-http-500-7", SES_OUTCOME_SERVER_ERROR, 500);
    expect(&b, "nuvei", "sim-declined-8", SES_OUTCOME_DECLINED, 200);
    assert_int_equal(effects_of(&b, "sim-http-500-7"), 0);
    assert_int_equal(effects_of(&b, "sim-declined-8"), 0);
    bench_stop(&b);
}

/* The same key with other parameters. */
static void an_idempotency_key_belongs_to_one_request(void **state)
{
    struct bench b;
    char token[256];

    (void)state;
    bench_start(&b);
    choose(&b, "stripe", "order-1");
    run(&b, 400);
    (void)snprintf(token, sizeof(token), "%.*s", SES_FMT(b.f.result.session_token));
    fixture_done(&b.f);
    choose(&b, "stripe", "order-1");
    run(&b, 400);
    assert_slice(b.f.result.session_token, token);
    fixture_done(&b.f);
    choose(&b, "stripe", "order-1");
    b.f.call.minor_amount = 1;
    run(&b, 400);
    assert_int_equal(b.f.result.outcome, SES_OUTCOME_DECLINED);
    assert_int_equal(b.f.result.status_code, 400);
    fixture_done(&b.f);
    bench_stop(&b);
}

static void control_changes_everybody(void **state)
{
    struct bench b;
    char body[4096];
    uint64_t begin_ns;

    (void)state;
    bench_start(&b);
    ask(&b, "/control", "{\"mode\":\"http-503\"}", body, sizeof(body));
    expect(&b, "nuvei", "x", SES_OUTCOME_SERVER_ERROR, 503);
    expect(&b, "nuvei", "sim-normal-x", SES_OUTCOME_SUCCESS, 200);
    ask(&b, "/control", "{\"mode\":\"normal\",\"latency_ms\":60}", body, sizeof(body));
    begin_ns = ses_clock_mono_ns();
    expect(&b, "nuvei", "x", SES_OUTCOME_SUCCESS, 200);
    assert_true((ses_clock_mono_ns() - begin_ns) / MS >= 55);
    ask(&b, "/control", "{\"latency_ms\":0,\"clear\":true}", body, sizeof(body));
    assert_int_equal(effects_of(&b, "x"), 0);
    bench_stop(&b);
}

static void many_at_once(void **state)
{
    static struct rig_call calls[300];
    struct bench b;

    (void)state;
    bench_start(&b);
    for (size_t i = 0; i < 300; i++) {
        char id[32];

        (void)snprintf(id, sizeof(id), "%s%zu", i % 3 == 0 ? "sim-slow-20-" : "many-", i);
        choose(&b, i % 2 == 0 ? "nuvei" : "stripe", id);
        assert_int_equal(fixture_build(&b.f), SES_OK);
        assert_int_equal(rig_begin(&b.rig, &calls[i], &b.f.request, FAR_AWAY), SES_OK);
        fixture_done(&b.f); /* request bytes are copied */
    }
    for (size_t i = 0; i < 300; i++) {
        rig_wait(&b.rig, &calls[i]);
        assert_end(&calls[i], 200, SES_OUTCOME_SUCCESS);
    }
    bench_stop(&b);
}

/* Nobody reaps it here: it may stay as a zombie. */
static bool is_gone(pid_t pid)
{
    char path[64];
    char stat[256] = "";
    FILE *file;

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    file = fopen(path, "r");
    if (file == NULL)
        return true;
    (void)!fread(stat, 1, sizeof(stat) - 1, file);
    (void)fclose(file);
    return strstr(stat, ") Z ") != NULL;
}

/* A simulator left behind would answer for the next test. */
static void it_dies_with_its_parent(void **state)
{
    int ends[2];
    pid_t middle;
    pid_t sim = 0;

    (void)state;
    assert_int_equal(pipe(ends), 0);
    middle = unit_fork();
    if (middle == 0) {
        struct sim_process process = sim_start();

        _exit(write(ends[1], &process.pid, sizeof(process.pid)) == sizeof(process.pid) ? 0 : 1);
    }
    assert_int_equal(waitpid(middle, NULL, 0), middle);
    assert_int_equal(read(ends[0], &sim, sizeof(sim)), sizeof(sim));
    WAIT_UNTIL(is_gone(sim));
    (void)close(ends[0]);
    (void)close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_connector_gives_a_token),
        cmocka_unit_test(every_key_length_is_verified),
        cmocka_unit_test(wrong_credentials_are_told),
        cmocka_unit_test(every_behaviour_has_its_outcome),
        cmocka_unit_test(effects_are_counted),
        cmocka_unit_test(an_idempotency_key_belongs_to_one_request),
        cmocka_unit_test(control_changes_everybody),
        cmocka_unit_test(many_at_once),
        cmocka_unit_test(it_dies_with_its_parent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
