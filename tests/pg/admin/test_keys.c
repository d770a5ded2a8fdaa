/* The keys of several machines in a real shard's row: the first one writes, others compare, a key is retired when nothing
 * is sealed with it, and of two that write at once none is lost. */
#include <pthread.h>
#include <stdio.h>

#include <sessiond/base/random.h>

#include "beside.h"

static struct ses_key_print print(enum ses_key_print_kind kind, const char *id, enum ses_key_print_use use,
                                  uint8_t fill)
{
    uint8_t secret[32];
    struct ses_key_print made;

    memset(secret, fill, sizeof(secret));
    ses_key_print_make(kind, use, id, ses_slice(secret, sizeof(secret)), &made);
    return made;
}

static void forget(void)
{
    PGconn *conn = beside_connect();

    PQclear(beside_query(conn, "UPDATE shard SET fingerprints = NULL"));
    PQclear(beside_query(conn, "DELETE FROM session"));
    PQfinish(conn);
}

static void join(const struct ses_key_print *keys, size_t count, enum ses_status expected, const char *says)
{
    struct ses_pg_place place = beside_place();
    struct ses_fault told = {.text = ""};
    struct ses_fault fault = {.text = ""};
    enum ses_status status = ses_pg_keys_join(&place, keys, count, &told, &fault);

    if (status != expected)
        fail_msg("%s: %s", ses_status_name(status), fault.text);
    if (strstr(status == SES_OK ? told.text : fault.text, says) == NULL)
        fail_msg("'%s%s' does not say '%s'", told.text, fault.text, says);
}

static void test_machines(void **state)
{
    struct ses_key_print keys[] = {print(SES_KEY_PRINT_NATURAL, "natural", SES_KEY_PRINT_USES, 1),
                                   print(SES_KEY_PRINT_SEAL, "seal-1", SES_KEY_PRINT_USES, 2),
                                   print(SES_KEY_PRINT_SEAL, "seal-2", SES_KEY_PRINT_NEXT, 3)};

    (void)state;
    forget();
    join(keys, 2, SES_OK, "");
    join(keys, 3, SES_OK, "");
    join(keys, 2, SES_OK, ""); /* wave one has not reached this one */
    keys[1].use = SES_KEY_PRINT_USED;
    keys[2].use = SES_KEY_PRINT_USES;
    join(keys, 3, SES_OK, "");
    join(keys, 2, SES_FAILED_PRECONDITION, "keys/seal/seal-2.json: is missing");
    keys[0] = print(SES_KEY_PRINT_NATURAL, "natural", SES_KEY_PRINT_USES, 9);
    join(keys, 3, SES_FAILED_PRECONDITION, "keys/natural.key: is not the key");
}

static enum ses_status retire(const char *id, uint16_t number, struct ses_fault *fault)
{
    struct ses_pg_place place = beside_place();

    SES_TRY(ses_pg_keys_check_unused(&place, number, fault));
    return ses_pg_keys_retire(&place, SES_KEY_PRINT_SEAL, id, fault);
}

/* A record's head as record.h has it: version, kind, seal key 258 (0x0102), little endian. */
static void test_retire(void **state)
{
    struct ses_key_print keys[] = {print(SES_KEY_PRINT_SEAL, "seal-259", SES_KEY_PRINT_USES, 4),
                                   print(SES_KEY_PRINT_SEAL, "seal-258", SES_KEY_PRINT_USED, 5)};
    static const char *const columns[] = {"record", "intent"};
    PGconn *conn = beside_connect();
    struct ses_fault fault = {.text = ""};

    (void)state;
    forget();
    join(keys, 2, SES_OK, "");
    for (size_t i = 0; i < 2; i++) {
        char text[256];

        (void)snprintf(text, sizeof(text),
                       "INSERT INTO session (key, revision, write_id, retain_ms, %s) VALUES ('k', 1, 'w', 0, "
                       "'\\x0101020100000000'::bytea)",
                       columns[i]);
        PQclear(beside_query(conn, text));
        assert_int_equal(retire("seal-258", 258, &fault), SES_FAILED_PRECONDITION);
        assert_non_null(strstr(fault.text, "sealed with this key"));
        join(keys, 1, SES_FAILED_PRECONDITION, "seal-258.json: is missing");
        PQclear(beside_query(conn, "UPDATE session SET record = '\\x0101030100000000', intent = NULL"));
        assert_int_equal(beside_number(conn, "SELECT count(*) FROM session"), 1);
        if (i == 0)
            PQclear(beside_query(conn, "DELETE FROM session"));
    }
    assert_int_equal(retire("seal-258", 258, &fault), SES_OK);
    join(keys, 1, SES_OK, "");
    join(keys, 2, SES_OK, ""); /* where its file still lies */
    keys[1].use = SES_KEY_PRINT_USES;
    join(keys, 2, SES_FAILED_PRECONDITION, "revoked or retired");
    assert_int_equal(retire("seal-7", 7, &fault), SES_OK); /* nobody ever brought it */
    PQfinish(conn);
}

