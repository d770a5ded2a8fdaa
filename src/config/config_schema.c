/* The schema as libcyaml wants it, made of the tables of config_numbers.h, and libcyaml's complaints
 * turned into one line that an operator can use. */
#include "config_schema.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cyaml/cyaml.h>

#define TEXT_MAX   4096 /* of one value; the real limits are checked with better words afterwards */
#define FRAMES_MAX 16

/* ---- shape -------------------------------------------------------------------------------------------- */

/* Every value is a text or a list of texts; which numbers and words are allowed is config.c's. */
#define TEXT_FIELD(key_, member_)                                                                            \
    {                                                                                                        \
        .key = (key_), .data_offset = (uint32_t)offsetof(struct ses_raw_config, member_),                    \
        .value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0, TEXT_MAX)},          \
    }
/* A nested mapping's members count from its own start. */
#define NESTED_FIELD(key_, section_, member_)                                                                \
    {                                                                                                        \
        .key = (key_), .data_offset = (uint32_t)offsetof(struct ses_raw_##section_, member_),                \
        .value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, char, 0, TEXT_MAX)},          \
    }
/* One row of config_numbers.h: only its name matters here. */
#define NUMBER_FIELD(section, key, low, high, usual) NESTED_FIELD(#key, section, key),
#define SECTION_FIELD(section)                                                                               \
    {                                                                                                        \
        .key = #section, .data_offset = (uint32_t)offsetof(struct ses_raw_config, section),                  \
        .value = {                                                                                           \
            .type = CYAML_MAPPING,                                                                           \
            .flags = CYAML_FLAG_OPTIONAL,                                                                    \
            .data_size = sizeof(((struct ses_raw_config *)NULL)->section),                                   \
            .mapping = {.fields = section##_fields},                                                         \
        },                                                                                                   \
    }

static const cyaml_schema_field_t log_fields[] = {NESTED_FIELD("level", log, level), CYAML_FIELD_END};
static const cyaml_schema_field_t token_fields[] = {
    NESTED_FIELD("issuer", token, issuer), NESTED_FIELD("audience", token, audience),
    NESTED_FIELD("purpose", token, purpose), NESTED_FIELD("tag", token, tag), CYAML_FIELD_END};
static const cyaml_schema_field_t limits_fields[] = {SES_CONFIG_LIMITS(NUMBER_FIELD) CYAML_FIELD_END};
/* What versions before knew and this one does not need is taken and means nothing: who upgrades has it in his file, and
 * whoever goes back still needs it. */
static const cyaml_schema_field_t session_fields[] = {
    SES_CONFIG_SESSION(NUMBER_FIELD) CYAML_FIELD_IGNORE("token_cache_entries", CYAML_FLAG_OPTIONAL),
    CYAML_FIELD_END};
static const cyaml_schema_field_t restart_fields[] = {SES_CONFIG_RESTART(NUMBER_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t drain_fields[] = {SES_CONFIG_DRAIN(NUMBER_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t ready_fields[] = {SES_CONFIG_READY(NUMBER_FIELD) CYAML_FIELD_END};

static const cyaml_schema_field_t tls_fields[] = {
    NESTED_FIELD("certificate", tls, certificate), NESTED_FIELD("key", tls, key),
    NESTED_FIELD("client_ca", tls, client_ca),     NESTED_FIELD("client_auth", tls, client_auth),
    NESTED_FIELD("plaintext", tls, plaintext),     NESTED_FIELD("min_version", tls, min_version),
    SES_CONFIG_TLS(NUMBER_FIELD) CYAML_FIELD_END};

static const cyaml_schema_field_t trace_fields[] = {
    NESTED_FIELD("endpoint", trace, endpoint), NESTED_FIELD("service_name", trace, service_name),
    NESTED_FIELD("ca_file", trace, ca_file),   NESTED_FIELD("cert_file", trace, cert_file),
    NESTED_FIELD("key_file", trace, key_file), SES_CONFIG_TRACE(NUMBER_FIELD) CYAML_FIELD_END};

static const cyaml_schema_value_t host_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, TEXT_MAX)};
#define LIST_FIELD(section_, member_, entries_max)                                                           \
    {                                                                                                        \
        .key = #member_, .data_offset = (uint32_t)offsetof(struct ses_raw_##section_, member_),              \
        .count_offset = (uint32_t)offsetof(struct ses_raw_##section_, member_##_count),                      \
        .count_size = sizeof(unsigned),                                                                      \
        .value = {.type = CYAML_SEQUENCE,                                                                    \
                  .flags = (enum cyaml_flag)(CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL),                      \
                  .data_size = sizeof(char *),                                                               \
                  .sequence = {.entry = &host_value, .min = 0, .max = (entries_max)}},                       \
    }
/* A number of store.pg: its member is one level further in. */
#define PG_FIELD(section, key, low, high, usual) NESTED_FIELD(#key, store_pg, key),
static const cyaml_schema_field_t store_pg_fields[] = {
    LIST_FIELD(store_pg, shards, SES_PG_SHARDS_MAX), NESTED_FIELD("password_file", store_pg, password_file),
    NESTED_FIELD("prepare", store_pg, prepare), NESTED_FIELD("plaintext", store_pg, plaintext),
    SES_CONFIG_STORE_PG(PG_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t store_fields[] = {
    NESTED_FIELD("driver", store, driver), NESTED_FIELD("move", store, move),
    NESTED_FIELD("durability", store, durability),
    SES_CONFIG_STORE(NUMBER_FIELD){
        .key = "pg",
        .data_offset = (uint32_t)offsetof(struct ses_raw_store, pg),
        .value = {.type = CYAML_MAPPING,
                  .flags = CYAML_FLAG_OPTIONAL,
                  .data_size = sizeof(struct ses_raw_store_pg),
                  .mapping = {.fields = store_pg_fields}},
    },
    CYAML_FIELD_END};
static const cyaml_schema_field_t connector_fields[] = {
    LIST_FIELD(connector, base_url_hosts, SES_CONFIG_HOSTS_MAX),
    NESTED_FIELD("private_addresses", connector, private_addresses),
    NESTED_FIELD("errors", connector, errors), SES_CONFIG_CONNECTOR(NUMBER_FIELD) CYAML_FIELD_END};
static const cyaml_schema_field_t redirect_fields[] = {
    NESTED_FIELD("public_url", redirect, public_url),
    LIST_FIELD(redirect, return_urls, SES_CONFIG_MERCHANTS_MAX), CYAML_FIELD_END};
static const cyaml_schema_field_t binding_fields[] = {
    NESTED_FIELD("mode", binding, mode), LIST_FIELD(binding, modes, SES_CONFIG_MERCHANTS_MAX),
    NESTED_FIELD("missing", binding, missing), LIST_FIELD(binding, missing_modes, SES_CONFIG_MERCHANTS_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_field_t proxies_fields[] = {
    LIST_FIELD(proxies, trusted, SES_CONFIG_PROXIES_MAX), NESTED_FIELD("protocol", proxies, protocol),
    NESTED_FIELD("header", proxies, header), CYAML_FIELD_END};

static const cyaml_schema_field_t cors_fields[] = {LIST_FIELD(cors, origins, SES_CONFIG_ORIGINS_MAX),
                                                   CYAML_FIELD_END};

static const cyaml_schema_field_t upstream_tls_fields[] = {
    NESTED_FIELD("ca_file", upstream_tls, ca_file), NESTED_FIELD("cert_file", upstream_tls, cert_file),
    NESTED_FIELD("key_file", upstream_tls, key_file), NESTED_FIELD("server_name", upstream_tls, server_name),
    CYAML_FIELD_END};
static const cyaml_schema_field_t upstream_fields[] = {
    NESTED_FIELD("grpc", upstream, grpc),
    NESTED_FIELD("plaintext", upstream, plaintext),
    LIST_FIELD(upstream, methods, SES_CONFIG_HOSTS_MAX),
    NESTED_FIELD("session", upstream, session),
    NESTED_FIELD("raw", upstream, raw),
    SES_CONFIG_UPSTREAM(NUMBER_FIELD){
        .key = "tls",
        .data_offset = (uint32_t)offsetof(struct ses_raw_upstream, tls),
        .value = {.type = CYAML_MAPPING,
                  .flags = CYAML_FLAG_OPTIONAL,
                  .data_size = sizeof(struct ses_raw_upstream_tls),
                  .mapping = {.fields = upstream_tls_fields}},
    },
    CYAML_FIELD_END};

static const cyaml_schema_field_t url_fields[] = {
    CYAML_FIELD_STRING_PTR("sandbox_url", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ses_raw_url,
                           sandbox_url, 0, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("production_url", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct ses_raw_url,
                           production_url, 0, TEXT_MAX),
    CYAML_FIELD_END};
#define CONNECTOR_FIELD(name, slash)                                                                         \
    {                                                                                                        \
        .key = #name,                                                                                        \
        .data_offset = (uint32_t)offsetof(struct ses_raw_connectors, name),                                  \
        .value =                                                                                             \
            {                                                                                                \
                .type = CYAML_MAPPING,                                                                       \
                .flags = CYAML_FLAG_OPTIONAL,                                                                \
                .data_size = sizeof(struct ses_raw_url),                                                     \
                .mapping = {.fields = url_fields},                                                           \
            },                                                                                               \
    },
static const cyaml_schema_field_t connectors_fields[] = {SES_CONFIG_CONNECTORS(CONNECTOR_FIELD)
                                                             CYAML_FIELD_END};

static const cyaml_schema_field_t root_fields[] = {
    TEXT_FIELD("listen", listen),
    TEXT_FIELD("admin_listen", admin_listen),
    TEXT_FIELD("simulator_listen", simulator_listen),
    LIST_FIELD(config, hosts, SES_CONFIG_HOSTS_MAX),
    TEXT_FIELD("data_dir", data_dir),
    TEXT_FIELD("callers", callers),
    TEXT_FIELD("user", user),
    TEXT_FIELD("group", group),
    TEXT_FIELD("confine", confine),
    TEXT_FIELD("workers", workers),
    TEXT_FIELD("drain_seconds", drain_seconds),
    SECTION_FIELD(proxies),
    SECTION_FIELD(cors),
    SECTION_FIELD(log),
    SECTION_FIELD(token),
    SECTION_FIELD(limits),
    SECTION_FIELD(store),
    SECTION_FIELD(session),
    SECTION_FIELD(redirect),
    SECTION_FIELD(binding),
    SECTION_FIELD(connector),
    SECTION_FIELD(restart),
    SECTION_FIELD(drain),
    SECTION_FIELD(ready),
    SECTION_FIELD(tls),
    SECTION_FIELD(trace),
    SECTION_FIELD(upstream),
    SECTION_FIELD(connectors),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t root_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct ses_raw_config, root_fields)};

/* ---- complaints --------------------------------------------------------------------------------------- */

#define KEY_PATH_SIZE (SES_CONFIG_KEY_SIZE * FRAMES_MAX)

/* libcyaml explains a mistake by one line, then a backtrace from the innermost key outwards. */
struct complaint {
    char what[512];
    char frames[FRAMES_MAX][SES_CONFIG_KEY_SIZE];
    size_t frames_count;
    size_t line; /* of the innermost frame */
};

/* "  in mapping field 'quota_mib' (line: 3, column: 14)", "  in sequence entry '3' (line: ..", "  in mapping
 * (line: .." */
static void on_backtrace(struct complaint *complaint, const char *text)
{
    static const char field[] = "  in mapping field '";
    const char *line = strstr(text, "(line: ");
    const char *name = text + sizeof(field) - 1;

    if (complaint->frames_count == FRAMES_MAX)
        return;
    if (strncmp(text, field, sizeof(field) - 1) == 0) {
        (void)snprintf(complaint->frames[complaint->frames_count], SES_CONFIG_KEY_SIZE, "%.*s",
                       (int)strcspn(name, "'"), name);
        complaint->frames_count++;
    }
    if (complaint->line == 0 && line != NULL)
        complaint->line = strtoul(line + strlen("(line: "), NULL, 10);
}

/* libcyaml explains itself by its log alone, so that is read: the first "Load: " line is the mistake,
 * the lines that are indented say where. */
__attribute__((format(printf, 3, 0))) static void on_log(cyaml_log_t level, void *arg, const char *format,
                                                         va_list args)
{
    struct complaint *complaint = arg;
    char text[sizeof(complaint->what)];

    (void)level;
    (void)vsnprintf(text, sizeof(text), format, args);
    text[strcspn(text, "\n")] = '\0';
    if (strncmp(text, "  in ", strlen("  in ")) == 0)
        on_backtrace(complaint, text);
    else if (complaint->what[0] == '\0' && strncmp(text, "Load: ", strlen("Load: ")) == 0)
        (void)snprintf(complaint->what, sizeof(complaint->what), "%s", text + strlen("Load: "));
}

/* The frames come from the innermost key outwards, the dotted path is written from the outermost
 * inwards. */
static void join_key(const struct complaint *complaint, const char *last, char ret_key[KEY_PATH_SIZE])
{
    size_t len = 0;

    ret_key[0] = '\0';
    for (size_t i = complaint->frames_count + 1; i > 0; i--) {
        const char *part = i > 1 ? complaint->frames[i - 2] : last;
        int more = snprintf(ret_key + len, KEY_PATH_SIZE - len, "%s%s",
                            len == 0 || part[0] == '\0' ? "" : ".", part);

        if (more < 0 || (size_t)more >= KEY_PATH_SIZE - len)
            return; /* cut: it is a message */
        len += (size_t)more;
    }
}

/* libcyaml's words speak of its types. What is not known here is passed on as it is. */
static const char *plain_words(const char *what)
{
    if (strncmp(what, "Expecting MAPPING", strlen("Expecting MAPPING")) == 0)
        return "must be a mapping (key: value)";
    if (strncmp(what, "Expecting STRING", strlen("Expecting STRING")) == 0)
        return "must be a single value";
    if (strncmp(what, "Expecting SEQUENCE", strlen("Expecting SEQUENCE")) == 0)
        return "must be a list";
    if (strncmp(what, "Excessive entries", strlen("Excessive entries")) == 0)
        return "has too many entries";
    if (strncmp(what, "STRING length", strlen("STRING length")) == 0)
        return "is too long";
    return what;
}

/* The line is looked up by the key (config_lines.h says why libcyaml's own is not to be trusted); its
 * own is the second best. */
static enum ses_status explain(const struct complaint *complaint, cyaml_err_t error,
                               const struct ses_config_lines *lines, struct ses_fault *ret_fault)
{
    static const char unexpected[] = "Unexpected key: ";
    bool unknown = strncmp(complaint->what, unexpected, sizeof(unexpected) - 1) == 0;
    const char *what = complaint->what[0] == '\0' ? cyaml_strerror(error) : plain_words(complaint->what);
    char name[KEY_PATH_SIZE];
    size_t line;

    join_key(complaint, unknown ? complaint->what + sizeof(unexpected) - 1 : "", name);
    line = ses_config_lines_find(lines, name);
    if (line == 0)
        line = complaint->line == 0 ? 1 : complaint->line; /* a file that is no mapping has neither */
    return ses_fault(ret_fault, SES_MALFORMED, "%s:%zu: %s%s%s", lines->file, line, name,
                     name[0] == '\0' ? "" : ": ", unknown ? "unknown key" : what);
}

/* ---- parsing ------------------------------------------------------------------------------------------ */

static cyaml_config_t cyaml_setup(struct complaint *complaint)
{
    return (cyaml_config_t){
        .log_fn = complaint == NULL ? NULL : on_log,
        .log_ctx = complaint,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_NO_ALIAS,
    };
}

enum ses_status ses_raw_config_parse(struct ses_slice text, const struct ses_config_lines *lines,
                                     struct ses_raw_config **ret_raw, struct ses_fault *ret_fault)
{
    struct complaint complaint = {.line = 0};
    cyaml_config_t setup = cyaml_setup(&complaint);
    cyaml_data_t *data = NULL;
    cyaml_err_t error;

    error = cyaml_load_data(text.data, text.len, &setup, &root_value, &data, NULL);
    if (error == CYAML_ERR_OOM)
        return ses_fault(ret_fault, SES_NO_MEMORY, "%s: out of memory", lines->file);
    if (error != CYAML_OK)
        return explain(&complaint, error, lines, ret_fault);
    *ret_raw = data;
    return SES_OK;
}

void ses_raw_config_free(struct ses_raw_config *raw)
{
    cyaml_config_t setup = cyaml_setup(NULL);

    if (raw != NULL)
        (void)cyaml_free(&setup, &root_value, raw, 0);
}
