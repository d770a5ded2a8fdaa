/* A standby that is away, and commits that wait for it: what is told meanwhile, and that in the end each write has had one
 * effect, however often it was sent.
 */
#include "contract.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#include "contract_pg.h"

#define DEADLINE_MS 200

static enum ses_status put(struct rig *rig, unsigned store, struct call *call, uint64_t deadline_ns)
{
    struct ses_record record = record_of(1, SES_RECORD_SESSION, store == 0 ? "first" : "second");
    struct ses_store_version absent = SES_VERSION_ABSENT;
    enum ses_status status;

    call_init(call);
    call->op.deadline_mono_ns = deadline_ns;
    status = ses_store_put(rig->store[store], &call->op, &absent, &record, SES_OWNER_NOBODY);
    ses_store_flush(rig->store[store]);
    return status;
}

static uint64_t soon(void)
{
    return ses_clock_mono_ns() + DEADLINE_MS * SES_NS_PER_MS;
}

/* Readers are there too: their own beat would wait for the standby. */
static void open_all(struct rig *rig)
{
    (void)rig_create(rig, 2, "before");
    assert_shown(rig, 2, SES_RECORD_SESSION, "before", false);
}

/* Until it was sent: both connections may be busy, with a beat and with getting to know a statement. */
static void put_until_unknown(struct rig *rig, unsigned store)
{
    struct call call;
    enum ses_status status;

    do {
        status = put(rig, store, &call, soon());
        status = call_end(rig, &call, status);
    } while (status == SES_UNAVAILABLE);
    assert_int_equal(status, SES_UNKNOWN);
}

/* Both are sent; one of them waits for the other one's commit. Reads go on. */
static void test_commits_that_wait_are_unknown(struct rig *rig)
{
    struct seen seen;

    open_all(rig);
    contract_pg_order("freeze standby\n");
    put_until_unknown(rig, 0);
    put_until_unknown(rig, 1);
    assert_int_equal(rig_get(rig, 0, 1).status, SES_NOT_FOUND);
    assert_int_equal(rig_get(rig, 1, 2).status, SES_OK);
    contract_pg_order("thaw standby\n");
    RIG_UNTIL(rig, (seen = rig_get(rig, 1, 1)).status == SES_OK);
    assert_int_equal(seen.record.revision, 1);
    assert_true(ses_slice_eq_str(seen.record.body, "first") || ses_slice_eq_str(seen.record.body, "second"));
}

/* The connection is lost meanwhile: the write is settled by repeating it, which waits for the one that was lost. */
static void test_what_was_lost_is_settled(struct rig *rig)
{
    struct call call;
    struct seen seen;

    open_all(rig);
    contract_pg_order("freeze standby\n");
    assert_int_equal(put(rig, 0, &call, 0), SES_PENDING);
    for (unsigned i = 0; i < 20; i++) /* it is with the server, probably; settled it is in either case */
        rig_pump(rig);
    contract_pg_order("cut primary\n");
    for (unsigned i = 0; i < 20; i++)
        rig_pump(rig);
    assert_int_equal(call.ends, 0);
    contract_pg_order("thaw standby\n");
    assert_ok(call_end(rig, &call, SES_PENDING));
    RIG_UNTIL(rig, (seen = rig_get(rig, 1, 1)).status == SES_OK);
    assert_int_equal(seen.record.revision, 1);
    assert_true(ses_slice_eq_str(seen.record.body, "first"));
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_commits_that_wait_are_unknown),
        CONTRACT_CASE(test_what_was_lost_is_settled),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
