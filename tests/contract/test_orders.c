/* Random interleavings: clients of two stores read, put, lease and give back four keys, each as it likes, and
 * history.h judges what they were told.
 */
#include "history.h"

#include <sessiond/base/clock.h>
#include <sessiond/base/units.h>

#define CLIENTS     6
#define TURNS       200
#define LEASE_MS    UINT64_C(1000)
#define ROUNDS      10
#define ROUNDS_LMDB 60 /* which has no seeds */

enum client_state {
    CLIENT_IDLE,
    CLIENT_READS,
    CLIENT_THINKS, /* between what it read and what it writes others get their turn */
    CLIENT_PUTS,
    CLIENT_LEASES,
    CLIENT_HOLDS,
    CLIENT_ENDS
};

struct round;

struct client {
    struct ses_store_op op;
    struct round *round;
    unsigned store;
    struct ses_arena arena;
    enum client_state state;
    unsigned key;
    unsigned floor; /* when its get began */
    unsigned seen;  /* what it shows; what is written expects it */
    struct ses_store_version expect;
    unsigned write; /* under way */
    struct ses_store_lease lease;
};

struct round {
    struct rig *rig;
    uint64_t random;
    uint64_t first_key;
    struct history history;
    struct client clients[CLIENTS];
    unsigned acknowledged;
};

static unsigned chance(struct round *round, unsigned below)
{
    round->random = round->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(round->random >> 33) % below;
}

static struct ses_store *store_of(const struct client *client)
{
    return client->round->rig->store[client->store];
}

static void on_end(struct client *client, enum ses_status status);

static void set_deadline(struct client *client)
{
    unsigned ms = client->round->rig->driver->deadline_ms;

    client->op.deadline_mono_ns = ms == 0 ? 0 : ses_clock_mono_ns() + ms * SES_NS_PER_MS;
}

static void started(struct client *client, enum ses_status status)
{
    if (status != SES_PENDING)
        on_end(client, status);
}

static void on_done(struct ses_store_op *op, enum ses_status status)
{
    on_end(SES_CONTAINER(op, struct client, op), status);
}

/* ---- what a client does */

static void read_key(struct client *client, unsigned key)
{
    struct ses_store_key stored = key_of(client->round->first_key + key);

    client->state = CLIENT_READS;
    client->key = key;
    client->floor = client->round->history.floor[key];
    set_deadline(client);
    started(client, ses_store_get(store_of(client), &client->op, &stored, &client->arena));
}

static struct ses_record next_record(struct client *client, enum ses_record_kind kind,
                                     struct history_body *body)
{
    struct round *round = client->round;
    struct ses_record record = record_of(round->first_key + client->key, kind, NULL);

    client->write = history_begin(&round->history, client->key, client->seen, kind == SES_RECORD_INTENT);
    *body = (struct history_body){client->write, client->seen};
    record.body = ses_slice(body, sizeof(*body));
    return record;
}

static void put(struct client *client)
{
    bool inbox = chance(client->round, 4) == 0;
    struct history_body body;
    struct ses_record record = next_record(client, inbox ? SES_RECORD_INBOX : SES_RECORD_SESSION, &body);

    set_deadline(client);
    client->state = CLIENT_PUTS;
    started(client, ses_store_put(store_of(client), &client->op, &client->expect, &record, SES_OWNER_NOBODY));
}

static void lease(struct client *client)
{
    struct history_body body;
    struct ses_record record = next_record(client, SES_RECORD_INTENT, &body);

    set_deadline(client);
    client->state = CLIENT_LEASES;
    started(client, ses_store_lease(store_of(client), &client->op, &client->expect, &record, SES_OWNER_NOBODY,
                                    LEASE_MS, &client->lease));
}

static void put_leased(struct client *client)
{
    struct history_body body;
    struct ses_record record = next_record(client, SES_RECORD_SESSION, &body);

    set_deadline(client);
    client->state = CLIENT_ENDS;
    started(client,
            ses_store_put_leased(store_of(client), &client->op, &client->lease, &record, SES_OWNER_NOBODY));
}

static void give_back(struct client *client)
{
    bool keep = chance(client->round, 2) == 0;

    ses_store_release(store_of(client), &client->lease,
                      keep ? SES_LEASE_KEEP_INTENT : SES_LEASE_FORGET_INTENT);
    client->state = CLIENT_IDLE;
}

static void end_lease(struct client *client)
{
    switch (chance(client->round, 4)) {
    case 0:
        give_back(client);
        break;
    case 1:
        read_key(client, client->key);
        break;
    default:
        put_leased(client);
        break;
    }
}

static void decide(struct client *client)
{
    client->state = CLIENT_IDLE;
    switch (chance(client->round, 5)) {
    case 0:
        lease(client);
        break;
    case 1:
        break;
    default:
        put(client);
        break;
    }
}

