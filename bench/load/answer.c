#include "message.h"

#include <stdio.h>

#include <sessiond/base/encode.h>

/* SessionStatus and EventOutcome of sessiond/v1/session.proto, as numbers. */
#define STATUS_OPEN       1
#define STATUS_REDIRECTED 3
#define STATUS_RETURNED   4
#define STATUS_PROCESSING 5
#define STATUS_COMPLETED  6
#define OUTCOME_APPLIED   1

/* Where a step leaves the session: 0, where it was. Every step that moves it adds one to its version. */
static const uint64_t status_after[LOAD_STEP_COUNT] = {
    [LOAD_CREATE] = STATUS_OPEN,
    [LOAD_BEGIN_STEP] = STATUS_REDIRECTED,
    [LOAD_RETURN_GET] = STATUS_RETURNED,
    [LOAD_RETURN_POST] = STATUS_RETURNED,
    [LOAD_CHALLENGE_PASSED] = STATUS_OPEN,
    [LOAD_PROCESSING_STARTED] = STATUS_PROCESSING,
    [LOAD_COMPLETED] = STATUS_COMPLETED,
    [LOAD_COMPLETED_BY_WEBHOOK] = STATUS_COMPLETED,
    [LOAD_BROWSER_RETURNED] = STATUS_RETURNED,
    [LOAD_CHANGE_STORED] = STATUS_PROCESSING,
};

/* PaymentStatus of the payment protocol. */
#define PAYMENT_CHARGED 8

#define MESSAGE_SHOWN_MAX 120

/* An answer of SessionService, as far as it is checked. */
struct found {
    bool session_there;
    struct ses_slice id;
    uint64_t status;
    uint64_t version;
    uint64_t outcome;           /* AdvanceSession */
    struct ses_slice handle;    /* BeginStep */
    struct ses_slice return_to; /* BeginStep's URL for the bank */
    struct ses_slice token;     /* a new one, or none */
};

