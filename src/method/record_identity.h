/* record_identity.h - a session's connector to and from its record. */
#ifndef SESSIOND_SRC_METHOD_RECORD_IDENTITY_H
#define SESSIOND_SRC_METHOD_RECORD_IDENTITY_H

#include <sessiond/store/v1/record.pb-c.h>

#include <sessiond/base/arena.h>
#include <sessiond/domain/session.h>

void ses_record_put_identity(const struct ses_connector_identity *connector,
                             Sessiond__Store__V1__SessionRecord *record);
/* The name of a connector without a row here is copied into arena. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_take_identity(const Sessiond__Store__V1__SessionRecord *record,
                                                        struct ses_arena *arena,
                                                        struct ses_connector_identity *ret_connector);

#endif
