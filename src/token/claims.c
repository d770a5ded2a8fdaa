/* The claims in both directions. They are written by hand, always in one order; reading tries exactly that
 * form first (claims_scan.c) and leaves the rest, texts with an escape and tokens of former releases, to a
 * parser.
 */
#include "claims.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/json_load.h>
#include <sessiond/base/json_text.h>
#include <sessiond/base/rfc3339.h>

#include "claims_scan.h"

/* ---- writing: on the hot path, 0.21 us for 440 bytes ---- */

/* Where the next byte goes. The first fault sticks; later puts do nothing. */
struct writer {
    uint8_t *at;
    const uint8_t *end;
    enum ses_status status;
};

static void put(struct writer *w, struct ses_slice bytes)
{
    if (w->status != SES_OK)
        return;
    if ((size_t)(w->end - w->at) < bytes.len) {
        w->status = SES_TOO_LARGE;
        return;
    }
    if (bytes.len > 0)
        memcpy(w->at, bytes.data, bytes.len);
    w->at += bytes.len;
}

/* Runs without an escape are copied whole. */
static void put_text(struct writer *w, struct ses_slice text)
{
    char escape[SES_JSON_ESCAPE_MAX];
    size_t from = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (!ses_json_must_escape(text.data[i]))
            continue;
        put(w, ses_slice_cut(text, from, i));
        put(w, ses_slice(escape, ses_json_escape(text.data[i], escape)));
        from = i + 1;
    }
    put(w, ses_slice_cut(text, from, text.len));
    if (!ses_utf8_check(text))
        w->status = SES_INVALID_ARGUMENT;
}

/* snprintf would cost more than all the rest of the claims. */
static void put_u64(struct writer *w, uint64_t value)
{
    uint8_t text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    put(w, ses_slice(text + at, sizeof(text) - at));
}

static void put_hash(struct writer *w, const uint8_t *hash)
{
    char text[SES_BASE64URL_SIZE(SES_HASH_BYTES)];

    put(w, ses_slice(text, ses_base64url_encode(ses_slice(hash, SES_HASH_BYTES), text)));
}

static void put_id(struct writer *w, const uint8_t id[16])
{
    char text[SES_SESSION_TEXT_SIZE];

    put(w, ses_slice(text, ses_hex_encode(ses_slice(id, 16), text)));
}

/* Rounded down to whole seconds, as the contract says: a token never lives longer than its session. */
static void put_time(struct writer *w, uint64_t wall_ms)
{
    char text[SES_RFC3339_SIZE];

    if (wall_ms / 1000 > SES_RFC3339_SECONDS_MAX) {
        w->status = SES_INVALID_ARGUMENT;
        return;
    }
    ses_rfc3339_encode(wall_ms, text);
    put(w, ses_slice(text, SES_RFC3339_LEN));
}

/* Each of these closes the text before it: the quotation mark stands at the begin of the next literal. */
static void put_times(struct writer *w, const struct ses_claims *claims)
{
    put(w, SES_STR("\",\"iat\":\""));
    put_time(w, claims->issued_ms);
    put(w, SES_STR("\",\"nbf\":\""));
    put_time(w, claims->issued_ms > SES_TOKEN_LEEWAY_MS ? claims->issued_ms - SES_TOKEN_LEEWAY_MS : 0);
    put(w, SES_STR("\",\"exp\":\""));
    put_time(w, claims->expires_ms);
}

static void put_payment(struct writer *w, const struct ses_claims *claims)
{
    put(w, SES_STR("\",\"sub\":\""));
    put_text(w, claims->merchant);
    put(w, SES_STR("\",\"gen\":"));
    put_u64(w, claims->generation);
    put(w, SES_STR(",\"con\":\""));
    put_text(w, claims->connector);
    put(w, SES_STR("\",\"amt\":"));
    put_u64(w, (uint64_t)claims->minor_amount);
    put(w, SES_STR(",\"cur\":\""));
    put_text(w, claims->currency);
    put(w, claims->test ? SES_STR("\",\"test\":true") : SES_STR("\",\"test\":false"));
    if (claims->tenant_tag.len > 0) {
        put(w, SES_STR(",\"ten\":\""));
        put_text(w, claims->tenant_tag);
        put(w, SES_STR("\""));
    }
}

