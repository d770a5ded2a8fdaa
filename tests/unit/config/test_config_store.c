/* store.driver and what goes with it: durability of each driver, the mapping store.pg, the file of a password. */
#include "config_fixture.h"

#include <sys/stat.h>

#include <sessiond/base/random.h>
#include <sessiond/config/password_file.h>

#define SECURE " sslmode=verify-full sslrootcert=/etc/db-ca.pem"
#define SHARD  "host=db1.example,db2.example port=5433 dbname=sessiond user=sessiond"
#define PG(more)                                                                                             \
    "store:\n  driver: pg\n  pg:\n    shards: [\"" SHARD                                                     \
    " sslmode=verify-full sslrootcert=/etc/db-ca.pem\"]\n" more

static void lmdb_is_the_default(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load("", &config, &fault));
    assert_int_equal(config.store_driver, SES_CONFIG_LMDB);
    assert_int_equal(config.durability, SES_DURABILITY_DISK);
    assert_int_equal(config.pg.shards_count, 0);
    assert_true(config.pg.prepare);
    expect_fault("store:\n  driver: oracle\n", "2: store.driver: must be lmdb, pg or lmdb+pg");
    expect_fault("store:\n  durability: replica\n",
                 "2: store.durability: must be disk or process (replica needs store.driver: pg)");
}

static void pg_is_taken(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    if (load(PG("    linger_us: 0\n    prepare: off\n    password_file: /etc/db-password\n"), &config,
             &fault) != SES_OK)
        fail_msg("%s", fault.text);
    assert_int_equal(config.store_driver, SES_CONFIG_PG);
    assert_int_equal(config.durability, SES_DURABILITY_REPLICA);
    assert_int_equal(config.pg.shards_count, 1);
    assert_memory_equal(config.pg.shards[0], SHARD, strlen(SHARD));
    assert_int_equal(config.pg.targets[0].nodes, 2);
    assert_string_equal(config.pg.targets[0].host[1], "db2.example");
    assert_int_equal(config.pg.targets[0].port[1], 5433);
    assert_string_equal(config.pg.targets[0].file[0], "/etc/db-ca.pem");
    assert_string_equal(config.pg.password.path, "/etc/db-password");
    assert_false(config.pg.prepare);
    assert_int_equal(config.store_pg_linger_us, 0);
    assert_int_equal(config.store_pg_skew_max_ms, 250);
    assert_int_equal(config.store_pg_write_connections, 2);
    assert_ok(load(PG("  durability: disk\n"), &config, &fault));
    assert_int_equal(config.durability, SES_DURABILITY_DISK);
}

static void what_is_wrong_has_its_line(void **state)
{
    (void)state;
    expect_fault(
        "store:\n  driver: pg\n",
        "2: store.driver: pg needs the database in store.pg.shards, one connection string: [\"host=a,b "
        "dbname=sessiond user=sessiond\"]");
    expect_fault(
        "store:\n  pg:\n    shards: [\"" SHARD "\"]\n",
        "3: store.pg.shards: would not be used: records go to this machine's disk. Add store.driver: pg");
    expect_fault(
        "store:\n  driver: pg\n  pg:\n    shards: [\"" SHARD "\", \"" SHARD "\"]\n",
        "4: store.pg.shards: names the database of shard 0 once more: one connection string has all nodes of "
        "a shard (host=a,b), and each shard is a database of its own");
    expect_fault(PG("    stall_ms: 20000\n"),
                 "5: store.pg.stall_ms: must not be above store.pg.read_lease_ms");
    expect_fault(PG("    batch_rows: 0\n"), "5: store.pg.batch_rows: must be a whole number from 1 to 1024");
    expect_fault(PG("    prepare: maybe\n"), "5: store.pg.prepare: must be on or off");
    expect_fault(PG("    shard: x\n"), "5: store.pg.shard: unknown key");
    expect_fault(PG("  durability: process\n"),
                 "5: store.durability: must be replica or disk with store.driver: pg");
}

