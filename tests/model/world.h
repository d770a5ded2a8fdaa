/* world.h - two machines on one store in memory, one connector, and a clock that stands but for what the test lets
 * pass. Everything that is random comes from one seed, so that a run is the same again. */
#ifndef SESSIOND_TESTS_MODEL_WORLD_H
#define SESSIOND_TESTS_MODEL_WORLD_H

#include "method/core_fixture.h"

#include "connector_stub.h"

#define MACHINES 2

struct world {
    struct core *machine[MACHINES];
    bool frozen[MACHINES];
    struct connector_stub connector;
    uint64_t random;
    uint64_t tick;          /* turns so far: moments */
    unsigned subjects;      /* named so far */
    struct ses_arena arena; /* of whoever decodes an answer */
};

void world_open(struct world *world, uint64_t seed, const struct toy_faults *faults);
void world_close(struct world *world);
/* 0 .. below - 1 */
uint64_t world_draw(struct world *world, uint64_t below);
bool world_chance(struct world *world, unsigned percent);
/* Some time passes, each machine has a turn, the connector answers what is due. */
void world_turn(struct world *world, uint64_t pass_ms);
void world_freeze(struct world *world, unsigned machine, bool frozen);
/* Nothing is in flight anywhere, nor on its way in the store. */
bool world_is_idle(const struct world *world);

#endif
