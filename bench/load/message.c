#include "load.h"

#include <stdio.h>

/* Two requests and the answers to them, by hand: their encoder is not the server's.
 *
 * Protocol Buffers wire format (protobuf.dev/programming-guides/encoding): key = field << 3 | type. */
#define KEY_LEN(field)    (uint8_t)((field) << 3 | 2)
#define KEY_VARINT(field) (uint8_t)((field) << 3)

static size_t put_bytes(uint8_t *at, uint8_t key, const void *bytes, size_t len)
{
    size_t n = 0;

    at[n++] = key;
    if (len >= 128)
        at[n++] = (uint8_t)(len | 0x80);
    at[n++] = (uint8_t)(len < 128 ? len : len >> 7); /* every part here is shorter than 16 KiB */
    memcpy(at + n, bytes, len);
    return n + len;
}

/* Twelve letters, most significant first: a long run of digits might pass for a card number, which is
 * refused. */
static void spell_number(uint64_t number, char ret_letters[13])
{
    for (size_t i = 12; i-- > 0; number /= 16)
        ret_letters[i] = (char)('a' + number % 16);
    ret_letters[12] = '\0';
}

#define ID_SIZE 64

static size_t spell_id(const struct load_plan *plan, uint64_t number, char ret_id[ID_SIZE])
{
    char letters[13];

    spell_number(number, letters);
    return (size_t)snprintf(ret_id, ID_SIZE, "%s-%s", plan->id_prefix, letters);
}

/* Which session a GetSession call is about. */
static uint64_t session_number(const struct load_plan *plan, uint64_t number)
{
    if (plan->method == LOAD_GET)
        return plan->first_id + (number - plan->first_id) % load_tokens_count(plan->tokens);
    return plan->same_id ? 0 : number;
}

static size_t put_browser(uint8_t *at, uint8_t key)
{
    static const char accept[] = "text/html";
    static const char agent[] =
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36";
    uint8_t browser[128];
    size_t len = 0;

    len += put_bytes(browser + len, KEY_LEN(8), accept, sizeof(accept) - 1);
    len += put_bytes(browser + len, KEY_LEN(9), agent, sizeof(agent) - 1);
    return put_bytes(at, key, browser, len);
}

static size_t put_true(uint8_t *at, uint8_t key)
{
    at[0] = key;
    at[1] = 1;
    return 2;
}

static size_t put_create(uint8_t *at, const char *id, size_t id_len)
{
    static const uint8_t money[] = {KEY_VARINT(1), 0x90, 0x4E,
                                    KEY_VARINT(2), 0x92, 0x01}; /* 10000 USD (146) */
    size_t n = put_bytes(at, KEY_LEN(1), id, id_len);

    n += put_bytes(at + n, KEY_LEN(2), money, sizeof(money));
    n += put_browser(at + n, KEY_LEN(6));
    return n + put_true(at + n, KEY_VARINT(7)); /* test_mode */
}

static size_t put_get(uint8_t *at, struct ses_slice token, const char *id, size_t id_len)
{
    size_t n = put_bytes(at, KEY_LEN(1), token.data, token.len);

    n += put_bytes(at + n, KEY_LEN(2), id, id_len);
    n += put_browser(at + n, KEY_LEN(3));
    return n + put_true(at + n, KEY_VARINT(4)); /* test_mode */
}

const char *load_message_path(const struct load_plan *plan)
{
    return plan->method == LOAD_GET ? "/sessiond.v1.SessionService/GetSession"
                                    : "/types.MerchantAuthenticationService/CreateSessionToken";
}

size_t load_message_encode(const struct load_plan *plan, uint64_t number, uint8_t ret_bytes[LOAD_MESSAGE_MAX])
{
    uint64_t session = session_number(plan, number);
    char id[ID_SIZE];
    size_t id_len = spell_id(plan, session, id);
    size_t len;

    if (plan->method == LOAD_GET)
        len = put_get(ret_bytes + 5, load_tokens_get(plan->tokens, session - plan->first_id), id, id_len);
    else
        len = put_create(ret_bytes + 5, id, id_len);
    ret_bytes[0] = 0; /* not compressed */
    ret_bytes[1] = 0;
    ret_bytes[2] = 0;
    ret_bytes[3] = (uint8_t)(len >> 8);
    ret_bytes[4] = (uint8_t)len;
    return len + 5;
}

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

/* The next field of a message; bytes for a length-delimited one, else a number. False at the end or on any
 * other wire type; all of body is consumed then only if it was well formed. */
static bool take_field(struct ses_slice *body, uint64_t *ret_key, uint64_t *ret_number,
                       struct ses_slice *ret_bytes)
{
    if (body->len == 0 || !take_varint(body, ret_key) || !take_varint(body, ret_number))
        return false;
    if ((*ret_key & 7) == 0)
        return true;
    if ((*ret_key & 7) != 2 || *ret_number > body->len)
        return false;
    *ret_bytes = ses_slice(body->data, (size_t)*ret_number);
    *body = ses_slice_cut(*body, (size_t)*ret_number, body->len);
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

static const char *check_create(const struct load_plan *plan, uint64_t number, struct ses_slice body)
{
    static const char wrong[] = "an answer without status_code 200 and a token";
    struct ses_slice bytes, token = SES_SLICE_EMPTY;
    uint64_t key, value, code = 0;

    while (take_field(&body, &key, &value, &bytes)) {
        if (key == KEY_VARINT(2))
            code = value;
        else if (key == KEY_LEN(3))
            token = bytes;
    }
    if (body.len != 0 || code != 200 || !ses_slice_starts(token, SES_STR("sess_v4.public.")))
        return wrong;
    if (plan->tokens != NULL && number - plan->first_id < load_tokens_count(plan->tokens) &&
        !load_tokens_put(plan->tokens, number - plan->first_id, token))
        return "a token longer than any token";
    return NULL;
}

/* GetSessionResponse.session has merchant_session_id in field 2, status in field 3. */
static const char *check_get(const struct load_plan *plan, uint64_t number, struct ses_slice body)
{
    static const char wrong[] = "an answer without that session";
    struct ses_slice session = SES_SLICE_EMPTY, bytes, found = SES_SLICE_EMPTY;
    uint64_t key, value, status = 0;
    char id[ID_SIZE];
    size_t id_len = spell_id(plan, session_number(plan, number), id);

    if (!take_field(&body, &key, &value, &session) || key != KEY_LEN(1) || body.len != 0)
        return wrong;
    while (take_field(&session, &key, &value, &bytes)) {
        if (key == KEY_LEN(2))
            found = bytes;
        else if (key == KEY_VARINT(3))
            status = value;
    }
    return status == 1 && ses_slice_eq(found, ses_slice(id, id_len)) ? NULL : wrong;
}

const char *load_message_check(const struct load_plan *plan, uint64_t number, struct ses_slice bytes)
{
    struct ses_slice body;

    if (!unframe(bytes, &body))
        return "not one whole gRPC message";
    return plan->method == LOAD_GET ? check_get(plan, number, body) : check_create(plan, number, body);
}