/* What it says is the driver's; that it is asked, and where the text stands, is ours. No value is repeated. */
static void connection_strings_are_judged(void **state)
{
    static const char *const refused[] = {"password=secret", "passfile=/x", "service=x", "options=-cx=y",
                                          "colour=green"};
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        char text[512];

        (void)snprintf(text, sizeof(text), "store:\n  driver: pg\n  pg:\n    shards: [\"" SHARD " %s\"]\n",
                       refused[i]);
        assert_int_equal(load(text, &config, &fault), SES_MALFORMED);
        assert_non_null(strstr(fault.text, ":4: store.pg.shards: "));
        assert_null(strstr(fault.text, "secret"));
    }
}

static void a_network_that_is_open_is_asked_for(void **state)
{
    static const char open_shard[] =
        "store:\n  driver: pg\n  pg:\n    shards: [\"" SHARD " sslmode=require\"]\n%s";
    struct ses_config config;
    struct ses_fault fault;
    char text[512];

    (void)state;
    (void)snprintf(text, sizeof(text), open_shard, "");
    assert_int_equal(load(text, &config, &fault), SES_MALFORMED);
    assert_non_null(strstr(fault.text, ":4: store.pg.shards: "));
    assert_non_null(strstr(fault.text, "store.pg.plaintext: allow"));
    (void)snprintf(text, sizeof(text), open_shard, "    plaintext: allow\n");
    assert_ok(load(text, &config, &fault));
    expect_fault(PG("    plaintext: yes\n"), "5: store.pg.plaintext: must be refuse or allow");
}

static void settings_without_a_meaning_are_listed(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load(PG("  quota_mib: 7\n  map_gib: 8\n  queue_max: 9\n"), &config, &fault));
    assert_string_equal(config.store_unused, "store.quota_mib, store.map_gib");
    assert_int_equal(config.store_queue_max, 9);
    assert_ok(load(PG(""), &config, &fault));
    assert_string_equal(config.store_unused, "");
    assert_ok(load("store:\n  quota_mib: 7\n", &config, &fault));
    assert_string_equal(config.store_unused, "");
}

#define MOVE(step) "store:\n  driver: lmdb+pg\n  move: " step "\n  pg:\n    shards: [\"" SHARD SECURE "\"]\n"

static void a_move_has_a_step(void **state)
{
    struct ses_config config;
    struct ses_fault fault;

    (void)state;
    assert_ok(load(MOVE("to_lmdb"), &config, &fault));
    assert_int_equal(config.store_driver, SES_CONFIG_MOVE);
    assert_int_equal(config.store_move, SES_MOVE_TO_LMDB);
    assert_true(ses_config_has_lmdb(&config) && ses_config_has_pg(&config));
    assert_int_equal(config.durability, SES_DURABILITY_DISK);
    assert_int_equal(config.pg_durability, SES_DURABILITY_REPLICA);
    assert_int_equal(config.store_move_per_second, 2000);
    assert_ok(load(MOVE("know\n  durability: process"), &config, &fault));
    assert_int_equal(config.durability, SES_DURABILITY_PROCESS);
    assert_int_equal(config.pg_durability, SES_DURABILITY_DISK);
    expect_fault(MOVE("on"), "3: store.move: must be know, to_pg or to_lmdb");
    expect_fault(
        "store:\n  driver: lmdb+pg\n  pg:\n    shards: [\"" SHARD SECURE "\"]\n",
        "2: store.driver: lmdb+pg needs store.move: know, to_pg or to_lmdb (the runbook has the steps)");
    expect_fault("store:\n  move: know\n",
                 "2: store.move: would not be used: it goes with store.driver: lmdb+pg");
    expect_fault("store:\n  driver: lmdb+pg\n  move: know\n",
                 "2: store.driver: pg needs the database in store.pg.shards, one connection string: "
                 "[\"host=a,b dbname=sessiond user=sessiond\"]");
}

