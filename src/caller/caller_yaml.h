/* caller_yaml.h - a callers file as a tree of nodes that know their lines (libyaml), and how a part of it is read:
 * by a table of the keys that a mapping may have.
 */
#ifndef SESSIOND_SRC_CALLER_CALLER_YAML_H
#define SESSIOND_SRC_CALLER_CALLER_YAML_H

#include <yaml.h>

#include <sessiond/base/fault.h>
#include <sessiond/base/slice.h>

struct caller_yaml {
    const char *file; /* for the texts of faults */
    struct ses_fault *fault;
    yaml_document_t document;
    yaml_node_t *root; /* NULL: the file has no document */
};

/* [any] text outlives nothing. A second document is refused. SES_MALFORMED, SES_NO_MEMORY; else done is owed. */
SES_MUST_CHECK enum ses_status caller_yaml_open(struct caller_yaml *yaml, const char *file,
                                                struct ses_slice text, struct ses_fault *ret_fault);
void caller_yaml_done(struct caller_yaml *yaml);

uint32_t caller_yaml_line(const yaml_node_t *node);
/* SES_MALFORMED with "FILE:LINE: what". */
enum ses_status caller_yaml_refuse(const struct caller_yaml *yaml, const yaml_node_t *node, const char *what);

/* A key that a mapping may have, and who reads its value. */
struct caller_yaml_field {
    const char *name;
    enum ses_status (*read)(struct caller_yaml *yaml, const yaml_node_t *value, void *into);
    bool required;
};
/* Each known key once, all required ones. */
SES_MUST_CHECK enum ses_status caller_yaml_mapping(struct caller_yaml *yaml, const yaml_node_t *node,
                                                   const struct caller_yaml_field *fields, size_t count,
                                                   void *into);
/* The value of a mapping's key; NULL: it has none, or is no mapping. */
yaml_node_t *caller_yaml_find(struct caller_yaml *yaml, const yaml_node_t *node, const char *name);
/* A list of at most so many; its length. */
SES_MUST_CHECK enum ses_status caller_yaml_list(struct caller_yaml *yaml, const yaml_node_t *node, size_t max,
                                                size_t *ret_count);
yaml_node_t *caller_yaml_item(struct caller_yaml *yaml, const yaml_node_t *list, size_t i);
/* A text of 1 to max bytes, printable; borrowed from the document. */
SES_MUST_CHECK enum ses_status caller_yaml_text(const struct caller_yaml *yaml, const yaml_node_t *node,
                                                size_t max, struct ses_slice *ret_text);

#endif
