/* Two machines on one PostgreSQL database, in this process: the primary and its standby are started by whoever runs
 * the program (tests/pg/with_cluster.py). The faulty one has a link that loses statements and answers, of the cut one
 * all connections are lost now and then (by the relay before the primary), and of the third one the primary is killed
 * and its standby takes over.
 *
 * A row's lease is on the primary's clock, which no test moves: time passes by making the leases older.
 */
#include "contract.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <libpq-fe.h>
#include <uv.h>

#include <sessiond/base/random.h>
#include <sessiond/store/store_pg.h>
#include <store_pg_impl.h>

#include "contract_pg.h"
#include "pg_faults.h"
#include "pg_mover.h"

struct pg_data {
    uv_loop_t loop;
    PGconn *admin;
    char conninfo[1024]; /* without a password */
    char second[1024];   /* of the second shard, of the moving one */
    const char *shards[2];
    unsigned shards_count;
    struct pg_mover *mover;
    struct ses_secret password;
    struct ses_pg_shared *shared;
    struct ses_secret secret;
    struct ses_seal_key seal_key;
    struct ses_log log;
    struct ses_store *store[CONTRACT_STORES];
    struct ses_metrics metrics[CONTRACT_STORES];
    unsigned passes;
    enum ses_durability durability;
};

/* ---- the database ---- */

static void order(struct pg_data *data, const char *text)
{
    PGresult *result = PQexec(data->admin, text);

    if (PQstatus(data->admin) != CONNECTION_OK) { /* cut with the others */
        PQclear(result);
        PQreset(data->admin);
        result = PQexec(data->admin, text);
    }
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        fail_msg("%s: %s", text, PQerrorMessage(data->admin));
    PQclear(result);
}

static void pass(void *arg, uint64_t ms)
{
    char text[160];

    (void)snprintf(
        text, sizeof(text),
        "UPDATE session SET lease_until = lease_until - interval '%llu ms' WHERE lease_owner IS NOT NULL",
        (unsigned long long)ms);
    order(arg, text);
}

/* Of the second shard too. */
static void pass_both(void *arg, uint64_t ms)
{
    struct pg_data *data = arg;
    char text[160];

    pass(data, ms);
    (void)snprintf(
        text, sizeof(text),
        "UPDATE session SET lease_until = lease_until - interval '%llu ms' WHERE lease_owner IS NOT NULL",
        (unsigned long long)ms);
    pg_mover_order(data->mover, 1, text);
}

/* The password stands in a word of its own in what we are given; a store wants it apart. */
static void read_environment(struct pg_data *data)
{
    const char *given = getenv("SES_PG");
    const char *word = given == NULL ? NULL : strstr(given, "password=");
    size_t before;
    size_t len;

    if (word == NULL) {
        (void)fprintf(stderr, "SES_PG is not set: run this by tests/pg/with_cluster.py\n");
        exit(77);
    }
    before = (size_t)(word - given);
    word += strlen("password=");
    len = strcspn(word, " ");
    assert_ok(ses_secret_new(len, &data->password));
    memcpy(data->password.bytes, word, len);
    (void)snprintf(data->conninfo, sizeof(data->conninfo), "%.*s%s", (int)before, given, word + len);
    data->shards[0] = data->conninfo;
    data->shards_count = 1;
    data->admin = PQconnectdb(given);
    if (PQstatus(data->admin) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(data->admin));
}

/* ---- the stores ---- */

static void notify(void *arg)
{
    (void)arg; /* who pumps completes */
}

static void *new_data(uint64_t seed)
{
    struct pg_data *data = calloc(1, sizeof(*data));

    (void)seed;
    assert_non_null(data);
    data->durability = SES_DURABILITY_REPLICA;
    assert_int_equal(uv_loop_init(&data->loop), 0);
    read_environment(data);
    order(data, "DELETE FROM session");
    assert_ok(ses_pg_shared_new(2, &data->shared));
    assert_ok(ses_secret_new(32, &data->secret));
    memset(data->secret.bytes, 0x5a, 32);
    data->seal_key = (struct ses_seal_key){.id = 7, .key = &data->secret};
    ses_log_init(&data->log, -1, SES_LOG_INFO, "test");
    return data;
}

