/* The claims in both directions. They are written by hand, always in one order, and read in exactly that form:
 * only this file has ever written claims that our keys sign. Since the first release nbf has moved and ten has
 * come; both forms are read.
 */
#include "claims.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/json_text.h>
#include <sessiond/base/rfc3339.h>

#define HASH_TEXT_LEN (SES_BASE64URL_SIZE(SES_HASH_BYTES) - 2) /* 43: 32 bytes without padding */
#define ID_TEXT_LEN   32

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
    struct ses_slice left = text;

    for (;;) {
        size_t run = ses_json_plain_run(left);

        put(w, ses_slice_cut(left, 0, run));
        if (run == left.len)
            break;
        put(w, ses_slice(escape, ses_json_escape(left.data[run], escape)));
        left = ses_slice_cut(left, run + 1, left.len);
    }
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

/* ---- reading: literal, value, literal, value, in the order of writing; 1 us ---- */

/* What does not fit sticks; later takes do nothing. */
struct reader {
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

static struct ses_slice rest(const struct reader *r)
{
    return ses_slice(r->at, (size_t)(r->end - r->at));
}

static bool skip_if(struct reader *r, struct ses_slice literal)
{
    bool there = !r->failed && ses_slice_starts(rest(r), literal);

    if (there)
        r->at += literal.len;
    return there;
}

static void skip(struct reader *r, struct ses_slice literal)
{
    r->failed = !skip_if(r, literal);
}

/* What stands there without an escape, moved up to where the text is by now. */
static uint8_t *take_run(struct reader *r, uint8_t *to)
{
    size_t len = ses_json_plain_run(rest(r));

    if (to != r->at)
        memmove(to, r->at, len);
    r->at += len;
    return to + len;
}

/* Up to what cannot stand in a string; where that is not the quotation mark, which stays, the literal behind it
 * does not fit. Escapes are undone in place, as the text only becomes shorter. U+0000 ends a text: no name has
 * one, and whoever takes it for the end would read another name. */
static struct ses_slice take_text(struct reader *r)
{
    uint8_t *begin = r->at;
    uint8_t *to = begin;
    struct ses_slice text;

    for (;;) {
        uint8_t byte = 0;
        size_t len;

        to = take_run(r, to);
        if (r->at < r->end && *r->at == '"')
            break;
        len = ses_json_unescape(rest(r), &byte);
        if (len == 0 || byte == 0)
            break;
        *to++ = byte;
        r->at += len;
    }
    text = ses_slice(begin, (size_t)(to - begin));
    r->failed = r->failed || !ses_utf8_check(text);
    return text;
}

/* A value of one length whose characters all stand for themselves: who decodes it refuses any other one, a quotation
 * mark too, and one that is cut. */
static struct ses_slice take_fixed(struct reader *r, size_t len)
{
    struct ses_slice text = ses_slice_cut(rest(r), 0, len);