static bool take_varint(struct ses_slice *s, uint64_t *ret_value)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && s->len > 0; shift += 7) {
        uint8_t byte = s->data[0];

        *s = ses_slice_cut(*s, 1, s->len);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if ((byte & 0x80) == 0) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* How long a field's bytes are, behind its key and what tells its length. Answers of other servers have fields
 * that we do not know, of any type but groups. */
static bool take_length(struct ses_slice *rest, uint64_t type, uint64_t *ret_number, uint64_t *ret_len)
{
    *ret_number = 0;
    switch (type) {
    case 0:
        *ret_len = 0;
        return take_varint(rest, ret_number);
    case 1:
        *ret_len = 8;
        return true;
    case 2:
        return take_varint(rest, ret_len);
    case 5:
        *ret_len = 4;
        return true;
    default:
        return false;
    }
}

/* The next field of a message: its number, or its bytes. False at the end, where body is empty, and at
 * anything that is not well formed, where it is not. */
static bool take_field(struct ses_slice *body, uint64_t *ret_key, uint64_t *ret_number,
                       struct ses_slice *ret_bytes)
{
    struct ses_slice rest = *body;
    uint64_t len;

    if (rest.len == 0 || !take_varint(&rest, ret_key) ||
        !take_length(&rest, *ret_key & 7, ret_number, &len) || len > rest.len)
        return false;
    *ret_bytes = ses_slice(rest.data, (size_t)len);
    *body = ses_slice_cut(rest, (size_t)len, rest.len);
    return true;
}

static bool unframe(struct ses_slice bytes, struct ses_slice *ret_body)
{
    if (bytes.len < 5 || bytes.data[0] != 0)
        return false;
    *ret_body = ses_slice_cut(bytes, 5, bytes.len);
    return ((size_t)bytes.data[1] << 24 | (size_t)bytes.data[2] << 16 | (size_t)bytes.data[3] << 8 |
            bytes.data[4]) == ret_body->len;
}

static const char *keep_token(struct load_journey *journey, struct ses_slice token)
{
    if (token.len > LOAD_TOKEN_MAX)
        return "a token longer than any token";
    if (token.len > 0)
        memcpy(journey->token, token.data, token.len);
    journey->token_len = token.len;
    return NULL;
}

static bool is_ours(struct ses_slice token)
{
    return ses_slice_starts(token, SES_STR("sess_v4.public.")) ||
           ses_slice_starts(token, SES_STR("sess_v4.local."));
}

/* Whether a later call presents it. */
static bool is_wanted(const struct load_plan *plan, const struct load_journey *journey)
{
    return plan->tokens != NULL || journey->step + 1 < journey->script->steps_count;
}

static const char *check_create(const struct load_plan *plan, struct load_journey *journey,
                                struct ses_slice body)
{
    struct ses_slice bytes, token = SES_SLICE_EMPTY;
    uint64_t key, value, code = 0;
    uint64_t index = journey->number - plan->first_id;

    while (take_field(&body, &key, &value, &bytes)) {
        if (key == LOAD_KEY_VARINT(2))
            code = value;
        else if (key == LOAD_KEY_LEN(3))
            token = bytes;
    }
    if (body.len != 0 || code != 200 || token.len == 0)
        return "an answer without status_code 200 and a token";
    if (!plan->any_token && !is_ours(token))
        return "a token that is not sessiond's (--any-token takes it)";
    if (plan->any_token && !is_wanted(plan, journey))
        return NULL; /* it may be longer than ours are */
    if (plan->tokens != NULL && index < load_tokens_count(plan->tokens) &&
        !load_tokens_put(plan->tokens, index, token))
        return "a token longer than any token";
    return keep_token(journey, token);
}

/* Of the payment server behind the gateway: connector_transaction_id 2, status 3. */
static const char *check_authorize(struct ses_slice body)
{
    struct ses_slice bytes, transaction = SES_SLICE_EMPTY;
    uint64_t key, value, status = 0;

    while (take_field(&body, &key, &value, &bytes)) {
        if (key == LOAD_KEY_LEN(2))
            transaction = bytes;
        else if (key == LOAD_KEY_VARINT(3))
            status = value;
    }
    return body.len == 0 && status == PAYMENT_CHARGED && transaction.len > 0
               ? NULL
               : "a payment that is not charged";
}

/* access_token 1, status_code 6. */
static const char *check_access_token(struct ses_slice body)
{
    struct ses_slice bytes, token = SES_SLICE_EMPTY;
    uint64_t key, value, code = 0;

    while (take_field(&body, &key, &value, &bytes)) {
        if (key == LOAD_KEY_LEN(1))
            token = bytes;
        else if (key == LOAD_KEY_VARINT(6))
            code = value;
    }
    return body.len == 0 && code == 200 && token.len > 0
               ? NULL
               : "an answer without status_code 200 and an access token";
}

/* Session: merchant_session_id, status and version are fields 2, 3 and 4. */
static bool read_session(struct ses_slice body, struct found *ret_found)
{
    struct ses_slice bytes;
    uint64_t key, value;

    ret_found->session_there = true;
    while (take_field(&body, &key, &value, &bytes)) {
        if (key == LOAD_KEY_LEN(2))
            ret_found->id = bytes;
        else if (key == LOAD_KEY_VARINT(3))
            ret_found->status = value;
        else if (key == LOAD_KEY_VARINT(4))
            ret_found->version = value;
    }
    return body.len == 0;
}

/* In every answer the session is field 1. AdvanceSession: outcome 2, token 3. BeginStep: handle 2, URL 3,
 * token 5. */
static bool read_answer(struct ses_slice body, enum load_step step, struct found *ret_found)
{
    struct ses_slice bytes;
    uint64_t key, value;

    *ret_found = (struct found){0};
    while (take_field(&body, &key, &value, &bytes)) {
        if (key == LOAD_KEY_LEN(1) && !read_session(bytes, ret_found))
            return false;
        if (key == LOAD_KEY_VARINT(2))
            ret_found->outcome = value;
        else if (key == LOAD_KEY_LEN(2))
            ret_found->handle = bytes;
        else if (key == LOAD_KEY_LEN(3) && step == LOAD_BEGIN_STEP)
            ret_found->return_to = bytes;
        else if (key == LOAD_KEY_LEN(step == LOAD_BEGIN_STEP ? 5 : 3))
            ret_found->token = bytes;
    }
    return body.len == 0 && ret_found->session_there;
}

static bool ends_with(struct ses_slice text, struct ses_slice end)
{
    return text.len >= end.len && ses_slice_eq(ses_slice_cut(text, text.len - end.len, text.len), end);
}

static const char *take_handle(struct load_journey *journey, const struct found *found)
{
    if (found->handle.len == 0 || found->handle.len > LOAD_HANDLE_MAX)
        return "no step handle, or one longer than any handle";
    if (!ends_with(found->return_to, found->handle))
        return "a return URL that is not the handle's";
    memcpy(journey->handle, found->handle.data, found->handle.len);
    journey->handle_len = found->handle.len;
    return NULL;
}

static const char *wrong_number(const char *what, uint64_t got, uint64_t wanted, char *room, size_t room_len)
{
    (void)snprintf(room, room_len, "%s %llu instead of %llu", what, (unsigned long long)got,
                   (unsigned long long)wanted);
    return room;
}

/* The session of an answer is the journey's, and where the journey has taken it. */
static const char *check_session(const struct load_plan *plan, const struct load_journey *journey,
                                 const struct found *found, uint64_t status, uint64_t version, char *room,
                                 size_t room_len)
{
    char id[LOAD_ID_MAX];

    if (!ses_slice_eq(found->id, ses_slice(id, load_spell_id(plan, load_session_number(plan, journey), id))))
        return "an answer without that session";
    if (found->status != status)
        return wrong_number("session status", found->status, status, room, room_len);
    if (found->version != version)
        return wrong_number("session version", found->version, version, room, room_len);
    return NULL;
}

static const char *check_call(const struct load_plan *plan, struct load_journey *journey,
                              struct ses_slice body, char *room, size_t room_len)
{
    enum load_step step = load_journey_step(journey);
    const char *wrong = NULL;
    struct found found;
    uint64_t status = status_after[step] != 0 ? status_after[step] : journey->status;
    uint64_t before = step == LOAD_CHANGE_STORED ? 1 : journey->version; /* as it was made */
    uint64_t version = before + (status_after[step] != 0);

    if (step == LOAD_CREATE) {
        wrong = check_create(plan, journey, body);
    } else {
        if (!read_answer(body, step, &found))
            return "an answer without a session";
        if (step == LOAD_GET_STORED)
            return check_session(plan, journey, &found, STATUS_OPEN, 1, room, room_len); /* as it was made */
        wrong = check_session(plan, journey, &found, status, version, room, room_len);
        if (wrong == NULL && step == LOAD_BEGIN_STEP)
            wrong = take_handle(journey, &found);
        if (wrong == NULL && step >= LOAD_CHALLENGE_PASSED && found.outcome != OUTCOME_APPLIED)
            wrong = wrong_number("event outcome", found.outcome, OUTCOME_APPLIED, room, room_len);
        if (wrong == NULL && step == LOAD_CHALLENGE_PASSED && found.token.len == 0)
            wrong = "no new token for the new generation";
        if (wrong == NULL && found.token.len > 0)
            wrong = keep_token(journey, found.token);
    }
    journey->status = status;
    journey->version = version;
    return wrong;
}

/* RFC 9110 section 15.4.4: the browser goes on to the merchant with GET. */
static const char *check_return(const struct load_plan *plan, struct load_journey *journey,
                                const struct load_answer *answer, char *room, size_t room_len)
{
    if (answer->http_status != 303)
        return wrong_number("HTTP status", (uint64_t)answer->http_status, 303, room, room_len);
    if (!ses_slice_eq_str(answer->location, plan->return_url))
        return "the browser is sent elsewhere than to the step's return URL";
    journey->status = STATUS_RETURNED;
    journey->version++;
    return NULL;
}

void load_message_text(struct ses_slice grpc_message, char *room, size_t room_len)
{
    size_t len = 0;

    for (size_t i = 0; i < grpc_message.len && len + 1 < room_len; i++) {
        uint8_t c = grpc_message.data[i];
        size_t taken;

        if (c == '%' && grpc_message.len - i > 2 &&
            ses_hex_decode(ses_slice_cut(grpc_message, i + 1, i + 3), &c, 1, &taken) == SES_OK)
            i += 2;
        room[len++] = c >= 0x20 && c < 0x7F && c != '"' && c != '\\' ? (char)c : '?';
    }
    room[len] = '\0';
}

const char *load_answer_check(const struct load_plan *plan, struct load_journey *journey,
                              const struct load_answer *answer, char *room, size_t room_len)
{
    enum load_step step = load_journey_step(journey);
    struct ses_slice body;

    if (step == LOAD_RETURN_GET || step == LOAD_RETURN_POST)
        return check_return(plan, journey, answer, room, room_len);
    if (answer->http_status != 200 || answer->grpc_status != 0) {
        char said[MESSAGE_SHOWN_MAX];

        load_message_text(answer->grpc_message, said, sizeof(said));
        (void)snprintf(room, room_len, "HTTP status %d, grpc-status %d%s%s", answer->http_status,
                       answer->grpc_status, said[0] == '\0' ? "" : ": ", said);
        return room;
    }
    if (!unframe(answer->body, &body))
        return "not one whole gRPC message";
    if (step == LOAD_AUTHORIZE_STORED)
        return check_authorize(body);
    if (step == LOAD_ACCESS_TOKEN)
        return check_access_token(body);
    return check_call(plan, journey, body, room, room_len);
}
