/* Reading: what is seen when, and what becomes of the arena and of the operation. */
#include "contract.h"

static void test_an_arena_holds_the_body_alone(struct rig *rig)
{
    uint8_t bytes[600];
    struct ses_record record = record_of(1, SES_RECORD_SESSION, NULL);

    memset(bytes, 'x', sizeof(bytes));
    record.body = ses_slice(bytes, sizeof(bytes));
    assert_ok(rig_put_record(rig, 0, SES_VERSION_ABSENT, &record));
    ses_arena_done(&rig->arena);
    ses_arena_init(&rig->arena, 1024);
    for (unsigned i = 0; i < 4; i++) { /* two of them have no room beside each other */
        struct seen seen = rig_get(rig, i % 2, 1);

        assert_ok(seen.status);
        assert_true(ses_slice_eq(seen.record.body, record.body));
    }
    ses_arena_done(&rig->arena);
    ses_arena_init(&rig->arena, 512);
    assert_int_equal(rig_get(rig, 0, 1).status, SES_NO_MEMORY);
}

/* Until the get is told the arena is the caller's. */
static void test_a_pending_get_leaves_the_arena_alone(struct rig *rig)
{
    struct ses_store_key key = key_of(1);
    enum ses_status status;
    struct call call;
    uint8_t *kept;

    (void)rig_create(rig, 1, "stored");
    kept = ses_arena_alloc(&rig->arena, 100);
    assert_non_null(kept);
    memset(kept, 0x77, 100);
    call_init(&call);
    status = ses_store_get(rig->store[1], &call.op, &key, &rig->arena);
    while (status == SES_PENDING && call.ends == 0) {
        for (size_t i = 0; i < 100; i++)
            assert_int_equal(kept[i], 0x77);
        rig_pump(rig);
    }
    assert_ok(call_end(rig, &call, status));
    assert_true(ses_slice_eq_str(call.op.record.body, "stored"));
}

/* Answers are written where they mean something. */
static void test_a_failed_get_leaves_the_version(struct rig *rig)
{
    struct ses_store_key key = key_of(1);
    struct ses_store_version before = {{1, 2, 3, 4}};
    struct call call;

    (void)rig_create(rig, 1, "what does not find room");
    ses_arena_done(&rig->arena);
    ses_arena_init(&rig->arena, 8);
    call_init(&call);
    call.op.version = before;
    assert_int_equal(call_end(rig, &call, ses_store_get(rig->store[0], &call.op, &key, &rig->arena)),
                     SES_NO_MEMORY);
    assert_true(version_equal(call.op.version, before));
    key = key_of(2);
    call_init(&call);
    call.op.version = before;
    call.op.leased = true;
    assert_int_equal(call_end(rig, &call, ses_store_get(rig->store[0], &call.op, &key, &rig->arena)),
                     SES_NOT_FOUND);
    assert_true(version_equal(call.op.version, SES_VERSION_ABSENT));
    assert_false(call.op.leased);
}

/* While a put is under way its record is seen or the one before; once its OK was told only its own. */
static void test_a_pending_put_is_seen_or_not(struct rig *rig)
{
    struct ses_store_version version = rig_create(rig, 1, "old");
    struct ses_record record = record_of(1, SES_RECORD_SESSION, "new");
    enum ses_status status;
    struct call call;
    bool seen_new = false;

    call_init(&call);
    status = ses_store_put(rig->store[0], &call.op, &version, &record, SES_OWNER_NOBODY);
    ses_store_flush(rig->store[0]);
    while (status == SES_PENDING && call.ends == 0) {
        struct seen seen = rig_get(rig, 1, 1);

        assert_ok(seen.status);
        assert_true(ses_slice_eq_str(seen.record.body, "new") ||
                    (!seen_new && ses_slice_eq_str(seen.record.body, "old")));
        seen_new = ses_slice_eq_str(seen.record.body, "new");
        rig_pump(rig);
    }
    assert_ok(call_end(rig, &call, status));
    assert_shown(rig, 1, SES_RECORD_SESSION, "new", false);
}

/* Each get has its own operation and arena; they may end in any order. */
static void test_many_gets_at_once(struct rig *rig)
{
    struct ses_arena arenas[16];
    struct call calls[16];
    enum ses_status status[16];

    (void)rig_create(rig, 1, "body");
    for (unsigned i = 0; i < 16; i++) {
        struct ses_store_key key = key_of(1 + i % 2);

        ses_arena_init(&arenas[i], 4096);
        call_init(&calls[i]);
        status[i] = ses_store_get(rig->store[i / 8], &calls[i].op, &key, &arenas[i]);
    }
    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(call_end(rig, &calls[i], status[i]), i % 2 == 0 ? SES_OK : SES_NOT_FOUND);
        assert_true(i % 2 != 0 || ses_slice_eq_str(calls[i].op.record.body, "body"));
    }
    for (unsigned i = 0; i < 16; i++)
        ses_arena_done(&arenas[i]);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_an_arena_holds_the_body_alone),
        CONTRACT_CASE(test_a_pending_get_leaves_the_arena_alone),
        CONTRACT_CASE(test_a_failed_get_leaves_the_version),
        CONTRACT_CASE(test_a_pending_put_is_seen_or_not),
        CONTRACT_CASE(test_many_gets_at_once),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
