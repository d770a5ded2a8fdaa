/* How a lease ends without its holder: by its time where it has one, by the end of its process elsewhere. */
#include "contract.h"

/* The holder's store is closed and opened again, as after its process died. */
static void test_it_ends_with_its_process(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");

    (void)rig_leased(rig, 1, before);
    (void)rig_leased(rig, 2, SES_VERSION_ABSENT);
    rig_close(rig, 0);
    if ((rig->driver->traits & CONTRACT_LEASE_TIMED) != 0)
        rig_pass_ms(rig, CONTRACT_LONG);
    rig_open(rig, 0);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
    assert_shown(rig, 2, SES_RECORD_INTENT, "intent", false);
    assert_ok(rig_put(rig, 1, 1, rig_get(rig, 1, 1).version, "settled"));
}

static void test_it_ends_with_its_time(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");
    struct ses_store_lease lease = rig_leased(rig, 1, before);
    struct ses_store_version intent;

    rig_pass_ms(rig, CONTRACT_LONG / 2);
    assert_shown(rig, 1, SES_RECORD_SESSION, "before", true);
    assert_int_equal(rig_put(rig, 1, 1, before, "not now"), SES_BUSY);
    rig_pass_ms(rig, CONTRACT_LONG / 2);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", false);
    assert_int_equal(rig_put(rig, 1, 1, before, "blind"), SES_CONFLICT);
    intent = rig_get(rig, 1, 1).version;
    assert_ok(rig_put(rig, 1, 1, intent, "taken"));
    assert_true(lease.held); /* it does not know */
    assert_int_equal(rig_put_leased(rig, 0, &lease, 1, "late"), SES_CONFLICT);
    assert_false(lease.held);
    assert_shown(rig, 1, SES_RECORD_SESSION, "taken", false);
}

static void test_a_late_holder_may_still_win(struct rig *rig)
{
    struct ses_store_version before = rig_create(rig, 1, "before");
    struct ses_store_lease lease = rig_leased(rig, 1, before);
    struct ses_store_version intent;

    rig_pass_ms(rig, CONTRACT_LONG);
    intent = rig_get(rig, 1, 1).version;
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "late"));
    assert_false(lease.held);
    assert_int_equal(rig_put(rig, 1, 1, intent, "later"), SES_CONFLICT);
    assert_shown(rig, 1, SES_RECORD_SESSION, "late", false);
}

/* Whoever leases what the time left over keeps the former holder out, whatever that one does. */
static void test_the_next_lease_is_another_one(struct rig *rig)
{
    struct ses_store_lease lease = rig_leased(rig, 1, SES_VERSION_ABSENT);
    struct ses_store_lease copy = lease;
    struct ses_store_lease next;
    struct ses_store_version intent;

    rig_pass_ms(rig, CONTRACT_LONG);
    intent = rig_get(rig, 1, 1).version;
    assert_ok(rig_lease(rig, 1, 1, intent, "second", &next));
    assert_int_equal(rig_put_leased(rig, 0, &lease, 1, "late"), SES_CONFLICT);
    assert_false(lease.held);
    ses_store_release(rig->store[0], &copy, SES_LEASE_FORGET_INTENT);
    rig_settle(rig);
    assert_shown(rig, 1, SES_RECORD_INTENT, "intent", true);
    assert_ok(rig_put_leased(rig, 1, &next, 1, "settled"));
    assert_shown(rig, 1, SES_RECORD_SESSION, "settled", false);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_it_ends_with_its_process),
        CONTRACT_CASE_WITH(test_it_ends_with_its_time, CONTRACT_LEASE_TIMED),
        CONTRACT_CASE_WITH(test_a_late_holder_may_still_win, CONTRACT_LEASE_TIMED),
        CONTRACT_CASE_WITH(test_the_next_lease_is_another_one, CONTRACT_LEASE_TIMED),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
