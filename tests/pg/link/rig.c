#include "rig.h"

#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <sessiond/base/random.h>

/* ---- orders ---- */

static FILE *control(void)
{
    static FILE *lines;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (lines != NULL)
        return lines;
    assert_non_null(getenv("SES_PG_CONTROL"));
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", getenv("SES_PG_CONTROL"));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    lines = fdopen(fd, "r+");
    assert_non_null(lines);
    return lines;
}

const char *order(const char *format, ...)
{
    static char answer[4096];
    char text[1024];
    FILE *lines = control();
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    assert_true(fprintf(lines, "%s\n", text) > 0);
    assert_int_equal(fflush(lines), 0);
    assert_non_null(fgets(answer, sizeof(answer), lines));
    answer[strcspn(answer, "\n")] = '\0';
    if (strncmp(answer, "ok", 2) != 0)
        fail_msg("%s: %s", text, answer);
    return answer[2] == ' ' ? answer + 3 : "";
}

static int number_of(const char *sql)
{
    return (int)strtol(order("sql primary %s", sql), NULL, 10);
}

int order_connections(void)
{
    return number_of("SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond'");
}

int order_waiting(void)
{
    return number_of(
        "SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond' AND wait_event = 'SyncRep'");
}

bool order_nobody_is_connected(void)
{
    return order_connections() == 0 &&
           strcmp(order("sql standby SELECT count(*) FROM pg_stat_activity WHERE usename = 'sessiond'"),
                  "0") == 0;
}

/* ---- the link ---- */

static void on_ready(void *arg, enum pg_use use)
{
    struct rig *rig = arg;

    rig->ready[use]++;
}

static void on_state(void *arg, enum pg_state state)
{
    struct rig *rig = arg;

    (void)state;
    rig->states++;
}

static void on_told(void *arg, const char *payload)
{
    struct rig *rig = arg;

    rig->told++;
    (void)snprintf(rig->payload, sizeof(rig->payload), "%s", payload);
}

static void on_closed(void *arg)
{
    struct rig *rig = arg;

    rig->closed = true;
}

/* The password of the pair's string: ours has a file of its own. */
static void take_string(struct rig *rig)
{
    const char *given = getenv("SES_PG"), *word, *end;

    assert_non_null(given);
    word = strstr(given, " password=");
    assert_non_null(word);
    end = strchr(word + 1, ' ');
    assert_non_null(end);
    assert_ok(ses_secret_new((size_t)(end - word) - 10, &rig->password));
    memcpy(rig->password.bytes, word + 10, rig->password.len);
    (void)snprintf(rig->string, sizeof(rig->string), "%.*s%s", (int)(word - given), given, end);
}

void rig_init(struct rig *rig)
{
    *rig = (struct rig){.closed = false};
    ses_random_init();
    take_string(rig);
    rig->shards[0] = rig->string;
    (void)unit_temporary("link", rig->log_path, sizeof(rig->log_path));
    ses_log_init(&rig->log, mkstemp(rig->log_path), SES_LOG_INFO, "test");
    assert_int_equal(uv_loop_init(&rig->loop), 0);
    assert_ok(ses_pg_shared_new(1, &rig->shared));
    rig->owns_shared = true;
    rig->options = (struct ses_pg_options){
        .loop = &rig->loop,
        .shards = rig->shards,
        .shards_count = 1,
        .password = &rig->password,
        .machine = "0123456789abcde",
        .shared = rig->shared,
        .durability = SES_DURABILITY_REPLICA,
        .batch_rows = 256,
        .queue_max = 1000,
        .read_lease_ms = 3600000,
        .beat_ms = 200,
        .stall_ms = UNIT_PATIENCE_MS,
        .connect_timeout_ms = UNIT_PATIENCE_MS,
        .skew_max_ms = 250,
        .write_connections = 2,
        .read_connections = 1,
        .prepare = true,
        .log = &rig->log,
        .metrics = &rig->metrics,
    };
}

void rig_init_beside(struct rig *rig, const struct rig *other)
{
    rig_init(rig);
    ses_pg_shared_close(rig->shared);
    rig->owns_shared = false;
    rig->options.shared = rig->shared = other->shared;
    rig->options.process = other->options.process + 1;
}

void rig_word(struct rig *rig, const char *keyword, const char *value)
{
    char before[1100], name[32];
    char *at, *end;

    (void)snprintf(before, sizeof(before), " %s", rig->string);
    (void)snprintf(name, sizeof(name), " %s=", keyword);
    at = strstr(before, name);
    if (at != NULL) {
        end = strchr(at + 1, ' ');
        memmove(at, end != NULL ? end : at + strlen(at), end != NULL ? strlen(end) + 1 : 1);
    }
    if (value == NULL)
        (void)snprintf(rig->string, sizeof(rig->string), "%.1000s", before + 1);
    else
        (void)snprintf(rig->string, sizeof(rig->string), "%.900s%s%.80s", before + 1, name, value);
}

void rig_open(struct rig *rig)
{
    const struct pg_link_events events = {
        .ready = on_ready, .state = on_state, .told = on_told, .closed = on_closed, .arg = rig};

    assert_ok(ses_pg_link_new(&rig->options, 0, &events, &rig->link));
    ses_pg_link_serve(rig->link, true, SES_PG_CAUSE_NONE); /* what stands above it has keys and map */
}

