/* A lease: whom it keeps out, what is seen meanwhile, and each of its ends. */
#include "contract.h"

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
    }
}

static void test_it_hides_the_intent_of_a_new_key(struct rig *rig)
{
    struct ses_store_lease lease = rig_leased(rig, 1, SES_VERSION_ABSENT);
    struct ses_store_key key = key_of(1);

    assert_memory_equal(&lease.key, &key, sizeof(key));
    assert_shown(rig, 1, 0, NULL, true);
    assert_kept_out(rig, 1, SES_VERSION_ABSENT);
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "done"));
    assert_false(lease.held);
    assert_shown(rig, 1, SES_RECORD_SESSION, "done", false);
}

static void test_it_shows_the_record_beneath(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");
    struct ses_store_lease lease = rig_leased(rig, 1, before);
    uint32_t revision = rig_get(rig, 0, 1).record.revision;

    assert_shown(rig, 1, SES_RECORD_SESSION, "before", true);
    assert_true(version_equal(rig_get(rig, 1, 1).version, before));
    assert_kept_out(rig, 1, before);
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "after"));
    assert_shown(rig, 1, SES_RECORD_SESSION, "after", false);
    assert_true(rig_get(rig, 0, 1).record.revision > revision);
    assert_int_equal(rig_put(rig, 1, 1, before, "late"), SES_CONFLICT);
    assert_ok(rig_put(rig, 1, 1, rig_get(rig, 1, 1).version, "next"));
}

static void test_it_expects_a_version(struct rig *rig)
{
    struct ses_store_version first = rig_create(rig, 1, "one");
    struct ses_store_lease lease = {.held = true};

    assert_ok(rig_put(rig, 1, 1, first, "two"));
    for (unsigned store = 0; store < CONTRACT_STORES; store++) {
        assert_int_equal(rig_lease(rig, store, 1, first, "intent", &lease), SES_CONFLICT);
        assert_false(lease.held);
        assert_int_equal(rig_lease(rig, store, 1, SES_VERSION_ABSENT, "intent", &lease), SES_CONFLICT);
        assert_false(lease.held);
    }
    assert_shown(rig, 1, SES_RECORD_SESSION, "two", false);
}

static void test_one_of_two_gets_it(struct rig *rig)
{
    struct ses_record record = record_of(1, SES_RECORD_INTENT, "intent");
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct ses_store_lease lease[4];
    enum ses_status status[4];
    struct call calls[4];

    for (unsigned i = 0; i < 4; i++) {
        call_init(&calls[i]);
        status[i] = ses_store_lease(rig->store[i % 2], &calls[i].op, &absent, &record, SES_OWNER_NOBODY,
                                    CONTRACT_LONG, &lease[i]);
    }
    assert_one_holds(rig, 4, calls, status, lease);
}

static void test_forgotten_the_key_is_as_before(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");
    struct ses_store_lease lease = rig_leased(rig, 1, before);

    release(rig, &lease, SES_LEASE_FORGET_INTENT);
    assert_shown(rig, 1, SES_RECORD_SESSION, "before", false);
    assert_ok(rig_put(rig, 1, 1, before, "next")); /* the version too */
    lease = rig_leased(rig, 2, SES_VERSION_ABSENT);
    release(rig, &lease, SES_LEASE_FORGET_INTENT);
    assert_shown(rig, 2, 0, NULL, false);
    assert_ok(rig_put(rig, 1, 2, SES_VERSION_ABSENT, "first"));
}

static void test_kept_the_intent_is_seen(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");
    struct ses_store_lease lease = rig_leased(rig, 1, before);
    struct seen seen;

    release(rig, &lease, SES_LEASE_KEEP_INTENT);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
    seen = rig_get(rig, 1, 1);
    assert_true(seen.record.revision > 1);
    assert_int_equal(rig_put(rig, 1, 1, before, "blind"), SES_CONFLICT);
    assert_int_equal(rig_lease(rig, 1, 1, before, "blind", &lease), SES_CONFLICT);
    assert_ok(rig_put(rig, 1, 1, seen.version, "settled"));
    assert_shown(rig, 1, SES_RECORD_SESSION, "settled", false);
}

static void test_kept_of_a_new_key_too(struct rig *rig)
{
    struct ses_store_lease lease = rig_leased(rig, 1, SES_VERSION_ABSENT);

    release(rig, &lease, SES_LEASE_KEEP_INTENT);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
    assert_int_equal(rig_put(rig, 1, 1, SES_VERSION_ABSENT, "blind"), SES_CONFLICT);
}

/* An unknown outcome stays one until somebody knows better: to forget the second intent is not to forget the
 * first. */
static void test_one_over_a_leftover_intent(struct rig *rig)
{
    struct ses_store_lease lease = rig_leased(rig, 1, SES_VERSION_ABSENT);
    struct ses_store_version leftover;

    release(rig, &lease, SES_LEASE_KEEP_INTENT);
    leftover = rig_get(rig, 1, 1).version;
    assert_ok(rig_lease(rig, 0, 1, leftover, "second", &lease));
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", true);
    assert_kept_out(rig, 1, leftover);
    release(rig, &lease, SES_LEASE_FORGET_INTENT);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
    assert_ok(rig_lease(rig, 0, 1, leftover, "second", &lease));
    release(rig, &lease, SES_LEASE_KEEP_INTENT);
    assert_shown(rig, 1, SES_RECORD_INTENT, "second", false);
    leftover = rig_get(rig, 0, 1).version;
    assert_ok(rig_lease(rig, 0, 1, leftover, "third", &lease));
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "known"));
    assert_shown(rig, 1, SES_RECORD_SESSION, "known", false);
}

