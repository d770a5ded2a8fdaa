/* Each makes its own session, "session_001". */
#include "method/write_refusals.h"

void what_is_under_way_or_over_is_refused(struct core *core, start_fn start)
{
    static const struct {
        int event;
        const char *reason, *status;
    } rows[] = {
        {SES_EVENT_PROCESSING_STARTED, "SESSION_PROCESSING", "PROCESSING"},
        {SES_EVENT_FAILED, "SESSION_CLOSED", "FAILED"},
        {SES_EVENT_COMPLETED, "SESSION_CLOSED", "COMPLETED"},
    };
    char *token = create(core, (struct order){.amount = 10000});

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        tell(core, token, rows[i].event, SES_EVENT_APPLIED);
        uint64_t puts = core_puts(core);

        refused_with(start(core, token), SES_FAILED_PRECONDITION, rows[i].reason, "status", rows[i].status);
        assert_int_equal(core_puts(core), puts);
    }
    free(token);
}

void another_version_is_told(struct core *core, start_fn start)
{
    char *token = create(core, (struct order){.amount = 10000});
    uint64_t puts = core_puts(core);

    refused_with(start(core, token), SES_ABORTED, "VERSION_MISMATCH", "current_version", "1");
    assert_int_equal(core_puts(core), puts);
    free(token);
}
