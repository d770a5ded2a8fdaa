/* Whose an entry is: its place in the table and its records' bytes pass to the owner that a put names, when
 * the record is published and not before, and the counts are right after every kind of end. */
#include "driver_fixture.h"
#include "settle_fixture.h"

#define TABLE_SIZE 1000u
#define MERCHANT   7
#define EARLY      (SES_OWNER_EARLY | MERCHANT)

static int setup(void **state)
{
    struct rig *rig;

    if (rig_setup(state) != 0)
        return -1;
    rig = *state;
    rig_new_table(rig, TABLE_SIZE);
    rig->options.owner_share_percent = 50;
    rig->options.early_percent = 10;
    rig->options.durability = SES_DURABILITY_PROCESS; /* puts by the hundred, one by one */
    return 0;
}

/* Places of the merchant, of its early ones, of all early ones. */
static void assert_held(const struct rig *rig, int32_t merchant, int32_t early)
{
    assert_int_equal(atomic_load(&rig->table->owners->held[MERCHANT]), merchant);
    assert_int_equal(atomic_load(&rig->table->owners->held[EARLY]), early);
    assert_int_equal(atomic_load(&rig->table->owners->held[SES_OWNER_EARLY]), early);
}

static uint64_t bytes_of(const struct ses_lmdb *store, ses_store_owner owner)
{
    return atomic_load(&store->owner_bytes->of[owner]);
}

static void keep_event(struct rig *rig, struct ses_lmdb *store, uint64_t number)
{
    assert_ok(put_over(rig, store, number, SES_RECORD_INBOX, "an event", EARLY));
}

static void test_a_session_takes_the_place_of_its_inbox(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t sessions;
    uint64_t early;

    keep_event(rig, store, 1);
    keep_event(rig, store, 2);
    assert_held(rig, 0, 2);
    early = bytes_of(store, EARLY);
    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "session", MERCHANT));
    assert_held(rig, 1, 1);
    assert_true(bytes_of(store, MERCHANT) > 0);
    assert_int_equal(bytes_of(store, EARLY), early); /* on disk until it is collected */
    /* nobody: as it is */
    assert_ok(put_over(rig, store, 1, SES_RECORD_SESSION, "next", SES_OWNER_NOBODY));
    assert_ok(put_over(rig, store, 2, SES_RECORD_INBOX, "two events", SES_OWNER_NOBODY));
    assert_held(rig, 1, 1);
    ses_store_close(&store->base);
    assert_ok(rig_load(rig, &sessions));
    assert_held(rig, 1, 1);
}

/* Every place that the merchant may have is taken: the session of an inbox is one more. */
static void test_a_new_owner_needs_a_place(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_lease lease;
    enum ses_status status;
    int32_t made = 0;

    keep_event(rig, store, 1);
    do
        status = put_over(rig, store, 100 + (uint64_t)made, SES_RECORD_SESSION, "session", MERCHANT);
    while (status == SES_OK && made++ < (int32_t)TABLE_SIZE);
    assert_int_equal(status, SES_OVER_SHARE);
    assert_held(rig, made, 1);
    assert_int_equal(put_over(rig, store, 1, SES_RECORD_SESSION, "session", MERCHANT), SES_OVER_SHARE);
    assert_int_equal(lease_over(rig, store, 1, MERCHANT, &lease), SES_OVER_SHARE);
    assert_held(rig, made, 1);
    assert_seen(rig, store, 1, SES_RECORD_INBOX, "an event", 1, false);
    ses_store_close(&store->base);
}

/* ..and room for its record: what a change may have beyond its share is not for what comes from elsewhere, but
 * for a payment that began in time. */
static void test_a_new_owner_needs_room(void **state)
{
    struct rig *rig = *state;
    struct ses_record session = record_at(1, SES_RECORD_SESSION, "session");
    struct ses_record outcome = record_at(2, SES_RECORD_SESSION, "outcome");
    struct ses_lmdb *store;
    struct ses_store_lease early;
    struct ses_store_lease began;
    enum ses_status status;
    uint64_t made = 0;

    rig->options.quota_bytes = 100000;
    rig->options.early_percent = 0;
    store = rig_open(rig, 0);
    keep_event(rig, store, 1);
    assert_ok(lease_over(rig, store, 2, MERCHANT, &began));
    do
        status = put_over(rig, store, 100 + made, SES_RECORD_SESSION, "session", MERCHANT);
    while (status == SES_OK && made++ < TABLE_SIZE);
    assert_int_equal(status, SES_OVER_SHARE);
    assert_ok(put_leased(rig, store, &began, &outcome, MERCHANT));
    assert_ok(put_over(rig, store, 100, SES_RECORD_SESSION, "goes on", MERCHANT));
    assert_int_equal(put_over(rig, store, 1, SES_RECORD_SESSION, "session", MERCHANT), SES_OVER_SHARE);
    assert_ok(lease_over(rig, store, 1, SES_OWNER_NOBODY, &early));
    assert_int_equal(put_leased(rig, store, &early, &session, MERCHANT), SES_OVER_SHARE);
    assert_seen(rig, store, 1, SES_RECORD_INTENT, "calling", 2, false);
    assert_held(rig, (int32_t)made + 1, 1);
    ses_store_close(&store->base);
}

