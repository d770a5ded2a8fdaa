/* Edits by lines: libyaml says on which line and in which column a node begins, and what is put there is text of
 * caller_write.c. Whether that was right is not argued but read back. */
#include <sessiond/caller/callers_edit.h>

#include <sessiond/caller/caller_key.h>

#include "caller_write.h"
#include "caller_yaml.h"

/* One change of a text: what stands from one byte to another becomes something else. */
struct change {
    size_t from;
    size_t to;
    struct ses_buf text;
};

static enum ses_status refuse_layout(const struct ses_callers_edit *edit, struct ses_fault *fault)
{
    return ses_fault(
        fault, SES_FAILED_PRECONDITION,
        "%s: is laid out so that it can only be edited by hand (include/sessiond/caller/callers.h shows "
        "the layout that sessiondctl knows)",
        edit->file);
}

/* Where a line begins; the end of the text if it has fewer. */
static size_t line_at(struct ses_slice text, size_t line)
{
    size_t at = 0;

    for (; line > 0 && at < text.len; line--)
        at += ses_slice_find(ses_slice_cut(text, at, text.len), '\n') + 1;
    return at < text.len ? at : text.len;
}

static enum ses_status apply(const struct ses_callers_edit *edit, const struct change *change)
{
    struct ses_slice old = edit->old;

    SES_TRY(ses_buf_append(edit->fresh, ses_slice_cut(old, 0, change->from)));
    if (change->from > 0 && change->from == old.len && old.data[old.len - 1] != '\n')
        SES_TRY(ses_buf_append_byte(edit->fresh, '\n'));
    SES_TRY(ses_buf_append(edit->fresh, ses_buf_view(&change->text)));
    return ses_buf_append(edit->fresh, ses_slice_cut(old, change->to, old.len));
}

/* ---- what it says now ------------------------------------------------------------------------------ */

static enum ses_status read_text(const struct ses_callers_edit *edit, struct ses_slice text,
                                 struct ses_callers **ret_callers, struct ses_fault *fault)
{
    return ses_callers_parse(edit->file, text, edit->keyed_by, ret_callers, fault);
}

static const struct ses_caller_key *key_of(const struct ses_caller *caller, uint64_t id)
{
    for (size_t i = 0; i < caller->keys_count; i++) {
        if (caller->keys[i].id == id)
            return &caller->keys[i];
    }
    return NULL;
}

/* What the new text has to say: this key (NULL: the caller itself), in this state. */
struct wanted {
    struct ses_slice name;
    const uint64_t *id;
    bool revoked;
    size_t callers; /* of the old text */
    size_t more;    /* callers more than that */
};

static bool is_as_wanted(const struct ses_callers *callers, const struct wanted *wanted)
{
    const struct ses_caller *caller = ses_callers_find(callers, wanted->name);
    const struct ses_caller_key *key;

    if (caller == NULL || ses_callers_count(callers) != wanted->callers + wanted->more)
        return false;
    if (wanted->id == NULL)
        return caller->revoked == wanted->revoked;
    key = key_of(caller, *wanted->id);
    return key != NULL && key->revoked == wanted->revoked;
}

static enum ses_status look_again(const struct ses_callers_edit *edit, const struct wanted *wanted,
                                  struct ses_fault *fault)
{
    struct ses_callers *callers = NULL;
    enum ses_status status = read_text(edit, ses_buf_view(edit->fresh), &callers, fault);

    if (status == SES_MALFORMED) /* the fault of a line that nobody has seen says nothing */
        return refuse_layout(edit, fault);
    SES_TRY(status);
    status = is_as_wanted(callers, wanted) ? SES_OK : refuse_layout(edit, fault);
    ses_callers_free(callers);
    return status;
}

static enum ses_status finish(const struct ses_callers_edit *edit, enum ses_status status,
                              struct change *change, const struct wanted *wanted, struct ses_fault *fault)
{
    if (status == SES_OK)
        status = apply(edit, change);
    ses_buf_done(&change->text);
    if (status == SES_NO_MEMORY || status == SES_TOO_LARGE)
        return ses_fault(fault, status, "%s: becomes too large, or memory is out", edit->file);
    return status == SES_OK ? look_again(edit, wanted, fault) : status;
}

/* ---- a caller more ---------------------------------------------------------------------------------- */

