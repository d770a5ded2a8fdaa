/* One payment's story, piece by piece. Where a value is secret its being there is told. */
#include "session_story.h"

#include "inbox.h"
#include "natural_key.h"
#include "session_view.h"
#include "view.h"

typedef Sessiond__V1__SessionStory story_message;

/* Of a session or of an intent, which carries the whole session that it would make. */
static bool has_session(const struct ses_access_found *found)
{
    return found->origin != NULL;
}

bool ses_story_there(const struct ses_access_found *found)
{
    return has_session(found) || found->inbox != NULL || found->inbox_unreadable;
}

/* Of a URL that a merchant chose: where to, not what it says there of its shopper. */
static char *view_url(struct ses_view *v, struct ses_slice url)
{
    return ses_view_text(v, ses_slice_cut(url, 0, ses_slice_find(url, '?')));
}

static void tell_connector_session(struct ses_view *v, const struct ses_session *session,
                                   story_message *story)
{
    Sessiond__V1__ConnectorSessionStory *message;

    if (!session->connector_session_present)
        return;
    message = ses_view_make(v, sizeof(*message));
    if (message == NULL)
        return;
    sessiond__v1__connector_session_story__init(message);
    message->token_stored = session->connector_session.token.len > 0;
    message->id = ses_view_text(v, session->connector_session.id);
    message->transaction_id = ses_view_text(v, session->connector_session.transaction_id);
    message->expires_ms = ses_view_time_or_none(v, session->connector_session.expires_ms);
    story->connector_session = message;
}

static void tell_state(struct ses_view *v, const struct ses_session_state *state, story_message *story)
{
    Sessiond__V1__ConnectorStateStory *message;

    if (!state->access_token_present && !state->connector_customer_id_present)
        return;
    message = ses_view_make(v, sizeof(*message));
    if (message == NULL)
        return;
    sessiond__v1__connector_state_story__init(message);
    message->access_token_stored = state->access_token_present;
    message->access_token_type = ses_view_text(v, state->access_token_type);
    message->access_token_stored_ms =
        ses_view_time_or_none(v, state->access_token_present ? state->stored_ms : 0);
    message->connector_customer_id_stored = state->connector_customer_id_present;
    story->connector_state = message;
}

/* Names only. Pointers, for protobuf-c's repeated texts; one more than needed, so that it is never empty. */
static void tell_return(struct ses_view *v, const struct ses_session *session, story_message *story)
{
    const struct ses_redirect_result *redirect = &session->redirect;
    Sessiond__V1__ReturnStory *message;
    char **names;

    if (!session->redirect_present)
        return;
    message = ses_view_make(v, sizeof(*message));
    names = ses_view_make(v, (redirect->parameters_count + 1) * sizeof(*names));
    if (message == NULL || names == NULL)
        return;
    sessiond__v1__return_story__init(message);
    message->step_name = ses_view_text(v, redirect->step_name);
    message->method = ses_view_text(v, redirect->http_method);
    message->received_ms = ses_view_time(v, redirect->received_ms);
    for (size_t i = 0; i < redirect->parameters_count; i++)
        names[message->n_parameters++] = ses_view_text(v, redirect->parameters[i].name);
    message->parameters = names;
    story->last_return = message;
}

static void tell_past_steps(struct ses_view *v, const struct ses_session *session, story_message *story)
{
    Sessiond__V1__PastStepStory *steps = ses_view_make(v, SES_PAST_STEPS_MAX * sizeof(*steps));
    Sessiond__V1__PastStepStory **pointers = ses_view_make(v, SES_PAST_STEPS_MAX * sizeof(void *));

    if (steps == NULL || pointers == NULL)
        return;
    for (unsigned i = 0; i < session->past_steps_count; i++) {
        const struct ses_past_step *step = &session->past_steps[i];

        sessiond__v1__past_step_story__init(&steps[i]);
        steps[i].name = ses_view_text(v, step->name);
        steps[i].return_url = view_url(v, step->return_url);
        steps[i].returned = step->returned;
        steps[i].timed_out = step->timed_out;
        pointers[i] = &steps[i];
    }
    story->n_past_steps = session->past_steps_count;
    story->past_steps = pointers;
}