/* Each beside each: what a plain worker does not look at must not be made beside it. */
static void a_reload_takes_one_step_of_a_move(void **state)
{
    static const char *const texts[] = {"", MOVE("know"), MOVE("to_pg"), MOVE("to_lmdb"), PG("")};
    static const char *const names[] = {"lmdb", "know", "to_pg", "to_lmdb", "pg"};
    static const char *const allowed[] = {"lmdb know",     "know lmdb",     "know to_pg", "know to_lmdb",
                                          "to_pg know",    "to_pg to_lmdb", "to_pg pg",   "to_lmdb know",
                                          "to_lmdb to_pg", "to_lmdb lmdb",  "pg to_pg"};
    struct ses_config before;
    struct ses_config after;
    struct ses_fault fault;
    unsigned taken = 0;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned k = 0; k < 5; k++) {
            bool wanted = i == k;
            char pair[32];

            (void)snprintf(pair, sizeof(pair), "%s %s", names[i], names[k]);
            for (size_t n = 0; n < sizeof(allowed) / sizeof(allowed[0]); n++)
                wanted = wanted || strcmp(allowed[n], pair) == 0;
            assert_ok(load(texts[i], &before, &fault));
            assert_ok(load(texts[k], &after, &fault));
            if ((ses_config_check_reload(&before, &after, &fault) == SES_OK) != wanted)
                fail_msg("%s: %s", pair, fault.text);
            if (!wanted)
                assert_non_null(strstr(fault.text, "store.driver: sessions move by steps"));
            taken += wanted ? 1 : 0;
        }
    }
    assert_int_equal(taken, 16);
}

/* ---- the password's file -------------------------------------------------------------------------------- */

static char password_path[1024];

static void write_password(const char *text, size_t len, mode_t mode)
{
    FILE *file = fopen(password_path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(password_path, mode), 0);
}

static enum ses_status load_password(struct ses_secret *ret_password, struct ses_fault *ret_fault)
{
    static struct ses_config config;
    char text[4096];

    (void)snprintf(password_path, sizeof(password_path), "%s.password", config_file);
    (void)snprintf(text, sizeof(text), PG("    password_file: %s\n"), password_path);
    assert_ok(load(text, &config, ret_fault));
    return ses_password_file_load(&config, ret_password, ret_fault);
}

static void a_password_is_one_line(void **state)
{
    struct ses_secret password;
    struct ses_fault fault;

    (void)state;
    (void)snprintf(password_path, sizeof(password_path), "%s.password", config_file);
    write_password("pass word\n", 10, 0600);
    assert_ok(load_password(&password, &fault));
    assert_int_equal(password.len, 9);
    assert_string_equal((const char *)password.bytes, "pass word");
    ses_secret_free(&password);
    write_password("p", 1, 0400);
    assert_ok(load_password(&password, &fault));
    assert_string_equal((const char *)password.bytes, "p");
    ses_secret_free(&password);
    assert_int_equal(unlink(password_path), 0);
}

static void expect_password_fault(const char *text, size_t len, mode_t mode, const char *what)
{
    struct ses_secret password;
    struct ses_fault fault;

    write_password(text, len, mode);
    assert_int_not_equal(load_password(&password, &fault), SES_OK);
    assert_non_null(strstr(fault.text, ":5: store.pg.password_file: "));
    assert_non_null(strstr(fault.text, what));
    assert_int_equal(password.len, 0);
}

static void a_password_is_for_nobody_else(void **state)
{
    static char large[2000];
    struct ses_secret password;
    struct ses_fault fault;

    (void)state;
    expect_password_fault("p\n", 2, geteuid() == 0 ? 0604 : 0640,
                          "others than its owner can read this password");
    expect_password_fault("", 0, 0600, "is empty");
    expect_password_fault("\n", 1, 0600, "must hold one line");
    expect_password_fault("a\nb\n", 4, 0600, "must hold one line");
    expect_password_fault("a\0b", 3, 0600, "must hold one line");
    memset(large, 'x', sizeof(large));
    expect_password_fault(large, sizeof(large), 0600, "is larger than 1 KiB");
    assert_int_equal(unlink(password_path), 0);
    assert_int_equal(load_password(&password, &fault), SES_IO);
    assert_non_null(strstr(fault.text, "cannot be opened"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lmdb_is_the_default),
        cmocka_unit_test(pg_is_taken),
        cmocka_unit_test(what_is_wrong_has_its_line),
        cmocka_unit_test(connection_strings_are_judged),
        cmocka_unit_test(a_network_that_is_open_is_asked_for),
        cmocka_unit_test(settings_without_a_meaning_are_listed),
        cmocka_unit_test(a_move_has_a_step),
        cmocka_unit_test(a_reload_takes_one_step_of_a_move),
        cmocka_unit_test(a_password_is_one_line),
        cmocka_unit_test(a_password_is_for_nobody_else),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
