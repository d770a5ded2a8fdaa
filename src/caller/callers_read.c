/* The callers file, key by key. A reader gets one node and puts what it says into its place; what must be unique in
 * the whole file is callers.c's. */
#include "callers_read.h"

#include <sessiond/base/encode.h>
#include <sessiond/base/rfc3339.h>

#include <sessiond/caller/caller_key.h>

#include "caller_yaml.h"

/* What every reader below is given: its document, and where it puts things. */
struct reading {
    struct ses_arena *arena;
    struct ses_callers_read *read;
    struct ses_caller *caller;
    struct ses_caller_key *key;
    struct ses_caller_certificate *certificate;
};

#define FIELDS(table) (table), sizeof(table) / sizeof((table)[0])

static enum ses_status out_of_memory(const struct caller_yaml *yaml)
{
    return ses_fault(yaml->fault, SES_NO_MEMORY, "%s: out of memory", yaml->file);
}

static enum ses_status keep_text(struct caller_yaml *yaml, const yaml_node_t *node, size_t max,
                                 struct reading *r, struct ses_slice *ret_text)
{
    struct ses_slice text;

    SES_TRY(caller_yaml_text(yaml, node, max, &text));
    return ses_arena_copy(r->arena, text, ret_text) == SES_OK ? SES_OK : out_of_memory(yaml);
}

static enum ses_status list_of(struct caller_yaml *yaml, const yaml_node_t *node, struct reading *r,
                               size_t max, size_t entry_bytes, size_t *ret_count, void **ret_entries)
{
    SES_TRY(caller_yaml_list(yaml, node, max, ret_count));
    *ret_entries = ses_arena_zalloc(r->arena, *ret_count * entry_bytes + 1);
    return *ret_entries == NULL ? out_of_memory(yaml) : SES_OK;
}

/* ---- what caller and key both have ------------------------------------------------------------- */

static enum ses_status read_state(struct caller_yaml *yaml, const yaml_node_t *node, bool *ret_revoked)
{
    struct ses_slice text;

    SES_TRY(caller_yaml_text(yaml, node, SES_CALLER_NAME_MAX, &text));
    *ret_revoked = ses_slice_eq(text, SES_STR("revoked"));
    return *ret_revoked || ses_slice_eq(text, SES_STR("active"))
               ? SES_OK
               : caller_yaml_refuse(yaml, node, "state: must be active or revoked");
}

static enum ses_status read_time(struct caller_yaml *yaml, const yaml_node_t *node, uint64_t *ret_seconds)
{
    struct ses_slice text;

    SES_TRY(caller_yaml_text(yaml, node, SES_CALLER_NAME_MAX, &text));
    return ses_rfc3339_decode(text, ret_seconds) == SES_OK
               ? SES_OK
               : caller_yaml_refuse(yaml, node, "must be a time like 2027-01-02T03:04:05Z");
}

/* ---- a key ------------------------------------------------------------------------------------- */

static enum ses_status read_key_id(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    struct reading *r = into;
    struct ses_slice text;

    SES_TRY(caller_yaml_text(yaml, node, SES_CALLER_NAME_MAX, &text));
    r->key->line = caller_yaml_line(node);
    return ses_caller_key_id_parse(text, &r->key->id) == SES_OK
               ? SES_OK
               : caller_yaml_refuse(yaml, node, "id: must be 16 lower-case hex digits");
}

static enum ses_status read_key_hash(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    struct reading *r = into;
    struct ses_slice text;
    size_t len = 0;

    SES_TRY(caller_yaml_text(yaml, node, SES_CALLER_IDENTITY_MAX, &text));
    if (ses_caller_key_is_one(text))
        return caller_yaml_refuse(yaml, node,
                                  "hash: is a key itself, which must not stand in a file: revoke it, make "
                                  "another by sessiondctl callers rotate");
    if (ses_base64url_decode(text, r->key->hash, sizeof(r->key->hash), &len) != SES_OK ||
        len != SES_HASH_BYTES)
        return caller_yaml_refuse(yaml, node,
                                  "hash: must be 43 characters of base64url, as sessiondctl writes it");
    return SES_OK;
}

static enum ses_status read_key_state(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_state(yaml, node, &((struct reading *)into)->key->revoked);
}

static enum ses_status read_key_created(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_time(yaml, node, &((struct reading *)into)->key->created_s);
}

static enum ses_status read_key_expires(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_time(yaml, node, &((struct reading *)into)->key->expires_s);
}

