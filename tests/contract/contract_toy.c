/* The store in memory, as a driver of the suite: tame, late, now one and now the other, and faulty. */
#include "contract.h"
#include "toy_store.h"

struct toy_data {
    struct toy_cloud *cloud;
    struct toy_options options;
};

static void *new_data(enum toy_mode mode, uint64_t seed)
{
    struct toy_data *data = calloc(1, sizeof(*data));

    assert_non_null(data);
    data->cloud = toy_cloud_new();
    data->options = (struct toy_options){.mode = mode, .seed = seed};
    return data;
}

static void *new_sync(uint64_t seed)
{
    return new_data(TOY_SYNC, seed);
}

static void *new_late(uint64_t seed)
{
    return new_data(TOY_LATE, seed);
}

static void *new_either(uint64_t seed)
{
    return new_data(TOY_EITHER, seed);
}

/* Answers that are no use, answers that are lost, connections and leases that end early. */
static void *new_faulty(uint64_t seed)
{
    struct toy_data *data = new_data(TOY_EITHER, seed);

    data->options.faults = (struct toy_faults){.busy = 30,
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

/* Each store has its own course of chance. */
static struct ses_store *open_store(void *arg, unsigned number)
{
    struct toy_data *data = arg;
    struct toy_options options = data->options;

    options.seed = options.seed * 8 + number;
    return toy_open(data->cloud, &options);
}

static void free_data(void *arg)
{
    struct toy_data *data = arg;

    toy_cloud_free(data->cloud);
    free(data);
}

#define TOY_TRAITS CONTRACT_LEASE_TIMED

const struct contract_driver contract_toy_sync = {.name = "toy_sync",
                                                  .traits = TOY_TRAITS,
                                                  .seeds = 1,
                                                  .data_new = new_sync,
                                                  .open = open_store,
                                                  .data_free = free_data};
const struct contract_driver contract_toy_late = {.name = "toy_late",
                                                  .traits = TOY_TRAITS,
                                                  .seeds = 50,
                                                  .data_new = new_late,
                                                  .open = open_store,
                                                  .data_free = free_data};
const struct contract_driver contract_toy_either = {.name = "toy_either",
                                                    .traits = TOY_TRAITS,
                                                    .seeds = 50,
                                                    .data_new = new_either,
                                                    .open = open_store,
                                                    .data_free = free_data};
/* For cases that take every answer. */
const struct contract_driver contract_toy_faulty = {.name = "toy_faulty",
                                                    .traits = TOY_TRAITS | CONTRACT_FAULTY,
                                                    .seeds = 150,
                                                    .data_new = new_faulty,
                                                    .open = open_store,
                                                    .data_free = free_data};
