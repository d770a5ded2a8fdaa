/* A key and its file, in both directions. Id, file name and secret are checked against the public key or the check
 * sum, the purpose against the directory: a file that was renamed, misplaced or mixed from two does not load.
 */
#include "keyfile.h"

#include <stdio.h>

#include <sodium.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/random.h>
#include <sessiond/base/rfc3339.h>

#include "paserk.h"

enum member { M_KID, M_PURPOSE, M_STATE, M_CREATED, M_PUBLIC, M_LID, M_SECRET, M_REPLACES, M_COUNT };

static const char *const member_names[M_COUNT] = {"kid",    "purpose", "state",  "created",
                                                  "public", "lid",     "secret", "replaces"};

static void make_footer(const char *kid, struct ses_footer *ret_footer)
{
    char footer[SES_KEY_FOOTER_LEN + 1];
    char text[SES_BASE64URL_SIZE(SES_KEY_FOOTER_LEN)];
    int len = snprintf(footer, sizeof(footer), "{\"kid\":\"%s\"}", kid);

    SES_REQUIRE(len == SES_KEY_FOOTER_LEN);
    memcpy(ret_footer->bytes, footer, sizeof(ret_footer->bytes));
    SES_REQUIRE(ses_base64url_encode(ses_slice(footer, SES_KEY_FOOTER_LEN), text) == SES_KEY_FOOTER_TEXT);
    memcpy(ret_footer->text, text, sizeof(ret_footer->text));
}

/* What of a key is derived from its public half. */
static void derive(struct ses_key *key)
{
    enum ses_status status = ses_paserk_pid(ses_slice(key->public_key, sizeof(key->public_key)), key->kid);

    SES_REQUIRE(status == SES_OK);
    make_footer(key->kid, &key->footer);
}

static void derive_seal(struct ses_key *key)
{
    enum ses_status status = ses_paserk_lid(ses_slice(key->secret.bytes, key->secret.len), key->lid);

    SES_REQUIRE(status == SES_OK);
    ses_key_id_encode(key->purpose, key->number, key->kid);
}

enum ses_status ses_key_new(enum ses_key_purpose purpose, uint16_t number, enum ses_key_state state,
                            uint64_t now_ms, struct ses_key *ret_key)
{
    struct ses_key key = {.purpose = purpose, .number = number, .state = state, .created_ms = now_ms};
    bool seals = ses_key_seals(purpose);

    SES_TRY(ses_secret_new(seals ? SES_KEY_SEAL_BYTES : SES_PASETO_SECRET_BYTES, &key.secret));
    if (seals) {
        ses_random_bytes(key.secret.bytes, key.secret.len);
        derive_seal(&key);
    } else {
        (void)crypto_sign_keypair(key.public_key, key.secret.bytes);
        derive(&key);
    }
    *ret_key = key;
    return SES_OK;
}

struct ses_key ses_key_first(enum ses_key_purpose purpose, struct ses_secret secret, uint64_t created_ms)
{
    struct ses_key key = {.purpose = purpose,
                          .number = 1,
                          .state = SES_KEY_ACTIVE,
                          .created_ms = created_ms,
                          .secret = secret,
                          .first = true};

    derive_seal(&key);
    return key;
}

bool ses_key_is_first_file(const struct ses_key *key)
{
    return key->first && !key->own_file;
}

enum ses_status ses_key_derive(struct ses_key *key)
{
    char lid[SES_KID_SIZE];

    if (key->secret.len == 0)
        return SES_OK;
    SES_TRY(ses_keys_derive(key->secret.bytes, &key->derived));
    SES_TRY(ses_paserk_lid(
        ses_slice(ses_derived_key(&key->derived, SES_DERIVED_LOCAL), SES_DERIVED_KEY_BYTES), lid));
    make_footer(lid, &key->local);
    return SES_OK;
}

void ses_key_done(struct ses_key *key)
{
    ses_secret_free(&key->secret);
    ses_secret_free(&key->derived);
}

/* ---- reading: a scanner of our own, as a general parser would leave the secret behind in the heap ---- */

static void skip_space(struct ses_slice *rest)
{
    while (rest->len > 0 && strchr(" \t\r\n", rest->data[0]) != NULL && rest->data[0] != '\0')
        *rest = ses_slice_cut(*rest, 1, rest->len);
}

static bool skip_char(struct ses_slice *rest, uint8_t c)
{
    skip_space(rest);
    if (rest->len == 0 || rest->data[0] != c)
        return false;
    *rest = ses_slice_cut(*rest, 1, rest->len);
    return true;
}

/* No string of ours needs an escape, so none is understood. */
static bool take_string(struct ses_slice *rest, struct ses_slice *ret_string)
{
    if (!skip_char(rest, '"'))
        return false;
    size_t end = ses_slice_find(*rest, '"');
    if (end == rest->len)
        return false;
    struct ses_slice string = ses_slice_cut(*rest, 0, end);

    *rest = ses_slice_cut(*rest, end + 1, rest->len);
    *ret_string = string;
    return ses_slice_find(string, '\\') == string.len && ses_utf8_printable_check(string);
}