static enum ses_status read_keys(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    static const struct caller_yaml_field fields[] = {
        {"id", read_key_id, true},
        {"hash", read_key_hash, true},
        {"state", read_key_state, false},
        {"created", read_key_created, false},
        {"expires", read_key_expires, false},
    };
    struct reading *r = into;
    struct ses_caller *caller = r->caller;
    void *keys;

    SES_TRY(list_of(yaml, node, r, SES_CALLER_KEYS_MAX, sizeof(*caller->keys), &caller->keys_count, &keys));
    caller->keys = keys;
    for (size_t i = 0; i < caller->keys_count; i++) {
        r->key = &caller->keys[i];
        r->key->caller = caller;
        SES_TRY(caller_yaml_mapping(yaml, caller_yaml_item(yaml, node, i), FIELDS(fields), r));
    }
    r->read->keys_count += caller->keys_count;
    return SES_OK;
}

/* ---- a certificate ------------------------------------------------------------------------------- */

static enum ses_status read_identity(struct caller_yaml *yaml, const yaml_node_t *node, struct reading *r,
                                     enum ses_caller_identity kind)
{
    struct ses_caller_certificate *certificate = r->certificate;

    if (certificate->value.len > 0)
        return caller_yaml_refuse(yaml, node,
                                  "certificates: each entry must say one thing (begin another with '-')");
    certificate->kind = kind;
    certificate->line = caller_yaml_line(node);
    return keep_text(yaml, node, SES_CALLER_IDENTITY_MAX, r, &certificate->value);
}

static enum ses_status read_thumbprint(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    struct reading *r = into;
    uint8_t bytes[SES_HASH_BYTES];
    size_t len = 0;

    SES_TRY(read_identity(yaml, node, r, SES_CALLER_THUMBPRINT));
    if (ses_hex_decode(r->certificate->value, bytes, sizeof(bytes), &len) != SES_OK || len != sizeof(bytes))
        return caller_yaml_refuse(yaml, node,
                                  "thumbprint: must be 64 hex digits, the SHA-256 of the certificate "
                                  "(openssl x509 -noout -fingerprint -sha256, without ':')");
    for (size_t i = 0; i < r->certificate->value.len; i++) {
        if (r->certificate->value.data[i] >= 'A' && r->certificate->value.data[i] <= 'F')
            return caller_yaml_refuse(yaml, node, "thumbprint: must be in lower case");
    }
    return SES_OK;
}

static enum ses_status read_dns(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_identity(yaml, node, into, SES_CALLER_DNS);
}

static enum ses_status read_uri(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_identity(yaml, node, into, SES_CALLER_URI);
}

static enum ses_status read_subject(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_identity(yaml, node, into, SES_CALLER_SUBJECT);
}

static enum ses_status read_certificates(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    static const struct caller_yaml_field fields[SES_CALLER_IDENTITY_COUNT] = {
        [SES_CALLER_THUMBPRINT] = {"thumbprint", read_thumbprint, false},
        [SES_CALLER_DNS] = {"dns", read_dns, false},
        [SES_CALLER_URI] = {"uri", read_uri, false},
        [SES_CALLER_SUBJECT] = {"subject", read_subject, false},
    };
    struct reading *r = into;
    struct ses_caller *caller = r->caller;
    void *certificates;

    SES_TRY(list_of(yaml, node, r, SES_CALLER_IDENTITIES_MAX, sizeof(*caller->certificates),
                    &caller->certificates_count, &certificates));
    caller->certificates = certificates;
    for (size_t i = 0; i < caller->certificates_count; i++) {
        const yaml_node_t *entry = caller_yaml_item(yaml, node, i);

        r->certificate = &caller->certificates[i];
        r->certificate->caller = caller;
        SES_TRY(caller_yaml_mapping(yaml, entry, FIELDS(fields), r));
        if (r->certificate->value.len == 0)
            return caller_yaml_refuse(yaml, entry, "must say one of thumbprint, dns, uri, subject");
    }
    r->read->certificates_count += caller->certificates_count;
    return SES_OK;
}

/* ---- a caller ------------------------------------------------------------------------------------ */

/* It stands in log lines and labels of metrics: of characters that need no escape there. */
static enum ses_status read_name(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    struct reading *r = into;

    SES_TRY(keep_text(yaml, node, SES_CALLER_NAME_MAX, r, &r->caller->name));
    r->caller->line = caller_yaml_line(node);
    return ses_caller_name_check(r->caller->name)
               ? SES_OK
               : caller_yaml_refuse(yaml, node,
                                    "name: must be 1 to 64 characters of a-z, 0-9, '.', '_', '-'");
}

/* "*" alone, as a text or as the only entry of a list: beside other names it would make these meaningless. */
static enum ses_status read_places(struct caller_yaml *yaml, const yaml_node_t *node, struct reading *r,
                                   struct ses_caller_places *places)
{
    struct ses_slice *names;
    void *entries;

