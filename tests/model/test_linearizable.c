/* Many clients at once ask for few sessions, on two machines: some order of the calls, in which each stands between
 * its begin and its end, explains every answer. */
#include "play.h"

static const struct mix linearizable = {
    .name = "linearizable",
    .subjects = 3,
    .connectors = 0,
    .flights = 18,
    .at_once = 6,
    .streams = 4,
    .steps = 50,
    .jumps = 20,
    .lost = 4,
    .weights = {[MODEL_CREATE] = 10,
                [MODEL_ADVANCE] = 36,
                [MODEL_UPDATE] = 10,
                [MODEL_BEGIN] = 10,
                [MODEL_RETURN] = 8,
                [MODEL_REVOKE_CALL] = 2,
                [MODEL_GET] = 22,
                [MODEL_WATCH] = 4},
    .faults = {.busy = 20,
               .conflict = 40,
               .unknown = 50,
               .unavailable = 10,
               .get_unavailable = 5,
               .cut = 3,
               .watch_false = 30},
    .seeds = {1, 2},
};

static void test_linearizable(void **state)
{
    (void)state;
    play(&linearizable, 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_linearizable)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