/* Puts one pair into its place. NULL, or what is wrong. */
static const char *take_member(struct ses_slice *rest, struct ses_slice values[M_COUNT])
{
    struct ses_slice name;
    struct ses_slice value;

    if (!take_string(rest, &name) || !skip_char(rest, ':') || !take_string(rest, &value))
        return "not a JSON object of plain strings";
    for (size_t i = 0; i < M_COUNT; i++) {
        if (!ses_slice_eq_str(name, member_names[i]))
            continue;
        if (values[i].data != NULL)
            return "a member occurs twice";
        values[i] = value;
        return NULL;
    }
    return "a member is unknown";
}

/* RFC 8259 sections 2 and 4, restricted to one flat object of strings without escapes. */
static const char *scan(struct ses_slice text, struct ses_slice values[M_COUNT])
{
    struct ses_slice rest = text;
    const char *wrong = NULL;

    if (!skip_char(&rest, '{'))
        return "not a JSON object of plain strings";
    do {
        wrong = take_member(&rest, values);
    } while (wrong == NULL && skip_char(&rest, ','));
    if (wrong != NULL)
        return wrong;
    if (!skip_char(&rest, '}'))
        return "not a JSON object of plain strings";
    skip_space(&rest);
    return rest.len == 0 ? NULL : "more than one JSON object";
}

/* The texts say which rule is broken, never what the file holds: they reach logs. */
static const char *parse_common(const struct ses_slice values[M_COUNT], struct ses_key *key)
{
    uint64_t created_s = 0;

    if (!ses_key_state_decode(key->purpose, values[M_STATE], &key->state))
        return ses_key_seals(key->purpose) ? "state is not one of next, active, open-only, revoked"
                                           : "state is not one of next, active, verify-only, revoked";
    if (ses_rfc3339_decode(values[M_CREATED], &created_s) != SES_OK)
        return "created is not a time like 2026-01-02T03:04:05Z";
    key->created_ms = created_s * 1000;
    if (values[M_REPLACES].data != NULL) {
        if (!ses_key_id_check(key->purpose, values[M_REPLACES]))
            return "replaces is not a key id";
        memcpy(key->replaces, values[M_REPLACES].data, values[M_REPLACES].len);
    }
    if ((values[M_SECRET].data == NULL) != (key->state == SES_KEY_REVOKED))
        return key->state == SES_KEY_REVOKED ? "a revoked key still has its secret" : "secret is missing";
    return NULL;
}

/* The cheap comparison finds a good secret in the wrong file; that its own two halves fit, paserk.c has
 * checked. */
static const char *parse_signing(const struct ses_slice values[M_COUNT], struct ses_key *key)
{
    if (ses_paserk_public_decode(values[M_PUBLIC], key->public_key) != SES_OK)
        return "public is not a k4.public key";
    derive(key);
    if (!ses_slice_eq_str(values[M_KID], key->kid))
        return "kid is not the id of the public key";
    if (key->state == SES_KEY_REVOKED)
        return NULL;
    if (ses_secret_new(SES_PASETO_SECRET_BYTES, &key->secret) != SES_OK)
        return "out of guarded memory";
    if (ses_paserk_secret_decode(values[M_SECRET], key->secret.bytes) != SES_OK)
        return "secret is not a whole k4.secret key";
    if (memcmp(key->secret.bytes + 32, key->public_key, sizeof(key->public_key)) != 0)
        return "secret and public key do not belong together";
    return NULL;
}

static const char *parse_sealing(const struct ses_slice values[M_COUNT], struct ses_key *key)
{
    enum ses_key_purpose purpose;

    if (!ses_key_id_decode(values[M_KID], &purpose, &key->number) || purpose != key->purpose)
        return "kid is not the ring's name and a number";
    memcpy(key->kid, values[M_KID].data, values[M_KID].len);
    if (values[M_LID].len != sizeof(key->lid) - 1)
        return "lid is not a k4.lid id";
    memcpy(key->lid, values[M_LID].data, values[M_LID].len);
    if (key->state == SES_KEY_REVOKED)
        return NULL;
    if (ses_secret_new(SES_KEY_SEAL_BYTES, &key->secret) != SES_OK)
        return "out of guarded memory";
    if (ses_paserk_local_decode(values[M_SECRET], key->secret.bytes) != SES_OK)
        return "secret is not a whole k4.local key";
    derive_seal(key);
    return ses_slice_eq_str(values[M_LID], key->lid) ? NULL : "secret and lid do not belong together";
}

static const char *parse(const struct ses_slice values[M_COUNT], struct ses_key *key)
{
    const char *wrong = parse_common(values, key);

    if (wrong != NULL)
        return wrong;
    return ses_key_seals(key->purpose) ? parse_sealing(values, key) : parse_signing(values, key);
}