static void test_a_lease_moves_with_its_end(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_record session = record_at(1, SES_RECORD_SESSION, "session");
    struct ses_store_lease lease;
    uint64_t sessions;

    keep_event(rig, store, 1);
    keep_event(rig, store, 2);
    assert_ok(lease_over(rig, store, 1, MERCHANT, &lease));
    assert_held(rig, 0, 2);
    ses_store_release(&store->base, &lease, SES_LEASE_FORGET_INTENT);
    assert_held(rig, 0, 2);
    assert_ok(lease_over(rig, store, 1, MERCHANT, &lease));
    assert_ok(put_leased(rig, store, &lease, &session, SES_OWNER_NOBODY));
    assert_held(rig, 1, 1);
    assert_ok(lease_over(rig, store, 2, MERCHANT, &lease));
    ses_store_release(&store->base, &lease, SES_LEASE_KEEP_INTENT);
    assert_held(rig, 2, 0);
    ses_store_close(&store->base);
    assert_ok(rig_load(rig, &sessions));
    assert_held(rig, 2, 0);
}

/* ---- deaths ---- */

/* A claim on key 1, which is an inbox, for the merchant. */
static struct ses_claim claim_for_merchant(struct rig *rig, struct ses_lmdb *store)
{
    struct ses_store_key key = key_of(1);
    struct ses_record record;
    struct ses_lmdb_ref ref;
    struct ses_claim claim;
    bool claimed;

    keep_event(rig, store, 1);
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_ok(ses_claim_ref(store, &key, &ref, record.revision, &claim));
    assert_ok(ses_claim_for_owner(store, &claim, MERCHANT));
    return claim;
}

static void die_before_the_commit(void *arg)
{
    struct rig *rig = arg;

    (void)claim_for_merchant(rig, rig_open(rig, 0));
    die();
}

static void die_behind_the_commit(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_claim claim = claim_for_merchant(rig, store);

    commit_unpublished(store, &claim, "session", SES_RECORD_SESSION);
    die();
}

static void die_before_the_publication(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_claim claim = claim_for_merchant(rig, store);

    commit_unpublished(store, &claim, "session", SES_RECORD_SESSION);
    ses_table_hand_over(rig->table, claim.driver[CLAIM_SLOT], MERCHANT);
    die();
}

static void die_with_an_intent(void *arg)
{
    struct rig *rig = arg;
    struct ses_lmdb *store = rig_open(rig, 0);
    struct ses_store_lease lease;

    keep_event(rig, store, 1);
    assert_ok(lease_over(rig, store, 1, MERCHANT, &lease));
    die();
}

static void check_death(struct rig *rig, void (*death)(void *arg), enum ses_record_kind kind,
                        const char *body, int32_t merchant)
{
    uint32_t revision = merchant == 1 ? 2 : 1;
    struct ses_lmdb *store;
    uint64_t sessions;

    in_child(death, rig);
    store = rig_open(rig, 0);
    assert_seen(rig, store, 1, kind, body, revision, false);
    assert_held(rig, merchant, 1 - merchant);
    ses_store_close(&store->base);
    assert_ok(rig_load(rig, &sessions));
    assert_held(rig, merchant, 1 - merchant);
}

static void test_death_before_the_commit(void **state)
{
    check_death(*state, die_before_the_commit, SES_RECORD_INBOX, "an event", 0);
}

static void test_death_behind_the_commit(void **state)
{
    check_death(*state, die_behind_the_commit, SES_RECORD_SESSION, "session", 1);
}

static void test_death_before_the_publication(void **state)
{
    check_death(*state, die_before_the_publication, SES_RECORD_SESSION, "session", 1);
}

static void test_death_with_an_intent(void **state)
{
    check_death(*state, die_with_an_intent, SES_RECORD_INTENT, "calling", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_death_before_the_commit, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_death_behind_the_commit, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_death_before_the_publication, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_death_with_an_intent, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_session_takes_the_place_of_its_inbox, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_new_owner_needs_a_place, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_new_owner_needs_room, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_a_lease_moves_with_its_end, setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
