/* Compare-and-set: who wins, what is stored, what a refusal leaves. */
#include "contract.h"

#include <sessiond/base/list.h>

static void test_absent_is_a_version(struct rig *rig)
{
    assert_shown(rig, 1, 0, NULL, false);
    assert_ok(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "one"));
    assert_shown(rig, 1, SES_RECORD_SESSION, "one", false);
    assert_shown(rig, 2, 0, NULL, false);
    assert_int_equal(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "again"), SES_CONFLICT);
    assert_int_equal(rig_put(rig, 1, 1, SES_VERSION_ABSENT, "again"), SES_CONFLICT);
    assert_shown(rig, 1, SES_RECORD_SESSION, "one", false);
}

static void test_revisions_count_up(struct rig *rig)
{
    struct ses_store_version before = SES_VERSION_ABSENT;

    for (uint32_t revision = 1; revision <= 5; revision++) {
        struct seen seen;

        assert_ok(rig_put(rig, revision % 2, 1, before, "body"));
        seen = rig_get(rig, 0, 1);
        assert_ok(seen.status);
        assert_int_equal(seen.record.revision, revision);
        assert_false(version_equal(seen.version, before));
        assert_true(version_equal(seen.version, rig_get(rig, 1, 1).version));
        before = seen.version;
    }
}

/* Who has put something need not read it to go on; nor does it help who is not the last. */
static void test_what_was_put_can_be_expected(struct rig *rig)
{
    struct ses_store_version expect = SES_VERSION_ABSENT;
    struct ses_record record = record_of(1, SES_RECORD_SESSION, "body");
    struct call call;

    for (unsigned i = 0; i < 5; i++) {
        call_init(&call);
        call.op.written.driver[0] = 1; /* of an earlier one */
        assert_ok(call_end(rig, &call,
                           ses_store_put(rig->store[i % 2], &call.op, &expect, &record, SES_OWNER_NOBODY)));
        expect = rig_get(rig, 1, 1).version;
        if (i == 0 && ses_store_version_is_absent(&call.op.written))
            continue; /* of a first record a driver may not say it: store/move makes them in two steps */
        assert_true(version_equal(call.op.written, expect));
        expect = call.op.written;
    }
    assert_ok(rig_put(rig, 1, 1, expect, "theirs"));
    call_init(&call);
    call.op.written = expect;
    assert_int_equal(
        call_end(rig, &call, ses_store_put(rig->store[0], &call.op, &expect, &record, SES_OWNER_NOBODY)),
        SES_CONFLICT);
    assert_true(ses_store_version_is_absent(&call.op.written));
}

static void test_an_old_version_loses(struct rig *rig)
{
    struct ses_store_version first = rig_create(rig, 1, "one");

    assert_ok(rig_put(rig, 1, 1, first, "two"));
    assert_int_equal(rig_put(rig, 0, 1, first, "three"), SES_CONFLICT);
    assert_int_equal(rig_put(rig, 1, 1, first, "three"), SES_CONFLICT);
    assert_shown(rig, 1, SES_RECORD_SESSION, "two", false);
}

/* A version is of its key: what was read of one says nothing of another. */
static void test_a_version_of_another_key_loses(struct rig *rig)
{
    struct ses_store_version first = rig_create(rig, 1, "one");

    (void)rig_create(rig, 2, "other");
    assert_int_equal(rig_put(rig, 0, 2, first, "mixed"), SES_CONFLICT);
    assert_int_equal(rig_put(rig, 0, 3, first, "mixed"), SES_CONFLICT);
    assert_shown(rig, 2, SES_RECORD_SESSION, "other", false);
    assert_shown(rig, 3, 0, NULL, false);
}

static void test_everything_comes_back(struct rig *rig)
{
    struct ses_record record = record_of(1, SES_RECORD_SESSION, "a session");
    struct seen seen;

    record.expires_ms = 1900000000123;
    memcpy(record.session_id, "fedcba987654321", sizeof(record.session_id));
    assert_ok(rig_put_record(rig, 0, SES_VERSION_ABSENT, &record));
    for (unsigned store = 0; store < CONTRACT_STORES; store++) {
        seen = rig_get(rig, store, 1);
        assert_ok(seen.status);
        assert_memory_equal(&seen.record.key, &record.key, sizeof(record.key));
        assert_memory_equal(seen.record.session_id, record.session_id, sizeof(record.session_id));
        assert_int_equal(seen.record.kind, SES_RECORD_SESSION);
        assert_int_equal(seen.record.expires_ms, record.expires_ms);
        assert_true(ses_slice_eq_str(seen.record.body, "a session"));
    }
    record.kind = SES_RECORD_INTENT; /* outside of a lease too */
    assert_ok(rig_put_record(rig, 1, seen.version, &record));
    assert_shown(rig, 1, SES_RECORD_INTENT, "a session", false);
}

/* However it lies there. */
static void test_an_inbox_comes_back_without_an_id(struct rig *rig)
{
    static const uint8_t zero[SES_SESSION_ID_BYTES];
    struct ses_record record = record_of(1, SES_RECORD_INBOX, "events");

    assert_ok(rig_put_record(rig, 0, SES_VERSION_ABSENT, &record));
    for (unsigned store = 0; store < CONTRACT_STORES; store++) {
        struct seen seen = rig_get(rig, store, 1);

        assert_ok(seen.status);
        assert_int_equal(seen.record.kind, SES_RECORD_INBOX);
        assert_memory_equal(seen.record.session_id, zero, sizeof(zero));
        assert_true(ses_slice_eq_str(seen.record.body, "events"));
    }
}

