/* record_effects.h - a session's calls to the payment server, and what they told of the payment, to and from its stored
 * record; a part of record_codec.c. */
#ifndef SESSIOND_SRC_METHOD_RECORD_EFFECTS_H
#define SESSIOND_SRC_METHOD_RECORD_EFFECTS_H

#include <sessiond/base/arena.h>
#include <sessiond/domain/effect.h>

#include "record_steps.h"

/* [any] record points into arena and session. Costs nothing where there are none. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_put_effects(const struct ses_session *session,
                                                      struct ses_arena *arena,
                                                      Sessiond__Store__V1__SessionRecord *record);
/* [any] SES_DATA_LOSS: not a record of ours; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_take_effects(const Sessiond__Store__V1__SessionRecord *record,
                                                       struct ses_arena *arena, struct ses_session *session);

#endif
