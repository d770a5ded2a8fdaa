/* One client at a time asks for a session, over a store that does what it likes: every answer is the one that the
 * words of session.proto allow. */
#include "play.h"

static const struct mix orders = {
    .name = "orders",
    .subjects = 4,
    .connectors = 0,
    .flights = 4,
    .at_once = 1,
    .streams = 3,
    .steps = 60,
    .jumps = 40,
    .lost = 3,
    .weights = {[MODEL_CREATE] = 16,
                [MODEL_ADVANCE] = 40,
                [MODEL_UPDATE] = 10,
                [MODEL_BEGIN] = 12,
                [MODEL_RETURN] = 12,
                [MODEL_REVOKE_CALL] = 2,
                [MODEL_GET] = 10,
                [MODEL_WATCH] = 3},
    .faults = {.busy = 20,
               .conflict = 40,
               .unknown = 40,
               .unavailable = 10,
               .get_unavailable = 5,
               .cut = 2,
               .watch_false = 30},
    .seeds = {1, 2},
};

static void test_orders(void **state)
{
    (void)state;
    play(&orders, 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_orders)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
