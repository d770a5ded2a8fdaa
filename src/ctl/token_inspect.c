/* What is in a token and what the ring says of it. The token comes by standard input only: arguments
 * are seen by every user of the machine and kept in the shell's history. */
#include "ctl.h"

#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/encode.h>
#include <sessiond/token/token.h>

#define INPUT_MAX        (SES_TOKEN_SIZE_MAX + 16) /* white space around a token is fine */
#define CLAIMS_ARENA_MAX (64 * SES_KIB)
#define SIGNATURE_BYTES  64

/* The token is never printed: whoever reads the terminal's history could use it. */
static bool read_token(char *ret_text, struct ses_slice *ret_token)
{
    size_t len = fread(ret_text, 1, INPUT_MAX, stdin);
    struct ses_slice token = ses_slice(ret_text, len);

    while (token.len > 0 && (token.data[token.len - 1] == '\n' || token.data[token.len - 1] == '\r'))
        token.len--;
    *ret_token = ses_slice_trim(token);
    return ret_token->len > 0 && ret_token->len <= SES_TOKEN_SIZE_MAX;
}

/* JSON of one base64url part without its last tail bytes; NULL when it is none. */
static json_t *decode_part(struct ses_slice text, size_t tail)
{
    uint8_t bytes[SES_TOKEN_SIZE_MAX];
    size_t len = 0;

    if (ses_base64url_decode(text, bytes, sizeof(bytes), &len) != SES_OK || len < tail)
        return NULL;
    return json_loadb((const char *)bytes, len - tail, JSON_REJECT_DUPLICATES, NULL);
}

/* NULL, after a line that says why: then nothing is verified, and nothing of a v4.local token read. */
static struct ses_keyring *open_ring(const struct ctl *ctl)
{
    struct ses_keyring *ring = NULL;
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];

    if (ctl_path(ctl, "keys", dir) && ses_keyring_load(dir, &ring, &fault) != SES_OK)
        (void)ctl_fail_fault(&fault);
    return ring;
}

/* The claim chooses the ring that judges it: a token that lies about it is signed by neither. */
static const char *verdict(const struct ctl *ctl, const struct ses_keyring *ring, struct ses_slice token,
                           bool test, struct ses_arena *arena)
{
    struct ses_claims claims;

    if (ring == NULL)
        return "unknown";
    if (ses_token_verify(ring, token, test, 0, arena, &claims) != SES_OK)
        return "refused";
    if (!ctl_take_clock(ctl))
        return "unknown";
    return ses_clock_is_over(claims.issued_ms, claims.expires_ms + SES_TOKEN_LEEWAY_MS, ses_clock_now_ms())
               ? "expired"
               : "accepted";
}

/* "next", "active", .. or "unknown" for a signing key. */
static const char *key_state(const struct ctl *ctl, const char *kid)
{
    static struct ses_key_info keys[SES_KEYRING_LIST_MAX];
    struct ses_fault fault = {.text = ""};
    char dir[CTL_PATH_SIZE];
    size_t count = 0;

    if (kid == NULL || !ctl_path(ctl, "keys", dir) || ses_keyring_list(dir, keys, &count, &fault) != SES_OK)
        return "unknown";
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].kid, kid) == 0)
            return ses_key_state_name(keys[i].purpose, keys[i].state);
    }
    return "unknown";
}

/* kid: as the token's footer has it; key: the signing key that it means. */
static int report(const struct ctl *ctl, const char *verification, const char *kid, const char *key,
                  json_t *claims)
{
    json_t *told = json_pack("{s:s,s:s?,s:s?,s:s,s:o*}", "verification", verification, "kid", kid, "key", key,
                             "key_state", key_state(ctl, key), "claims", claims);

    return ctl_print_json(told, !ctl->json, strcmp(verification, "accepted") == 0 ? CTL_DONE : CTL_FAILED);
}

/* Claims are shown even when the signature does not hold, which "verification" then says: an operator
 * wants to know whose token was refused. The payload has the signature at its end. */
static int inspect_public(const struct ctl *ctl, const struct ses_keyring *ring, struct ses_slice token,
                          struct ses_slice payload, const char *kid, struct ses_arena *arena)
{
    json_t *claims = decode_part(payload, SIGNATURE_BYTES);
    bool test = json_is_true(json_object_get(claims, "test"));

    return report(ctl, verdict(ctl, ring, token, test, arena), kid, kid, claims);
}

/* Nothing of it is seen without the key, or when it was altered. The key of a revoked one is gone with its secret. */
static int inspect_local(const struct ctl *ctl, const struct ses_keyring *ring, struct ses_slice token,
                         const char *kid, struct ses_arena *arena)
{
    struct ses_token_read seen;
    json_t *claims;

    if (ring == NULL)
        return ctl_fail(
            "a v4.local token is read by the keys of the server that made it, and by nobody else: "
            "name its data directory with --data");
    if (ses_token_read(ring, token, arena, &seen) != SES_OK)
        return report(ctl, "refused", kid, NULL, NULL);
    claims = json_loads(seen.json, JSON_REJECT_DUPLICATES, NULL);
    return report(ctl, verdict(ctl, ring, token, json_is_true(json_object_get(claims, "test")), arena), kid,
                  seen.kid, claims);
}

/* The three parts of a PASETO: header, payload, footer (which names the key). */
static int inspect(const struct ctl *ctl, struct ses_slice token, struct ses_arena *arena)
{
    const struct ses_slice public_head = SES_STR(SES_TOKEN_PREFIX "v4.public.");
    const struct ses_slice local_head = SES_STR(SES_TOKEN_PREFIX "v4.local.");
    bool local = ses_slice_starts(token, local_head);

    if (!local && !ses_slice_starts(token, public_head))
        return ctl_fail("not a session token: it begins with neither " SES_TOKEN_PREFIX
                        "v4.public. nor " SES_TOKEN_PREFIX "v4.local.");
    struct ses_slice rest = ses_slice_cut(token, local ? local_head.len : public_head.len, token.len);
    size_t dot = ses_slice_find(rest, '.');
    json_t *footer = decode_part(ses_slice_cut(rest, dot + 1, rest.len), 0);
    const char *kid = json_string_value(json_object_get(footer, "kid"));
    struct ses_keyring *ring = open_ring(ctl);
    int code = local ? inspect_local(ctl, ring, token, kid, arena)
                     : inspect_public(ctl, ring, token, ses_slice_cut(rest, 0, dot), kid, arena);

    ses_keyring_free(ring);
    json_decref(footer);
    return code;
}

int ctl_token_inspect(const struct ctl *ctl)
{
    char text[INPUT_MAX];
    struct ses_slice token;
    struct ses_arena arena;

    if (!read_token(text, &token))
        return ctl_fail("stdin does not hold a token of at most %d characters", SES_TOKEN_SIZE_MAX);
    ses_arena_init(&arena, CLAIMS_ARENA_MAX);
    int code = inspect(ctl, token, &arena);
    ses_arena_done(&arena);
    ses_wipe(text, sizeof(text));
    return code;
}
