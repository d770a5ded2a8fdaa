/* A body that is one JSON object, as parameters. It comes from a browser on behalf of a page that is
 * not ours, so its size was bounded by the caller; deeper values are written back as JSON, never
 * walked. */
#include <sessiond/base/json_load.h>

#include "return_form.h"

/* Strings as they are; numbers, true, objects .. as JSON writes them. */
static enum ses_status add_member(struct ses_return_form *form, const char *key, json_t *value)
{
    char *text;
    struct ses_slice copy;
    enum ses_status status;

    if (json_is_string(value)) {
        SES_TRY(ses_arena_copy(form->arena, ses_slice(json_string_value(value), json_string_length(value)),
                               &copy));
    } else {
        text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        if (text == NULL)
            return SES_NO_MEMORY;
        status = ses_arena_copy(form->arena, ses_slice_str(text), &copy);
        free(text);
        SES_TRY(status);
    }
    struct ses_slice name;

    SES_TRY(ses_arena_copy(form->arena, ses_slice_str(key), &name));
    return ses_return_form_add(form, name, copy);
}

/* A glance at the first bytes keeps forms out of jansson: nearly all bodies are forms. Text that begins
 * like JSON and is none is somebody's form all the same (false). JSON_ALLOW_NUL: nothing is refused for
 * its bytes, a NUL becomes U+FFFD like everywhere. */
bool ses_return_json(struct ses_return_form *form, struct ses_slice body, enum ses_status *ret_status)
{
    enum ses_charset charset = form->charset;
    const char *key;
    json_t *object = NULL;
    json_t *value;

    *ret_status = SES_OK;
    if (ses_slice_find(body, '{') == body.len || strchr("{ \t\r\n", body.data[0]) == NULL)
        return false;
    *ret_status = ses_json_load(body, JSON_ALLOW_NUL, NULL, &object);
    if (*ret_status == SES_NO_MEMORY)
        return true;
    *ret_status = SES_OK;
    if (!json_is_object(object)) {
        json_decref(object);
        return false;
    }
    form->charset = SES_CHARSET_NONE; /* JSON is UTF-8 */
    /* No early end: jansson's iterator has nothing to clean up, but the object is freed in one place. */
    json_object_foreach(object, key, value) {
        if (*ret_status == SES_OK)
            *ret_status = add_member(form, key, value);
    }
    form->charset = charset;
    json_decref(object);
    return true;
}