    if (node->type == YAML_SCALAR_NODE && node->data.scalar.length == 1 &&
        node->data.scalar.value[0] == '*') {
        places->any = true;
        return SES_OK;
    }
    SES_TRY(list_of(yaml, node, r, SES_CALLER_PLACES_MAX, sizeof(*names), &places->count, &entries));
    names = entries;
    places->names = names;
    for (size_t i = 0; i < places->count; i++) {
        SES_TRY(keep_text(yaml, caller_yaml_item(yaml, node, i), SES_CALLER_PLACE_MAX, r, &names[i]));
        places->any = places->any || ses_slice_eq(names[i], SES_STR("*"));
    }
    if (places->count == 0)
        return caller_yaml_refuse(yaml, node, "must name at least one (\"*\": any)");
    return places->any && places->count > 1
               ? caller_yaml_refuse(yaml, node, "\"*\" stands for any: leave the other names out")
               : SES_OK;
}

static enum ses_status read_tenants(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_places(yaml, node, into, &((struct reading *)into)->caller->tenants);
}

static enum ses_status read_merchants(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_places(yaml, node, into, &((struct reading *)into)->caller->merchants);
}

static enum ses_status read_words(struct caller_yaml *yaml, const yaml_node_t *node,
                                  const struct ses_caller_word *words, size_t words_count, const char *rule,
                                  unsigned *ret_bits)
{
    struct ses_slice text;
    unsigned bits = 0;
    size_t count;

    SES_TRY(caller_yaml_list(yaml, node, words_count, &count));
    for (size_t i = 0; i < count; i++) {
        const yaml_node_t *entry = caller_yaml_item(yaml, node, i);
        unsigned bit;

        SES_TRY(caller_yaml_text(yaml, entry, SES_CALLER_NAME_MAX, &text));
        bit = ses_caller_word_bit(words, words_count, text);
        if (bit == 0 || (bits & bit) != 0)
            return caller_yaml_refuse(yaml, entry, rule);
        bits |= bit;
    }
    *ret_bits = bits;
    return bits != 0 ? SES_OK : caller_yaml_refuse(yaml, node, rule);
}

static enum ses_status read_rights(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_words(yaml, node, ses_right_words, SES_RIGHT_WORDS,
                      "rights: must be some of create, continue, webhook, operate, each once",
                      &((struct reading *)into)->caller->rights);
}

static enum ses_status read_modes(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_words(yaml, node, ses_caller_mode_words, SES_CALLER_MODE_WORDS,
                      "modes: must be test, live or both, each once",
                      &((struct reading *)into)->caller->modes);
}

static enum ses_status read_caller_state(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_state(yaml, node, &((struct reading *)into)->caller->revoked);
}

static enum ses_status read_caller_created(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_time(yaml, node, &((struct reading *)into)->caller->created_s);
}

static enum ses_status read_caller_expires(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    return read_time(yaml, node, &((struct reading *)into)->caller->expires_s);
}

static enum ses_status read_callers(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    static const struct caller_yaml_field fields[] = {
        {"name", read_name, true},
        {"tenants", read_tenants, true},
        {"merchants", read_merchants, true},
        {"rights", read_rights, true},
        {"modes", read_modes, true},
        {"state", read_caller_state, false},
        {"created", read_caller_created, false},
        {"expires", read_caller_expires, false},
        {"keys", read_keys, false},
        {"certificates", read_certificates, false},
    };
    struct reading *r = into;
    void *callers;

    SES_TRY(list_of(yaml, node, r, SES_CALLERS_MAX, sizeof(*r->read->callers), &r->read->count, &callers));
    r->read->callers = callers;
    for (size_t i = 0; i < r->read->count; i++) {
        r->caller = &r->read->callers[i];
        SES_TRY(caller_yaml_mapping(yaml, caller_yaml_item(yaml, node, i), FIELDS(fields), r));
    }
    return SES_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

static enum ses_status read_keyed_by(struct caller_yaml *yaml, const yaml_node_t *node, void *into)
{
    struct reading *r = into;

    r->read->keyed_by_line = caller_yaml_line(node);
    return keep_text(yaml, node, SES_CALLER_KEYED_BY_LEN, r, &r->read->keyed_by);
}

enum ses_status ses_callers_read(const char *file, struct ses_slice text, struct ses_arena *arena,
                                 struct ses_callers_read *ret_read, struct ses_fault *ret_fault)
{
    static const struct caller_yaml_field fields[] = {
        {"keyed_by", read_keyed_by, false},
        {"callers", read_callers, true},
    };
    struct reading reading = {.arena = arena, .read = ret_read};
    struct caller_yaml yaml;
    enum ses_status status;

    *ret_read = (struct ses_callers_read){.count = 0};
    SES_TRY(caller_yaml_open(&yaml, file, text, ret_fault));
    status = caller_yaml_mapping(&yaml, yaml.root, FIELDS(fields), &reading);
    caller_yaml_done(&yaml);
    return status;
}
