/* Mostly what a sensible client would say, and now and then what it should not. */
#include "requests.h"

static uint16_t fresh_id(struct subject *subject)
{
    return ++subject->ids;
}

static uint16_t token_of(struct world *world, const struct subject *subject)
{
    if (subject->tokens_count > 1 && world_chance(world, 15))
        return (uint16_t)(1 + world_draw(world, subject->tokens_count - 1));
    return (uint16_t)subject->newest;
}

static uint64_t expected_version(struct world *world, const struct subject *subject)
{
    if (!world_chance(world, 25))
        return 0;
    return subject->version + (world_chance(world, 15) ? 1 : 0);
}

static uint32_t step_seconds(struct world *world)
{
    static const uint32_t seconds[] = {0, 60, 300, 2000};

    return seconds[world_draw(world, 4)];
}

static void draw_create(struct world *world, struct subject *subject, struct model_request *r)
{
    r->amount = subject->amount != 0 ? subject->amount : 100;
    r->text = subject->text;
    if (world_chance(world, 8))
        r->amount = 100 + (uint32_t)world_draw(world, 2);
    if (world_chance(world, 8))
        r->text = (uint16_t)world_draw(world, 3);
    if (world_chance(world, 15))
        r->customer = (uint16_t)(1 + world_draw(world, 3));
}

static uint8_t draw_event(struct world *world)
{
    static const uint8_t events[] = {
        MODEL_NO_EVENT,           MODEL_AUTHENTICATION_STARTED,
        MODEL_REDIRECT_STARTED,   MODEL_BROWSER_RETURNED,
        MODEL_CHALLENGE_PASSED,   MODEL_CHALLENGE_PASSED,
        MODEL_STEP_CANCELLED,     MODEL_ATTEMPT_FAILED,
        MODEL_PROCESSING_STARTED, MODEL_ATTEMPT_FAILED,
        MODEL_COMPLETE,           MODEL_FAIL,
    };

    return events[world_draw(world, world_chance(world, 80) ? 10 : 12)];
}

static void draw_webhook(struct world *world, struct model_request *r)
{
    static const uint8_t events[] = {MODEL_PROCESSING_STARTED, MODEL_ATTEMPT_FAILED, MODEL_PROCESSING_STARTED,
                                     MODEL_ATTEMPT_FAILED,     MODEL_COMPLETE,       MODEL_FAIL};

    r->token = 0;
    r->event = events[world_draw(world, world_chance(world, 60) ? 4 : 6)];
    if (world_chance(world, 20))
        r->amount = 100 + (uint32_t)world_draw(world, 2);
}

/* An id that was another event's, now and then. */
static uint16_t event_id(struct world *world, struct subject *subject)
{
    if (subject->ids > 0 && world_chance(world, 5))
        return (uint16_t)(1 + world_draw(world, subject->ids));
    return fresh_id(subject);
}

static void draw_advance(struct world *world, struct subject *subject, struct model_request *r)
{
    r->token = token_of(world, subject);
    r->event_id = event_id(world, subject);
    if (r->token == 0 || world_chance(world, 25)) {
        draw_webhook(world, r);
        return;
    }
    r->event = draw_event(world);
    if (world_chance(world, 10)) { /* nothing but that it happened */
        r->event_id = 0;
        return;
    }
    if (r->event == MODEL_NO_EVENT || world_chance(world, 15))
        r->event_id = 0;
    r->expected_version = expected_version(world, subject);
    r->step_seconds = step_seconds(world);
    r->renew = world_chance(world, 10);
    if (world_chance(world, 30))
        r->customer = (uint16_t)(1 + world_draw(world, 3));
}

static void draw_update(struct world *world, struct subject *subject, struct model_request *r)
{
    r->token = token_of(world, subject);
    r->expected_version = expected_version(world, subject);
    r->renew = world_chance(world, 10);
    if (world_chance(world, 40))
        r->amount = 100 + (uint32_t)world_draw(world, 3);
    if (r->amount == 0 || world_chance(world, 30))
        r->text = (uint16_t)(1 + world_draw(world, 3));
}

static void draw_begin(struct world *world, struct subject *subject, struct model_request *r)
{
    r->token = token_of(world, subject);
    r->event_id = event_id(world, subject);
    r->expected_version = expected_version(world, subject);
    r->step_seconds = step_seconds(world);
    r->renew = world_chance(world, 10);
}

/* The newest handle mostly. */
static void draw_return(struct world *world, struct subject *subject, struct model_request *r)
{
    unsigned back = world_chance(world, 75) ? 0 : (unsigned)world_draw(world, subject->handles_count);

    r->handle = (uint16_t)(subject->handles_count - 1 - back);
    r->payload = (uint8_t)world_draw(world, 3);
}

static uint8_t draw_method(struct world *world, const unsigned *weights)
{
    unsigned sum = 0;
    uint64_t at;
    uint8_t method = 0;

    for (unsigned i = 0; i < MODEL_METHODS; i++)
        sum += weights[i];
    at = world_draw(world, sum);
    while (at >= weights[method])
        at -= weights[method++];
    return method;
}

/* What cannot be asked yet becomes what makes it possible. */
static uint8_t possible(const struct subject *subject, uint8_t method)
{
    if (method == MODEL_RETURN && subject->handles_count == 0)
        method = MODEL_BEGIN;
    return subject->tokens_count == 1 && method != MODEL_ADVANCE ? MODEL_CREATE : method;
}

/* Where the bytes of a call are another method's call too: field 5 is an event and an expected version. */
static void become_revoke(struct model_request *r)
{
    if (r->method != MODEL_ADVANCE || r->token == 0 || r->event_id != 0 || r->expected_version != 0 ||
        r->customer != 0 || r->step_seconds != 0 || r->renew != 0)
        return;
    r->method = MODEL_REVOKE_CALL;
    r->expected_version = r->event;
    r->event = MODEL_NO_EVENT;
}

static bool draw_repeat(struct world *world, struct subject *subject, struct model_request *ret_request)
{
    unsigned known = subject->asked_count < ASKED_MAX ? subject->asked_count : ASKED_MAX;
    unsigned back;

    if (subject->again_set && world_chance(world, 40)) {
        subject->again_set = false;
        *ret_request = subject->again;
        return true;
    }
    if (known == 0 || !world_chance(world, 12))
        return false;
    back = 1 + (unsigned)world_draw(world, known < 6 ? known : 6);
    *ret_request = subject->asked[(subject->asked_count - back) % ASKED_MAX];
    if (world_chance(world, 20))
        become_revoke(ret_request);
    return true;
}

struct model_request request_draw(struct world *world, struct subject *subject, const unsigned *weights)
{
    struct model_request r;

    memset(&r, 0, sizeof(r));
    if (draw_repeat(world, subject, &r))
        return r;
    memset(&r, 0, sizeof(r));
    r.method = possible(subject, draw_method(world, weights));
    switch (r.method) {
    case MODEL_CREATE:
        draw_create(world, subject, &r);
        break;
    case MODEL_ADVANCE:
        draw_advance(world, subject, &r);
        break;
    case MODEL_UPDATE:
        draw_update(world, subject, &r);
        break;
    case MODEL_BEGIN:
        draw_begin(world, subject, &r);
        break;
    case MODEL_RETURN:
        draw_return(world, subject, &r);
        break;
    default:
        r.token = token_of(world, subject);
        if (r.method == MODEL_REVOKE_CALL)
            r.expected_version = expected_version(world, subject);
    }
    return r;
}
