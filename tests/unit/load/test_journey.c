#include "unit.h"

#include <string.h>

#include "journey.h"

static void assert_refused(const char *text, const char *because)
{
    char error[LOAD_MIX_ERROR_MAX] = "";
    struct load_mix mix = {{9}, 9};

    assert_false(load_mix_parse(text, &mix, error));
    assert_non_null(strstr(error, because));
    assert_int_equal(mix.weight_sum, 9); /* untouched */
}

static void test_bad_mixes(void **state)
{
    (void)state;
    assert_refused(
        "", "no journey is called ''; there are create, read, redirect, three_ds, three_ds_grpc, webhook");
    assert_refused("buy=1", "no journey is called 'buy'");
    assert_refused("get_stored=1", "no journey is called 'get_stored'"); /* need prepared tokens */
    assert_refused("change_stored=1", "no journey is called 'change_stored'");
    assert_refused("read", "read wants a weight");
    assert_refused("read=", "read wants a weight");
    assert_refused("read=0", "read wants a weight");
    assert_refused("read=-1", "read wants a weight");
    assert_refused("read=1000001", "read wants a weight");
    assert_refused("read=99999999999999999999999", "read wants a weight");
    assert_refused("read=1,", "no journey is called ''");
    assert_refused("read=1,read=2", "read is named twice");
    assert_refused("read=1;create=1", "read wants a weight");
}

static struct load_mix parse(const char *text)
{
    char error[LOAD_MIX_ERROR_MAX] = "";
    struct load_mix mix;

    assert_true(load_mix_parse(text, &mix, error));
    return mix;
}

static void test_weights_are_kept_to(void **state)
{
    struct load_mix mix = parse("create=70,three_ds=20,webhook=10");
    struct load_journeys *journeys = load_journeys_new(&mix, 100);
    unsigned seen[LOAD_SCRIPTS_MAX] = {0};

    (void)state;
    for (uint64_t i = 0; i < 100000; i++) {
        struct load_journey *journey = load_journeys_begin(journeys);

        assert_non_null(journey);
        assert_int_equal(journey->number, 100 + i);
        assert_int_equal(journey->version + journey->status + journey->token_len + journey->handle_len, 0);
        seen[load_script_index(journey->script)]++;
        load_journeys_end(journeys, journey);
    }
    for (size_t i = 0; i < load_scripts_count(); i++)
        assert_in_range(seen[i], mix.weight[i] * 970, mix.weight[i] * 1030);
    load_journeys_free(journeys);
}

static void test_order_is_the_same_in_every_run(void **state)
{
    struct load_mix mix = parse("create=1,read=1,redirect=1");
    struct load_journeys *one = load_journeys_new(&mix, 0);
    struct load_journeys *two = load_journeys_new(&mix, 0);

    (void)state;
    for (unsigned i = 0; i < 500; i++)
        assert_ptr_equal(load_journeys_begin(one)->script, load_journeys_begin(two)->script);
    load_journeys_free(one);
    load_journeys_free(two);
}

static void test_no_more_than_the_limit_are_under_way(void **state)
{
    struct load_mix mix = load_mix_of("create");
    struct load_journeys *journeys = load_journeys_new(&mix, 0);
    struct load_journey *last = NULL;

    (void)state;
    for (unsigned i = 0; i < LOAD_JOURNEYS_MAX; i++) {
        last = load_journeys_begin(journeys);
        assert_non_null(last);
    }
    assert_null(load_journeys_begin(journeys));
    load_journeys_end(journeys, last);
    assert_non_null(load_journeys_begin(journeys));
    assert_null(load_journeys_begin(journeys));
    load_journeys_free(journeys);
}

static void test_those_that_think_come_back_in_order(void **state)
{
    struct load_mix mix = load_mix_of("read");
    struct load_journeys *journeys = load_journeys_new(&mix, 0);
    struct load_journey *a = load_journeys_begin(journeys);
    struct load_journey *b = load_journeys_begin(journeys);

    (void)state;
    assert_null(load_journeys_first(journeys));
    assert_null(load_journeys_take_first(journeys));
    load_journeys_think(journeys, b, 5);
    load_journeys_think(journeys, a, 6);
    assert_int_equal(load_journeys_first(journeys)->due_ns, 5);
    assert_ptr_equal(load_journeys_take_first(journeys), b);
    assert_ptr_equal(load_journeys_take_first(journeys), a);
    assert_null(load_journeys_first(journeys));
    load_journeys_think(journeys, b, 7); /* into a list that was emptied */
    assert_ptr_equal(load_journeys_take_first(journeys), b);
    load_journeys_free(journeys);
}

/* Every payment begins with its session, or one that was prepared, and what needs a handle comes behind the step that gives one. */
static void test_scripts_make_sense(void **state)
{
    (void)state;
    for (size_t i = 0; i < load_scripts_count(); i++) {
        const struct load_script *script = load_script_at(i);
        enum load_step first = script->steps[0];
        bool handle = false;

        assert_in_range(script->steps_count, 1, LOAD_STEPS_MAX);
        assert_true(first == LOAD_CREATE || first == LOAD_GET_STORED || first == LOAD_CHANGE_STORED ||
                    first == LOAD_AUTHORIZE_STORED || first == LOAD_ACCESS_TOKEN);
        for (unsigned s = 0; s < script->steps_count; s++) {
            assert_non_null(load_step_name(script->steps[s]));
            handle = handle || script->steps[s] == LOAD_BEGIN_STEP;
            if (script->steps[s] == LOAD_RETURN_GET || script->steps[s] == LOAD_RETURN_POST)
                assert_true(handle);
        }
    }
    assert_false(load_mix_has_journeys(&(struct load_mix){.weight = {1}, .weight_sum = 1}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_mixes),
        cmocka_unit_test(test_weights_are_kept_to),
        cmocka_unit_test(test_order_is_the_same_in_every_run),
        cmocka_unit_test(test_no_more_than_the_limit_are_under_way),
        cmocka_unit_test(test_those_that_think_come_back_in_order),
        cmocka_unit_test(test_scripts_make_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