static void *new_faulty(uint64_t seed)
{
    struct pg_data *data = new_data(seed);

    pg_faults_begin(&data->loop, seed);
    return data;
}

/* The one that takes over has no standby of its own. */
static void *new_failing(uint64_t seed)
{
    struct pg_data *data = new_data(seed);

    data->durability = SES_DURABILITY_DISK;
    return data;
}

/* Two shards, and slots that move between them all the time. */
static void *new_moving(uint64_t seed)
{
    const char *const given[2] = {getenv("SES_PG"), getenv("SES_PG_SECOND")};
    struct pg_data *data = new_data(seed);
    const char *word = given[1] == NULL ? NULL : strstr(given[1], "password=");

    assert_non_null(word);
    (void)snprintf(data->second, sizeof(data->second), "%.*s%s", (int)(word - given[1]), given[1],
                   word + strcspn(word, " "));
    data->shards[1] = data->second;
    data->shards_count = 2;
    data->mover = pg_mover_new(given, seed);
    return data;
}

static void await_open(struct pg_data *data, struct ses_store *store)
{
    WAIT_DOING((void)uv_run(&data->loop, UV_RUN_NOWAIT), ses_pg_is_open(store));
}

static struct ses_store *open_store(void *arg, unsigned number)
{
    struct pg_data *data = arg;
    struct ses_pg_options options = {.loop = &data->loop,
                                     .shards = data->shards,
                                     .shards_count = data->shards_count,
                                     .password = &data->password,
                                     .machine = {(uint8_t)(number + 1)},
                                     .process = number,
                                     .shared = data->shared,
                                     .seal_keys = &data->seal_key,
                                     .seal_keys_count = 1,
                                     .durability = data->durability,
                                     .batch_rows = 256,
                                     .linger_us = 500,
                                     .queue_max = 1000,
                                     .read_lease_ms = UNIT_PATIENCE_MS,
                                     .beat_ms = 1000,
                                     .stall_ms = 30000, /* the machine may be busy */
                                     .connect_timeout_ms = 30000,
                                     .skew_max_ms = 250,
                                     .write_connections = 2,
                                     .read_connections = 1,
                                     .prepare = true,
                                     .notify = notify,
                                     .log = &data->log,
                                     .metrics = &data->metrics[number]};
    struct ses_store *store;

    assert_ok(ses_pg_open(&options, &store));
    await_open(data, store);
    data->store[number] = store;
    return store;
}

void contract_pg_order(const char *line)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char answer[256] = {0};

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", getenv("SES_PG_CONTROL"));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(write(fd, line, strlen(line)), strlen(line));
    assert_true(read(fd, answer, sizeof(answer) - 1) > 0);
    assert_memory_equal(answer, "ok", 2);
    (void)close(fd);
}

uint64_t contract_pg_counter(const struct rig *rig, unsigned number, enum ses_shard_counter counter)
{
    const struct pg_data *data = rig->data;

    return atomic_load(&data->metrics[number].shard[0].counter[counter]);
}

/* Whoever comes next finds what the last cut has left. */
static void pass_and_cut(void *arg, uint64_t ms)
{
    struct pg_data *data = arg;

    for (unsigned number = 0; number < CONTRACT_STORES; number++)
        await_open(data, data->store[number]);
    pass(data, ms);
    if (++data->passes % 2 == 0)
        contract_pg_order("cut primary\n");
}

/* Once: then there is one node left. */
static void pass_and_fail_over(void *arg, uint64_t ms)
{
    struct pg_data *data = arg;

    for (unsigned number = 0; number < CONTRACT_STORES; number++)
        await_open(data, data->store[number]);
    pass(data, ms);
    if (++data->passes == 4)
        contract_pg_order("fail_over\n");
}