/* The file name last: only a whole key can be in the wrong place. */
static enum ses_status decode(struct ses_slice text, const char *path, const char *name,
                              struct ses_fault *fault, struct ses_key *key)
{
    struct ses_slice values[M_COUNT] = {{0}};
    char file_name[SES_KEYFILE_NAME_SIZE];
    const char *wrong = scan(text, values);

    if (wrong == NULL && !ses_slice_eq_str(values[M_PURPOSE], ses_key_purpose_name(key->purpose)))
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "%s/%s: wrong purpose: a key of another ring lies in the %s ring", path, name,
                         ses_key_purpose_name(key->purpose));
    if (wrong == NULL)
        wrong = parse(values, key);
    if (wrong != NULL)
        return ses_fault(fault, SES_MALFORMED,
                         "%s/%s: not a whole key file: %s; put back its copy from your backup of the keys",
                         path, name, wrong);
    ses_key_file_name(key->kid, file_name);
    if (strcmp(file_name, name) != 0)
        return ses_fault(fault, SES_FAILED_PRECONDITION, "%s/%s: the file is not named after its key", path,
                         name);
    return SES_OK;
}

enum ses_status ses_key_read(const struct ses_keydir *dir, const char *name, enum ses_key_purpose purpose,
                             struct ses_fault *fault, struct ses_key *ret_key)
{
    struct ses_key key = {.purpose = purpose, .own_file = true};
    struct ses_secret text;

    SES_TRY(ses_keydir_read(dir, name, fault, &text));
    enum ses_status status = decode(ses_slice(text.bytes, text.len), dir->path, name, fault, &key);
    ses_secret_free(&text);
    if (status != SES_OK) {
        ses_key_done(&key);
        return status;
    }
    *ret_key = key;
    return SES_OK;
}

/* ---- writing ---- */

/* What anybody may see of the key. */
static void encode_half(const struct ses_key *key, const char **ret_name,
                        char ret_text[SES_PASERK_PUBLIC_SIZE])
{
    enum ses_status status = SES_OK;

    if (ses_key_seals(key->purpose))
        (void)snprintf(ret_text, SES_PASERK_PUBLIC_SIZE, "%s", key->lid);
    else
        status = ses_paserk_public_encode(ses_slice(key->public_key, sizeof(key->public_key)), ret_text);
    SES_REQUIRE(status == SES_OK);
    *ret_name = member_names[ses_key_seals(key->purpose) ? M_LID : M_PUBLIC];
}

static void encode_secret(const struct ses_key *key, char ret_text[SES_PASERK_SECRET_SIZE])
{
    struct ses_slice secret = ses_slice(key->secret.bytes, key->secret.len);
    enum ses_status status = ses_key_seals(key->purpose) ? ses_paserk_local_encode(secret, ret_text)
                                                         : ses_paserk_secret_encode(secret, ret_text);

    SES_REQUIRE(status == SES_OK);
}

/* About 400 bytes, straight into guarded memory; the room is SES_KEYDIR_FILE_MAX, more than any key needs. */
static size_t encode(const struct ses_key *key, char *ret_text, size_t room)
{
    char half[SES_PASERK_PUBLIC_SIZE];
    char secret_text[SES_PASERK_SECRET_SIZE] = "";
    char created[SES_RFC3339_SIZE];
    bool with_secret = key->secret.len > 0 && key->state != SES_KEY_REVOKED;
    bool replaces = key->replaces[0] != '\0';
    const char *half_name;

    encode_half(key, &half_name, half);
    if (with_secret)
        encode_secret(key, secret_text);
    ses_rfc3339_encode(key->created_ms, created);
    int len = snprintf(ret_text, room,
                       "{\n  \"kid\": \"%s\",\n  \"purpose\": \"%s\",\n  \"state\": \"%s\",\n  \"created\": "
                       "\"%s\",\n  \"%s\": \"%s\"%s%s%s%s%s%s\n}\n",
                       key->kid, ses_key_purpose_name(key->purpose),
                       ses_key_state_name(key->purpose, key->state), created, half_name, half,
                       with_secret ? ",\n  \"secret\": \"" : "", secret_text, with_secret ? "\"" : "",
                       replaces ? ",\n  \"replaces\": \"" : "", key->replaces, replaces ? "\"" : "");
    ses_wipe(secret_text, sizeof(secret_text));
    SES_REQUIRE(len > 0 && (size_t)len < room);
    return (size_t)len;
}

enum ses_status ses_key_write(const struct ses_keydir *dir, const struct ses_key *key,
                              struct ses_fault *fault)
{
    struct ses_secret text;
    char name[SES_KEYFILE_NAME_SIZE];

    if (ses_secret_new(SES_KEYDIR_FILE_MAX, &text) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "%s: out of guarded memory", dir->path);
    size_t len = encode(key, (char *)text.bytes, text.len);
    ses_key_file_name(key->kid, name);
    enum ses_status status = ses_keydir_write(dir, name, ses_slice(text.bytes, len), fault);
    ses_secret_free(&text);
    return status;
}
