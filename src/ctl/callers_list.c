/* The callers as a table or as JSON: who, what, and the ids of keys. Neither a key nor its hash is shown. */
#include <stdio.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/rfc3339.h>
#include <sessiond/caller/caller_key.h>

#include "callers_words.h"
#include "ctl.h"

static const char *state_of(bool revoked, uint64_t expires_s)
{
    if (revoked)
        return "revoked";
    return expires_s != 0 && expires_s <= ses_clock_wall_ms() / 1000 ? "expired" : "active";
}

static const char *time_of(uint64_t seconds, char text[SES_RFC3339_SIZE])
{
    if (seconds == 0)
        return NULL;
    ses_rfc3339_encode(seconds * 1000, text);
    return text;
}

/* ---- JSON --------------------------------------------------------------------------------------------- */

static json_t *json_places(const struct ses_caller_places *places)
{
    json_t *list = json_array();

    if (places->any)
        (void)json_array_append_new(list, json_string("*"));
    for (size_t i = 0; i < places->count && !places->any; i++)
        (void)json_array_append_new(list,
                                    json_stringn((const char *)places->names[i].data, places->names[i].len));
    return list;
}

static json_t *json_words(const struct ses_caller_word *words, size_t count, unsigned bits)
{
    json_t *list = json_array();

    for (size_t i = 0; i < count; i++) {
        if ((bits & words[i].bit) != 0)
            (void)json_array_append_new(list, json_string((const char *)words[i].text.data));
    }
    return list;
}

static json_t *json_key(const struct ses_caller_key *key)
{
    char id[SES_CALLER_KEY_ID_LEN + 1];
    char created[SES_RFC3339_SIZE];
    char expires[SES_RFC3339_SIZE];

    ses_caller_key_id_text(key->id, id);
    return json_pack("{s:s,s:s,s:s*,s:s*}", "id", id, "state", state_of(key->revoked, key->expires_s),
                     "created", time_of(key->created_s, created), "expires",
                     time_of(key->expires_s, expires));
}

static json_t *json_caller(const struct ses_caller *caller)
{
    char created[SES_RFC3339_SIZE];
    char expires[SES_RFC3339_SIZE];
    json_t *keys = json_array();
    json_t *certificates = json_array();

    for (size_t i = 0; i < caller->keys_count; i++)
        (void)json_array_append_new(keys, json_key(&caller->keys[i]));
    for (size_t i = 0; i < caller->certificates_count; i++)
        (void)json_array_append_new(
            certificates,
            json_pack("{s:s%}", ses_caller_identity_name(caller->certificates[i].kind),
                      (const char *)caller->certificates[i].value.data, caller->certificates[i].value.len));
    return json_pack("{s:s%,s:s,s:o,s:o,s:o,s:o,s:s*,s:s*,s:o,s:o}", "name", (const char *)caller->name.data,
                     caller->name.len, "state", state_of(caller->revoked, caller->expires_s), "tenants",
                     json_places(&caller->tenants), "merchants", json_places(&caller->merchants), "rights",
                     json_words(ses_right_words, SES_RIGHT_WORDS, caller->rights), "modes",
                     json_words(ses_caller_mode_words, SES_CALLER_MODE_WORDS, caller->modes), "created",
                     time_of(caller->created_s, created), "expires", time_of(caller->expires_s, expires),
                     "keys", keys, "certificates", certificates);
}

static int print_json(const struct ses_callers *callers)
{
    json_t *list = json_array();

    for (size_t i = 0; i < ses_callers_count(callers); i++)
        (void)json_array_append_new(list, json_caller(ses_callers_at(callers, i)));
    return ctl_print_json(json_pack("{s:o}", "callers", list), true, CTL_DONE);
}

/* ---- table -------------------------------------------------------------------------------------------- */

static void print_places(const char *what, const struct ses_caller_places *places)
{
    printf("  %s:", what);
    if (places->any)
        printf(" any");
    for (size_t i = 0; i < places->count && !places->any; i++)
        printf("%s %.*s", i == 0 ? "" : ",", SES_FMT(places->names[i]));
    printf("\n");
}

static void print_caller(const struct ses_caller *caller)
{
    char rights[SES_RIGHTS_TEXT_SIZE];
    char modes[SES_RIGHTS_TEXT_SIZE];
    char text[SES_RFC3339_SIZE];

    (void)ses_caller_words_text(ses_right_words, SES_RIGHT_WORDS, caller->rights, rights);
    (void)ses_caller_words_text(ses_caller_mode_words, SES_CALLER_MODE_WORDS, caller->modes, modes);
    printf("%.*s  %s  %s  (%s)%s%s\n", SES_FMT(caller->name), state_of(caller->revoked, caller->expires_s),
           rights, modes, caller->expires_s == 0 ? "" : "  until ",
           caller->expires_s == 0 ? "" : time_of(caller->expires_s, text));
    print_places("tenants", &caller->tenants);
    print_places("merchants", &caller->merchants);
    for (size_t i = 0; i < caller->keys_count; i++) {
        const struct ses_caller_key *key = &caller->keys[i];
        char id[SES_CALLER_KEY_ID_LEN + 1];

        ses_caller_key_id_text(key->id, id);
        printf("  key %s  %s%s%s\n", id, state_of(key->revoked, key->expires_s),
               key->expires_s == 0 ? "" : "  until ",
               key->expires_s == 0 ? "" : time_of(key->expires_s, text));
    }
    for (size_t i = 0; i < caller->certificates_count; i++)
        printf("  certificate %s %.*s\n", ses_caller_identity_name(caller->certificates[i].kind),
               SES_FMT(caller->certificates[i].value));
}

int ctl_callers_list(const struct ctl *ctl)
{
    struct ses_fault fault = {.text = ""};
    struct ses_callers *callers = NULL;
    char hash_key[CTL_PATH_SIZE];
    char path[CTL_PATH_SIZE];
    int code = CTL_DONE;

    if (!ctl_path(ctl, "keys/callers.key", hash_key) || !ctl_callers_path(ctl, path))
        return CTL_FAILED;
    if (ses_callers_load(path, hash_key, &callers, &fault) != SES_OK)
        return ctl_fail_fault(&fault);
    for (size_t i = 0; i < ses_callers_count(callers) && !ctl->json; i++)
        print_caller(ses_callers_at(callers, i));
    if (ctl->json)
        code = print_json(callers);
    ses_callers_free(callers);
    return code;
}
