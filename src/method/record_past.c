/* Steps that are over, each with what a late browser needs: its id, and where to. Written whole each
 * time; there are at most SES_PAST_STEPS_MAX. */
#include "record_past.h"

void ses_record_put_past(const struct ses_session *session, struct ses_record_past *parts,
                         Sessiond__Store__V1__SessionRecord *record)
{
    for (unsigned i = 0; i < session->past_steps_count; i++) {
        const struct ses_past_step *step = &session->past_steps[i];
        Sessiond__Store__V1__PastStep *stored = &parts->steps[i];

        sessiond__store__v1__past_step__init(stored);
        stored->step_id = ses_record_bytes(ses_slice(step->id, sizeof(step->id)));
        stored->name = ses_record_bytes(step->name);
        stored->return_url = ses_record_bytes(step->return_url);
        stored->frame = step->frame;
        stored->payload_hash =
            ses_record_bytes(ses_slice(step->payload_hash, step->returned ? sizeof(step->payload_hash) : 0));
        stored->timed_out = step->timed_out;
        stored->started_ms = step->expires_ms != 0 ? step->started_ms : 0;
        stored->expires_ms = step->expires_ms;
        parts->pointers[i] = stored;
    }
    record->n_past_steps = session->past_steps_count;
    record->past_steps = parts->pointers;
}

/* A hash is there exactly if the step was returned from. */
static bool take_step(const Sessiond__Store__V1__PastStep *stored, struct ses_past_step *ret_step)
{
    struct ses_past_step step = {
        .name = ses_record_slice(stored->name),
        .return_url = ses_record_slice(stored->return_url),
        .frame = stored->frame,
        .returned = stored->payload_hash.len > 0,
        .timed_out = stored->timed_out,
        .started_ms = stored->started_ms,
        .expires_ms = stored->expires_ms,
    };

    if (stored->step_id.len != sizeof(step.id) ||
        (step.returned && stored->payload_hash.len != sizeof(step.payload_hash)))
        return false;
    memcpy(step.id, stored->step_id.data, sizeof(step.id));
    if (step.returned)
        memcpy(step.payload_hash, stored->payload_hash.data, sizeof(step.payload_hash));
    *ret_step = step;
    return true;
}

bool ses_record_take_past(const Sessiond__Store__V1__SessionRecord *record, struct ses_session *session)
{
    size_t count = record->n_past_steps;
    size_t from = count > SES_PAST_STEPS_MAX ? count - SES_PAST_STEPS_MAX : 0;

    session->past_steps_count = 0;
    for (size_t i = from; i < count; i++) {
        if (!take_step(record->past_steps[i], &session->past_steps[session->past_steps_count]))
            return false;
        session->past_steps_count++;
    }
    return true;
}