static void test_compare_writes_nothing(void **state)
{
    struct ses_key_print key = print(SES_KEY_PRINT_STEP, "step-1", SES_KEY_PRINT_USES, 6);
    struct ses_pg_place place = beside_place();
    struct ses_pg_keys_view view;
    struct ses_fault fault = {.text = ""};
    PGconn *conn = beside_connect();

    (void)state;
    forget();
    assert_int_equal(ses_pg_keys_compare(&place, &key, 1, &view, &fault), SES_OK);
    assert_int_equal(view.known, 0);
    assert_int_equal(beside_number(conn, "SELECT count(fingerprints) FROM shard"), 0);
    join(&key, 1, SES_OK, "");
    assert_int_equal(ses_pg_keys_compare(&place, &key, 1, &view, &fault), SES_OK);
    assert_int_equal(view.known, 1);
    assert_int_equal(ses_pg_keys_compare(&place, NULL, 0, &view, &fault), SES_FAILED_PRECONDITION);
    PQfinish(conn);
}

#define THREADS 6

static void *join_own(void *arg)
{
    const struct ses_key_print *key = arg;
    struct ses_pg_place place = beside_place();
    struct ses_fault told;
    struct ses_fault fault;

    return (void *)(uintptr_t)ses_pg_keys_join(&place, key, 1, &told, &fault);
}

/* Each brings a key of its own that nobody has used yet: all of them are there at the end. */
static void test_at_once(void **state)
{
    struct ses_key_print keys[THREADS];
    pthread_t threads[THREADS];
    struct ses_pg_place place = beside_place();
    struct ses_pg_keys_view view;
    struct ses_fault fault = {.text = ""};

    (void)state;
    for (int round = 0; round < 5; round++) {
        forget();
        for (int i = 0; i < THREADS; i++) {
            char id[24];

            (void)snprintf(id, sizeof(id), "step-%d", i + 1);
            keys[i] = print(SES_KEY_PRINT_STEP, id, SES_KEY_PRINT_NEXT, (uint8_t)i);
            assert_int_equal(pthread_create(&threads[i], NULL, join_own, &keys[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            void *status;

            assert_int_equal(pthread_join(threads[i], &status), 0);
            assert_int_equal((uintptr_t)status, SES_OK);
        }
        assert_int_equal(ses_pg_keys_compare(&place, keys, 1, &view, &fault), SES_OK);
        assert_int_equal(view.known, THREADS);
    }
}

static void test_what_cannot_be_read(void **state)
{
    struct ses_key_print key = print(SES_KEY_PRINT_STEP, "step-1", SES_KEY_PRINT_USES, 6);
    struct ses_pg_place place = beside_place();
    struct ses_secret wrong = {(uint8_t[]){'n', 'o'}, 2};
    struct ses_fault told;
    struct ses_fault fault = {.text = ""};
    PGconn *conn = beside_connect();

    (void)state;
    forget();
    PQclear(beside_query(conn, "UPDATE shard SET fingerprints = '\\x01ff'"));
    join(&key, 1, SES_DATA_LOSS, "UPDATE shard SET fingerprints = NULL");
    PQclear(beside_query(conn, "UPDATE shard SET fingerprints = '\\x02'"));
    join(&key, 1, SES_UNIMPLEMENTED, "later version");
    place.password = &wrong;
    assert_int_equal(ses_pg_keys_join(&place, &key, 1, &told, &fault), SES_UNAVAILABLE);
    assert_non_null(strstr(fault.text, "password authentication failed"));
    PQfinish(conn);
    forget();
}

/* While the standby is away the first try waits for it, and goes on doing so when its client has gone; those behind it must
 * not, or they would use up the role's connections. */
static void test_no_queue_behind_a_commit_that_waits(void **state)
{
    struct ses_key_print key = print(SES_KEY_PRINT_STEP, "step-1", SES_KEY_PRINT_USES, 6);
    struct ses_pg_place place = beside_place();
    struct ses_fault told;
    struct ses_fault fault;
    PGconn *conn = beside_connect();

    (void)state;
    forget();
    place.timeout_ms = 300;
    beside_order("link stall");
    for (int i = 0; i < 4; i++)
        assert_int_equal(ses_pg_keys_join(&place, &key, 1, &told, &fault), SES_UNAVAILABLE);
    assert_in_range(beside_number(conn, "SELECT count(*) FROM pg_stat_activity WHERE usename = current_user"
                                        " AND state = 'active' AND pid <> pg_backend_pid()"),
                    0, 1);
    beside_order("link flow");
    join(&key, 1, SES_OK, "");
    PQfinish(conn);
}

/* The primary is gone: the other node is asked, and says that it is a standby. Last: nothing comes back. */
static void test_no_primary(void **state)
{
    struct ses_key_print key = print(SES_KEY_PRINT_STEP, "step-1", SES_KEY_PRINT_USES, 6);

    (void)state;
    beside_order("kill primary");
    join(&key, 1, SES_UNAVAILABLE, "is a standby");
    beside_order("promote");
    join(&key, 1, SES_OK, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machines),
        cmocka_unit_test(test_retire),
        cmocka_unit_test(test_compare_writes_nothing),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_what_cannot_be_read),
        cmocka_unit_test(test_no_queue_behind_a_commit_that_waits),
        cmocka_unit_test(test_no_primary),
    };

    ses_random_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
