/* Counts of calls in flight against a plain list of them. */
#include "unit.h"

#include <sessiond/base/places.h>

#define CALLS  64u
#define HOSTS  5u
#define OWNERS 9u
#define STEPS  20000u

struct model {
    unsigned held[HOSTS][OWNERS + 1];
    unsigned calls;
};

static unsigned of_all_hosts(const struct model *model, uint32_t owner)
{
    unsigned sum = 0;

    for (size_t host = 0; host < HOSTS; host++)
        sum += model->held[host][owner];
    return sum;
}

/* Only addresses are looked at. */
static const void *host_at(const uint64_t *hosts, size_t host)
{
    return &hosts[host];
}

static void every_count_is_right(const struct ses_places *places, const uint64_t *hosts,
                                 const struct model *model)
{
    for (uint32_t owner = 1; owner <= OWNERS; owner++) {
        assert_int_equal(ses_places_held(places, NULL, owner), of_all_hosts(model, owner));
        for (size_t host = 0; host < HOSTS; host++)
            assert_int_equal(ses_places_held(places, host_at(hosts, host), owner), model->held[host][owner]);
    }
}

/* One call more or less, of anybody anywhere, up to as many as there is room for. */
static void step(struct ses_places *places, const uint64_t *hosts, struct model *model, uint64_t random)
{
    size_t host = random % HOSTS;
    uint32_t owner = 1 + (uint32_t)(random / HOSTS % OWNERS);

    if (random >> 40 & 1) {
        if (model->calls == CALLS)
            return;
        ses_places_add(places, host_at(hosts, host), owner);
        model->held[host][owner]++;
        model->calls++;
    } else if (model->held[host][owner] > 0) {
        ses_places_remove(places, host_at(hosts, host), owner);
        model->held[host][owner]--;
        model->calls--;
    }
}

static void counts_are_those_of_a_list(void **state)
{
    struct ses_places places;
    struct model model = {.calls = 0};
    uint64_t hosts[HOSTS] = {0};
    uint64_t random = 1;

    (void)state;
    assert_ok(ses_places_open(&places, CALLS));
    for (unsigned i = 0; i < STEPS; i++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        step(&places, hosts, &model, random >> 16);
        every_count_is_right(&places, hosts, &model);
    }
    ses_places_close(&places);
}

/* Each call of another owner: the table is as full as it gets, and empty again. */
static void as_many_owners_as_calls(void **state)
{
    struct ses_places places;
    uint64_t hosts[1] = {0};

    (void)state;
    assert_ok(ses_places_open(&places, CALLS));
    for (unsigned round = 0; round < 100; round++) {
        for (uint32_t owner = 1; owner <= CALLS; owner++)
            ses_places_add(&places, host_at(hosts, 0), owner + round);
        for (uint32_t owner = 1; owner <= CALLS; owner++) {
            assert_int_equal(ses_places_held(&places, host_at(hosts, 0), owner + round), 1);
            ses_places_remove(&places, host_at(hosts, 0), owner + round);
            assert_int_equal(ses_places_held(&places, NULL, owner + round), 0);
        }
    }
    ses_places_close(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_those_of_a_list),
        cmocka_unit_test(as_many_owners_as_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
