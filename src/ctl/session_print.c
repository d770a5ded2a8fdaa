/* Every line is "word  value"; what is not there has no line. */
#include "session_print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sessiond/base/rfc3339.h>
#include <sessiond/base/slice.h>

#define WORD "  %-12s "

/* ---- values ---------------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text == NULL ? "" : text;
}

/* 64-bit numbers are texts in protobuf's JSON, ours are numbers: either is read. */
static int64_t number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_string(value) ? strtoll(json_string_value(value), NULL, 10) : json_integer_value(value);
}

static bool is_true(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* "SESSION_STATUS_OPEN" as "OPEN". */
static const char *enum_of(const json_t *object, const char *key, const char *prefix)
{
    const char *name = text_of(object, key);
    size_t len = strlen(prefix);

    return strncmp(name, prefix, len) == 0 ? name + len : name;
}

/* A stranger may have written it: what could move the cursor is printed as JSON's escapes. */
static void print_text(const char *text)
{
    if (ses_utf8_printable_check(ses_slice_str(text))) {
        (void)fputs(text, stdout);
        return;
    }
    json_t *value = json_string(text);

    (void)json_dumpf(value, stdout, JSON_ENSURE_ASCII | JSON_ENCODE_ANY);
    json_decref(value);
}

static void print_time(int64_t at_ms)
{
    char text[SES_RFC3339_SIZE];

    ses_rfc3339_encode((uint64_t)at_ms, text);
    text[strlen(text) - 1] = '\0'; /* the Z goes behind the milliseconds */
    printf("%s.%03dZ", text, (int)(at_ms % 1000));
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void line_text(const char *word, const char *text)
{
    if (text[0] == '\0')
        return;
    printf(WORD, word);
    print_text(text);
    printf("\n");
}

static void line_time(const char *word, int64_t at_ms)
{
    if (at_ms == 0)
        return;
    printf(WORD, word);
    print_time(at_ms);
    printf("\n");
}

/* "a, b, c" of an array of texts. */
static void print_list(const json_t *list)
{
    size_t i;
    const json_t *value;

    json_array_foreach(list, i, value) {
        printf("%s", i == 0 ? "" : ", ");
        print_text(json_is_string(value) ? json_string_value(value) : "");
    }
}

static void print_status(const json_t *session)
{
    printf(WORD "%s, version %" PRId64 ", generation %" PRId64, "status",
           enum_of(session, "status", "SESSION_STATUS_"), number_of(session, "version"),
           number_of(session, "generation"));
    if (number_of(session, "attempts") > 0)
        printf(", %" PRId64 " attempts failed", number_of(session, "attempts"));
    if (is_true(session, "late_success"))
        printf(", COMPLETED AFTER FAILED");
    printf("\n");
}

static void print_connector(const json_t *story, const json_t *session)
{
    const json_t *own = json_object_get(story, "connector_session");
    const json_t *state = json_object_get(story, "connector_state");

    line_text("connector", text_of(session, "connector_name"));
    line_text("  session", text_of(own, "id"));
    line_text("  payment", text_of(own, "transaction_id"));
    line_time("  ends", number_of(own, "expires_ms"));
    if (own != NULL)
        line_text("  token", is_true(own, "token_stored") ? "stored, not told" : "none");
    if (state == NULL)
        return;
    printf(WORD "access token %s, customer id %s\n", "state",
           is_true(state, "access_token_stored") ? "stored" : "none",
           is_true(state, "connector_customer_id_stored") ? "stored" : "none");
}

static void print_step(const json_t *step)
{
    if (step == NULL)
        return;
    printf(WORD, "open step");
    print_text(text_of(step, "name"));
    printf(", until ");
    print_time(number_of(step, "expires_ms"));
    if (text_of(step, "return_url")[0] != '\0') {
        printf(", back to ");
        print_text(text_of(step, "return_url"));
    }
    printf("\n");
}

static void print_past_steps(const json_t *steps)
{
    size_t i;
    const json_t *step;

    json_array_foreach(steps, i, step) {
        printf(WORD, "past step");
        print_text(text_of(step, "name"));
        printf(", %s%s, back to ", is_true(step, "returned") ? "the browser came back" : "nobody came back",
               is_true(step, "timed_out") ? ", its time was over" : "");
        print_text(text_of(step, "return_url"));
        printf("\n");
    }
}

static void print_return(const json_t *last)
{
    if (last == NULL)
        return;
    printf(WORD "%s ", "last return", text_of(last, "method"));
    print_time(number_of(last, "received_ms"));
    printf(" of ");
    print_text(text_of(last, "step_name"));
    printf(", with ");
    print_list(json_object_get(last, "parameters"));
    printf("\n");
}

static void print_sizes(const json_t *story)
{
    int64_t metadata = number_of(story, "metadata_bytes");
    int64_t feature = number_of(story, "connector_feature_data_bytes");

    if (metadata > 0 || feature > 0)
        printf(WORD "metadata %" PRId64 " bytes, connector_feature_data %" PRId64 " bytes\n", "texts",
               metadata, feature);
    if (json_array_size(json_object_get(story, "bound_to")) == 0)
        return;
    printf(WORD, "bound to");
    print_list(json_object_get(story, "bound_to"));
    printf("\n");
}

/* ---- history --------------------------------------------------------------------------------- */

static void print_event(const json_t *event, const char *outcome)
{
    printf("    ");
    print_time(number_of(event, "at_ms"));
    printf("  %-22s %-8s", enum_of(event, "event", "SESSION_EVENT_"), outcome);
    if (number_of(event, "version") > 0)
        printf(" v%" PRId64, number_of(event, "version"));
    if (text_of(event, "event_id")[0] != '\0') {
        printf("  id ");
        print_text(text_of(event, "event_id"));
    }
    printf("\n");
}

/* Calls to the payment server: what may have moved money. */
static void print_calls(const json_t *session)
{
    size_t i;
    const json_t *call;

    if (json_array_size(json_object_get(session, "gateway_calls")) > 0)
        printf("  calls to the payment server\n");
    json_array_foreach(json_object_get(session, "gateway_calls"), i, call) {
        printf("    ");
        print_time(number_of(call, "started_ms"));
        printf("  %-22s ", enum_of(call, "state", "GATEWAY_CALL_STATE_"));
        print_text(text_of(call, "method"));
        printf("  id ");
        print_text(text_of(call, "merchant_id"));
        if (number_of(call, "grpc_status") > 0)
            printf("  grpc-status %" PRId64, number_of(call, "grpc_status"));
        if (number_of(call, "status") > 0)
            printf("  status %" PRId64, number_of(call, "status"));
        printf("\n");
    }
}

/* That they are there, and until when. */
static void print_client_tokens(const json_t *session)
{
    size_t i;
    const json_t *token;

    if (json_array_size(json_object_get(session, "client_tokens")) > 0)
        printf("  client tokens\n");
    json_array_foreach(json_object_get(session, "client_tokens"), i, token) {
        printf("    ");
        print_time(number_of(token, "made_ms"));
        printf("  %-22s ", enum_of(token, "kind", "CLIENT_TOKEN_KIND_"));
        print_text(text_of(token, "connector_name"));
        printf("  until ");
        print_time(number_of(token, "expires_ms"));
        printf("\n");
    }
}

static void print_history(const json_t *story, const json_t *session)
{
    size_t i;
    const json_t *event;

    if (session != NULL) {
        printf("  history\n    ");
        print_time(number_of(session, "created_ms"));
        printf("  %-22s %-8s v1\n", "CREATED", "");
    }
    json_array_foreach(json_object_get(session, "events"), i, event)
        print_event(event, enum_of(event, "outcome", "EVENT_OUTCOME_"));
    if (json_array_size(json_object_get(story, "early_events")) > 0)
        printf("  events that wait for the session\n");
    json_array_foreach(json_object_get(story, "early_events"), i, event)
        print_event(event, "");
    if (is_true(story, "early_events_unreadable"))
        printf("  events wait that this version cannot read\n");
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void print_headline(const json_t *story, const json_t *session)
{
    const char *kind = enum_of(story, "kind", "STORY_KIND_");

    if (session == NULL)
        printf("no session");
    else
        printf("session %s (%s)", text_of(session, "session_id"),
               is_true(session, "test_mode") ? "test" : "LIVE");
    if (strcmp(kind, "UNSETTLED") == 0)
        printf(", NOT MADE: a call to its connector was begun, and nobody learnt what came of it");
    printf("%s\n", is_true(story, "being_written") ? ", another call is about to write it" : "");
}

void ctl_session_print(const json_t *story)
{
    const json_t *session = json_object_get(story, "session");
    const json_t *amount = json_object_get(session, "amount");

    print_headline(story, session);
    line_text("in the log", text_of(story, "pseudonym"));
    line_text("tenant", text_of(story, "tenant"));
    line_text("merchant", text_of(story, "merchant"));
    if (session != NULL) {
        line_text("id", text_of(session, "merchant_session_id"));
        print_status(session);
        line_text("revoked for", text_of(story, "revoke_reason"));
        printf(WORD "%" PRId64 " %s, in minor units\n", "amount", number_of(amount, "minor_amount"),
               text_of(amount, "currency"));
        print_connector(story, session);
        line_time("created", number_of(session, "created_ms"));
        line_time("updated", number_of(session, "updated_ms"));
        line_time("ends", number_of(session, "expires_ms"));
        line_time("last token", number_of(story, "token_issued_ms"));
        print_sizes(story);
        print_step(json_object_get(session, "step"));
        print_past_steps(json_object_get(story, "past_steps"));
        print_return(json_object_get(story, "last_return"));
    }
    print_calls(session);
    print_client_tokens(session);
    print_history(story, session);
}
