/* session_rig.h - a session at its beginning, and events for it. */
#ifndef SESSIOND_TESTS_UNIT_DOMAIN_SESSION_RIG_H
#define SESSIOND_TESTS_UNIT_DOMAIN_SESSION_RIG_H

#include "unit.h"

#include <sessiond/domain/session_machine.h>

#define T0 UINT64_C(1800000000000)

extern const struct ses_session_rules rules;

/* Open since T0, and for 15 minutes. */
struct ses_session begin(void);

/* By the rules above, without an id. */
enum ses_event_outcome apply(struct ses_session *s, enum ses_event event, uint64_t at_ms);

#endif