static void turn(void *arg)
{
    struct pg_data *data = arg;

    (void)uv_run(&data->loop, UV_RUN_NOWAIT);
    if (data->mover != NULL)
        pg_mover_turn(data->mover);
}

static void on_rested(uv_timer_t *timer)
{
    (void)timer;
}

/* Until the network says something. */
static void rest(void *arg)
{
    struct pg_data *data = arg;
    uv_timer_t timer;

    (void)uv_timer_init(&data->loop, &timer);
    (void)uv_timer_start(&timer, on_rested, 5, 0);
    (void)uv_run(&data->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    (void)uv_run(&data->loop, UV_RUN_NOWAIT);
}

static bool quiet(void *arg, struct ses_store *store)
{
    (void)arg;
    return ses_pg_is_quiet(store) && pg_faults_late() == 0;
}

static void free_data(void *arg)
{
    struct pg_data *data = arg;

    pg_faults_end();
    while (uv_run(&data->loop, UV_RUN_DEFAULT) != 0)
        continue;
    assert_int_equal(uv_loop_close(&data->loop), 0);
    PQfinish(data->admin);
    if (data->mover != NULL)
        assert_true(pg_mover_moves(data->mover) > 0);
    pg_mover_free(data->mover);
    ses_pg_shared_close(data->shared);
    ses_secret_free(&data->secret);
    ses_secret_free(&data->password);
    ses_log_done(&data->log);
    free(data);
}

const struct contract_driver contract_pg = {.name = "pg",
                                            .traits = CONTRACT_LEASE_TIMED,
                                            .seeds = 1,
                                            .data_new = new_data,
                                            .open = open_store,
                                            .rest = rest,
                                            .turn = turn,
                                            .quiet = quiet,
                                            .pass = pass,
                                            .data_free = free_data};
const struct contract_driver contract_pg_faulty = {.name = "pg_faulty",
                                                   .traits = CONTRACT_LEASE_TIMED | CONTRACT_FAULTY,
                                                   .seeds = 3,
                                                   .deadline_ms = 25,
                                                   .data_new = new_faulty,
                                                   .open = open_store,
                                                   .rest = rest,
                                                   .turn = turn,
                                                   .quiet = quiet,
                                                   .pass = pass,
                                                   .data_free = free_data};
const struct contract_driver contract_pg_cut = {.name = "pg_cut",
                                                .traits = CONTRACT_LEASE_TIMED | CONTRACT_FAULTY,
                                                .seeds = 2,
                                                .rounds = 2,
                                                .deadline_ms = 300,
                                                .data_new = new_data,
                                                .open = open_store,
                                                .rest = rest,
                                                .turn = turn,
                                                .quiet = quiet,
                                                .pass = pass_and_cut,
                                                .data_free = free_data};
const struct contract_driver contract_pg_failover = {.name = "pg_failover",
                                                     .traits = CONTRACT_LEASE_TIMED | CONTRACT_FAULTY,
                                                     .seeds = 1,
                                                     .rounds = 10,
                                                     .deadline_ms = 300,
                                                     .data_new = new_failing,
                                                     .open = open_store,
                                                     .rest = rest,
                                                     .turn = turn,
                                                     .quiet = quiet,
                                                     .pass = pass_and_fail_over,
                                                     .data_free = free_data};
const struct contract_driver contract_pg_moving = {.name = "pg_moving",
                                                   .traits = CONTRACT_LEASE_TIMED | CONTRACT_FAULTY,
                                                   .seeds = 3,
                                                   .data_new = new_moving,
                                                   .open = open_store,
                                                   .rest = rest,
                                                   .turn = turn,
                                                   .quiet = quiet,
                                                   .pass = pass_both,
                                                   .data_free = free_data};
