/* session_rig.h - a session at its beginning, and events for it. */
#ifndef SESSIOND_TESTS_UNIT_DOMAIN_SESSION_RIG_H
#define SESSIOND_TESTS_UNIT_DOMAIN_SESSION_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <sessiond/domain/session_machine.h>

#define T0 UINT64_C(1800000000000)

static const struct ses_session_rules rules = {
    .ttl_ms = 900000, .closed_ms = 86400000, .step_ms = 600000, .overlap_ms = 30000};

static inline struct ses_session begin(void)
{
    return (struct ses_session){.status = SES_SESSION_OPEN,
                                .generation = 1,
                                .version = 1,
                                .created_ms = T0,
                                .updated_ms = T0,
                                .token_issued_ms = T0,
                                .expires_ms = T0 + 900000};
}

static inline enum ses_event_outcome apply(struct ses_session *s, enum ses_event event, uint64_t at_ms)
{
    return ses_session_apply(s, event, SES_SLICE_EMPTY, 0, &rules, at_ms);
}

#endif
