/* libyaml's document, walked by tables. Aliases are nodes that stand twice in the tree: no walk here is deeper than
 * the tables, so that they can make a file neither endless nor large. */
#include "caller_yaml.h"

#include <stdio.h>

/* Of a file without a node at fault, the first line. */
uint32_t caller_yaml_line(const yaml_node_t *node)
{
    return node == NULL ? 1 : (uint32_t)node->start_mark.line + 1;
}

enum ses_status caller_yaml_refuse(const struct caller_yaml *yaml, const yaml_node_t *node, const char *what)
{
    return ses_fault(yaml->fault, SES_MALFORMED, "%s:%u: %s", yaml->file, caller_yaml_line(node), what);
}

static enum ses_status load(struct caller_yaml *yaml, yaml_parser_t *parser)
{
    yaml_document_t more;
    enum ses_status status = SES_OK;

    if (yaml_parser_load(parser, &yaml->document) == 0) {
        bool memory = parser->error == YAML_MEMORY_ERROR || parser->problem == NULL;

        return ses_fault(yaml->fault, memory ? SES_NO_MEMORY : SES_MALFORMED, "%s:%zu: %s", yaml->file,
                         parser->problem_mark.line + 1, memory ? "out of memory" : parser->problem);
    }
    yaml->root = yaml_document_get_root_node(&yaml->document);
    if (yaml->root == NULL)
        return SES_OK;
    if (yaml_parser_load(parser, &more) == 0)
        status =
            ses_fault(yaml->fault, SES_MALFORMED, "%s:%zu: %s", yaml->file, parser->problem_mark.line + 1,
                      parser->problem == NULL ? "out of memory" : parser->problem);
    else if (yaml_document_get_root_node(&more) != NULL)
        status =
            caller_yaml_refuse(yaml, yaml_document_get_root_node(&more), "a second document in one file");
    yaml_document_delete(&more);
    return status;
}

enum ses_status caller_yaml_open(struct caller_yaml *yaml, const char *file, struct ses_slice text,
                                 struct ses_fault *ret_fault)
{
    yaml_parser_t parser;
    enum ses_status status;

    *yaml = (struct caller_yaml){.file = file, .fault = ret_fault};
    if (yaml_parser_initialize(&parser) == 0)
        return ses_fault(ret_fault, SES_NO_MEMORY, "%s: out of memory", file);
    yaml_parser_set_input_string(&parser, text.data, text.len);
    status = load(yaml, &parser);
    yaml_parser_delete(&parser);
    if (status != SES_OK)
        caller_yaml_done(yaml);
    return status;
}

void caller_yaml_done(struct caller_yaml *yaml)
{
    yaml_document_delete(&yaml->document);
    yaml->root = NULL;
}

static bool says(const yaml_node_t *node, const char *text)
{
    return node->type == YAML_SCALAR_NODE && node->data.scalar.length == strlen(text) &&
           memcmp(node->data.scalar.value, text, node->data.scalar.length) == 0;
}

yaml_node_t *caller_yaml_find(struct caller_yaml *yaml, const yaml_node_t *node, const char *name)
{
    if (node == NULL || node->type != YAML_MAPPING_NODE)
        return NULL;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++) {
        if (says(yaml_document_get_node(&yaml->document, pair->key), name))
            return yaml_document_get_node(&yaml->document, pair->value);
    }
    return NULL;
}

static enum ses_status refuse_key(const struct caller_yaml *yaml, const yaml_node_t *key, const char *what)
{
    bool scalar = key->type == YAML_SCALAR_NODE && key->data.scalar.length <= 64 &&
                  ses_utf8_printable_check(ses_slice(key->data.scalar.value, key->data.scalar.length));

    return ses_fault(yaml->fault, SES_MALFORMED, "%s:%u: %s%s%s", yaml->file, caller_yaml_line(key),
                     scalar ? (const char *)key->data.scalar.value : "", scalar ? ": " : "", what);
}

static enum ses_status read_pair(struct caller_yaml *yaml, const yaml_node_pair_t *pair,
                                 const struct caller_yaml_field *fields, size_t count, uint32_t *seen,
                                 void *into)
{
    const yaml_node_t *key = yaml_document_get_node(&yaml->document, pair->key);

    for (size_t i = 0; i < count; i++) {
        if (!says(key, fields[i].name))
            continue;
        if ((*seen & 1u << i) != 0)
            return refuse_key(yaml, key, "is given twice");
        *seen |= 1u << i;
        return fields[i].read(yaml, yaml_document_get_node(&yaml->document, pair->value), into);
    }
    return refuse_key(yaml, key, "unknown key");
}

enum ses_status caller_yaml_mapping(struct caller_yaml *yaml, const yaml_node_t *node,
                                    const struct caller_yaml_field *fields, size_t count, void *into)
{
    uint32_t seen = 0;

    SES_REQUIRE(count <= 32);
    if (node == NULL || node->type != YAML_MAPPING_NODE)
        return caller_yaml_refuse(yaml, node, "must be a mapping (key: value)");
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
         pair++)
        SES_TRY(read_pair(yaml, pair, fields, count, &seen, into));
    for (size_t i = 0; i < count; i++) {
        if (fields[i].required && (seen & 1u << i) == 0)
            return ses_fault(yaml->fault, SES_MALFORMED, "%s:%u: %s: is missing", yaml->file,
                             caller_yaml_line(node), fields[i].name);
    }
    return SES_OK;
}

enum ses_status caller_yaml_list(struct caller_yaml *yaml, const yaml_node_t *node, size_t max,
                                 size_t *ret_count)
{
    size_t count;

    if (node->type != YAML_SEQUENCE_NODE)
        return caller_yaml_refuse(yaml, node, "must be a list");
    count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (count > max)
        return ses_fault(yaml->fault, SES_MALFORMED, "%s:%u: has %zu entries (at most %zu)", yaml->file,
                         caller_yaml_line(node), count, max);
    *ret_count = count;
    return SES_OK;
}

yaml_node_t *caller_yaml_item(struct caller_yaml *yaml, const yaml_node_t *list, size_t i)
{
    return yaml_document_get_node(&yaml->document, list->data.sequence.items.start[i]);
}

enum ses_status caller_yaml_text(const struct caller_yaml *yaml, const yaml_node_t *node, size_t max,
                                 struct ses_slice *ret_text)
{
    char what[64];

    if (node->type != YAML_SCALAR_NODE)
        return caller_yaml_refuse(yaml, node, "must be a single value");
    *ret_text = ses_slice(node->data.scalar.value, node->data.scalar.length);
    if (ret_text->len <= max && ses_utf8_name_check(*ret_text))
        return SES_OK;
    (void)snprintf(what, sizeof(what), "must be 1 to %zu bytes of printable UTF-8", max);
    return caller_yaml_refuse(yaml, node, what);
}
