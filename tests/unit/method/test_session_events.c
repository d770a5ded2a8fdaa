/* Events on a whole worker: who may tell which, before the session exists and after its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "method/session_calls.h"

/* ---- inbox ----------------------------------------------------------------------------------- */

static void test_event_before_its_session(void **state)
{
    struct core *core = *state;
    struct call *call = advance(core, (struct advance){NULL, SES_EVENT_COMPLETED, "w1", 0, NULL, NULL});

    assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
    assert_null(advanced(call)->session);
    call_free(call);
    char *token = create(core, (struct order){.amount = 10000});
    call = get(core, token);
    assert_int_equal(got(call)->status, SES_SESSION_COMPLETED);
    call_free(call);
    call = advance(core, (struct advance){NULL, SES_EVENT_COMPLETED, "w1", 0, NULL, NULL});
    assert_int_equal(advanced(call)->outcome, SES_EVENT_DUPLICATE);
    assert_null(advanced(call)->session->connector_session); /* no secrets without a token */
    call_free(call);
    core_settle(core);
    free(token);
}

static void test_inbox_is_bounded(void **state)
{
    struct core *core = *state;
    char id[2] = "a";

    for (int i = 0; i < 9; i++, id[0]++) {
        struct call *call = advance(core, (struct advance){NULL, SES_EVENT_FAILED, id, 0, NULL, NULL});

        if (i < 8)
            assert_int_equal(advanced(call)->outcome, SES_EVENT_KEPT);
        else
            (void)call_error(call, SES_RESOURCE_EXHAUSTED, "INBOX_FULL");
        call_free(call);
    }
}

static void test_without_token_event_and_id_are_required(void **state)
{
    struct core *core = *state;
    struct call *call = advance(core, (struct advance){.event = SES_EVENT_FAILED});

    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    call = advance(core, (struct advance){.id = "w1"});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    call = advance(core, (struct advance){.id = "w1", .event = SES_EVENT_STEP_TIMED_OUT});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    call = advance(core, (struct advance){NULL, SES_EVENT_FAILED, "w1", 0, "cus", NULL});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
    call = advance(core, (struct advance){NULL, SES_EVENT_FAILED, "w1", 0, NULL, "tx_1"});
    (void)call_error(call, SES_INVALID_ARGUMENT, "");
    call_free(call);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, core_setup, core_teardown)
    const struct CMUnitTest tests[] = {
        T(test_event_before_its_session),
        T(test_inbox_is_bounded),
        T(test_without_token_event_and_id_are_required),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
