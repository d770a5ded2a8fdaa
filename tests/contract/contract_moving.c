/* Two processes of one machine on LMDB and on a store that behaves as one behind a network (toy_store.h): in each mode by
 * itself, and in all of them side by side, as reloads make them, while keys are brought to and fro and the far store fails
 * in all its ways.
 */
#include "contract.h"

#include <poll.h>

#include <store_move_impl.h>
#include <toy_impl.h>

struct moving_data {
    void *lmdb; /* contract_lmdb's */
    struct toy_cloud *cloud;
    struct toy_options toy;
    enum ses_move mode; /* SES_MOVE_COUNT: another one now and then */
    uint64_t random;
    unsigned turns;
    struct ses_store *store[CONTRACT_STORES];
    struct ses_log log;
};

/* ---- what is far, as a list ---- */

static int compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, SES_STORE_KEY_BYTES);
}

static bool is_listed(const struct toy_row *row, const struct ses_move_listing *listing)
{
    return row->record != NULL && row->record->record.kind != SES_RECORD_MOVED &&
           compare_keys(&row->key, &listing->after) > 0;
}

static enum ses_status list_far(struct ses_store *far, struct ses_move_listing *listing)
{
    struct toy_cloud *cloud = toy_cloud_of(far);
    struct ses_store_key *keys = calloc(cloud->rows_count + 1, sizeof(*keys));
    size_t count = 0;

    assert_non_null(keys);
    for (struct ses_list *node = cloud->rows.next; node != &cloud->rows; node = node->next) {
        const struct toy_row *row = SES_CONTAINER(node, struct toy_row, node);

        if (is_listed(row, listing))
            keys[count++] = row->key;
    }
    qsort(keys, count, sizeof(*keys), compare_keys);
    listing->over = count <= SES_MOVE_LIST_MAX;
    count = listing->over ? count : SES_MOVE_LIST_MAX;
    listing->after = listing->over ? (struct ses_store_key){{0}} : keys[count - 1];
    listing->done(listing, SES_OK, keys, count);
    free(keys);
    return SES_PENDING;
}

/* ---- the stores ---- */

static struct moving_data *new_data(uint64_t seed, enum toy_mode toy, enum ses_move mode)
{
    struct moving_data *data = calloc(1, sizeof(*data));

    assert_non_null(data);
    data->lmdb = contract_lmdb.data_new(seed);
    data->cloud = toy_cloud_new();
    data->toy = (struct toy_options){.mode = toy, .seed = seed};
    data->mode = mode;
    data->random = seed;
    ses_log_init(&data->log, -1, SES_LOG_INFO, "test");
    return data;
}

static void *new_know(uint64_t seed)
{
    return new_data(seed, TOY_EITHER, SES_MOVE_KNOW);
}

static void *new_pg(uint64_t seed)
{
    return new_data(seed, TOY_EITHER, SES_MOVE_TO_PG);
}

static void *new_lmdb(uint64_t seed)
{
    return new_data(seed, TOY_EITHER, SES_MOVE_TO_LMDB);
}

static void *new_moving(uint64_t seed)
{
    struct moving_data *data = new_data(seed, TOY_EITHER, SES_MOVE_COUNT);

    data->toy.faults = (struct toy_faults){.busy = 30,
                                           .conflict = 30,
                                           .unknown = 80,
                                           .unavailable = 30,
                                           .get_unavailable = 30,
                                           .cut = 20,
                                           .lease_short = 100,
                                           .release_lost = 100,
                                           .watch_false = 100};
    return data;
}

static unsigned chance(struct moving_data *data, unsigned below)
{
    data->random = data->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(data->random >> 33) % below;
}

static struct ses_store *open_store(void *arg, unsigned number)
{
    struct moving_data *data = arg;
    struct toy_options toy = data->toy;
    struct ses_move_options options = {
        .mode = data->mode, .part = number, .parts = CONTRACT_STORES, .list = list_far, .log = &data->log};

    toy.seed = toy.seed * 8 + number;
    options.near = contract_lmdb.open(data->lmdb, number);
    options.far = toy_open(data->cloud, &toy);
    if (options.mode == SES_MOVE_COUNT) {
        options.mode = (enum ses_move)chance(data, SES_MOVE_COUNT);
        options.per_second = 100000;
    }
    assert_ok(ses_move_open(&options, &data->store[number]));
    return data->store[number];
}

/* A process of another mode in the place of one. Movers need no rest from the machine's clock here. */
static void turn(void *arg)
{
    struct moving_data *data = arg;
    bool rests = data->turns++ / 64 % 2 == 1; /* or nothing would ever be at rest */

    for (unsigned i = 0; i < CONTRACT_STORES; i++) {
        struct move *move = move_of(data->store[i]);

        move->mover.stopped = rests;
        move->mover.not_before_ms = 0;
        move->mover.budget_ms = UINT64_C(100000000);
        if (chance(data, 60) == 0)
            move->mode = (enum ses_move)chance(data, SES_MOVE_COUNT);
    }
}

/* A committer's thread may be at work; the far store needs pumps alone. */
static void rest(void *arg)
{
    (void)arg;
    (void)poll(NULL, 0, 1);
}

static void free_data(void *arg)
{
    struct moving_data *data = arg;

    toy_cloud_free(data->cloud);
    contract_lmdb.data_free(data->lmdb);
    ses_log_done(&data->log);
    free(data);
}

const struct contract_driver contract_moving_know = {.name = "moving_know",
                                                     .traits = 0,
                                                     .seeds = 3,
                                                     .data_new = new_know,
                                                     .open = open_store,
                                                     .data_free = free_data};
const struct contract_driver contract_moving_pg = {.name = "moving_pg",
                                                   .traits = CONTRACT_LEASE_TIMED,
                                                   .seeds = 3,
                                                   .data_new = new_pg,
                                                   .open = open_store,
                                                   .data_free = free_data};
const struct contract_driver contract_moving_lmdb = {.name = "moving_lmdb",
                                                     .traits = 0,
                                                     .seeds = 3,
                                                     .data_new = new_lmdb,
                                                     .open = open_store,
                                                     .data_free = free_data};
const struct contract_driver contract_moving = {.name = "moving",
                                                .traits = CONTRACT_FAULTY | CONTRACT_MOVES,
                                                .seeds = 40,
                                                .data_new = new_moving,
                                                .open = open_store,
                                                .turn = turn,
                                                .rest = rest,
                                                .data_free = free_data};
