/* The history of events: bounded, and every applied id known for as long as the session lives. */
#include "session_rig.h"

static void test_history_is_bounded_and_finds_ids(void **state)
{
    static const char ids[] = "abcdefghijklmnopqrst";
    struct ses_session s = begin();
    struct ses_session_event known;

    (void)state;
    for (size_t i = 0; i < 20; i++)
        assert_int_equal(
            ses_session_apply(&s, SES_EVENT_REDIRECT_STARTED, ses_slice(ids + i, 1), 0, &rules, T0 + i),
            SES_EVENT_APPLIED);
    assert_int_equal(s.events_count, SES_SESSION_EVENTS_MAX);
    assert_null(ses_session_find_event(&s, SES_STR("d")));
    assert_true(ses_session_knows_event(&s, SES_STR("d"), &known)); /* though it is not shown any more */
    assert_int_equal(known.event, SES_EVENT_REDIRECT_STARTED);
    assert_false(ses_session_knows_event(&s, SES_STR("D"), &known));
    assert_true(ses_session_knows_event(&s, SES_STR("t"), &known));
    assert_int_equal(known.at_ms, T0 + 19);
    assert_int_equal(ses_session_find_event(&s, SES_STR("e"))->at_ms, T0 + 4);
    assert_int_equal(ses_session_find_event(&s, SES_STR("t"))->at_ms, T0 + 19);
    assert_null(ses_session_find_event(&s, SES_SLICE_EMPTY));
    /* Full of applied ones: no late one takes a place from them. */
    assert_true(ses_session_late_unrecorded(&s, SES_EVENT_AUTHENTICATION_STARTED));
    assert_false(ses_session_late_unrecorded(&s, SES_EVENT_COMPLETED));
    assert_int_equal(
        ses_session_apply(&s, SES_EVENT_AUTHENTICATION_STARTED, SES_STR("u"), 0, &rules, T0 + 30),
        SES_EVENT_LATE);
    assert_non_null(ses_session_find_event(&s, SES_STR("e")));
    assert_null(ses_session_find_event(&s, SES_STR("u")));
}

/* As many as payments may have failed attempts, and the oldest go first. */
static void test_what_left_the_history_is_stored(void **state)
{
    struct ses_session s = begin();
    struct ses_session_event known;
    struct ses_slice all = SES_SLICE_EMPTY;
    struct ses_arena arena;
    char ids[SES_FORGOTTEN_MAX + 40][8];

    (void)state;
    ses_arena_init(&arena, 64u << 20);
    for (size_t i = 0; i < SES_FORGOTTEN_MAX + 40; i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "%zu", i);
        (void)ses_session_apply(&s, SES_EVENT_REDIRECT_STARTED, ses_slice_str(ids[i]), 0, &rules, T0 + i);
        assert_int_equal(ses_session_forgotten_all(&s, &arena, &all), SES_OK); /* stored, and read again */
        s.forgotten = all;
        s.forgotten_now_count = 0;
    }
    assert_int_equal(all.len, SES_FORGOTTEN_MAX * SES_FORGOTTEN_BYTES);
    for (size_t i = 0; i < SES_FORGOTTEN_MAX + 40; i++)
        assert_int_equal(ses_session_knows_event(&s, ses_slice_str(ids[i]), &known),
                         i >= 40 - SES_SESSION_EVENTS_MAX);
    ses_arena_done(&arena);
}

/* However many late ones come, the ids of applied ones are known: their repetition is not applied again. */
static void test_late_events_push_nothing_out(void **state)
{
    static const char ids[] = "abcdefghijklmnopqrst";
    struct ses_session s = begin();
    struct ses_session before;

    (void)state;
    (void)ses_session_apply(&s, SES_EVENT_PROCESSING_STARTED, SES_STR("A"), 0, &rules, T0);
    for (size_t i = 0; i < 20; i++)
        (void)ses_session_apply(&s, i % 2 == 0 ? SES_EVENT_STEP_CANCELLED : SES_EVENT_CHALLENGE_PASSED,
                                ses_slice(ids + i, 1), 0, &rules, T0 + i);
    assert_int_equal(s.events_count, 1 + 2 * SES_SESSION_LATE_OF_KIND_MAX);
    before = s;
    (void)ses_session_apply(&s, SES_EVENT_STEP_CANCELLED, SES_STR("z"), 0, &rules, T0 + 20);
    assert_memory_equal(&before, &s, sizeof(s)); /* nothing to write */
    assert_non_null(ses_session_find_event(&s, SES_STR("A")));
    /* Where room is needed, late ones go first. */
    s.status = SES_SESSION_OPEN;
    for (size_t i = 0; i < 15; i++)
        (void)ses_session_apply(&s, SES_EVENT_REDIRECT_STARTED, ses_slice(ids + i, 1), 0, &rules, T0 + 40);
    assert_int_equal(s.events_count, SES_SESSION_EVENTS_MAX);
    assert_non_null(ses_session_find_event(&s, SES_STR("A")));
    for (unsigned i = 0; i < s.events_count; i++)
        assert_int_equal(s.events[i].outcome, SES_EVENT_APPLIED);
}

static void test_one_kind_of_late_events_leaves_room_for_another(void **state)
{
    struct ses_session s = begin();

    (void)state;
    for (size_t i = 0; i < 9; i++)
        (void)apply(&s, SES_EVENT_STEP_CANCELLED, T0 + i);
    assert_int_equal(s.events_count, SES_SESSION_LATE_OF_KIND_MAX);
    assert_false(ses_session_late_unrecorded(&s, SES_EVENT_CHALLENGE_PASSED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_is_bounded_and_finds_ids),
        cmocka_unit_test(test_what_left_the_history_is_stored),
        cmocka_unit_test(test_late_events_push_nothing_out),
        cmocka_unit_test(test_one_kind_of_late_events_leaves_room_for_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
