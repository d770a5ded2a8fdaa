/* config_schema.h - the shape of the configuration file for libcyaml: which keys exist, every value as text.
 *
 * Numbers are read as text too: libcyaml 1.3.1 takes -5 for a huge unsigned number and 010 for eight.
 */
#ifndef SESSIOND_SRC_CONFIG_CONFIG_SCHEMA_H
#define SESSIOND_SRC_CONFIG_CONFIG_SCHEMA_H

#include <sessiond/config/config.h>
#include "config_lines.h"

struct ses_raw_url {
    char *sandbox_url;
    char *production_url;
};

#define SES_RAW_MEMBER(section, key, low, high, usual) char *key;
#define SES_RAW_URL(name, slash)                       struct ses_raw_url name;

struct ses_raw_log {
    char *level;
};

struct ses_raw_token {
    char *issuer;
    char *audience;
    char *purpose;
    char *tag;
};

struct ses_raw_limits {
    SES_CONFIG_LIMITS(SES_RAW_MEMBER)
};

struct ses_raw_store_pg {
    char **shards;
    unsigned shards_count;
    char *password_file;
    char *prepare;
    char *plaintext;
    SES_CONFIG_STORE_PG(SES_RAW_MEMBER)
};

struct ses_raw_store {
    char *driver;
    char *move;
    char *durability;
    struct ses_raw_store_pg pg;
    SES_CONFIG_STORE(SES_RAW_MEMBER)
};

struct ses_raw_session {
    SES_CONFIG_SESSION(SES_RAW_MEMBER)
};

struct ses_raw_connector {
    char **base_url_hosts;
    unsigned base_url_hosts_count;
    char *private_addresses;
    char *errors;
    SES_CONFIG_CONNECTOR(SES_RAW_MEMBER)
};

struct ses_raw_redirect {
    char *public_url;
    char **return_urls;
    unsigned return_urls_count;
};

struct ses_raw_binding {
    char *mode;
    char **modes;
    unsigned modes_count;
    char *missing;
    char **missing_modes;
    unsigned missing_modes_count;
};

struct ses_raw_proxies {
    char **trusted;
    unsigned trusted_count;
    char *protocol;
    char *header;
};

struct ses_raw_cors {
    char **origins;
    unsigned origins_count;
};

struct ses_raw_restart {
    SES_CONFIG_RESTART(SES_RAW_MEMBER)
};

struct ses_raw_drain {
    SES_CONFIG_DRAIN(SES_RAW_MEMBER)
};

struct ses_raw_trace {
    char *endpoint;
    char *service_name;
    char *ca_file;
    char *cert_file;
    char *key_file;
    SES_CONFIG_TRACE(SES_RAW_MEMBER)
};

struct ses_raw_upstream_tls {
    char *ca_file;
    char *cert_file;
    char *key_file;
    char *server_name;
};

struct ses_raw_upstream {
    char *grpc;
    char *plaintext;
    char **methods;
    unsigned methods_count;
    char *session;
    char *raw;
    struct ses_raw_upstream_tls tls;
    SES_CONFIG_UPSTREAM(SES_RAW_MEMBER)
};

struct ses_raw_ready {
    SES_CONFIG_READY(SES_RAW_MEMBER)
};

struct ses_raw_tls {
    char *certificate;
    char *key;
    char *client_ca;
    char *client_auth;
    char *plaintext;
    char *min_version;
    SES_CONFIG_TLS(SES_RAW_MEMBER)
};

struct ses_raw_connectors {
    SES_CONFIG_CONNECTORS(SES_RAW_URL)
};

#undef SES_RAW_MEMBER
#undef SES_RAW_URL

/* All members NULL when absent. */
struct ses_raw_config {
    char *listen;
    char *admin_listen;
    char *simulator_listen;
    char *data_dir;
    char *callers;
    char *user;
    char *group;
    char *confine;
    char *workers;
    char *drain_seconds;
    char **hosts;
    unsigned hosts_count;
    struct ses_raw_proxies proxies;
    struct ses_raw_cors cors;
    struct ses_raw_log log;
    struct ses_raw_token token;
    struct ses_raw_limits limits;
    struct ses_raw_store store;
    struct ses_raw_session session;
    struct ses_raw_redirect redirect;
    struct ses_raw_binding binding;
    struct ses_raw_connector connector;
    struct ses_raw_restart restart;
    struct ses_raw_drain drain;
    struct ses_raw_ready ready;
    struct ses_raw_tls tls;
    struct ses_raw_trace trace;
    struct ses_raw_upstream upstream;
    struct ses_raw_connectors connectors;
};

/* [supervisor] Parses text; unknown keys and wrong shapes are refused as "FILE:LINE: key: what". *ret_raw is
 * NULL for a file without a document; free it with ses_raw_config_free. SES_MALFORMED, SES_NO_MEMORY.
 */
SES_MUST_CHECK enum ses_status ses_raw_config_parse(struct ses_slice text,
                                                    const struct ses_config_lines *lines,
                                                    struct ses_raw_config **ret_raw,
                                                    struct ses_fault *ret_fault);
void ses_raw_config_free(struct ses_raw_config *raw);

#endif