static void tell_early_events(struct ses_view *v, const struct ses_inbox *inbox, story_message *story)
{
    Sessiond__V1__EarlyEventStory *events = ses_view_make(v, SES_INBOX_EVENTS_MAX * sizeof(*events));
    Sessiond__V1__EarlyEventStory **pointers = ses_view_make(v, SES_INBOX_EVENTS_MAX * sizeof(void *));

    if (inbox == NULL || events == NULL || pointers == NULL)
        return;
    for (size_t i = 0; i < inbox->count; i++) {
        sessiond__v1__early_event_story__init(&events[i]);
        events[i].event = (Sessiond__V1__SessionEvent)inbox->events[i].event;
        events[i].event_id = ses_view_text(v, inbox->events[i].id);
        events[i].at_ms = ses_view_time(v, inbox->events[i].at_ms);
        pointers[i] = &events[i];
    }
    story->n_early_events = inbox->count;
    story->early_events = pointers;
}

/* No verdict on a browser: that is the view without secrets. */
static enum ses_status tell_session(struct ses_view *v, const struct ses_access *access,
                                    const struct ses_session *session, uint64_t now_ms, story_message *story)
{
    SES_TRY(ses_session_view(session, NULL, now_ms, v->arena, &story->session));
    if (story->session->step != NULL)
        story->session->step->return_url = view_url(v, session->step.return_url);
    ses_name_session(access->service, access->x, session->id);
    story->pseudonym = ses_view_text(v, ses_slice_str(access->x->session_pseudonym));
    story->metadata_bytes = (uint32_t)session->metadata.len;
    story->connector_feature_data_bytes = (uint32_t)session->feature_data.len;
    story->bound_to = ses_view_facets(v, session->binding.facets, &story->n_bound_to);
    story->token_issued_ms = ses_view_time_or_none(v, session->token_issued_ms);
    story->revoke_reason = ses_view_text(v, session->revoke_reason);
    tell_connector_session(v, session, story);
    tell_state(v, &session->state, story);
    tell_return(v, session, story);
    tell_past_steps(v, session, story);
    return SES_OK;
}

static Sessiond__V1__StoryKind kind_of(const struct ses_access_found *found)
{
    if (!has_session(found))
        return SESSIOND__V1__STORY_KIND__STORY_KIND_EARLY_EVENTS;
    /* Also of an intent whose time is over: its outcome was never learnt. */
    return ses_record_origin_key(found->origin).len > 0 ? SESSIOND__V1__STORY_KIND__STORY_KIND_UNSETTLED
                                                        : SESSIOND__V1__STORY_KIND__STORY_KIND_SESSION;
}

enum ses_status ses_session_story(const struct ses_access *access, const struct ses_access_found *found,
                                  uint64_t now_ms, Sessiond__V1__SessionStory **ret_story)
{
    struct ses_view v;
    story_message *story;

    ses_view_init(&v, &access->x->arena);
    story = ses_view_make(&v, sizeof(*story));
    if (story == NULL)
        return SES_NO_MEMORY;
    sessiond__v1__session_story__init(story);
    story->kind = kind_of(found);
    story->tenant = ses_view_text(&v, access->metadata.tenant);
    story->merchant = ses_view_text(&v, access->metadata.merchant);
    story->being_written = found->leased;
    if (has_session(found))
        SES_TRY(tell_session(&v, access, &found->session, now_ms, story));
    tell_early_events(&v, found->inbox, story);
    story->early_events_unreadable = found->inbox_unreadable;
    if (v.failed)
        return SES_NO_MEMORY;
    *ret_story = story;
    return SES_OK;
}
