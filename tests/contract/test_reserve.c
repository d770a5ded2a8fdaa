/* A lease without an intent: it keeps out like any other, and whatever ends it but a put leaves the key as it was. */
#include "contract.h"

static enum ses_status reserve(struct rig *rig, unsigned store, uint64_t number,
                               struct ses_store_version expect, struct ses_store_lease *ret_lease)
{
    struct ses_store_key key = key_of(number);
    struct call call;

    call_init(&call);
    return call_end(rig, &call,
                    ses_store_reserve(rig->store[store], &call.op, &expect, &key, SES_OWNER_NOBODY,
                                      CONTRACT_LONG, ret_lease));
}

static struct ses_store_lease reserved(struct rig *rig, uint64_t number, struct ses_store_version expect)
{
    struct ses_store_lease lease = {.held = false};

    assert_ok(reserve(rig, 0, number, expect, &lease));
    assert_true(lease.held);
    return lease;
}

/* What was given back at once or soon. */
static void release(struct rig *rig, struct ses_store_lease *lease, enum ses_lease_end end)
{
    ses_store_release(rig->store[0], lease, end);
    assert_false(lease->held);
    rig_settle(rig);
}

static void assert_kept_out(struct rig *rig, uint64_t number, struct ses_store_version beneath)
{
    for (unsigned store = 0; store < CONTRACT_STORES; store++) {
        struct ses_store_lease other = {.held = true};

        assert_int_equal(rig_put(rig, store, number, beneath, "not now"), SES_BUSY);
        assert_int_equal(rig_lease(rig, store, number, beneath, "nor this", &other), SES_BUSY);
        assert_false(other.held);
        assert_int_equal(reserve(rig, store, number, beneath, &other), SES_BUSY);
        assert_false(other.held);
    }
}

static void test_it_keeps_a_new_key(struct rig *rig)
{
    struct ses_store_lease lease = reserved(rig, 1, SES_VERSION_ABSENT);
    struct ses_store_key key = key_of(1);

    assert_memory_equal(&lease.key, &key, sizeof(key));
    assert_shown(rig, 1, 0, NULL, true);
    assert_kept_out(rig, 1, SES_VERSION_ABSENT);
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "done"));
    assert_false(lease.held);
    assert_shown(rig, 1, SES_RECORD_SESSION, "done", false);
    assert_int_equal(rig_get(rig, 1, 1).record.revision, 1); /* nothing was written before it */
}

static void test_it_keeps_a_known_key(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");
    struct ses_store_lease lease = reserved(rig, 1, before);

    assert_shown(rig, 1, SES_RECORD_SESSION, "before", true);
    assert_true(version_equal(rig_get(rig, 1, 1).version, before));
    assert_kept_out(rig, 1, before);
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "after"));
    assert_shown(rig, 1, SES_RECORD_SESSION, "after", false);
    assert_int_equal(rig_put(rig, 1, 1, before, "late"), SES_CONFLICT);
}

static void test_it_expects_a_version(struct rig *rig)
{
    struct ses_store_version first = rig_create(rig, 1, "one");
    struct ses_store_lease lease = {.held = true};

    assert_ok(rig_put(rig, 1, 1, first, "two"));
    for (unsigned store = 0; store < CONTRACT_STORES; store++) {
        assert_int_equal(reserve(rig, store, 1, first, &lease), SES_CONFLICT);
        assert_false(lease.held);
        assert_int_equal(reserve(rig, store, 1, SES_VERSION_ABSENT, &lease), SES_CONFLICT);
        assert_false(lease.held);
    }
    assert_shown(rig, 1, SES_RECORD_SESSION, "two", false);
}

static void test_one_of_many_gets_it(struct rig *rig)
{
    struct ses_record record = record_of(1, SES_RECORD_INTENT, "intent");
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct ses_store_key key = key_of(1);
    struct ses_store_lease lease[4];
    enum ses_status status[4];
    struct call calls[4];

    for (unsigned i = 0; i < 4; i++) {
        call_init(&calls[i]);
        if (i < 2)
            status[i] = ses_store_reserve(rig->store[i % 2], &calls[i].op, &absent, &key, SES_OWNER_NOBODY,
                                          CONTRACT_LONG, &lease[i]);
        else
            status[i] = ses_store_lease(rig->store[i % 2], &calls[i].op, &absent, &record, SES_OWNER_NOBODY,
                                        CONTRACT_LONG, &lease[i]);
    }
    assert_one_holds(rig, 4, calls, status, lease);
}

