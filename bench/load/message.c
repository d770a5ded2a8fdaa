#include "message.h"

#include <stdio.h>

#define EVENT_BROWSER_RETURNED   3
#define EVENT_CHALLENGE_PASSED   4
#define EVENT_PROCESSING_STARTED 5
#define EVENT_COMPLETED          6

/* Below 16,384, as every key and every length here. */
static size_t put_varint(uint8_t *at, size_t value)
{
    size_t n = 0;

    if (value >= 128)
        at[n++] = (uint8_t)(value | 0x80);
    at[n++] = (uint8_t)(value < 128 ? value : value >> 7);
    return n;
}

static size_t put_bytes(uint8_t *at, unsigned key, const void *bytes, size_t len)
{
    size_t n = put_varint(at, key);

    n += put_varint(at + n, len);
    memcpy(at + n, bytes, len);
    return n + len;
}

static size_t put_small(uint8_t *at, unsigned key, uint8_t value)
{
    size_t n = put_varint(at, key);

    at[n] = value; /* below 128: one byte */
    return n + 1;
}

/* Twelve letters, most significant first. */
static void spell_number(uint64_t number, char ret_letters[13])
{
    for (size_t i = 12; i-- > 0; number /= 16)
        ret_letters[i] = (char)('a' + number % 16);
    ret_letters[12] = '\0';
}

size_t load_spell_id(const struct load_plan *plan, uint64_t number, char ret_id[LOAD_ID_MAX])
{
    char letters[13];

    spell_number(plan->same_id ? 0 : number, letters);
    return (size_t)snprintf(ret_id, LOAD_ID_MAX, "%s-%s", plan->id_prefix, letters);
}

static size_t put_browser(uint8_t *at, unsigned key)
{
    static const char accept[] = "text/html";
    static const char agent[] =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";
    uint8_t browser[128];
    size_t len = 0;

    len += put_bytes(browser + len, LOAD_KEY_LEN(8), accept, sizeof(accept) - 1);
    len += put_bytes(browser + len, LOAD_KEY_LEN(9), agent, sizeof(agent) - 1);
    return put_bytes(at, key, browser, len);
}

/* 10000 USD (146) */
static const uint8_t money[] = {LOAD_KEY_VARINT(1), 0x90, 0x4E, LOAD_KEY_VARINT(2), 0x92, 0x01};

static size_t put_create(uint8_t *at, const char *id, size_t id_len)
{
    size_t n = put_bytes(at, LOAD_KEY_LEN(1), id, id_len);

    n += put_bytes(at + n, LOAD_KEY_LEN(2), money, sizeof(money));
    n += put_browser(at + n, LOAD_KEY_LEN(6));
    return n + put_small(at + n, LOAD_KEY_VARINT(7), 1); /* test_mode */
}

/* Without a payment method: what is measured is who stands in between. */
static size_t put_authorize(uint8_t *at, struct ses_slice token, const char *id, size_t id_len)
{
    size_t n = put_bytes(at, LOAD_KEY_LEN(1), id, id_len);

    n += put_bytes(at + n, LOAD_KEY_LEN(2), money, sizeof(money));
    if (token.len > 0)
        n += put_bytes(at + n, LOAD_KEY_LEN(17), token.data, token.len);
    n += put_browser(at + n, LOAD_KEY_LEN(26));
    return n + put_small(at + n, LOAD_KEY_VARINT(30), 1); /* test_mode */
}

/* What every call of SessionService begins with; without a token it is a webhook's receiver that calls. */
static size_t put_session(uint8_t *at, struct ses_slice token, const char *id, size_t id_len)
{
    size_t n = 0;

    if (token.len > 0)
        n += put_bytes(at, LOAD_KEY_LEN(1), token.data, token.len);
    n += put_bytes(at + n, LOAD_KEY_LEN(2), id, id_len);
    if (token.len > 0)
        n += put_browser(at + n, LOAD_KEY_LEN(3));
    return n + put_small(at + n, LOAD_KEY_VARINT(4), 1); /* test_mode */
}

static size_t put_begin_step(uint8_t *at, const struct load_plan *plan)
{
    static const char name[] = "three_ds_challenge";
    size_t n = put_bytes(at, LOAD_KEY_LEN(6), name, sizeof(name) - 1);

    return n + put_bytes(at + n, LOAD_KEY_LEN(7), plan->return_url, strlen(plan->return_url));
}

/* The event, and an id of it that no other event of the session has. */
static size_t put_event(uint8_t *at, uint8_t event)
{
    char id[8];
    size_t id_len = (size_t)snprintf(id, sizeof(id), "ev-%u", event);
    size_t n = put_small(at, LOAD_KEY_VARINT(5), event);

    return n + put_bytes(at + n, LOAD_KEY_LEN(6), id, id_len);
}

