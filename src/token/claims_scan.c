/* Literal, value, literal, value, in the order of ses_claims_encode. A value without an escape is its own
 * text, so claims are views into the token and nothing is copied.
 */
#include "claims_scan.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/rfc3339.h>


/* What does not fit sticks; later takes do nothing. */
struct scan {
    struct ses_slice rest;
    bool failed;
};

static void skip(struct scan *s, struct ses_slice literal)
{
    if (s->failed || !ses_slice_starts(s->rest, literal)) {
        s->failed = true;
        return;
    }
    s->rest = ses_slice_cut(s->rest, literal.len, s->rest.len);
}

/* Up to the next quotation mark, which stays. Escapes and control characters are the parser's. */
static struct ses_slice take_text(struct scan *s)
{
    struct ses_slice text;
    bool ascii = true;
    size_t len = ses_slice_find(s->rest, '"');

    if (s->failed || len == s->rest.len) {
        s->failed = true;
        return SES_SLICE_EMPTY;
    }
    text = ses_slice_cut(s->rest, 0, len);
    for (size_t i = 0; i < len; i++) {
        s->failed = s->failed || text.data[i] < 0x20 || text.data[i] == '\\';
        ascii = ascii && text.data[i] < 0x80;
    }
    s->failed = s->failed || (!ascii && !ses_utf8_check(text));
    s->rest = ses_slice_cut(s->rest, len, s->rest.len);
    return text;
}

static uint64_t take_time_ms(struct scan *s)
{
    uint64_t seconds = 0;

    if (ses_rfc3339_decode(take_text(s), &seconds) != SES_OK)
        s->failed = true;
    return seconds * 1000;
}

/* No sign, no leading zero, no fraction. */
static uint64_t take_number(struct scan *s, uint64_t max)
{
    uint64_t number = 0;
    size_t len = 0;

    while (len < s->rest.len && s->rest.data[len] >= '0' && s->rest.data[len] <= '9')
        len++;
    if (s->failed || len == 0 || (len > 1 && s->rest.data[0] == '0') ||
        ses_parse_u64(ses_slice_cut(s->rest, 0, len), max, &number) != SES_OK) {
        s->failed = true;
        return 0;
    }
    s->rest = ses_slice_cut(s->rest, len, s->rest.len);
    return number;
}

static void take_hash(struct scan *s, uint8_t ret_hash[SES_HASH_BYTES])
{
    size_t len = 0;

    if (ses_base64url_decode(take_text(s), ret_hash, SES_HASH_BYTES, &len) != SES_OK || len != SES_HASH_BYTES)
        s->failed = true;
}

static void take_id(struct scan *s, uint8_t ret_id[16])
{
    struct ses_slice text = take_text(s);
    char again[SES_SESSION_TEXT_SIZE];
    size_t len = 0;

    if (ses_hex_decode(text, ret_id, 16, &len) != SES_OK || len != 16) {
        s->failed = true;
        return;
    }
    (void)ses_hex_encode(ses_slice(ret_id, 16), again);
    s->failed = s->failed || !ses_slice_eq_str(text, again); /* lower case only: one id, one text */
}

static void take_who(struct scan *s, struct ses_claims *claims)
{
    skip(s, SES_STR("{\"iss\":\""));
    claims->issuer = take_text(s);
    skip(s, SES_STR("\",\"aud\":\""));
    claims->audience = take_text(s);
    skip(s, SES_STR("\",\"jti\":\""));
    take_id(s, claims->session_id);
    skip(s, SES_STR("\",\"iat\":\""));
    claims->issued_ms = take_time_ms(s);
    skip(s, SES_STR("\",\"nbf\":\""));
    /* Tokens of former releases, where both are the same, are the parser's. */
    s->failed = take_time_ms(s) + SES_TOKEN_LEEWAY_MS != claims->issued_ms || s->failed;
    skip(s, SES_STR("\",\"exp\":\""));
    claims->expires_ms = take_time_ms(s);
    skip(s, SES_STR("\",\"sub\":\""));
    claims->merchant = take_text(s);
}

/* ten is the one claim that may be missing here: tokens of a version without tenants have none. */
static void take_payment(struct scan *s, struct ses_claims *claims)
{
    skip(s, SES_STR("\",\"gen\":"));
    claims->generation = (uint32_t)take_number(s, UINT32_MAX);
    skip(s, SES_STR(",\"con\":\""));
    claims->connector = take_text(s);
    skip(s, SES_STR("\",\"amt\":"));
    claims->minor_amount = (int64_t)take_number(s, INT64_MAX);
    skip(s, SES_STR(",\"cur\":\""));
    claims->currency = take_text(s);
    skip(s, SES_STR("\",\"test\":"));
    claims->test = ses_slice_starts(s->rest, SES_STR("true"));
    skip(s, claims->test ? SES_STR("true") : SES_STR("false"));
    if (!s->failed && ses_slice_starts(s->rest, SES_STR(",\"ten\":\""))) {
        skip(s, SES_STR(",\"ten\":\""));
        claims->tenant_tag = take_text(s);
        s->failed = s->failed || claims->tenant_tag.len == 0;
        skip(s, SES_STR("\""));
    }
}

static void take_binding(struct scan *s, struct ses_claims *claims)
{
    skip(s, SES_STR(",\"msh\":\""));
    take_hash(s, claims->merchant_session_hash);
    if (!s->failed && ses_slice_starts(s->rest, SES_STR("\",\"bih\":\""))) {
        skip(s, SES_STR("\",\"bih\":\""));
        take_hash(s, claims->browser_hash);
        skip(s, SES_STR("\",\"bnd\":\""));
        claims->browser_fields = take_text(s);
        s->failed = s->failed || claims->browser_fields.len == 0;
    }
    skip(s, SES_STR("\"}"));
}

bool ses_claims_scan(struct ses_slice json, struct ses_claims *ret_claims)
{
    struct ses_claims claims = {.test = false};
    struct scan s = {json, false};

    take_who(&s, &claims);
    take_payment(&s, &claims);
    take_binding(&s, &claims);
    if (s.failed || s.rest.len > 0)
        return false;
    *ret_claims = claims;
    return true;
}
