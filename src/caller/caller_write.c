/* Names are quoted: "*", "no" and "007" are texts. Printable as they are, two characters need an escape. */
#include "caller_write.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/rfc3339.h>

#include <sessiond/caller/caller_key.h>

static enum ses_status write_quoted(struct ses_buf *buf, struct ses_slice text)
{
    SES_TRY(ses_buf_append_byte(buf, '"'));
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"' || text.data[i] == '\\')
            SES_TRY(ses_buf_append_byte(buf, '\\'));
        SES_TRY(ses_buf_append_byte(buf, text.data[i]));
    }
    return ses_buf_append_byte(buf, '"');
}

static enum ses_status write_places(struct ses_buf *buf, size_t column, const char *key,
                                    const struct ses_caller_places *places)
{
    SES_TRY(ses_buf_appendf(buf, "%*s%s: ", (int)column, "", key));
    if (places->any)
        return ses_buf_append_str(buf, "\"*\"\n");
    SES_TRY(ses_buf_append_byte(buf, '['));
    for (size_t i = 0; i < places->count; i++) {
        SES_TRY(ses_buf_append_str(buf, i == 0 ? "" : ", "));
        SES_TRY(write_quoted(buf, places->names[i]));
    }
    return ses_buf_append_str(buf, "]\n");
}

static enum ses_status write_words(struct ses_buf *buf, size_t column, const char *key,
                                   const struct ses_caller_word *words, size_t count, unsigned bits)
{
    char text[SES_RIGHTS_TEXT_SIZE];

    (void)ses_caller_words_text(words, count, bits, text);
    return ses_buf_appendf(buf, "%*s%s: [%s]\n", (int)column, "", key, text);
}

static enum ses_status write_time(struct ses_buf *buf, size_t column, const char *key, uint64_t seconds)
{
    char text[SES_RFC3339_SIZE];

    if (seconds == 0)
        return SES_OK;
    ses_rfc3339_encode(seconds * 1000, text);
    return ses_buf_appendf(buf, "%*s%s: %s\n", (int)column, "", key, text);
}

enum ses_status caller_write_head(struct ses_buf *buf, const char *keyed_by)
{
    return ses_buf_appendf(
        buf,
        "# Who may call sessiond (sessiondctl callers; SIGHUP makes a running server read it).\n"
        "keyed_by: \"%s\"\ncallers:\n",
        keyed_by);
}

enum ses_status caller_write_key(struct ses_buf *buf, size_t column, const struct ses_caller_key *key)
{
    char hash[SES_BASE64URL_SIZE(SES_HASH_BYTES)];
    char id[SES_CALLER_KEY_ID_LEN + 1];

    (void)ses_base64url_encode(ses_slice(key->hash, sizeof(key->hash)), hash);
    ses_caller_key_id_text(key->id, id);
    SES_TRY(ses_buf_appendf(buf, "%*s- id: \"%s\"\n", (int)column, "", id));
    SES_TRY(ses_buf_appendf(buf, "%*s  hash: \"%s\"\n", (int)column, "", hash));
    SES_TRY(ses_buf_appendf(buf, "%*s  state: %s\n", (int)column, "", key->revoked ? "revoked" : "active"));
    SES_TRY(write_time(buf, column + 2, "created", key->created_s));
    return write_time(buf, column + 2, "expires", key->expires_s);
}

static enum ses_status write_certificates(struct ses_buf *buf, size_t column, const struct ses_caller *caller)
{
    if (caller->certificates_count > 0)
        SES_TRY(ses_buf_appendf(buf, "%*scertificates:\n", (int)column, ""));
    for (size_t i = 0; i < caller->certificates_count; i++) {
        SES_TRY(ses_buf_appendf(buf, "%*s  - %s: ", (int)column, "",
                                ses_caller_identity_name(caller->certificates[i].kind)));
        SES_TRY(write_quoted(buf, caller->certificates[i].value));
        SES_TRY(ses_buf_append_byte(buf, '\n'));
    }
    return SES_OK;
}

enum ses_status caller_write(struct ses_buf *buf, size_t column, const struct ses_caller *caller)
{
    size_t inside = column + 2;

    SES_TRY(ses_buf_appendf(buf, "%*s- name: ", (int)column, ""));
    SES_TRY(write_quoted(buf, caller->name));
    SES_TRY(ses_buf_append_byte(buf, '\n'));
    SES_TRY(write_places(buf, inside, "tenants", &caller->tenants));
    SES_TRY(write_places(buf, inside, "merchants", &caller->merchants));
    SES_TRY(write_words(buf, inside, "rights", ses_right_words, SES_RIGHT_WORDS, caller->rights));
    SES_TRY(write_words(buf, inside, "modes", ses_caller_mode_words, SES_CALLER_MODE_WORDS, caller->modes));
    SES_TRY(ses_buf_appendf(buf, "%*sstate: %s\n", (int)inside, "", caller->revoked ? "revoked" : "active"));
    SES_TRY(write_time(buf, inside, "created", caller->created_s));
    SES_TRY(write_time(buf, inside, "expires", caller->expires_s));
    if (caller->keys_count > 0)
        SES_TRY(ses_buf_appendf(buf, "%*skeys:\n", (int)inside, ""));
    for (size_t i = 0; i < caller->keys_count; i++)
        SES_TRY(caller_write_key(buf, inside + 2, &caller->keys[i]));
    return write_certificates(buf, inside, caller);
}
