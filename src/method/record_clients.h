/* record_clients.h - the client tokens that a session names, to and from its stored record; a part of record_codec.c. */
#ifndef SESSIOND_SRC_METHOD_RECORD_CLIENTS_H
#define SESSIOND_SRC_METHOD_RECORD_CLIENTS_H

#include "record_steps.h"

/* [any] record points into the arena and session. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_put_clients(const struct ses_session *session,
                                                      struct ses_arena *arena,
                                                      Sessiond__Store__V1__SessionRecord *record);
/* [any] SES_DATA_LOSS: not what a version of ours writes; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_take_clients(const Sessiond__Store__V1__SessionRecord *record,
                                                       struct ses_arena *arena, struct ses_session *session);

#endif
