/* A walk over libyaml's events that keeps the dotted path of each key with its line. It knows nothing
 * of which keys there are; config_schema.c does. */
#include "config_lines.h"

#include <stdio.h>
#include <yaml.h>

struct level {
    char prefix[SES_CONFIG_KEY_SIZE]; /* dotted path of the mapping's own key, empty at the top */
    bool sequence;
    bool key_next; /* the next scalar of this mapping is a key */
};

struct walk {
    struct ses_config_lines *lines;
    struct ses_fault *fault;
    struct level level[SES_CONFIG_DEPTH_MAX];
    size_t depth;
    size_t documents;
    char key[SES_CONFIG_KEY_SIZE]; /* path of the last key seen */
};

static enum ses_status refuse(struct walk *walk, size_t line, const char *key, const char *what)
{
    return ses_fault(walk->fault, SES_MALFORMED, "%s:%zu: %s%s%s", walk->lines->file, line, key,
                     key[0] == '\0' ? "" : ": ", what);
}

size_t ses_config_lines_find(const struct ses_config_lines *lines, const char *key)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (strcmp(lines->lines[i].key, key) == 0)
            return lines->lines[i].line;
    }
    return 0;
}

/* Readers of YAML differ in which of two equal keys counts: here the second one is a mistake. */
static enum ses_status add_key(struct walk *walk, struct level *level, const char *name, size_t line)
{
    struct ses_config_lines *lines = walk->lines;
    int len = snprintf(walk->key, sizeof(walk->key), "%s%s%s", level->prefix,
                       level->prefix[0] == '\0' ? "" : ".", name);

    if (len < 0 || (size_t)len >= sizeof(walk->key))
        return refuse(walk, line, "", "the key is too long");
    if (ses_config_lines_find(lines, walk->key) != 0)
        return refuse(walk, line, walk->key, "is given twice");
    if (lines->count == SES_CONFIG_KEYS_MAX)
        return refuse(walk, line, walk->key, "too many keys in one file");
    (void)snprintf(lines->lines[lines->count].key, SES_CONFIG_KEY_SIZE, "%s", walk->key);
    lines->lines[lines->count].line = line;
    lines->count++;
    return SES_OK;
}

/* A sequence's prefix is its key, so that a mapping inside a list would have one too. */
static enum ses_status push(struct walk *walk, bool sequence, size_t line)
{
    struct level *level;

    if (walk->depth == SES_CONFIG_DEPTH_MAX)
        return refuse(walk, line, walk->key, "is nested too deeply");
    level = &walk->level[walk->depth++];
    level->sequence = sequence;
    level->key_next = true;
    (void)snprintf(level->prefix, sizeof(level->prefix), "%s", walk->key);
    return SES_OK;
}

/* A value is complete: the mapping around it expects a key again. */
static void end_value(struct walk *walk)
{
    if (walk->depth > 0)
        walk->level[walk->depth - 1].key_next = true;
}

/* In a mapping scalars are key and value in turn; in a sequence all are values. */
static enum ses_status on_scalar(struct walk *walk, const yaml_event_t *event, size_t line)
{
    struct level *level = walk->depth == 0 ? NULL : &walk->level[walk->depth - 1];

    if (level == NULL || level->sequence || !level->key_next) {
        end_value(walk);
        return SES_OK;
    }
    level->key_next = false;
    return add_key(walk, level, (const char *)event->data.scalar.value, line);
}

static enum ses_status on_event(struct walk *walk, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;

    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        return ++walk->documents > 1 ? refuse(walk, line, "", "a second document in one file") : SES_OK;
    /* An alias can make a file of a few lines expand without bound. */
    case YAML_ALIAS_EVENT:
        return refuse(walk, line, walk->key, "aliases are not supported");
    case YAML_SCALAR_EVENT:
        return on_scalar(walk, event, line);
    case YAML_MAPPING_START_EVENT:
    case YAML_SEQUENCE_START_EVENT:
        return push(walk, event->type == YAML_SEQUENCE_START_EVENT, line);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        walk->depth--;
        end_value(walk);
        return SES_OK;
    default:
        return SES_OK;
    }
}

/* The event is freed before a refusal returns; a parser's own problem has its line. */
static enum ses_status walk_events(struct walk *walk, yaml_parser_t *parser)
{
    bool ended = false;

    while (!ended) {
        yaml_event_t event;
        enum ses_status status;

        if (yaml_parser_parse(parser, &event) == 0)
            return refuse(walk, parser->problem_mark.line + 1, "",
                          parser->problem == NULL ? "out of memory" : parser->problem);
        status = on_event(walk, &event);
        ended = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
        SES_TRY(status);
    }
    return SES_OK;
}

enum ses_status ses_config_lines_read(const char *file, struct ses_slice text,
                                      struct ses_config_lines *ret_lines, struct ses_fault *ret_fault)
{
    struct walk walk = {.lines = ret_lines, .fault = ret_fault};
    yaml_parser_t parser;
    enum ses_status status;

    ret_lines->file = file;
    ret_lines->count = 0;
    if (yaml_parser_initialize(&parser) == 0)
        return ses_fault(ret_fault, SES_NO_MEMORY, "%s: out of memory", file);
    yaml_parser_set_input_string(&parser, text.data, text.len);
    status = walk_events(&walk, &parser);
    yaml_parser_delete(&parser);
    return status;
}