void rig_turn(struct rig *rig)
{
    (void)uv_run(&rig->loop, UV_RUN_NOWAIT);
}

void rig_hangs(struct rig *rig, const char *condition)
{
    char line[SES_LOG_LINE_MAX + 2];
    FILE *file;

    ses_log_flush(&rig->log);
    file = fopen(rig->log_path, "re");
    while (file != NULL && fgets(line, sizeof(line), file) != NULL)
        (void)fputs(line, stderr);
    if (file != NULL)
        (void)fclose(file);
    if (rig->link != NULL)
        (void)fprintf(stderr, "state %d, cause %s, skew %lld ms, %s read\n", ses_pg_link_state(rig->link),
                      ses_pg_cause_name(rig_cause(rig)), (long long)ses_pg_link_skew_ms(rig->link),
                      ses_pg_link_may_read(rig->link) ? "may" : "may not");
    fail_msg("waited in vain until %s", condition);
    abort();
}

void rig_close(struct rig *rig)
{
    ses_pg_link_free(rig->link);
    if (rig->link != NULL)
        RIG_UNTIL(rig, rig->closed);
    (void)uv_run(&rig->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&rig->loop), 0);
    assert_int_equal(rig_counter(rig, SES_S_CONNECTIONS), 0);
    if (rig->owns_shared)
        ses_pg_shared_close(rig->shared);
    ses_secret_free(&rig->password);
    ses_log_done(&rig->log);
    (void)close(rig->log.fd);
    (void)unlink(rig->log_path);
}

uint64_t rig_counter(const struct rig *rig, enum ses_shard_counter counter)
{
    return atomic_load(&rig->metrics.shard[0].counter[counter]);
}

enum ses_pg_cause rig_cause(const struct rig *rig)
{
    struct ses_pg_shard_status status;

    ses_pg_shard_status(rig->shared, 0, &status);
    return status.cause;
}

unsigned rig_log_count(struct rig *rig, const char *word, const char *other)
{
    char line[SES_LOG_LINE_MAX + 2];
    unsigned count = 0;
    FILE *file;

    ses_log_flush(&rig->log);
    file = fopen(rig->log_path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL)
        count += strstr(line, word) != NULL && strstr(line, other) != NULL;
    (void)fclose(file);
    return count;
}

/* ---- statements ---- */

static const Oid bytea[] = {17};

const struct pg_statement rig_put_sql = {
    .name = "rig_put",
    .text = "INSERT INTO session (key, revision, write_id, retain_ms, record) VALUES ($1, 1, $1, 0, $1)"
            " ON CONFLICT DO NOTHING RETURNING key",
    .params = 1,
    .types = bytea,
};

const struct pg_statement rig_get_sql = {
    .name = "rig_get", .text = "SELECT record FROM session WHERE key = $1", .params = 1, .types = bytea};

static void on_done(struct pg_request *request, const struct pg_answer *answer)
{
    struct ask *ask = request->arg;

    assert_false(ask->ended);
    ask->ended = true;
    ask->end = answer->end;
    memcpy(ask->sqlstate, answer->sqlstate, sizeof(ask->sqlstate));
    ask->rows = answer->result != NULL ? PQntuples(answer->result) : -1;
}

static void prepare(const struct pg_statement *statement, uint8_t key, struct ask *ask)
{
    *ask = (struct ask){.ended = false};
    memset(ask->key, key, sizeof(ask->key));
    ask->values[0] = (const char *)ask->key;
    ask->lengths[0] = sizeof(ask->key);
    ask->request = (struct pg_request){
        .statement = statement, .values = ask->values, .lengths = ask->lengths, .done = on_done, .arg = ask};
}

static void is_sent(struct ask *ask)
{
    assert_false(ask->ended);
    memset(ask->key, 0xff, sizeof(ask->key)); /* copied inside the call */
}

bool rig_try_ask(struct rig *rig, enum pg_use use, const struct pg_statement *statement, uint8_t key,
                 struct ask *ask)
{
    prepare(statement, key, ask);
    if (!ses_pg_link_send(rig->link, use, &ask->request))
        return false;
    is_sent(ask);
    return true;
}

void rig_ask(struct rig *rig, enum pg_use use, const struct pg_statement *statement, uint8_t key,
             struct ask *ask)
{
    prepare(statement, key, ask);
    RIG_UNTIL(rig, ses_pg_link_send(rig->link, use, &ask->request));
    is_sent(ask);
}

enum pg_end rig_do(struct rig *rig, enum pg_use use, const struct pg_statement *statement, uint8_t key,
                   struct ask *ask)
{
    rig_ask(rig, use, statement, key, ask);
    RIG_UNTIL(rig, ask->ended);
    return ask->end;
}

void rig_ask_unanswered(struct rig *rig, const char *stop, const char *go, uint8_t key, struct ask *ask)
{
    for (;;) {
        (void)order("%s", stop);
        if (rig_try_ask(rig, PG_USE_WRITE, &rig_put_sql, key, ask))
            return;
        (void)order("%s", go);
        RIG_UNTIL_OPEN(rig);
        rig_turn(rig);
    }
}