/* Both browser claims, or neither when nothing is bound. */
static void put_binding(struct writer *w, const struct ses_claims *claims)
{
    put(w, SES_STR(",\"msh\":\""));
    put_hash(w, claims->merchant_session_hash);
    if (claims->browser_fields.len > 0) {
        put(w, SES_STR("\",\"bih\":\""));
        put_hash(w, claims->browser_hash);
        put(w, SES_STR("\",\"bnd\":\""));
        put_text(w, claims->browser_fields);
    }
    put(w, SES_STR("\"}"));
}

enum ses_status ses_claims_encode(const struct ses_claims *claims, uint8_t *ret_json, size_t room,
                                  size_t *ret_len)
{
    struct writer w = {ret_json, ret_json + room, SES_OK};

    if (claims->minor_amount < 0)
        return SES_INVALID_ARGUMENT;
    put(&w, SES_STR("{\"iss\":\""));
    put_text(&w, claims->issuer);
    put(&w, SES_STR("\",\"aud\":\""));
    put_text(&w, claims->audience);
    put(&w, SES_STR("\",\"jti\":\""));
    put_id(&w, claims->session_id);
    put_times(&w, claims);
    put_payment(&w, claims);
    put_binding(&w, claims);
    SES_TRY(w.status);
    *ret_len = (size_t)(w.at - ret_json);
    return SES_OK;
}

/* ---- reading ---- */

struct reader {
    const json_t *object;
    struct ses_arena *arena;
    size_t taken;
    enum ses_status status;
};

static void fault(struct reader *r, enum ses_status status)
{
    if (r->status == SES_OK)
        r->status = status;
}

/* Each claim that is looked up is counted; what is left over in the end is a claim that we do not know. */
static const json_t *take(struct reader *r, const char *name)
{
    const json_t *value = json_object_get(r->object, name);

    if (value != NULL)
        r->taken++;
    return value;
}

/* Borrowed from the JSON tree; empty and a fault when it is no string. */
static struct ses_slice take_view(struct reader *r, const char *name)
{
    const json_t *value = take(r, name);

    if (!json_is_string(value)) {
        fault(r, SES_MALFORMED);
        return SES_SLICE_EMPTY;
    }
    return ses_slice(json_string_value(value), json_string_length(value));
}

static struct ses_slice take_text(struct reader *r, const char *name)
{
    struct ses_slice copy = SES_SLICE_EMPTY;
    struct ses_slice view = take_view(r, name);

    if (r->status == SES_OK && ses_arena_copy(r->arena, view, &copy) != SES_OK)
        fault(r, SES_NO_MEMORY);
    return copy;
}

static uint64_t take_time_ms(struct reader *r, const char *name)
{
    uint64_t seconds = 0;

    if (ses_rfc3339_decode(take_view(r, name), &seconds) != SES_OK)
        fault(r, SES_MALFORMED);
    return seconds * 1000;
}

/* Integers only: 1e4 and 3.0 are other texts for numbers that we write as 10000 and 3. */
static uint64_t take_u64(struct reader *r, const char *name, uint64_t max)
{
    const json_t *value = take(r, name);

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > max) {
        fault(r, SES_MALFORMED);
        return 0;
    }
    return (uint64_t)json_integer_value(value);
}

static bool take_bool(struct reader *r, const char *name)
{
    const json_t *value = take(r, name);

    if (!json_is_boolean(value))
        fault(r, SES_MALFORMED);
    return json_is_true(value);
}

static void take_hash(struct reader *r, const char *name, uint8_t ret_hash[SES_HASH_BYTES])
{
    size_t len = 0;

    if (ses_base64url_decode(take_view(r, name), ret_hash, SES_HASH_BYTES, &len) != SES_OK ||
        len != SES_HASH_BYTES)
        fault(r, SES_MALFORMED);
}

