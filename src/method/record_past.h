/* record_past.h - a session's past steps to and from its stored record; a part of record_codec.c. */
#ifndef SESSIOND_SRC_METHOD_RECORD_PAST_H
#define SESSIOND_SRC_METHOD_RECORD_PAST_H

#include "record_steps.h"

/* What a record points to while it is packed. */
struct ses_record_past {
    Sessiond__Store__V1__PastStep steps[SES_PAST_STEPS_MAX];
    Sessiond__Store__V1__PastStep *pointers[SES_PAST_STEPS_MAX];
};

/* [any] record points into parts and session. */
void ses_record_put_past(const struct ses_session *session, struct ses_record_past *parts,
                         Sessiond__Store__V1__SessionRecord *record);
/* [any] Of more than are remembered the newest. False: not a record of ours. */
bool ses_record_take_past(const Sessiond__Store__V1__SessionRecord *record, struct ses_session *session);

#endif
