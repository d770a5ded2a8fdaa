/* record_codec.h - struct ses_session to and from the body of a stored record
 * (proto/sessiond/store/v1/record.proto).
 *
 * Fields that this version does not use, and fields that it does not know, pass from a decoded record into
 * the next one: a newer version's data survive an older one's write.
 *
 * How versions live together in one store:
 *
 *   a field that an older version lacks    absent in its records; take_ gives the meaning of "absent"
 *   a field that a newer version has       unknown here: kept with the record's origin, written back
 *   an enum's value that is not known      kept as a number; events become NONE, a connector has no name
 *   lists longer than ours                 their newest end is read
 *   another format number, other lengths   refused (SES_DATA_LOSS): nothing is guessed
 */
#ifndef SESSIOND_SRC_METHOD_RECORD_CODEC_H
#define SESSIOND_SRC_METHOD_RECORD_CODEC_H

#include <sessiond/base/arena.h>
#include <sessiond/domain/session.h>

struct ses_inbox; /* inbox.h */

#define SES_RECORD_FORMAT 1

/* A connector call that is about to be made. */
struct ses_record_intent {
    struct ses_slice idempotency_key;
    uint64_t started_ms;
    const struct ses_inbox *inbox; /* events that wait for the session; NULL: none */
};

/* Where a decoded session came from; NULL for a fresh one. Lives in the arena it was decoded into. */
struct ses_record_origin;

/* [any] The key under which an intent's call was made; empty: the record is no intent. */
struct ses_slice ses_record_origin_key(const struct ses_record_origin *origin);
/* [worker] The events that wait in an intent and were told after since_ms; slices where origin lies. */
void ses_record_origin_inbox(const struct ses_record_origin *origin, uint64_t since_ms,
                             struct ses_inbox *ret_inbox);
/* [worker] The same record, with these events in the place of its own. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_record_origin_with_inbox(const struct ses_record_origin *origin,
                                                            const struct ses_inbox *inbox,
                                                            struct ses_arena *arena,
                                                            struct ses_slice *ret_body);

/* [worker] intent NULL: none. CPU: 0.4 us for an ordinary session. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_session_record_encode(const struct ses_session *session,
                                                         const struct ses_record_intent *intent,
                                                         const struct ses_record_origin *origin,
                                                         struct ses_arena *arena, struct ses_slice *ret_body);
/* [worker] All but the id, which stands in the record's header. Slices point into arena. SES_DATA_LOSS: not a
 * record, or of a format that this version must not guess at; SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_session_record_decode(struct ses_slice body, struct ses_arena *arena,
                                                         struct ses_session *ret_session,
                                                         const struct ses_record_origin **ret_origin);

#endif
