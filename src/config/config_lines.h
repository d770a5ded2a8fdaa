/* config_lines.h - on which line of the configuration file a key stands.
 *
 * libcyaml tells the key of a mistake reliably but not its line (1.3.1: an unexpected key gets the line of
 * the key before it, a syntax error none), and accepts a second document silently. So the file is walked once
 * with libyaml beforehand.
 */
#ifndef SESSIOND_SRC_CONFIG_CONFIG_LINES_H
#define SESSIOND_SRC_CONFIG_CONFIG_LINES_H

#include <sessiond/base/slice.h>

#include <sessiond/base/fault.h>

#define SES_CONFIG_KEYS_MAX  256
#define SES_CONFIG_KEY_SIZE  128 /* of a dotted path */
#define SES_CONFIG_DEPTH_MAX 8

struct ses_config_line {
    char key[SES_CONFIG_KEY_SIZE]; /* "store.quota_mib" */
    size_t line;                   /* from 1 */
};

struct ses_config_lines {
    const char *file; /* borrowed, for messages */
    struct ses_config_line lines[SES_CONFIG_KEYS_MAX];
    size_t count;
};

/* [supervisor] SES_MALFORMED with the line: no YAML, a key given twice, an alias, a second document,
 * too many keys, too deep. An empty file gives no lines. */
SES_MUST_CHECK enum ses_status ses_config_lines_read(const char *file, struct ses_slice text,
                                                     struct ses_config_lines *ret_lines,
                                                     struct ses_fault *ret_fault);
/* 0 if the key does not stand in the file. */
size_t ses_config_lines_find(const struct ses_config_lines *lines, const char *key);

#endif