static const struct {
    const char *method; /* of gRPC, or of the browser's request */
    uint8_t event;
} steps[LOAD_STEP_COUNT] = {
    [LOAD_CREATE] = {"/types.MerchantAuthenticationService/CreateSessionToken", 0},
    [LOAD_GET] = {"/sessiond.v1.SessionService/GetSession", 0},
    [LOAD_GET_STORED] = {"/sessiond.v1.SessionService/GetSession", 0},
    [LOAD_BEGIN_STEP] = {"/sessiond.v1.SessionService/BeginStep", 0},
    [LOAD_RETURN_GET] = {"GET", 0},
    [LOAD_RETURN_POST] = {"POST", 0},
    [LOAD_CHALLENGE_PASSED] = {"/sessiond.v1.SessionService/AdvanceSession", EVENT_CHALLENGE_PASSED},
    [LOAD_PROCESSING_STARTED] = {"/sessiond.v1.SessionService/AdvanceSession", EVENT_PROCESSING_STARTED},
    [LOAD_COMPLETED] = {"/sessiond.v1.SessionService/AdvanceSession", EVENT_COMPLETED},
    [LOAD_COMPLETED_BY_WEBHOOK] = {"/sessiond.v1.SessionService/AdvanceSession", EVENT_COMPLETED},
    [LOAD_BROWSER_RETURNED] = {"/sessiond.v1.SessionService/AdvanceSession", EVENT_BROWSER_RETURNED},
    [LOAD_CHANGE_STORED] = {"/sessiond.v1.SessionService/AdvanceSession", EVENT_PROCESSING_STARTED},
    [LOAD_AUTHORIZE_STORED] = {"/types.PaymentService/Authorize", 0},
    [LOAD_ACCESS_TOKEN] = {"/types.MerchantAuthenticationService/CreateServerAuthenticationToken", 0},
};

/* The browser comes back from the bank: its parameters in the query or in a form. */
static void make_return(const struct load_journey *journey, struct load_request *request)
{
    static const char parameters[] = "cres=eyJ0cmFuc1N0YXR1cyI6IlkifQ&threeDSSessionData=bG9hZA";
    bool get = load_journey_step(journey) == LOAD_RETURN_GET;

    request->grpc = false;
    request->method = steps[load_journey_step(journey)].method;
    (void)snprintf(request->path, sizeof(request->path), "/r/%.*s%s%s", (int)journey->handle_len,
                   journey->handle, get ? "?" : "", get ? parameters : "");
    request->message_len = get ? 0 : sizeof(parameters) - 1;
    memcpy(request->message, parameters, request->message_len);
}

static void frame(struct load_request *request, size_t len)
{
    request->message[0] = 0; /* not compressed */
    request->message[1] = 0;
    request->message[2] = 0;
    request->message[3] = (uint8_t)(len >> 8);
    request->message[4] = (uint8_t)len;
    request->message_len = len + 5;
}

static bool is_stored(enum load_step step)
{
    return step == LOAD_GET_STORED || step == LOAD_CHANGE_STORED || step == LOAD_AUTHORIZE_STORED;
}

static struct ses_slice token_of(const struct load_plan *plan, const struct load_journey *journey)
{
    if (is_stored(load_journey_step(journey)))
        return load_tokens_get(plan->tokens, load_session_number(plan, journey) - plan->first_id);
    if (load_journey_step(journey) == LOAD_COMPLETED_BY_WEBHOOK)
        return SES_SLICE_EMPTY;
    return ses_slice(journey->token, journey->token_len);
}

uint64_t load_session_number(const struct load_plan *plan, const struct load_journey *journey)
{
    if (!is_stored(load_journey_step(journey)))
        return journey->number;
    return plan->first_id + (journey->number - plan->first_id) % load_tokens_count(plan->tokens);
}

void load_request_make(const struct load_plan *plan, const struct load_journey *journey,
                       struct load_request *ret_request)
{
    enum load_step step = load_journey_step(journey);
    uint8_t *at = ret_request->message + 5;
    char id[LOAD_ID_MAX];
    size_t id_len, n;

    if (step == LOAD_RETURN_GET || step == LOAD_RETURN_POST) {
        make_return(journey, ret_request);
        return;
    }
    id_len = load_spell_id(plan, load_session_number(plan, journey), id);
    switch (step) {
    case LOAD_CREATE:
        n = put_create(at, id, id_len);
        break;
    case LOAD_AUTHORIZE_STORED:
        n = put_authorize(at, token_of(plan, journey), id, id_len);
        break;
    case LOAD_ACCESS_TOKEN:
        n = put_small(at, LOAD_KEY_VARINT(5), 1); /* test_mode */
        break;
    default:
        n = put_session(at, token_of(plan, journey), id, id_len);
        n += step == LOAD_BEGIN_STEP ? put_begin_step(at + n, plan) : 0;
        n += steps[step].event != 0 ? put_event(at + n, steps[step].event) : 0;
    }
    frame(ret_request, n);
    ret_request->grpc = true;
    ret_request->method = "POST";
    (void)snprintf(ret_request->path, sizeof(ret_request->path), "%s", steps[step].method);
}