/* Behind the last line, under the entries that are there. */
static enum ses_status write_more(const struct ses_callers_edit *edit, size_t column,
                                  const struct ses_caller *caller, struct change *change)
{
    change->from = change->to = edit->old.len;
    if (edit->old.len == 0)
        SES_TRY(caller_write_head(&change->text, edit->keyed_by));
    return caller_write(&change->text, column, caller);
}

/* 2 where there is no entry yet. */
static enum ses_status column_of_callers(const struct ses_callers_edit *edit, size_t *ret_column,
                                         struct ses_fault *fault)
{
    struct caller_yaml yaml;
    const yaml_node_t *list;

    *ret_column = 2;
    if (edit->old.len == 0)
        return SES_OK;
    SES_TRY(caller_yaml_open(&yaml, edit->file, edit->old, fault));
    list = caller_yaml_find(&yaml, yaml.root, "callers");
    if (list != NULL)
        *ret_column = list->start_mark.column;
    caller_yaml_done(&yaml);
    return SES_OK;
}

static enum ses_status check_new(const struct ses_callers_edit *edit, struct ses_slice name,
                                 size_t *ret_count, struct ses_fault *fault)
{
    struct ses_callers *callers = NULL;
    enum ses_status status = SES_OK;

    *ret_count = 0;
    if (edit->old.len == 0)
        return SES_OK;
    SES_TRY(read_text(edit, edit->old, &callers, fault));
    *ret_count = ses_callers_count(callers);
    if (ses_callers_find(callers, name) != NULL)
        status = ses_fault(fault, SES_ALREADY_EXISTS, "%s:%u: there is a caller %.*s already", edit->file,
                           ses_callers_find(callers, name)->line, SES_FMT(name));
    ses_callers_free(callers);
    return status;
}

enum ses_status ses_callers_edit_add(const struct ses_callers_edit *edit, const struct ses_caller *caller,
                                     struct ses_fault *ret_fault)
{
    struct wanted wanted = {.name = caller->name, .revoked = caller->revoked, .more = 1};
    struct change change = {.from = 0};
    size_t column = 0;

    SES_TRY(check_new(edit, caller->name, &wanted.callers, ret_fault));
    SES_TRY(column_of_callers(edit, &column, ret_fault));
    ses_buf_init(&change.text, SES_CALLERS_FILE_MAX);
    return finish(edit, write_more(edit, column, caller, &change), &change, &wanted, ret_fault);
}

/* ---- of a caller that is there ------------------------------------------------------------------------ */

static bool says(const yaml_node_t *node, struct ses_slice text)
{
    return node != NULL && node->type == YAML_SCALAR_NODE &&
           ses_slice_eq(ses_slice(node->data.scalar.value, node->data.scalar.length), text);
}

/* The entry of a list of mappings whose key has this value; NULL: none. */
static const yaml_node_t *entry_of(struct caller_yaml *yaml, const yaml_node_t *list, const char *key,
                                   struct ses_slice value)
{
    if (list == NULL || list->type != YAML_SEQUENCE_NODE)
        return NULL;
    for (size_t i = 0; i < (size_t)(list->data.sequence.items.top - list->data.sequence.items.start); i++) {
        const yaml_node_t *entry = caller_yaml_item(yaml, list, i);

        if (says(caller_yaml_find(yaml, entry, key), value))
            return entry;
    }
    return NULL;
}

static const yaml_node_t *caller_node(struct caller_yaml *yaml, struct ses_slice name)
{
    return entry_of(yaml, caller_yaml_find(yaml, yaml->root, "callers"), "name", name);
}

/* The whole file is sound before a part of it is changed, or its faults would be laid at the change's door. */
static enum ses_status check_there(const struct ses_callers_edit *edit, struct wanted *wanted,
                                   bool *ret_revoked, struct ses_fault *fault)
{
    struct ses_callers *callers = NULL;
    const struct ses_caller *caller;
    enum ses_status status = SES_OK;

    if (edit->old.len == 0)
        return ses_fault(fault, SES_NOT_FOUND, "%s: no such file, no callers", edit->file);
    SES_TRY(read_text(edit, edit->old, &callers, fault));
    wanted->callers = ses_callers_count(callers);
    caller = ses_callers_find(callers, wanted->name);
    if (caller == NULL)
        status = ses_fault(fault, SES_NOT_FOUND, "%s: there is no caller of this name", edit->file);
    else if (wanted->id != NULL && wanted->revoked && key_of(caller, *wanted->id) == NULL)
        status =
            ses_fault(fault, SES_NOT_FOUND, "%s:%u: this caller has no such key", edit->file, caller->line);
    else
        *ret_revoked = caller->revoked;
    ses_callers_free(callers);
    return status;
}

