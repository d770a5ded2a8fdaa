/* The two scenarios of a call that repeats its own write. */
#include "method/own_write.h"

static void expect(const struct own_write *write, struct call *call, bool again)
{
    write->expect(call, again);
    call_free(call);
}

void own_write_is_answered_again(struct core *core, const char *token, const struct own_write *write)
{
    uint64_t puts;

    expect(write, write->start(core, token), false);
    unit_clock_pass_ms(write->pass_ms);
    puts = core_puts(core);
    for (int i = 0; i < 2; i++)
        expect(write, write->start(core, token), true);
    assert_int_equal(core_puts(core), puts);
}

static void end_sooner(struct ses_claims *claims)
{
    claims->expires_ms -= 60000;
}

/* By somebody who has no token; the session is as open as before. */
static void write_else(struct core *core)
{
    static const int events[] = {SES_EVENT_PROCESSING_STARTED, SES_EVENT_ATTEMPT_FAILED};
    static const char *const ids[] = {"w1", "w2"};

    for (int i = 0; i < 2; i++) {
        struct call *call = advance(core, (struct advance){.event = events[i], .id = ids[i]});

        assert_int_equal(advanced(call)->outcome, SES_EVENT_APPLIED);
        call_free(call);
    }
}

void own_write_is_nobody_elses(struct core *core, const char *token, const struct own_write *write)
{
    char *sibling = token_changed(core, token, end_sooner);
    uint64_t puts;

    expect(write, write->start(core, token), false);
    unit_clock_pass_ms(write->pass_ms);
    puts = core_puts(core);
    refused(write->start_other(core, token), write->status, write->reason);
    refused(write->start(core, sibling), write->status, write->reason);
    assert_int_equal(core_puts(core), puts);
    expect(write, write->start(core, token), true);
    write_else(core);
    refused(write->start(core, token), write->status, write->reason);
    free(sibling);
}