/* Lower case only: one id, one text. */
static void take_id(struct reader *r, const char *name, uint8_t ret_id[16])
{
    struct ses_slice text = take_view(r, name);
    char again[SES_SESSION_TEXT_SIZE];
    size_t len = 0;

    if (ses_hex_decode(text, ret_id, 16, &len) != SES_OK || len != 16) {
        fault(r, SES_MALFORMED);
        return;
    }
    (void)ses_hex_encode(ses_slice(ret_id, 16), again);
    if (!ses_slice_eq_str(text, again))
        fault(r, SES_MALFORMED);
}

static void take_tenant(struct reader *r, struct ses_claims *claims)
{
    if (json_object_get(r->object, "ten") == NULL)
        return;
    claims->tenant_tag = take_text(r, "ten");
    if (claims->tenant_tag.len == 0)
        fault(r, SES_MALFORMED);
}

static void take_binding(struct reader *r, struct ses_claims *claims)
{
    take_hash(r, "msh", claims->merchant_session_hash);
    if (json_object_get(r->object, "bnd") == NULL)
        return; /* a lone bih is left over and refused by the count */
    take_hash(r, "bih", claims->browser_hash);
    claims->browser_fields = take_text(r, "bnd");
    if (claims->browser_fields.len == 0)
        fault(r, SES_MALFORMED);
}

/* As we write it; tokens of former releases have both the same. */
static bool nbf_fits(uint64_t nbf_ms, uint64_t issued_ms)
{
    return nbf_ms == issued_ms || nbf_ms + SES_TOKEN_LEEWAY_MS == issued_ms;
}

static void take_all(struct reader *r, struct ses_claims *claims)
{
    claims->issuer = take_text(r, "iss");
    claims->audience = take_text(r, "aud");
    take_id(r, "jti", claims->session_id);
    claims->issued_ms = take_time_ms(r, "iat");
    claims->expires_ms = take_time_ms(r, "exp");
    if (!nbf_fits(take_time_ms(r, "nbf"), claims->issued_ms))
        fault(r, SES_MALFORMED);
    claims->merchant = take_text(r, "sub");
    claims->generation = (uint32_t)take_u64(r, "gen", UINT32_MAX);
    claims->connector = take_text(r, "con");
    claims->minor_amount = (int64_t)take_u64(r, "amt", INT64_MAX);
    claims->currency = take_text(r, "cur");
    claims->test = take_bool(r, "test");
    take_tenant(r, claims);
    take_binding(r, claims);
    if (json_object_size(r->object) != r->taken)
        fault(r, SES_MALFORMED);
}

static enum ses_status parse(struct ses_slice json, struct ses_arena *arena, struct ses_claims *ret_claims)
{
    /* jansson: 9 us beside the 47 of the signature, no recursion to speak of within
     * SES_PASETO_MESSAGE_MAX, refuses what is not UTF-8, U+0000 and numbers beyond 64 bits. */
    struct ses_claims claims = {0};
    json_t *root = NULL;

    SES_TRY(ses_json_load(json, JSON_REJECT_DUPLICATES, NULL, &root));
    struct reader r = {root, arena, 0, json_is_object(root) ? SES_OK : SES_MALFORMED};
    if (r.status == SES_OK)
        take_all(&r, &claims);
    json_decref(root);
    SES_TRY(r.status);
    *ret_claims = claims;
    return SES_OK;
}

enum ses_status ses_claims_decode(struct ses_slice json, struct ses_arena *arena,
                                  struct ses_claims *ret_claims)
{
    struct ses_slice copy;

    /* json lies in the verifier's scratch, and the claims are views into what they are read from. */
    SES_TRY(ses_arena_copy(arena, json, &copy));
    return ses_claims_scan(copy, ret_claims) ? SES_OK : parse(json, arena, ret_claims);
}
