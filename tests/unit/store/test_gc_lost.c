/* Collection that is too late: somebody takes the entry between its look and its compare-and-swap. The linker
 * puts our ses_table_take before the store's (tests/CMakeLists.txt). */
#include "gc_fixture.h"

#include "table.h"

bool __real_ses_table_take(struct ses_table *table, uint64_t slot, uint64_t word, enum word_state state,
                           unsigned shard, uint64_t *ret_word);
bool __wrap_ses_table_take(struct ses_table *table, uint64_t slot, uint64_t word, enum word_state state,
                           unsigned shard, uint64_t *ret_word);

static _Atomic bool too_late;
static _Atomic unsigned lost;

bool __wrap_ses_table_take(struct ses_table *table, uint64_t slot, uint64_t word, enum word_state state,
                           unsigned shard, uint64_t *ret_word)
{
    if (!too_late)
        return __real_ses_table_take(table, slot, word, state, shard, ret_word);
    (void)atomic_fetch_add(&lost, 1);
    return false;
}

/* An expired session whose caller is just beginning it anew must not lose its record, nor an old one that is
 * to be moved. */
static void test_what_was_lost_is_left_alone(void **state)
{
    struct rig *rig = *state;
    struct ses_lmdb *store = rig_open(rig, 0);
    uint64_t now_ms = ses_clock_wall_ms();
    struct ses_record record;
    struct ses_lmdb_ref ref;
    bool claimed;

    create_until(rig, store, 1, now_ms + 1000);
    create_until(rig, store, 2, LATER);
    too_late = true;
    lost = 0;
    assert_true(collect_keeps(store, now_ms + 60000, 2));
    assert_true(lost > 0);
    assert_ok(get(rig, store, 1, &record, &ref, &claimed));
    assert_false(claimed);
    too_late = false;
    collect_to(store, now_ms + 60000, 1); /* in time, it goes */
    ses_lmdb_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_was_lost_is_left_alone, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