/* There is nothing to keep. */
static void test_after_either_end_the_key_is_as_before(struct rig *rig)
{
    static const enum ses_lease_end ends[] = {SES_LEASE_FORGET_INTENT, SES_LEASE_KEEP_INTENT};
    struct ses_store_version before = rig_create(rig, 1, "before");
    struct ses_store_lease lease;

    for (size_t i = 0; i < 2; i++) {
        lease = reserved(rig, 1, before);
        release(rig, &lease, ends[i]);
        assert_shown(rig, 1, SES_RECORD_SESSION, "before", false);
        lease = reserved(rig, 2, SES_VERSION_ABSENT);
        release(rig, &lease, ends[i]);
        assert_shown(rig, 2, 0, NULL, false);
    }
    assert_ok(rig_put(rig, 1, 1, before, "next")); /* the version too */
    assert_ok(rig_put(rig, 1, 2, SES_VERSION_ABSENT, "first"));
}

static void test_a_refused_put_leaves_the_key_as_before(struct rig *rig)
{
    uint8_t *bytes = calloc(1, SES_STORE_BODY_MAX + 1);
    struct ses_store_lease lease = reserved(rig, 1, SES_VERSION_ABSENT);
    struct ses_record record = record_of(1, SES_RECORD_SESSION, NULL);
    struct call call;

    assert_non_null(bytes);
    call_init(&call);
    record.body = ses_slice(bytes, SES_STORE_BODY_MAX + 1);
    assert_int_equal(
        call_end(rig, &call,
                 ses_store_put_leased(rig->store[0], &call.op, &lease, &record, SES_OWNER_NOBODY)),
        SES_TOO_LARGE);
    assert_false(lease.held);
    rig_settle(rig);
    assert_shown(rig, 1, 0, NULL, false);
    assert_ok(rig_put(rig, 1, 1, SES_VERSION_ABSENT, "first"));
    free(bytes);
}

/* Of a call that left one, an unknown outcome stays one until somebody knows better. */
static void test_one_over_a_leftover_intent(struct rig *rig)
{
    struct ses_store_lease lease = rig_leased(rig, 1, SES_VERSION_ABSENT);
    struct ses_store_version leftover;

    release(rig, &lease, SES_LEASE_KEEP_INTENT);
    leftover = rig_get(rig, 1, 1).version;
    lease = reserved(rig, 1, leftover);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", true);
    assert_kept_out(rig, 1, leftover);
    release(rig, &lease, SES_LEASE_FORGET_INTENT);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
    lease = reserved(rig, 1, leftover);
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "known"));
    assert_shown(rig, 1, SES_RECORD_SESSION, "known", false);
}

/* The holder's store is closed and opened again, as after its process died. */
static void test_it_ends_with_its_process(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");

    (void)reserved(rig, 1, before);
    (void)reserved(rig, 2, SES_VERSION_ABSENT);
    rig_close(rig, 0);
    if ((rig->driver->traits & CONTRACT_LEASE_TIMED) != 0)
        rig_pass_ms(rig, CONTRACT_LONG);
    rig_open(rig, 0);
    assert_shown(rig, 1, SES_RECORD_SESSION, "before", false);
    assert_shown(rig, 2, 0, NULL, false);
    assert_ok(rig_put(rig, 1, 1, before, "next"));
    assert_ok(rig_put(rig, 0, 2, SES_VERSION_ABSENT, "first"));
}

static void test_it_ends_with_its_time(struct rig *rig)
{
    struct ses_store_lease lease = reserved(rig, 1, SES_VERSION_ABSENT);

    rig_pass_ms(rig, CONTRACT_LONG / 2);
    assert_kept_out(rig, 1, SES_VERSION_ABSENT);
    rig_pass_ms(rig, CONTRACT_LONG / 2);
    assert_shown(rig, 1, 0, NULL, false);
    assert_ok(rig_put(rig, 1, 1, SES_VERSION_ABSENT, "taken"));
    assert_int_equal(rig_put_leased(rig, 0, &lease, 1, "late"), SES_CONFLICT);
    assert_shown(rig, 1, SES_RECORD_SESSION, "taken", false);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_it_keeps_a_new_key),
        CONTRACT_CASE(test_it_keeps_a_known_key),
        CONTRACT_CASE(test_it_expects_a_version),
        CONTRACT_CASE(test_one_of_many_gets_it),
        CONTRACT_CASE(test_after_either_end_the_key_is_as_before),
        CONTRACT_CASE(test_a_refused_put_leaves_the_key_as_before),
        CONTRACT_CASE(test_one_over_a_leftover_intent),
        CONTRACT_CASE(test_it_ends_with_its_process),
        CONTRACT_CASE_WITH(test_it_ends_with_its_time, CONTRACT_LEASE_TIMED),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
