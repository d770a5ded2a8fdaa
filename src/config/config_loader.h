/* config_loader.h - between the files that read the configuration's values.
 *
 * The way of a value:
 *
 *   text      config.c reads the file, at most SES_CONFIG_FILE_MAX
 *   lines     config_lines.c: each key's line; no key twice, no alias, one document
 *   raw       config_schema.c: known keys only, every value still a text
 *   value     config.c, config_store.c, config_hosts.c, config_proxies.c, config_cors.c, config_tls.c, config_binding.c,
 *             config_confine.c, config_trace.c, config_upstream.c:
 *             option before file before default, checked
 *   place     config_places.c: where it stands, for what is found wrong later
 *   together  check_together: what must fit each other
 */
#ifndef SESSIOND_SRC_CONFIG_CONFIG_LOADER_H
#define SESSIOND_SRC_CONFIG_CONFIG_LOADER_H

#include <sessiond/config/config.h>
#include "config_lines.h"
#include "config_schema.h"

/* A value on its way into the configuration: who gave it decides how a complaint begins. */
struct value {
    const char *text;   /* NULL: nobody gave it */
    const char *key;    /* dotted key of the file */
    const char *option; /* the option that gave it, or NULL */
};

struct loader {
    const struct ses_options *options;
    struct ses_config_lines *lines; /* file NULL without a file */
    struct ses_config *config;
    struct ses_fault *fault;
};

/* The option wins over the file. */
struct value ses_config_choose(const char *option_text, const char *option, const char *file_text,
                               const char *key);
/* With the place of the value in its source: SES_INVALID_ARGUMENT for an option, SES_MALFORMED for the
 * file. */
enum ses_status ses_config_refuse(const struct loader *loader, const struct value *value, const char *what);
/* A text in ret_text of so many bytes, usual where nobody gave one; refused if empty, too long or not printable. */
SES_MUST_CHECK enum ses_status ses_config_read_text(const struct loader *loader, const struct value *value,
                                                    const char *usual, size_t size, char *ret_text);
/* A whole number from low to high, usual where nobody gave one. */
SES_MUST_CHECK enum ses_status ses_config_read_number(const struct loader *loader, const struct value *value,
                                                      uint64_t low, uint64_t high, uint64_t usual,
                                                      uint64_t *ret_number);
/* One of the names, ret_choice its index; else refused with what. */
SES_MUST_CHECK enum ses_status ses_config_read_choice(const struct loader *loader, const struct value *value,
                                                      const char *const *names, size_t count,
                                                      const char *what, unsigned *ret_choice);
/* "MERCHANT REST": a merchant's name may hold spaces, the rest does not. The rest goes to origin. */
SES_MUST_CHECK enum ses_status ses_config_split_merchant(const struct loader *loader,
                                                         const struct value *value,
                                                         struct ses_config_merchant *ret_row);
/* config_places.c: where the values stand that are spoken of later. */
void ses_config_find_places(const struct loader *loader);
/* config_hosts.c: "host" or "host:port", no pattern. */
SES_MUST_CHECK enum ses_status ses_config_check_host(const struct loader *loader, const struct value *value,
                                                     struct ses_slice host);
/* config_hosts.c: hosts; public_url is known by then. */
SES_MUST_CHECK enum ses_status ses_config_read_known_hosts(const struct loader *loader,
                                                           const struct ses_raw_config *raw);
/* config_proxies.c: the section proxies. */
SES_MUST_CHECK enum ses_status ses_config_read_proxies(const struct loader *loader,
                                                       const struct ses_raw_config *raw);
/* config_cors.c: the section cors. */
SES_MUST_CHECK enum ses_status ses_config_read_cors(const struct loader *loader,
                                                    const struct ses_raw_config *raw);
/* config_tls.c: the section tls; whether this is a sandbox is known by then. */
SES_MUST_CHECK enum ses_status ses_config_read_tls(const struct loader *loader,
                                                   const struct ses_raw_config *raw);
/* config_confine.c: user, group, confine and connector.private_addresses. */
SES_MUST_CHECK enum ses_status ses_config_read_confine(const struct loader *loader,
                                                       const struct ses_raw_config *raw);
/* config_tls.c: where a PEM file lies: a path, or credential:NAME. */
SES_MUST_CHECK enum ses_status ses_config_read_pem(const struct loader *loader, const char *key,
                                                   const char *text, struct ses_config_tls_file *file);
/* config_store.c: driver and durability, and the mapping store.pg. */
SES_MUST_CHECK enum ses_status ses_config_read_store(const struct loader *loader,
                                                     const struct ses_raw_config *raw);
/* config_trace.c: the texts of the section trace. */
SES_MUST_CHECK enum ses_status ses_config_read_trace(const struct loader *loader,
                                                     const struct ses_raw_config *raw);
/* config_upstream.c: the texts of the section upstream. */
SES_MUST_CHECK enum ses_status ses_config_read_upstream(const struct loader *loader,
                                                        const struct ses_raw_config *raw);
/* config_gateway.c: what of it is about the calls. */
SES_MUST_CHECK enum ses_status ses_config_read_gateway(const struct loader *loader,
                                                       const struct ses_raw_upstream *raw);
/* config_binding.c: the section binding. */
SES_MUST_CHECK enum ses_status ses_config_read_binding(const struct loader *loader,
                                                       const struct ses_raw_config *raw);

#endif
