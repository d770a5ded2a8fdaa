/* Read as requests are: the top of a message, and into the three small ones whose insides are kept. */
#include "gateway_answer.h"

#include <sessiond/codec/wire.h>

/* Calls fn for each item of bytes. */
typedef void (*item_fn)(const struct ses_wire_item *item, void *arg);

static enum ses_status each(struct ses_slice bytes, item_fn fn, void *arg)
{
    struct ses_wire wire = ses_wire(bytes);

    while (ses_wire_more(&wire)) {
        struct ses_wire_item item;

        SES_TRY(ses_wire_next(&wire, &item));
        fn(&item, arg);
    }
    return SES_OK;
}

static void take_secret(const struct ses_wire_item *item, void *arg)
{
    struct ses_slice *text = arg;

    if (item->number == 1 && item->type == SES_WIRE_BYTES)
        *text = item->bytes;
}

/* types.AccessToken: token 1 (a secret), expires_in_seconds 2, token_type 3. What cannot be read is as if it were not there. */
static void take_access_token(const struct ses_wire_item *item, void *arg)
{
    struct ses_session_state *state = arg;

    if (item->number == 1 && item->type == SES_WIRE_BYTES) {
        state->access_token_present =
            each(item->bytes, take_secret, &state->access_token) == SES_OK && state->access_token.len > 0;
    } else if (item->number == 2 && item->type == SES_WIRE_VARINT && item->value <= INT64_MAX) {
        state->expires_in_present = true;
        state->expires_in_seconds = (int64_t)item->value;
    } else if (item->number == 3 && item->type == SES_WIRE_BYTES) {
        state->access_token_type_present = true;
        state->access_token_type = item->bytes;
    }
}

/* types.ConnectorState: access_token 1, connector_customer_id 2. */
static void take_state(const struct ses_wire_item *item, void *arg)
{
    struct ses_session_state *state = arg;

    if (item->type != SES_WIRE_BYTES)
        return;
    if (item->number == 1) {
        if (each(item->bytes, take_access_token, state) != SES_OK)
            state->access_token_present = false;
    } else if (item->number == 2 && item->bytes.len > 0) {
        state->connector_customer_id_present = true;
        state->connector_customer_id = item->bytes;
    }
}

struct reading {
    const struct ses_gateway_method *method;
    struct ses_gateway_told_facts *facts;
};

static bool is_told(const struct ses_gateway_method *method, const struct ses_wire_item *item,
                    enum ses_gateway_told told)
{
    return method->answer[told] != 0 && method->answer[told] == item->number;
}

static void take_bytes(const struct reading *reading, const struct ses_wire_item *item)
{
    const struct ses_gateway_method *method = reading->method;
    struct ses_gateway_told_facts *facts = reading->facts;

    if (is_told(method, item, SES_GATEWAY_TOLD_TRANSACTION))
        facts->transaction = item->bytes;
    else if (is_told(method, item, SES_GATEWAY_TOLD_REFUND))
        facts->refund = item->bytes;
    else if (is_told(method, item, SES_GATEWAY_TOLD_AUTHENTICATION))
        facts->authentication = item->bytes;
    else if (is_told(method, item, SES_GATEWAY_TOLD_REDIRECTION))
        facts->redirection = item->bytes.len > 0;
    else if (is_told(method, item, SES_GATEWAY_TOLD_FEATURE_DATA))
        (void)each(item->bytes, take_secret, &facts->feature_data); /* unreadable: none */
    else if (is_told(method, item, SES_GATEWAY_TOLD_STATE))
        (void)each(item->bytes, take_state, &facts->state);
}

static void take_number(const struct reading *reading, const struct ses_wire_item *item)
{
    struct ses_gateway_told_facts *facts = reading->facts;

    if (is_told(reading->method, item, SES_GATEWAY_TOLD_STATUS)) {
        facts->status = item->value;
    } else if (is_told(reading->method, item, SES_GATEWAY_TOLD_CAPTURED) && item->value <= INT64_MAX) {
        facts->captured_present = true;
        facts->captured = (int64_t)item->value;
    } else if (is_told(reading->method, item, SES_GATEWAY_TOLD_AUTHORIZED) && item->value <= INT64_MAX) {
        facts->authorized = (int64_t)item->value;
    }
}

static void take_item(const struct ses_wire_item *item, void *arg)
{
    const struct reading *reading = arg;

    if (item->type == SES_WIRE_BYTES)
        take_bytes(reading, item);
    else if (item->type == SES_WIRE_VARINT)
        take_number(reading, item);
}

static const struct ses_gateway_method *nested_in(const struct ses_gateway_method *method,
                                                  const struct ses_wire_item *item)
{
    const struct ses_gateway_nested *nested = method->nested;

    if (nested == NULL || item->type != SES_WIRE_BYTES)
        return NULL;
    while (nested->field != 0 && nested->field != item->number)
        nested++;
    return nested->method;
}

