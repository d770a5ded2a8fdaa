/* Verdicts on browsers: what must not block, what must, and in which mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sessiond/domain/binding.h>

static struct ses_binding browser(void)
{
    struct ses_binding binding = {.facets = (1u << SES_FACET_COUNT) - 1};

    for (unsigned i = 0; i < SES_FACET_COUNT; i++)
        binding.tag[i] = 100 + i;
    return binding;
}

static struct ses_binding_verdict judge(enum ses_binding_mode mode, uint32_t differing)
{
    struct ses_binding stored = browser();
    struct ses_binding given = browser();
    struct ses_binding_verdict verdict;

    for (unsigned i = 0; i < SES_FACET_COUNT; i++)
        given.tag[i] += (differing >> i) & 1;
    ses_binding_judge(&(struct ses_binding_policy){.mode = mode}, &stored, &given, &verdict);
    return verdict;
}

#define ALL_SOFT                                                                                             \
    (1u << SES_FACET_ip_prefix | 1u << SES_FACET_accept_language | 1u << SES_FACET_user_agent_version)

static void test_enforce(void **state)
{
    (void)state;
    assert_int_equal(judge(SES_BINDING_ENFORCE, 0).result, SES_BINDING_MATCH);
    assert_int_equal(judge(SES_BINDING_ENFORCE, 1u << SES_FACET_ip_prefix).result, SES_BINDING_DRIFT);
    assert_int_equal(judge(SES_BINDING_ENFORCE, 1u << SES_FACET_user_agent_version).result,
                     SES_BINDING_DRIFT);
    assert_int_equal(judge(SES_BINDING_ENFORCE, ALL_SOFT).result, SES_BINDING_DRIFT);
    for (unsigned i = 0; i < SES_FACET_COUNT; i++) {
        if ((ses_binding_hard() & 1u << i) != 0)
            assert_int_equal(judge(SES_BINDING_ENFORCE, 1u << i).result, SES_BINDING_REFUSED);
    }
    assert_int_equal(judge(SES_BINDING_DEFAULT, 1u << SES_FACET_os_type).result, SES_BINDING_REFUSED);
    assert_int_equal(judge(SES_BINDING_DEFAULT, 0).mode, SES_BINDING_ENFORCE);
}

static void test_observe_and_step_up_never_refuse(void **state)
{
    (void)state;
    assert_int_equal(judge(SES_BINDING_OBSERVE, 1u << SES_FACET_os_type).result, SES_BINDING_MISMATCH);
    assert_int_equal(judge(SES_BINDING_OBSERVE, ALL_SOFT).result, SES_BINDING_DRIFT);
    assert_int_equal(judge(SES_BINDING_STEP_UP, 1u << SES_FACET_screen_width).result,
                     SES_BINDING_ASK_STEP_UP);
    assert_int_equal(judge(SES_BINDING_STEP_UP, ALL_SOFT).result, SES_BINDING_ASK_STEP_UP);
    assert_int_equal(judge(SES_BINDING_STEP_UP, 1u << SES_FACET_ip_prefix).result, SES_BINDING_DRIFT);
}

static void test_score_and_names(void **state)
{
    struct ses_binding_verdict verdict = judge(SES_BINDING_OBSERVE, ALL_SOFT | 1u << SES_FACET_os_type);

    (void)state;
    assert_int_equal(verdict.drift_score, 100);
    assert_int_equal(verdict.soft, ALL_SOFT);
    assert_int_equal(verdict.hard, 1u << SES_FACET_os_type);
    assert_int_equal(judge(SES_BINDING_OBSERVE, 1u << SES_FACET_ip_prefix).drift_score, 40);
    assert_int_equal(judge(SES_BINDING_OBSERVE, 1u << SES_FACET_accept_language).drift_score, 40);
    assert_int_equal(judge(SES_BINDING_OBSERVE, 1u << SES_FACET_user_agent_version).drift_score, 20);
}

static void test_only_facets_known_on_both_sides(void **state)
{
    const struct ses_binding_policy enforce = {.mode = SES_BINDING_ENFORCE};
    struct ses_binding stored = browser();
    struct ses_binding given = browser();
    struct ses_binding_verdict verdict;

    (void)state;
    given.facets = 0;
    ses_binding_judge(&enforce, &stored, &given, &verdict);
    assert_int_equal(verdict.result, SES_BINDING_NOT_COMPARED);
    given.facets = 1u << SES_FACET_os_type;
    given.tag[SES_FACET_screen_width]++;
    ses_binding_judge(&enforce, &stored, &given, &verdict);
    assert_int_equal(verdict.result, SES_BINDING_MATCH);
    stored.facets = 1u << SES_FACET_screen_width;
    ses_binding_judge(&enforce, &stored, &given, &verdict);
    assert_int_equal(verdict.result, SES_BINDING_NOT_COMPARED);
}

static enum ses_binding_result judge_missing(enum ses_binding_mode mode, enum ses_binding_missing missing,
                                             uint32_t given_facets)
{
    const struct ses_binding_policy policy = {mode, missing};
    struct ses_binding stored = browser();
    struct ses_binding given = browser();
    struct ses_binding_verdict verdict;

    given.facets = given_facets;
    ses_binding_judge(&policy, &stored, &given, &verdict);
    assert_int_equal(verdict.missing, ses_binding_hard() & ~given_facets); /* told in any case */
    return verdict.result;
}

static void test_missing_facets(void **state)
{
    const uint32_t all = (1u << SES_FACET_COUNT) - 1;
    const uint32_t no_os = all & ~(1u << SES_FACET_os_type);

    (void)state;
    assert_int_equal(judge_missing(SES_BINDING_ENFORCE, SES_BINDING_MISSING_DEFAULT, 0),
                     SES_BINDING_NOT_COMPARED);
    assert_int_equal(judge_missing(SES_BINDING_ENFORCE, SES_BINDING_MISSING_ALLOW, no_os), SES_BINDING_MATCH);
    assert_int_equal(judge_missing(SES_BINDING_ENFORCE, SES_BINDING_MISSING_REFUSE, no_os),
                     SES_BINDING_REFUSED);
    assert_int_equal(judge_missing(SES_BINDING_DEFAULT, SES_BINDING_MISSING_REFUSE, 0), SES_BINDING_REFUSED);
    assert_int_equal(judge_missing(SES_BINDING_ENFORCE, SES_BINDING_MISSING_REFUSE, all & ~ALL_SOFT),
                     SES_BINDING_MATCH); /* soft ones may be missing */
    assert_int_equal(judge_missing(SES_BINDING_OBSERVE, SES_BINDING_MISSING_REFUSE, 0), SES_BINDING_MISMATCH);
    assert_int_equal(judge_missing(SES_BINDING_STEP_UP, SES_BINDING_MISSING_REFUSE, no_os),
                     SES_BINDING_ASK_STEP_UP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_enforce),         cmocka_unit_test(test_observe_and_step_up_never_refuse),
        cmocka_unit_test(test_score_and_names), cmocka_unit_test(test_only_facets_known_on_both_sides),
        cmocka_unit_test(test_missing_facets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
