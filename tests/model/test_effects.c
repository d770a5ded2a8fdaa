/* Sessions that a connector makes, over leases that are lost, forgotten and over too soon: one key at a time, no
 * session and no event that was told is lost. */
#include "play.h"

static const struct mix effects = {
    .name = "effects",
    .subjects = 4,
    .connectors = 85,
    .flights = 16,
    .at_once = 5,
    .streams = 3,
    .steps = 50,
    .jumps = 35,
    .lost = 4,
    .weights = {[MODEL_CREATE] = 40,
                [MODEL_ADVANCE] = 30,
                [MODEL_UPDATE] = 4,
                [MODEL_BEGIN] = 4,
                [MODEL_RETURN] = 3,
                [MODEL_REVOKE_CALL] = 4,
                [MODEL_GET] = 12,
                [MODEL_WATCH] = 3},
    .faults = {.busy = 20,
               .conflict = 50,
               .unknown = 60,
               .unavailable = 15,
               .get_unavailable = 5,
               .cut = 3,
               .lease_short = 150,
               .release_lost = 100,
               .watch_false = 30},
    .seeds = {1, 2, 27215430},
};

static void test_effects(void **state)
{
    (void)state;
    play(&effects, 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_effects)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