    r->at += text.len;
    return text;
}

static uint64_t take_time_ms(struct reader *r)
{
    uint64_t seconds = 0;

    if (ses_rfc3339_decode(take_fixed(r, SES_RFC3339_LEN), &seconds) != SES_OK)
        r->failed = true;
    return seconds * 1000;
}

/* No sign, no leading zero, no fraction. */
static uint64_t take_number(struct reader *r, uint64_t max)
{
    const uint8_t *begin = r->at;
    uint64_t number = 0;
    size_t len;

    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    len = (size_t)(r->at - begin);
    if (len == 0 || (len > 1 && *begin == '0') ||
        ses_parse_u64(ses_slice(begin, len), max, &number) != SES_OK)
        r->failed = true;
    return number;
}

static void take_hash(struct reader *r, uint8_t ret_hash[SES_HASH_BYTES])
{
    size_t len = 0;

    if (ses_base64url_decode(take_fixed(r, HASH_TEXT_LEN), ret_hash, SES_HASH_BYTES, &len) != SES_OK ||
        len != SES_HASH_BYTES)
        r->failed = true;
}

/* Lower case only: one id, one text. Of hexadecimal digits capitals alone lack the bit. */
static void take_id(struct reader *r, uint8_t ret_id[16])
{
    struct ses_slice text = take_fixed(r, ID_TEXT_LEN);
    uint8_t lower = 0x20;
    size_t len = 0;

    if (ses_hex_decode(text, ret_id, 16, &len) != SES_OK || len != 16) {
        r->failed = true;
        return;
    }
    for (size_t i = 0; i < ID_TEXT_LEN; i++)
        lower &= text.data[i];
    r->failed = r->failed || lower == 0;
}

/* As we write it; tokens of former releases have both the same. */
static bool nbf_fits(uint64_t nbf_ms, uint64_t issued_ms)
{
    return nbf_ms == issued_ms || nbf_ms + SES_TOKEN_LEEWAY_MS == issued_ms;
}

static void take_who(struct reader *r, struct ses_claims *claims)
{
    skip(r, SES_STR("{\"iss\":\""));
    claims->issuer = take_text(r);
    skip(r, SES_STR("\",\"aud\":\""));
    claims->audience = take_text(r);
    skip(r, SES_STR("\",\"jti\":\""));
    take_id(r, claims->session_id);
    skip(r, SES_STR("\",\"iat\":\""));
    claims->issued_ms = take_time_ms(r);
    skip(r, SES_STR("\",\"nbf\":\""));
    r->failed = !nbf_fits(take_time_ms(r), claims->issued_ms) || r->failed;
    skip(r, SES_STR("\",\"exp\":\""));
    claims->expires_ms = take_time_ms(r);
    skip(r, SES_STR("\",\"sub\":\""));
    claims->merchant = take_text(r);
}

/* ten is the one claim that may be missing here: tokens of a version without tenants have none. */
static void take_payment(struct reader *r, struct ses_claims *claims)
{
    skip(r, SES_STR("\",\"gen\":"));
    claims->generation = (uint32_t)take_number(r, UINT32_MAX);
    skip(r, SES_STR(",\"con\":\""));
    claims->connector = take_text(r);
    skip(r, SES_STR("\",\"amt\":"));
    claims->minor_amount = (int64_t)take_number(r, INT64_MAX);
    skip(r, SES_STR(",\"cur\":\""));
    claims->currency = take_text(r);
    skip(r, SES_STR("\",\"test\":"));
    claims->test = skip_if(r, SES_STR("true"));
    if (!claims->test)
        skip(r, SES_STR("false"));
    if (skip_if(r, SES_STR(",\"ten\":\""))) {
        claims->tenant_tag = take_text(r);
        r->failed = r->failed || claims->tenant_tag.len == 0;
        skip(r, SES_STR("\""));
    }
}

static void take_binding(struct reader *r, struct ses_claims *claims)
{
    skip(r, SES_STR(",\"msh\":\""));
    take_hash(r, claims->merchant_session_hash);
    if (skip_if(r, SES_STR("\",\"bih\":\""))) {
        take_hash(r, claims->browser_hash);
        skip(r, SES_STR("\",\"bnd\":\""));
        claims->browser_fields = take_text(r);
        r->failed = r->failed || claims->browser_fields.len == 0;
    }
    skip(r, SES_STR("\"}"));
}

/* json lies in the verifier's scratch, and the claims are views into what they are read from: a copy, which
 * also is what escapes are undone in. */
enum ses_status ses_claims_decode(struct ses_slice json, struct ses_arena *arena,
                                  struct ses_claims *ret_claims)
{
    struct ses_claims claims = {.test = false};
    uint8_t *copy = ses_arena_alloc(arena, json.len + 1); /* json may be empty */

    if (copy == NULL)
        return SES_NO_MEMORY;
    struct reader r = {copy, copy + json.len, false};
    if (json.len > 0)
        memcpy(copy, json.data, json.len);
    take_who(&r, &claims);
    take_payment(&r, &claims);
    take_binding(&r, &claims);
    if (r.failed || r.at != r.end)
        return SES_MALFORMED;
    *ret_claims = claims;
    return SES_OK;
}
