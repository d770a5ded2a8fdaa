/* What is random: when, and whether something goes wrong. All from the store's seed, so that a run is the same
 * again.
 */
#include "toy_impl.h"

#include <sessiond/base/units.h>

/* splitmix64 (Steele, Lea, Flood 2014). */
uint64_t toy_random(struct toy_store *store, uint64_t below)
{
    uint64_t z = store->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % below;
}

/* Draws no number for what cannot happen: a knob that is not turned does not change what the others do. */
bool toy_chance(struct toy_store *store, unsigned per_mille)
{
    return per_mille != 0 && toy_random(store, 1000) < per_mille;
}

enum toy_effect toy_effect(struct toy_store *store)
{
    static const enum toy_effect effects[] = {TOY_NEVER, TOY_DONE, TOY_LATER};

    return effects[toy_random(store, 3)];
}

static bool planned(struct toy_store *store, enum toy_call call, struct toy_fate *ret_fate)
{
    struct toy_plan *plan = &store->plans[call];

    if (!plan->set || plan->skip-- > 0)
        return false;
    plan->set = false;
    *ret_fate = plan->fate;
    return true;
}

static struct toy_fate fate_of_write(struct toy_store *store, enum toy_call call)
{
    const struct toy_faults *faults = &store->options.faults;

    if (toy_chance(store, faults->busy))
        return (struct toy_fate){SES_BUSY, TOY_NEVER};
    if (call != TOY_PUT_LEASED && toy_chance(store, faults->conflict))
        return (struct toy_fate){SES_CONFLICT, TOY_NEVER};
    if (toy_chance(store, faults->unavailable))
        return (struct toy_fate){SES_UNAVAILABLE, TOY_NEVER};
    if (toy_chance(store, faults->unknown))
        return (struct toy_fate){SES_UNKNOWN, toy_effect(store)};
    return (struct toy_fate){SES_OK, TOY_DONE};
}

struct toy_fate toy_fate(struct toy_store *store, enum toy_call call)
{
    const struct toy_faults *faults = &store->options.faults;
    struct toy_fate fate = {SES_OK, TOY_DONE};

    if (planned(store, call, &fate))
        return fate;
    if (call == TOY_GET && toy_chance(store, faults->get_unavailable))
        return (struct toy_fate){SES_UNAVAILABLE, TOY_NEVER};
    if (call == TOY_RELEASE && toy_chance(store, faults->release_lost))
        return (struct toy_fate){SES_UNAVAILABLE, TOY_NEVER};
    return call == TOY_GET || call == TOY_RELEASE ? fate : fate_of_write(store, call);
}

uint64_t toy_lease_ns(struct toy_store *store, uint64_t for_ms)
{
    uint64_t for_ns = for_ms * SES_NS_PER_MS;

    if (!toy_chance(store, store->options.faults.lease_short))
        return for_ns;
    return toy_random(store, for_ns + 1);
}
