/* What both ways of naming credentials do alike: add a field, refuse a header. Below them, so that they need not call back
 * into the file that calls them. */
#include "credential_draft.h"

#include "json.h"

#include "registry.h"

/* Of a list in a message: gRPC cuts it at 1024 bytes (codec/grpc_metadata.h). */
#define LISTED_BYTES_MAX 880

bool ses_credential_header_ok(struct ses_slice value)
{
    if (value.len > SES_CONNECTOR_HEADER_BYTES_MAX)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] > 0x7e)
            return false;
    }
    return true;
}

enum ses_status ses_credential_refuse(struct ses_credential_draft *draft, enum ses_reason reason,
                                      const char *header, const char *message)
{
    ses_error_refuse(draft->error, reason, ses_slice_str(message));
    ses_error_metadata(draft->error, SES_STR("header"), ses_slice_str(header));
    return draft->error->status;
}

enum ses_status ses_credential_refuse_key(struct ses_credential_draft *draft, enum ses_reason reason,
                                          const char *header, const char *message, const char *key)
{
    const char *text = key == NULL ? NULL : ses_arena_printf(draft->arena, "%s: %s", message, key);
    enum ses_status status = ses_credential_refuse(draft, reason, header, text == NULL ? message : text);

    if (key != NULL)
        ses_error_metadata(draft->error, SES_STR("key"), ses_slice_str(key));
    return status;
}

/* As many names as fit, none cut. */
static size_t listed_bytes(const char *list)
{
    size_t len = strlen(list);

    if (len <= LISTED_BYTES_MAX)
        return len;
    for (len = LISTED_BYTES_MAX; len > 0 && list[len] != ',';)
        len--;
    return len;
}

enum ses_status ses_credential_refuse_name(struct ses_credential_draft *draft, enum ses_reason reason,
                                           const char *header, const char *message, bool variants)
{
    const char *list = ses_connector_list(variants, draft->arena);
    const char *text = NULL;
    size_t len;

    if (list != NULL) {
        len = listed_bytes(list);
        text = ses_arena_printf(draft->arena, "%s; there are: %.*s%s", message, (int)len, list,
                                list[len] == '\0' ? "" : ", ..");
    }
    (void)ses_credential_refuse(draft, reason, header, text == NULL ? message : text);
    if (list != NULL)
        ses_error_metadata(draft->error, SES_STR("connectors"), ses_slice_str(list));
    return draft->error->status;
}

void ses_credential_keep(struct ses_credential_draft *draft, const char *name, struct ses_slice value)
{
    struct ses_credentials *found = &draft->found;

    SES_REQUIRE(found->fields_count < SES_CREDENTIAL_FIELDS_MAX); /* the table's rows are shorter */
    found->fields[found->fields_count++] = (struct ses_credential){name, value};
}

void ses_credential_add(struct ses_credential_draft *draft, const char *name, struct ses_slice value)
{
    ses_credential_keep(draft, name, value);
    ses_credential_mean_text(draft, name, value);
}

void ses_credential_keep_first(struct ses_credential_draft *draft, const json_t *map)
{
    const struct ses_credential_row *row = ses_credential_row(draft->found.connector);
    void *first = json_object_iter((json_t *)(uintptr_t)map); /* jansson's iterator does not write */
    struct ses_slice key;

    if (row != NULL && row->keys[0].type == SES_CONFIG_MAP && first != NULL &&
        ses_json_secret(json_object_iter_value(first), "api_key", &key) == SES_JSON_TEXT)
        ses_credential_keep(draft, "api_key", key);
}

struct ses_slice ses_credential_get(const struct ses_credentials *credentials, const char *name)
{
    for (size_t i = 0; i < credentials->fields_count; i++) {
        if (strcmp(credentials->fields[i].name, name) == 0)
            return credentials->fields[i].value;
    }
    return SES_SLICE_EMPTY;
}
