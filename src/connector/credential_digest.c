/* credential_digest.c - a keyed hash that tells whether two calls bring the same credentials. */
#include <sessiond/base/hash.h>
#include <sessiond/base/secret.h>

#include "credential_draft.h"
#include "json.h"

/* Takes value, which may be NULL. What is not kept holds a secret: jansson would only free it. */
static bool put(json_t *object, const char *name, json_t *value)
{
    if (json_object_set(object, name, value) != 0) {
        ses_json_wipe(value);
        return false;
    }
    json_decref(value);
    return true;
}

static void mean(struct ses_credential_draft *draft, const char *name, json_t *value)
{
    if (draft->meaning == NULL)
        draft->meaning = json_object();
    if (!put(draft->meaning, name, value))
        draft->no_memory = true;
}

void ses_credential_mean_text(struct ses_credential_draft *draft, const char *name, struct ses_slice value)
{
    if (value.len > 0)
        mean(draft, name, json_stringn((const char *)value.data, value.len));
}

/* {"value": ..} and nothing else: a SecretString in proto JSON. */
static const json_t *bare(const json_t *value)
{
    const json_t *inner = json_object_size(value) == 1 ? json_object_get(value, "value") : NULL;

    return inner == NULL ? value : inner;
}

static bool says_nothing(const json_t *value)
{
    return json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0);
}

static json_t *copy_of(const json_t *value);

static json_t *copy_object(const json_t *object)
{
    json_t *copy = json_object();
    const char *key;
    json_t *member;

    /* jansson's iterator takes no const object, but changes nothing. */
    json_object_foreach((json_t *)(uintptr_t)object, key, member) {
        const json_t *inner = bare(member);

        if (!says_nothing(inner) && !put(copy, key, copy_of(inner))) {
            ses_json_wipe(copy);
            return NULL;
        }
    }
    return copy;
}

static json_t *copy_array(const json_t *array)
{
    json_t *copy = json_array();
    json_t *item;
    size_t index;

    json_array_foreach(array, index, item) {
        json_t *one = copy_of(bare(item));

        if (json_array_append(copy, one) != 0) {
            ses_json_wipe(one);
            ses_json_wipe(copy);
            return NULL;
        }
        json_decref(one);
    }
    return copy;
}

/* Recursion is bounded by the depth checked at parsing. Strings are copied, not shared: each tree is wiped on
 * its own. */
static json_t *copy_of(const json_t *value)
{
    if (json_is_object(value))
        return copy_object(value);
    if (json_is_array(value))
        return copy_array(value);
    return json_deep_copy(value);
}

void ses_credential_mean_json(struct ses_credential_draft *draft, const char *name, const json_t *value)
{
    const json_t *inner = bare(value);

    if (inner != NULL && !says_nothing(inner))
        mean(draft, name, copy_of(inner));
}

/* Sorted and compact, so that one meaning has one text. That text holds every secret: it is wiped. */
enum ses_status ses_credential_digest(const struct ses_credential_draft *draft, struct ses_slice key,
                                      uint8_t ret_digest[SES_CREDENTIALS_DIGEST_BYTES])
{
    uint8_t hash[SES_HASH_BYTES];
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
    struct ses_slice text = SES_STR("{}"); /* no credentials at all are the same ones, too */
    size_t len = 0;
    char *room = NULL;

    if (draft->no_memory)
        return SES_NO_MEMORY;
    if (draft->meaning != NULL) {
        len = json_dumpb(draft->meaning, NULL, 0, flags);
        room = ses_arena_alloc(draft->arena, len + 1);
        if (len == 0 || room == NULL || json_dumpb(draft->meaning, room, len, flags) != len)
            return SES_NO_MEMORY;
        text = ses_slice(room, len);
    }
    ses_hash(key, text, hash);
    memcpy(ret_digest, hash, SES_CREDENTIALS_DIGEST_BYTES);
    if (room != NULL)
        ses_wipe(room, len);
    return SES_OK;
}