static void take_last(const struct ses_wire_item *item, void *arg)
{
    struct ses_wire_item *wanted = arg;

    if (item->number == wanted->number && item->type == SES_WIRE_BYTES)
        wanted->bytes = item->bytes;
}

/* In the order in which they were made, not in which they stand: what a later one tells takes the place of an earlier one's. */
static enum ses_status read_nested(const struct ses_gateway_method *method, struct ses_slice message,
                                   struct ses_gateway_told_facts *facts)
{
    for (const struct ses_gateway_nested *nested = method->nested; nested->field != 0; nested++) {
        struct ses_wire_item wanted = {.number = nested->field, .bytes = SES_SLICE_EMPTY};
        struct reading reading = {.method = nested->method, .facts = facts};

        SES_TRY(each(message, take_last, &wanted));
        SES_TRY(each(wanted.bytes, take_item, &reading));
    }
    return SES_OK;
}

enum ses_status ses_gateway_answer_read(const struct ses_gateway_method *method, struct ses_slice message,
                                        uint64_t now_ms, struct ses_gateway_told_facts *ret_facts)
{
    struct ses_gateway_told_facts facts = {.state = {.stored_ms = now_ms}};
    struct reading reading = {.method = method, .facts = &facts};

    SES_TRY(each(message, take_item, &reading));
    if (method->nested != NULL)
        SES_TRY(read_nested(method, message, &facts));
    *ret_facts = facts;
    return SES_OK;
}

/* ---- cutting out ------------------------------------------------------------------------------- */

/* A message that gets shorter, in its own place: a length may take fewer bytes then, never more. */
struct cut {
    uint8_t *place;
    size_t len;
};

static void put_varint(struct cut *cut, uint64_t value)
{
    while (value >= 0x80) {
        cut->place[cut->len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    cut->place[cut->len++] = (uint8_t)value;
}

static void put_bytes(struct cut *cut, struct ses_slice bytes)
{
    memcpy(cut->place + cut->len, bytes.data, bytes.len);
    cut->len += bytes.len;
}

static bool is_raw(const struct ses_gateway_method *method, const struct ses_wire_item *item)
{
    return is_told(method, item, SES_GATEWAY_TOLD_RAW_REQUEST) ||
           is_told(method, item, SES_GATEWAY_TOLD_RAW_RESPONSE);
}

/* Of a table's row, which nests no deeper. */
static enum ses_status put_flat(struct cut *cut, const struct ses_gateway_method *method,
                                struct ses_slice message)
{
    struct ses_wire wire = ses_wire(message);

    while (ses_wire_more(&wire)) {
        const uint8_t *from = wire.at;
        struct ses_wire_item item;

        SES_TRY(ses_wire_next(&wire, &item));
        if (!is_raw(method, &item))
            put_bytes(cut, ses_slice(from, (size_t)(wire.at - from)));
    }
    return SES_OK;
}

/* Its length is known when it is cut: it is cut behind where it will be. */
static enum ses_status put_nested(struct cut *cut, const struct ses_gateway_method *method,
                                  const struct ses_wire_item *item, struct ses_arena *arena)
{
    struct cut inner = {.place = ses_arena_alloc(arena, item->bytes.len + 1)};

    if (inner.place == NULL)
        return SES_NO_MEMORY;
    SES_TRY(put_flat(&inner, method, item->bytes));
    put_varint(cut, (uint64_t)item->number << 3 | (uint64_t)SES_WIRE_BYTES);
    put_varint(cut, inner.len);
    put_bytes(cut, ses_slice(inner.place, inner.len));
    return SES_OK;
}

enum ses_status ses_gateway_answer_without_raw(const struct ses_gateway_method *method,
                                               struct ses_slice message, struct ses_arena *arena,
                                               struct ses_slice *ret_message)
{
    struct ses_wire wire = ses_wire(message);
    struct cut cut = {.place = ses_arena_alloc(arena, message.len + 1)};

    if (cut.place == NULL)
        return SES_NO_MEMORY;
    while (ses_wire_more(&wire)) {
        const uint8_t *from = wire.at;
        const struct ses_gateway_method *nested;
        struct ses_wire_item item;

        SES_TRY(ses_wire_next(&wire, &item));
        nested = nested_in(method, &item);
        if (nested != NULL)
            SES_TRY(put_nested(&cut, nested, &item, arena));
        else if (!is_raw(method, &item))
            put_bytes(&cut, ses_slice(from, (size_t)(wire.at - from)));
    }
    *ret_message = ses_slice(cut.place, cut.len);
    return SES_OK;
}
