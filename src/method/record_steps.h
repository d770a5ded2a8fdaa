/* record_steps.h - the open step and the history of events in a stored record: the part of record_codec.c
 * that grows with what happens to a session. */
#ifndef SESSIOND_SRC_METHOD_RECORD_STEPS_H
#define SESSIOND_SRC_METHOD_RECORD_STEPS_H

#include <sessiond/store/v1/record.pb-c.h>

#include <sessiond/base/arena.h>
#include <sessiond/domain/session.h>

/* protobuf-c has no const bytes; it does not write to what it packs. */
static inline ProtobufCBinaryData ses_record_bytes(struct ses_slice slice)
{
    return (ProtobufCBinaryData){slice.len, (uint8_t *)(uintptr_t)slice.data};
}

static inline struct ses_slice ses_record_slice(ProtobufCBinaryData bytes)
{
    return ses_slice(bytes.data, bytes.len);
}

/* What a record points to while it is packed. */
struct ses_record_steps {
    Sessiond__Store__V1__OpenStep step;
    Sessiond__Store__V1__AppliedEvent events[SES_SESSION_EVENTS_MAX];
    Sessiond__Store__V1__AppliedEvent *pointers[SES_SESSION_EVENTS_MAX];
};

/* What record points to lies in steps and in the arena. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_put_steps(const struct ses_session *session,
                                                    struct ses_arena *arena, struct ses_record_steps *steps,
                                                    Sessiond__Store__V1__SessionRecord *record);
/* False: not what a version of ours writes. */
bool ses_record_take_steps(const Sessiond__Store__V1__SessionRecord *record, struct ses_session *session);

#endif
