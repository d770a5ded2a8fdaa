/* The JSON object is of fixed layout and only ever read by us, so it is read by place and then written again:
 * what does not come out the same to the byte is not ours. */
#include "step_v4.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/rfc3339.h>

#include <stdio.h>

#include "paseto.h"

#define KEY_TEXT_LEN (SES_BASE64URL_SIZE(SES_HASH_BYTES) - 2) /* 43: 32 bytes without padding */
#define ID_TEXT_LEN  32
#define EXP_AT       8
#define KEY_AT       (EXP_AT + SES_RFC3339_LEN + 9)
#define SID_AT       (KEY_AT + KEY_TEXT_LEN + 9)
#define STP_AT       (SID_AT + ID_TEXT_LEN + 9)
#define TEST_AT      (STP_AT + ID_TEXT_LEN + 9)
#define JSON_SIZE    (TEST_AT + 5 + 1 + 1) /* "false", brace, NUL */

/* Binds the handles to their purpose, should the key ever be used for another one. Never sent. */
#define IMPLICIT SES_STR("sessiond step handle 1")

static size_t encode(const struct ses_step_claims *claims, char json[JSON_SIZE])
{
    char exp[SES_RFC3339_SIZE];
    char key[SES_BASE64URL_SIZE(SES_HASH_BYTES)];
    char sid[SES_HEX_SIZE(16)];
    char stp[SES_HEX_SIZE(16)];
    int len;

    ses_rfc3339_encode(claims->expires_ms + 999, exp);
    (void)ses_base64url_encode(ses_slice(claims->key, sizeof(claims->key)), key);
    (void)ses_hex_encode(ses_slice(claims->session_id, sizeof(claims->session_id)), sid);
    (void)ses_hex_encode(ses_slice(claims->step_id, sizeof(claims->step_id)), stp);
    len = snprintf(json, JSON_SIZE,
                   "{\"exp\":\"%.*s\",\"key\":\"%s\",\"sid\":\"%s\",\"stp\":\"%s\",\"test\":%s}",
                   SES_RFC3339_LEN, exp, key, sid, stp, claims->test ? "true" : "false");
    SES_REQUIRE(len > 0 && len < JSON_SIZE);
    return (size_t)len;
}

static enum ses_status decode(struct ses_slice json, struct ses_step_claims *ret_claims)
{
    struct ses_step_claims claims = {.test = false};
    char again[JSON_SIZE];
    uint64_t seconds = 0;
    size_t len = 0;

    if (json.len < JSON_SIZE - 2) /* "true" is one shorter */
        return SES_MALFORMED;
    SES_TRY(ses_rfc3339_decode(ses_slice_cut(json, EXP_AT, EXP_AT + SES_RFC3339_LEN), &seconds));
    SES_TRY(ses_base64url_decode(ses_slice_cut(json, KEY_AT, KEY_AT + KEY_TEXT_LEN), claims.key,
                                 sizeof(claims.key), &len));
    SES_TRY(ses_hex_decode(ses_slice_cut(json, SID_AT, SID_AT + ID_TEXT_LEN), claims.session_id,
                           sizeof(claims.session_id), &len));
    SES_TRY(ses_hex_decode(ses_slice_cut(json, STP_AT, STP_AT + ID_TEXT_LEN), claims.step_id,
                           sizeof(claims.step_id), &len));
    claims.expires_ms = seconds * 1000;
    claims.test = json.data[TEST_AT] == 't';
    if (!ses_slice_eq(json, ses_slice(again, encode(&claims, again))))
        return SES_MALFORMED;
    *ret_claims = claims;
    return SES_OK;
}

enum ses_status ses_step_v4_open(const struct ses_secret *key, struct ses_slice handle,
                                 struct ses_step_claims *ret_claims)
{
    struct ses_paseto_scratch scratch;
    struct ses_paseto_parts parts;
    struct ses_slice json;

    if (handle.len > SES_STEP_HANDLE_SIZE_MAX ||
        ses_paseto_split(handle, SES_PASETO_LOCAL_HEADER, &parts) != SES_OK || parts.footer.len > 0 ||
        ses_paseto_decrypt(parts.body, SES_SLICE_EMPTY, IMPLICIT, key->bytes, &scratch, &json) != SES_OK ||
        decode(json, ret_claims) != SES_OK)
        return SES_UNAUTHENTICATED;
    return SES_OK;
}
