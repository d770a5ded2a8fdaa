/* Watching: whose put is told to whom. A false alarm is allowed; a silence that must not be is what is tried. */
#include "contract.h"

struct listener {
    struct ses_store_watch watch;
    struct ses_store *store;
    unsigned told;
    struct listener *silences; /* unwatched when this one is told */
    struct listener *begins;   /* watched then */
};

static void on_news(void *arg)
{
    struct listener *listener = arg;

    listener->told++;
    if (listener->silences != NULL)
        ses_store_unwatch(listener->store, &listener->silences->watch);
    if (listener->begins != NULL) {
        struct ses_store_key key = key_of(1);

        assert_ok(ses_store_watch(listener->store, &key, &listener->begins->watch));
        listener->begins = NULL;
    }
}

static void listener_init(struct listener *listener, struct ses_store *store)
{
    *listener = (struct listener){.watch = {.changed = on_news, .arg = listener}, .store = store};
    ses_list_init(&listener->watch.node);
}

static void listen(struct listener *listener, struct ses_store *store, uint64_t number)
{
    struct ses_store_key key = key_of(number);

    listener_init(listener, store);
    assert_ok(ses_store_watch(store, &key, &listener->watch));
}

static void stop(struct listener *listener)
{
    ses_store_unwatch(listener->store, &listener->watch);
}

static void dispatch(struct rig *rig)
{
    for (unsigned number = 0; number < CONTRACT_STORES; number++)
        ses_store_watch_dispatch(rig->store[number]);
}

#define UNTIL_TOLD(rig, listener, times) RIG_UNTIL(rig, (dispatch(rig), (listener)->told >= (times)))

static void test_every_store_is_told(struct rig *rig)
{
    struct listener own;
    struct listener other;
    struct listener twin;

    listen(&own, rig->store[0], 1); /* the key need not exist */
    listen(&other, rig->store[1], 1);
    listen(&twin, rig->store[1], 1);
    assert_ok(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "one"));
    UNTIL_TOLD(rig, &own, 1);
    UNTIL_TOLD(rig, &other, 1);
    UNTIL_TOLD(rig, &twin, 1);
    own.told = 0;
    other.told = 0;
    assert_ok(rig_put(rig, 1, 1, rig_get(rig, 1, 1).version, "two"));
    UNTIL_TOLD(rig, &own, 1);
    UNTIL_TOLD(rig, &other, 1);
    stop(&own);
    stop(&other);
    stop(&twin);
}

/* The one who is told finds what was put, or is told again: a mark that goes before it is told as well (store/move). */
static void test_news_can_be_read(struct rig *rig)
{
    struct ses_record record = record_of(1, SES_RECORD_SESSION, "news");
    struct ses_store_version absent = SES_VERSION_ABSENT;
    struct listener listener;
    enum ses_status status;
    struct call call;

    listen(&listener, rig->store[1], 1);
    call_init(&call);
    status = ses_store_put(rig->store[0], &call.op, &absent, &record, SES_OWNER_NOBODY);
    do {
        unsigned heard = listener.told;

        UNTIL_TOLD(rig, &listener, heard + 1);
    } while (rig_get(rig, 1, 1).status == SES_NOT_FOUND);
    assert_ok(call_end(rig, &call, status));
    stop(&listener);
}

static void test_a_lease_is_told_by_its_put(struct rig *rig)
{
    struct ses_store_lease lease;
    struct listener listener;

    lease = rig_leased(rig, 1, SES_VERSION_ABSENT);
    listen(&listener, rig->store[1], 1);
    assert_ok(rig_put_leased(rig, 0, &lease, 1, "news"));
    UNTIL_TOLD(rig, &listener, 1);
    stop(&listener);
}

static void test_who_ended_hears_nothing(struct rig *rig)
{
    struct listener ended;
    struct listener listener;

    listen(&ended, rig->store[1], 1);
    listen(&listener, rig->store[1], 1);
    stop(&ended);
    stop(&ended);
    assert_ok(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "one"));
    UNTIL_TOLD(rig, &listener, 1);
    assert_int_equal(ended.told, 0);
    stop(&listener);
}

/* Whichever of two is told first silences the other one; one that silences itself is told once. */
static void test_changed_may_unwatch(struct rig *rig)
{
    struct listener pair[2];

    listen(&pair[0], rig->store[1], 1);
    listen(&pair[1], rig->store[1], 1);
    pair[0].silences = &pair[1];
    pair[1].silences = &pair[0];
    assert_ok(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "one"));
    UNTIL_TOLD(rig, &pair[pair[1].told > 0 ? 1 : 0], 1);
    assert_true((pair[0].told > 0) != (pair[1].told > 0));
    stop(&pair[0]);
    stop(&pair[1]);
    listen(&pair[0], rig->store[1], 1);
    pair[0].silences = &pair[0];
    assert_ok(rig_put(rig, 0, 1, rig_get(rig, 0, 1).version, "two"));
    UNTIL_TOLD(rig, &pair[0], 1);
    assert_ok(rig_put(rig, 0, 1, rig_get(rig, 0, 1).version, "three"));
    for (unsigned i = 0; i < 16; i++)
        dispatch(rig);
    assert_int_equal(pair[0].told, 1);
}

static void test_changed_may_watch(struct rig *rig)
{
    struct listener listener;
    struct listener begun;

    listener_init(&begun, rig->store[1]);
    listen(&listener, rig->store[1], 1);
    listener.begins = &begun;
    assert_ok(rig_put(rig, 0, 1, SES_VERSION_ABSENT, "one"));
    UNTIL_TOLD(rig, &listener, 1);
    assert_ok(rig_put(rig, 0, 1, rig_get(rig, 0, 1).version, "two"));
    UNTIL_TOLD(rig, &begun, 1);
    stop(&listener);
    stop(&begun);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {
        CONTRACT_CASE(test_every_store_is_told),        CONTRACT_CASE(test_news_can_be_read),
        CONTRACT_CASE(test_a_lease_is_told_by_its_put), CONTRACT_CASE(test_who_ended_hears_nothing),
        CONTRACT_CASE(test_changed_may_unwatch),        CONTRACT_CASE(test_changed_may_watch),
    };

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