static void test_what_is_not_held_is_left_alone(struct rig *rig)
{
    struct ses_store_lease lease = {.held = false};
    struct ses_store_version before = rig_create(rig, 1, "before");

    release(rig, &lease, SES_LEASE_KEEP_INTENT);
    lease = rig_leased(rig, 1, before);
    release(rig, &lease, SES_LEASE_FORGET_INTENT);
    release(rig, &lease, SES_LEASE_KEEP_INTENT); /* the first end counts */
    assert_shown(rig, 1, SES_RECORD_SESSION, "before", false);
    lease = rig_leased(rig, 1, before);
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "after"));
    release(rig, &lease, SES_LEASE_FORGET_INTENT);
    assert_shown(rig, 1, SES_RECORD_SESSION, "after", false);
}

/* A lease that was given back says nothing of the next one of the same key. */
static void test_leases_do_not_end_each_other(struct rig *rig)
{
    struct ses_store_lease first = rig_leased(rig, 1, SES_VERSION_ABSENT);
    struct ses_store_lease copy = first;
    struct ses_store_lease second;

    release(rig, &first, SES_LEASE_FORGET_INTENT);
    second = rig_leased(rig, 1, SES_VERSION_ABSENT);
    assert_false(memcmp(copy.driver, second.driver, sizeof(copy.driver)) == 0);
    assert_kept_out(rig, 1, SES_VERSION_ABSENT);
    release(rig, &second, SES_LEASE_FORGET_INTENT);
}

static enum ses_status put_leased_sized(struct rig *rig, struct ses_store_lease *lease, struct ses_slice body)
{
    struct ses_record record = record_of(1, SES_RECORD_SESSION, NULL);
    struct call call;

    call_init(&call);
    record.body = body;
    return call_end(rig, &call,
                    ses_store_put_leased(rig->store[0], &call.op, lease, &record, SES_OWNER_NOBODY));
}

/* A refusal ends the lease, and the intent stands. */
static void test_what_is_too_large(struct rig *rig)
{
    uint8_t *bytes = calloc(1, SES_STORE_BODY_MAX + 1);
    struct ses_slice large = ses_slice(bytes, SES_STORE_BODY_MAX + 1);
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct ses_record record = record_of(1, SES_RECORD_INTENT, NULL);
    struct ses_store_lease lease = {.held = true};
    struct call call;

    assert_non_null(bytes);
    call_init(&call);
    record.body = large;
    assert_int_equal(call_end(rig, &call,
                              ses_store_lease(rig->store[0], &call.op, &absent, &record, SES_OWNER_NOBODY,
                                              CONTRACT_LONG, &lease)),
                     SES_TOO_LARGE);
    assert_false(lease.held);
    assert_shown(rig, 1, 0, NULL, false);
    lease = rig_leased(rig, 1, SES_VERSION_ABSENT);
    assert_int_equal(put_leased_sized(rig, &lease, large), SES_TOO_LARGE);
    assert_false(lease.held);
    rig_settle(rig);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
    free(bytes);
}

static enum ses_status put_inbox(struct rig *rig, unsigned store, struct ses_store_version expect,
                                 const char *body)
{
    struct ses_record record = record_of(1, SES_RECORD_INBOX, body);

    return rig_put_record(rig, store, expect, &record);
}

static void test_an_inbox_waits(struct rig *rig)
{
    struct ses_store_lease lease = rig_leased(rig, 1, SES_VERSION_ABSENT);

    assert_int_equal(put_inbox(rig, 0, SES_VERSION_ABSENT, "events"), SES_BUSY);
    assert_int_equal(put_inbox(rig, 1, SES_VERSION_ABSENT, "events"), SES_BUSY);
    assert_shown(rig, 1, 0, NULL, true);
    release(rig, &lease, SES_LEASE_FORGET_INTENT);
    assert_ok(put_inbox(rig, 1, SES_VERSION_ABSENT, "events"));
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_it_hides_the_intent_of_a_new_key),
        CONTRACT_CASE(test_it_shows_the_record_beneath),
        CONTRACT_CASE(test_it_expects_a_version),
        CONTRACT_CASE(test_one_of_two_gets_it),
        CONTRACT_CASE(test_forgotten_the_key_is_as_before),
        CONTRACT_CASE(test_kept_the_intent_is_seen),
        CONTRACT_CASE(test_kept_of_a_new_key_too),
        CONTRACT_CASE(test_one_over_a_leftover_intent),
        CONTRACT_CASE(test_what_is_not_held_is_left_alone),
        CONTRACT_CASE(test_leases_do_not_end_each_other),
        CONTRACT_CASE(test_what_is_too_large),
        CONTRACT_CASE(test_an_inbox_waits),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
