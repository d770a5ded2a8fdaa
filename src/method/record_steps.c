/* The open step and the events. Sizes are bounded by domain/session.h; a record of a version with
 * larger bounds is read from its newest end. */
#include "record_steps.h"

#include <sessiond/domain/session_machine.h>

typedef Sessiond__Store__V1__SessionRecord session_record;
typedef Sessiond__Store__V1__OpenStep stored_step;
typedef Sessiond__Store__V1__AppliedEvent stored_event;

/* A step that an event opened has no return URL, and no id that anybody could present: none is written. */
static void put_step(const struct ses_session *session, struct ses_record_steps *steps,
                     session_record *record)
{
    stored_step *stored = &steps->step;

    record->_open_step_case = SESSIOND__STORE__V1__SESSION_RECORD___OPEN_STEP__NOT_SET;
    if (!session->step_open)
        return;
    sessiond__store__v1__open_step__init(stored);
    stored->step_id = ses_record_bytes(
        ses_slice(session->step.id, session->step.return_url.len > 0 ? sizeof(session->step.id) : 0));
    stored->name = ses_record_bytes(session->step.name);
    stored->return_url = ses_record_bytes(session->step.return_url);
    stored->frame = session->step.frame;
    stored->started_ms = session->step.started_ms;
    stored->expires_ms = session->step.expires_ms;
    record->_open_step_case = SESSIOND__STORE__V1__SESSION_RECORD___OPEN_STEP_OPEN_STEP;
    record->open_step = stored;
}

/* An event's outcome is stored as one bit: only APPLIED and LATE ones are ever in a history. */
static void put_events(const struct ses_session *session, struct ses_record_steps *steps,
                       session_record *record)
{
    for (unsigned i = 0; i < session->events_count; i++) {
        stored_event *stored = &steps->events[i];

        sessiond__store__v1__applied_event__init(stored);
        stored->event_id = ses_record_bytes(session->events[i].id);
        stored->event = (uint32_t)session->events[i].event;
        stored->late = session->events[i].outcome == SES_EVENT_LATE;
        stored->at_ms = session->events[i].at_ms;
        stored->version = session->events[i].version;
        steps->pointers[i] = stored;
    }
    record->n_applied_events = session->events_count;
    record->applied_events = steps->pointers;
}

enum ses_status ses_record_put_steps(const struct ses_session *session, struct ses_arena *arena,
                                     struct ses_record_steps *steps, session_record *record)
{
    struct ses_slice forgotten;

    SES_TRY(ses_session_forgotten_all(session, arena, &forgotten));
    record->forgotten_events = ses_record_bytes(forgotten);
    record->attempts = session->attempts;
    record->late_success = session->late_success;
    put_step(session, steps, record);
    put_events(session, steps, record);
    return SES_OK;
}

/* A step without an id was opened by an event, not by BeginStep: nobody has a handle to it. */
static bool take_step(const session_record *record, struct ses_session *session)
{
    const stored_step *stored = record->open_step;

    session->step_open =
        record->_open_step_case != SESSIOND__STORE__V1__SESSION_RECORD___OPEN_STEP__NOT_SET && stored != NULL;
    if (!session->step_open)
        return true;
    session->step = (struct ses_session_step){
        .name = ses_record_slice(stored->name),
        .return_url = ses_record_slice(stored->return_url),
        .frame = stored->frame,
        .started_ms = stored->started_ms,
        .expires_ms = stored->expires_ms,
    };
    if (stored->step_id.len == sizeof(session->step.id))
        memcpy(session->step.id, stored->step_id.data, sizeof(session->step.id));
    return stored->step_id.len == sizeof(session->step.id) || stored->step_id.len == 0;
}

/* An event of a newer version keeps its place and its id as NONE: its id must still be recognised. */
static void take_events(const session_record *record, struct ses_session *session)
{
    size_t count = record->n_applied_events;
    size_t from = count > SES_SESSION_EVENTS_MAX ? count - SES_SESSION_EVENTS_MAX : 0;

    session->events_count = 0;
    for (size_t i = from; i < count; i++) {
        const stored_event *stored = record->applied_events[i];

        session->events[session->events_count++] = (struct ses_session_event){
            .id = ses_record_slice(stored->event_id),
            .event = stored->event < SES_EVENT_COUNT ? (enum ses_event)stored->event : SES_EVENT_NONE,
            .outcome = stored->late ? SES_EVENT_LATE : SES_EVENT_APPLIED,
            .at_ms = stored->at_ms,
            .version = stored->version,
        };
    }
}

bool ses_record_take_steps(const session_record *record, struct ses_session *session)
{
    session->attempts = record->attempts;
    session->late_success = record->late_success;
    session->forgotten = ses_record_slice(record->forgotten_events);
    session->forgotten_now_count = 0;
    take_events(record, session);
    return take_step(record, session);
}
