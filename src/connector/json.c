/* jansson between bounds: what its recursive parser is given was counted before, and what held secrets is
 * overwritten before it is freed.
 */
#include "json.h"

#include <sessiond/base/json_load.h>
#include <sessiond/base/secret.h>

/* Brackets outside strings, in one pass without recursion, before the parser recurses over them. A text with
 * unbalanced quotes counts wrongly here and is refused by the parser anyway. */
static bool depth_within(struct ses_slice text, unsigned depth_max)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (in_string && byte == '\\')
            i++;
        else if (byte == '"')
            in_string = !in_string;
        else if (!in_string && (byte == '{' || byte == '[') && ++depth > depth_max)
            return false;
        else if (!in_string && (byte == '}' || byte == ']') && depth > 0)
            depth--;
    }
    return true;
}

enum ses_status ses_json_parse(struct ses_slice text, unsigned depth_max, json_t **ret_json)
{
    if (text.len == 0 || !depth_within(text, depth_max))
        return SES_MALFORMED;
    return ses_json_load(text, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL, ret_json);
}

static enum ses_json_text string_value(const json_t *value, struct ses_slice *ret_text)
{
    if (value == NULL || json_is_null(value))
        return SES_JSON_ABSENT;
    if (!json_is_string(value))
        return SES_JSON_WRONG;
    *ret_text = ses_slice(json_string_value(value), json_string_length(value));
    return SES_JSON_TEXT;
}

enum ses_json_text ses_json_text(const json_t *object, const char *key, struct ses_slice *ret_text)
{
    return string_value(json_object_get(object, key), ret_text);
}

const json_t *ses_json_at(const json_t *json, const char *path)
{
    char name[64];

    while (json != NULL && *path != '\0') {
        size_t len = strcspn(path, ".");

        SES_REQUIRE(len < sizeof(name));
        memcpy(name, path, len);
        name[len] = '\0';
        json =
            json_is_array(json) ? json_array_get(json, strtoul(name, NULL, 10)) : json_object_get(json, name);
        path += len + (path[len] == '.' ? 1 : 0);
    }
    return json;
}

enum ses_json_text ses_json_secret(const json_t *object, const char *key, struct ses_slice *ret_text)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_object(value))
        return ses_json_text(value, "value", ret_text) == SES_JSON_TEXT ? SES_JSON_TEXT : SES_JSON_WRONG;
    return string_value(value, ret_text);
}

/* Recursion is bounded by the depth checked at parsing. */
static void wipe_strings(json_t *json)
{
    const char *key;
    json_t *member;
    size_t index;

    if (json_is_string(json)) {
        /* The string belongs to this tree alone and dies with it; jansson only offers it const. */
        ses_wipe((void *)(uintptr_t)json_string_value(json), json_string_length(json));
    } else if (json_is_object(json)) {
        json_object_foreach(json, key, member)
            wipe_strings(member);
    } else if (json_is_array(json)) {
        json_array_foreach(json, index, member)
            wipe_strings(member);
    }
}

void ses_json_wipe(json_t *json)
{
    if (json == NULL)
        return;
    wipe_strings(json);
    json_decref(json);
}
