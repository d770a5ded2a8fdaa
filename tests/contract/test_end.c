/* An operation's end: done is called once, what it may do, what is pending, and what close leaves. */
#include "contract.h"

#define CHAIN 6

/* Each end starts the next operation, with the same struct. */
struct chain {
    struct ses_store_op op;
    struct ses_store *store;
    struct ses_arena *arena;
    unsigned puts;
    bool gets;
    bool over;
};

static void chain_end(struct chain *chain, enum ses_status status);

static void on_chain(struct ses_store_op *op, enum ses_status status)
{
    chain_end(SES_CONTAINER(op, struct chain, op), status);
}

static enum ses_status chain_next(struct chain *chain)
{
    struct ses_store_key key = key_of(1);
    struct ses_record record = record_of(1, SES_RECORD_SESSION, "link");
    struct ses_store_version expect = chain->op.version;

    if (chain->gets)
        return ses_store_get(chain->store, &chain->op, &key, chain->arena);
    chain->puts++;
    return ses_store_put(chain->store, &chain->op, &expect, &record, SES_OWNER_NOBODY);
}

static void chain_end(struct chain *chain, enum ses_status status)
{
    do {
        assert_true(status == SES_OK || status == SES_NOT_FOUND);
        if (chain->puts == CHAIN && !chain->gets) {
            chain->over = true;
            return;
        }
        chain->gets = !chain->gets;
        status = chain_next(chain);
    } while (status != SES_PENDING);
}

static void test_done_starts_the_next(struct rig *rig)
{
    struct chain chain = {
        .op = {.done = on_chain}, .store = rig->store[0], .arena = &rig->arena, .gets = true};
    enum ses_status status = chain_next(&chain);

    if (status != SES_PENDING)
        chain_end(&chain, status);
    RIG_UNTIL(rig, chain.over);
    assert_int_equal(rig_get(rig, 1, 1).record.revision, CHAIN);
}

static void test_pending_counts(struct rig *rig)
{
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct call calls[8];
    enum ses_status status[8];
    size_t pending = 0;

    assert_int_equal(ses_store_pending(rig->store[0]), 0);
    for (unsigned i = 0; i < 8; i++) {
        struct ses_record record = record_of(i, SES_RECORD_SESSION, "body");

        call_init(&calls[i]);
        status[i] = ses_store_put(rig->store[0], &calls[i].op, &absent, &record, SES_OWNER_NOBODY);
        pending += status[i] == SES_PENDING ? 1 : 0;
        assert_int_equal(ses_store_pending(rig->store[0]), pending);
        assert_int_equal(ses_store_pending(rig->store[1]), 0);
    }
    for (unsigned i = 0; i < 8; i++)
        assert_ok(call_end(rig, &calls[i], status[i]));
    assert_int_equal(ses_store_pending(rig->store[0]), 0);
}

/* Once, however long one goes on pumping: call_end would see a second one only at the moment it looks. */
static void test_done_comes_once(struct rig *rig)
{
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct call calls[8];
    enum ses_status status[8];

    for (unsigned i = 0; i < 8; i++) {
        struct ses_record record = record_of(i / 2, SES_RECORD_SESSION, "body");

        call_init(&calls[i]);
        status[i] = ses_store_put(rig->store[i % 2], &calls[i].op, &absent, &record, SES_OWNER_NOBODY);
    }
    rig_settle(rig);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(calls[i].ends, status[i] == SES_PENDING ? 1 : 0);
}

/* What close ends has an end that may be believed. */
static void test_close_ends_what_is_pending(struct rig *rig)
{
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct ses_store_key key = key_of(0);
    struct call calls[8];
    enum ses_status status[8];
    struct call get;
    enum ses_status got;

    for (unsigned i = 0; i < 8; i++) {
        struct ses_record record = record_of(i, SES_RECORD_SESSION, "body");

        call_init(&calls[i]);
        status[i] = ses_store_put(rig->store[0], &calls[i].op, &absent, &record, SES_OWNER_NOBODY);
        if (i == 3)
            ses_store_flush(rig->store[0]);
    }
    call_init(&get);
    got = ses_store_get(rig->store[0], &get.op, &key, &rig->arena);
    rig_close(rig, 0);
    assert_int_equal(get.ends, got == SES_PENDING ? 1 : 0);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(calls[i].ends, status[i] == SES_PENDING ? 1 : 0);
        status[i] = status[i] == SES_PENDING ? calls[i].status : status[i];
        assert_true(status[i] == SES_OK || status[i] == SES_UNKNOWN || status[i] == SES_UNAVAILABLE);
        if (status[i] != SES_UNKNOWN)
            assert_int_equal(rig_get(rig, 1, i).status, status[i] == SES_OK ? SES_OK : SES_NOT_FOUND);
    }
    ses_store_close(NULL);
}

struct last_words {
    struct ses_store_op op;
    struct ses_store *store;
    struct ses_store_lease lease;
    unsigned ends;
};

static void on_last(struct ses_store_op *op, enum ses_status status)
{
    struct last_words *last = SES_CONTAINER(op, struct last_words, op);
    struct ses_record record = record_of(2, SES_RECORD_SESSION, "one more");
    struct ses_store_version absent = SES_VERSION_ABSENT;

    (void)status;
    ses_store_release(last->store, &last->lease, SES_LEASE_KEEP_INTENT);
    if (++last->ends == 1)
        (void)!ses_store_put(last->store, op, &absent, &record, SES_OWNER_NOBODY);
}

/* A lease is given back and a put is tried by what close calls: close ends all the same, and the intent of the
 * lease is seen. */
static void test_what_done_does_in_close(struct rig *rig)
{
    struct ses_record record = record_of(3, SES_RECORD_SESSION, "pending");
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct last_words last = {.op = {.done = on_last}, .store = rig->store[0]};
    enum ses_status status;

    last.lease = rig_leased(rig, 1, SES_VERSION_ABSENT);
    status = ses_store_put(rig->store[0], &last.op, &absent, &record, SES_OWNER_NOBODY);
    if (status != SES_PENDING)
        ses_store_release(rig->store[0], &last.lease, SES_LEASE_KEEP_INTENT);
    rig_close(rig, 0);
    assert_false(last.lease.held);
    if (status == SES_PENDING)
        assert_in_range(last.ends, 1, 2);
    else
        assert_int_equal(last.ends, 0);
    assert_int_equal(rig_get(rig, 1, 1).record.kind, SES_RECORD_INTENT);
}

static void test_health_and_names(struct rig *rig)
{
    struct ses_store_health health = ses_store_health(rig->store[0]);

    assert_true(health.writes);
    assert_false(health.table_full || health.full);
    ses_store_maintain(rig->store[0]);
    assert_true(strlen(ses_durability_name(ses_store_durability(rig->store[0]))) > 0);
    ses_store_flush(rig->store[1]); /* with nothing to do */
    ses_store_complete(rig->store[1]);
    ses_store_watch_dispatch(rig->store[1]);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_done_starts_the_next),    CONTRACT_CASE(test_pending_counts),
        CONTRACT_CASE(test_done_comes_once),         CONTRACT_CASE(test_close_ends_what_is_pending),
        CONTRACT_CASE(test_what_done_does_in_close), CONTRACT_CASE(test_health_and_names),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