static enum ses_status write_key(const struct ses_callers_edit *edit, struct caller_yaml *yaml,
                                 struct ses_slice name, const struct ses_caller_key *key,
                                 struct change *change)
{
    const yaml_node_t *caller = caller_node(yaml, name);
    const yaml_node_t *keys = caller_yaml_find(yaml, caller, "keys");
    size_t column = caller->start_mark.column;

    if (keys != NULL) {
        change->from = change->to = line_at(edit->old, keys->start_mark.line);
        return caller_write_key(&change->text, keys->start_mark.column, key);
    }
    change->from = change->to =
        line_at(edit->old, caller_yaml_find(yaml, caller, "name")->start_mark.line + 1);
    SES_TRY(ses_buf_appendf(&change->text, "%*skeys:\n", (int)column, ""));
    return caller_write_key(&change->text, column + 2, key);
}

enum ses_status ses_callers_edit_add_key(const struct ses_callers_edit *edit, struct ses_slice name,
                                         const struct ses_caller_key *key, struct ses_fault *ret_fault)
{
    struct wanted wanted = {.name = name, .id = &key->id};
    struct change change = {.from = 0};
    struct caller_yaml yaml;
    bool revoked = false;
    enum ses_status status;

    SES_TRY(check_there(edit, &wanted, &revoked, ret_fault));
    if (revoked)
        return ses_fault(ret_fault, SES_FAILED_PRECONDITION,
                         "%s: this caller is revoked: a key would open nothing", edit->file);
    SES_TRY(caller_yaml_open(&yaml, edit->file, edit->old, ret_fault));
    ses_buf_init(&change.text, SES_CALLERS_FILE_MAX);
    status = write_key(edit, &yaml, name, key, &change);
    caller_yaml_done(&yaml);
    return finish(edit, status, &change, &wanted, ret_fault);
}

/* In the place of the state that stands there, or behind the line by which the entry is known. */
static enum ses_status write_state(const struct ses_callers_edit *edit, struct caller_yaml *yaml,
                                   const yaml_node_t *entry, const char *known_by, struct change *change)
{
    const yaml_node_t *state = caller_yaml_find(yaml, entry, "state");

    if (state != NULL) {
        change->from = line_at(edit->old, state->start_mark.line) + state->start_mark.column;
        change->to = line_at(edit->old, state->end_mark.line) + state->end_mark.column;
        return change->from <= change->to && change->to <= edit->old.len
                   ? ses_buf_append_str(&change->text, "revoked")
                   : SES_FAILED_PRECONDITION;
    }
    change->from = change->to =
        line_at(edit->old, caller_yaml_find(yaml, entry, known_by)->start_mark.line + 1);
    return ses_buf_appendf(&change->text, "%*sstate: revoked\n", (int)entry->start_mark.column, "");
}

static enum ses_status write_revoked(const struct ses_callers_edit *edit, struct caller_yaml *yaml,
                                     const struct wanted *wanted, struct change *change)
{
    const yaml_node_t *caller = caller_node(yaml, wanted->name);
    char id[SES_CALLER_KEY_ID_LEN + 1];

    if (wanted->id == NULL)
        return write_state(edit, yaml, caller, "name", change);
    ses_caller_key_id_text(*wanted->id, id);
    return write_state(edit, yaml,
                       entry_of(yaml, caller_yaml_find(yaml, caller, "keys"), "id", ses_slice_str(id)), "id",
                       change);
}

enum ses_status ses_callers_edit_revoke(const struct ses_callers_edit *edit, struct ses_slice name,
                                        const uint64_t *id, struct ses_fault *ret_fault)
{
    struct wanted wanted = {.name = name, .id = id, .revoked = true};
    struct change change = {.from = 0};
    struct caller_yaml yaml;
    enum ses_status status;
    bool revoked;

    SES_TRY(check_there(edit, &wanted, &revoked, ret_fault));
    SES_TRY(caller_yaml_open(&yaml, edit->file, edit->old, ret_fault));
    ses_buf_init(&change.text, SES_CALLERS_FILE_MAX);
    status = write_revoked(edit, &yaml, &wanted, &change);
    caller_yaml_done(&yaml);
    return finish(edit, status == SES_FAILED_PRECONDITION ? refuse_layout(edit, ret_fault) : status, &change,
                  &wanted, ret_fault);
}