#define RACERS 6

/* All of them expect what is there. One is OK, and what it wrote is there. */
static void race(struct rig *rig, struct ses_store_version expect)
{
    static const char *const bodies[RACERS] = {"a", "b", "c", "d", "e", "f"};
    struct call calls[RACERS];
    enum ses_status status[RACERS];
    const char *winner = NULL;

    for (unsigned i = 0; i < RACERS; i++) {
        struct ses_record record = record_of(1, SES_RECORD_SESSION, bodies[i]);

        call_init(&calls[i]);
        status[i] =
            ses_store_put(rig->store[i % 2], &calls[i].op, &expect, &record, (ses_store_owner)(i + 1));
    }
    for (unsigned i = 0; i < RACERS; i++) {
        status[i] = call_end(rig, &calls[i], status[i]);
        assert_true(status[i] == SES_OK || status[i] == SES_CONFLICT || status[i] == SES_BUSY);
        if (status[i] == SES_OK) {
            assert_null(winner);
            winner = bodies[i];
        }
    }
    assert_non_null(winner);
    assert_shown(rig, 1, SES_RECORD_SESSION, winner, false);
}

static void test_one_of_all_wins(struct rig *rig)
{
    race(rig, SES_VERSION_ABSENT);
    race(rig, rig_get(rig, 1, 1).version);
    assert_int_equal(rig_get(rig, 0, 1).record.revision, 2);
}

static void test_many_keys_at_once(struct rig *rig)
{
    struct call calls[40];
    enum ses_status status[40];

    for (unsigned i = 0; i < 40; i++) {
        struct ses_record record = record_of(i, SES_RECORD_SESSION, "body");
        struct ses_store_version absent = SES_VERSION_ABSENT;

        call_init(&calls[i]);
        status[i] = ses_store_put(rig->store[i % 2], &calls[i].op, &absent, &record, SES_OWNER_NOBODY);
    }
    for (unsigned i = 0; i < 40; i++)
        assert_ok(call_end(rig, &calls[i], status[i]));
    for (unsigned i = 0; i < 40; i++)
        assert_shown(rig, i, SES_RECORD_SESSION, "body", false);
}

static void put_sized(struct rig *rig, uint64_t number, const uint8_t *bytes, size_t len)
{
    struct ses_record record = record_of(number, SES_RECORD_SESSION, NULL);
    struct seen seen;

    record.body = ses_slice(bytes, len);
    assert_ok(rig_put_record(rig, 0, SES_VERSION_ABSENT, &record));
    seen = rig_get(rig, 1, number);
    assert_ok(seen.status);
    assert_true(ses_slice_eq(seen.record.body, record.body));
}

static void test_bodies_from_nothing_to_the_largest(struct rig *rig)
{
    uint8_t *bytes = malloc(SES_STORE_BODY_MAX + 1);
    struct ses_record record = record_of(4, SES_RECORD_SESSION, NULL);

    assert_non_null(bytes);
    for (size_t i = 0; i <= SES_STORE_BODY_MAX; i++)
        bytes[i] = (uint8_t)(i * 7);
    put_sized(rig, 1, NULL, 0);
    put_sized(rig, 2, bytes, 1);
    put_sized(rig, 3, bytes, SES_STORE_BODY_MAX);
    record.body = ses_slice(bytes, SES_STORE_BODY_MAX + 1);
    assert_int_equal(rig_put_record(rig, 0, SES_VERSION_ABSENT, &record), SES_TOO_LARGE);
    assert_shown(rig, 4, 0, NULL, false);
    free(bytes);
}

static void test_the_body_is_copied_inside_the_call(struct rig *rig)
{
    char body[] = "what was given";
    struct ses_record record = record_of(1, SES_RECORD_SESSION, body);
    struct ses_store_version expect = SES_VERSION_ABSENT;
    enum ses_status status;
    struct call call;

    call_init(&call);
    status = ses_store_put(rig->store[0], &call.op, &expect, &record, SES_OWNER_NOBODY);
    memset(body, 'x', sizeof(body) - 1);
    memset(&record, 0, sizeof(record));
    memset(&expect, 0xff, sizeof(expect));
    assert_ok(call_end(rig, &call, status));
    assert_shown(rig, 1, SES_RECORD_SESSION, "what was given", false);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_absent_is_a_version),
        CONTRACT_CASE(test_revisions_count_up),
        CONTRACT_CASE(test_what_was_put_can_be_expected),
        CONTRACT_CASE(test_an_old_version_loses),
        CONTRACT_CASE(test_a_version_of_another_key_loses),
        CONTRACT_CASE(test_everything_comes_back),
        CONTRACT_CASE(test_an_inbox_comes_back_without_an_id),
        CONTRACT_CASE(test_one_of_all_wins),
        CONTRACT_CASE(test_many_keys_at_once),
        CONTRACT_CASE(test_bodies_from_nothing_to_the_largest),
        CONTRACT_CASE(test_the_body_is_copied_inside_the_call),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
