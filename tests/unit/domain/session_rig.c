#include "session_rig.h"

const struct ses_session_rules rules = {
    .ttl_ms = 900000, .closed_ms = 86400000, .step_ms = 600000, .overlap_ms = 30000};

struct ses_session begin(void)
{
    return (struct ses_session){.status = SES_SESSION_OPEN,
                                .generation = 1,
                                .version = 1,
                                .created_ms = T0,
                                .updated_ms = T0,
                                .token_issued_ms = T0,
                                .expires_ms = T0 + 900000};
}

enum ses_event_outcome apply(struct ses_session *s, enum ses_event event, uint64_t at_ms)
{
    return ses_session_apply(s, event, SES_SLICE_EMPTY, 0, &rules, at_ms);
}