/* ---- what it is told */

static void on_read(struct client *client, enum ses_status status)
{
    struct round *round = client->round;

    if (status != SES_OK && status != SES_NOT_FOUND) {
        assert_int_equal(status, SES_UNAVAILABLE);
        client->state = client->lease.held ? CLIENT_HOLDS : CLIENT_IDLE;
        return;
    }
    client->seen = history_shown(&round->history, client->key, client->floor, &client->op, status);
    client->expect = client->op.version;
    client->state = CLIENT_IDLE;
    if (client->lease.held) {
        client->state = CLIENT_HOLDS;
        return;
    }
    if (chance(round, 2) == 0)
        client->state = CLIENT_THINKS;
    else
        decide(client);
}

static void on_end(struct client *client, enum ses_status status)
{
    struct round *round = client->round;

    if (client->state == CLIENT_READS) {
        on_read(client, status);
        return;
    }
    history_end(&round->history, client->write, status);
    round->acknowledged += status == SES_OK ? 1 : 0;
    assert_true(status == SES_OK || client->state == CLIENT_ENDS || !client->lease.held);
    client->state = client->lease.held ? CLIENT_HOLDS : CLIENT_IDLE;
}

/* ---- a round */

static void act(struct client *client)
{
    if (client->state == CLIENT_IDLE)
        read_key(client, chance(client->round, HISTORY_KEYS));
    else if (client->state == CLIENT_THINKS)
        decide(client);
    else if (client->state == CLIENT_HOLDS && chance(client->round, 3) == 0)
        end_lease(client);
}

static bool is_over(const struct round *round)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (round->clients[i].state != CLIENT_IDLE)
            return false;
    }
    return true;
}

/* Those that hold a lease give it back, those that think forget it. */
static void finish(struct round *round)
{
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (round->clients[i].state == CLIENT_THINKS)
            round->clients[i].state = CLIENT_IDLE;
        if (round->clients[i].state == CLIENT_HOLDS)
            give_back(&round->clients[i]);
    }
}

static void init_round(struct round *round, struct rig *rig, unsigned number)
{
    *round = (struct round){
        .rig = rig, .random = rig->seed * 1000 + number, .first_key = (uint64_t)number * HISTORY_KEYS};
    history_init(&round->history);
    round->history.moves = (rig->driver->traits & CONTRACT_MOVES) != 0;
    for (unsigned i = 0; i < CLIENTS; i++) {
        round->clients[i] =
            (struct client){.op = {.done = on_done}, .round = round, .store = i % CONTRACT_STORES};
        ses_arena_init(&round->clients[i].arena, 4096);
    }
}

/* Each store shows one and the same of every key, and it is what is furthest. */
static void judge_end(struct round *round)
{
    rig_settle(round->rig);
    for (unsigned key = 0; key < HISTORY_KEYS; key++) {
        for (unsigned store = 0; store < CONTRACT_STORES; store++) {
            struct client *client = &round->clients[store];
            struct ses_store_key stored = key_of(round->first_key + key);
            enum ses_status status;
            struct call call;

            do {
                rig_pump(round->rig);
                call_init(&call);
                status = call_end(round->rig, &call,
                                  ses_store_get(round->rig->store[store], &call.op, &stored, &client->arena));
            } while (status == SES_UNAVAILABLE);
            (void)history_shown(&round->history, key, round->history.floor[key], &call.op, status);
        }
    }
}

static void play(struct rig *rig, unsigned number)
{
    static struct round round; /* large */

    init_round(&round, rig, number);
    for (unsigned turn = 0; turn < TURNS; turn++) {
        act(&round.clients[chance(&round, CLIENTS)]);
        if (chance(&round, 3) == 0)
            rig_pump(rig);
        if (chance(&round, 40) == 0)
            rig_pass_ms(rig, LEASE_MS / 2);
    }
    RIG_UNTIL(rig, (finish(&round), is_over(&round)));
    judge_end(&round);
    /* With deadlines all of them may be over before a connection is back. */
    assert_true(round.acknowledged > 0 || rig->driver->deadline_ms > 0);
    for (unsigned i = 0; i < CLIENTS; i++)
        ses_arena_done(&round.clients[i].arena);
}

static void test_no_order_is_wrong(struct rig *rig)
{
    unsigned rounds = rig->driver->seeds == 1 ? ROUNDS_LMDB : ROUNDS;

    if (rig->driver->rounds > 0)
        rounds = rig->driver->rounds;
    for (unsigned number = 0; number < rounds; number++)
        play(rig, number);
}

int main(int argc, char **argv)
{
    static const struct contract_case cases[] = {CONTRACT_CASE(test_no_order_is_wrong)};

    return contract_main(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
