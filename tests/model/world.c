/* Machines are whole workers (core_fixture.h); the second one has the first one's cloud and keys. */
#include "world.h"

/* Any moment: the same for each run of a seed. */
#define BEGIN_MS UINT64_C(1700000000000)

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t world_draw(struct world *world, uint64_t below)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

bool world_chance(struct world *world, unsigned percent)
{
    return world_draw(world, 100) < percent;
}

static void open_machine(struct world *world, unsigned i, const struct toy_faults *faults)
{
    void *state = NULL;
    struct core *core;

    assert_int_equal(core_setup_toy(&state), 0);
    core = world->machine[i] = state;
    ses_service_free(core->service);
    ses_store_close(core->store);
    if (i > 0) {
        toy_cloud_free(core->cloud);
        ses_keyring_free(core->ring);
        core->cloud = world->machine[0]->cloud;
        core->ring = world->machine[0]->ring;
    }
    core->toy =
        (struct toy_options){.mode = world_chance(world, 50) ? TOY_LATE : TOY_EITHER, .faults = *faults};
    core->toy.seed = world_draw(world, UINT64_MAX); /* apart: an initializer's parts have no order */
    core_open_store(core);
    core_open_service(core);
}

void world_open(struct world *world, uint64_t seed, const struct toy_faults *faults)
{
    *world = (struct world){.random = seed};
    unit_clock_stop_at(BEGIN_MS);
    for (unsigned i = 0; i < MACHINES; i++)
        open_machine(world, i, faults);
    ses_arena_init(&world->arena, 1u << 20);
    connector_stub_open(&world->connector, world_draw(world, UINT64_MAX));
}

/* The last one first: its store works on the first one's cloud until it is closed. */
void world_close(struct world *world)
{
    for (unsigned i = MACHINES; i-- > 0;) {
        struct core *core = world->machine[i];
        void *state = core;

        if (i > 0) {
            core->cloud = NULL;
            core->ring = NULL;
        }
        assert_int_equal(core_teardown(&state), 0);
    }
    connector_stub_close(&world->connector);
    ses_arena_done(&world->arena);
    unit_clock_run();
}

void world_turn(struct world *world, uint64_t pass_ms)
{
    unsigned first = (unsigned)world_draw(world, MACHINES);

    unit_clock_pass_ms(pass_ms);
    world->tick++;
    for (unsigned i = 0; i < MACHINES; i++)
        core_turn(world->machine[(first + i) % MACHINES]);
    connector_stub_turn(&world->connector);
}

void world_freeze(struct world *world, unsigned machine, bool frozen)
{
    if (world->frozen[machine] == frozen)
        return;
    world->frozen[machine] = frozen;
    if (frozen)
        toy_freeze(world->machine[machine]->store);
    else
        toy_thaw(world->machine[machine]->store);
}

bool world_is_idle(const struct world *world)
{
    if (toy_cloud_abandoned(world->machine[0]->cloud) > 0 || connector_stub_asked(&world->connector) > 0)
        return false;
    for (unsigned i = 0; i < MACHINES; i++) {
        const struct core *core = world->machine[i];

        if (ses_service_in_flight(core->service) > 0 || ses_store_pending(core->store) > 0)
            return false;
    }
    return true;
}
