#include "target.h"

#include <stdlib.h>
#include <string.h>

#define PORT_USUAL 5432

static const char *value_of(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++)
        if (strcmp(options->keyword, keyword) == 0)
            return options->val != NULL && options->val[0] != '\0' ? options->val : NULL;
    return NULL;
}

/* What would be a secret in a file that is none, would be read from somewhere else, or could turn off what a store
 * relies on. */
static enum ses_status check_keywords(const PQconninfoOption *options, struct ses_fault *fault)
{
    static const struct {
        const char *keyword;
        const char *remedy;
    } refused[] = {
        {"password", "leave it out of the string: the password has a file of its own"},
        {"passfile", "leave it out: the password has a file of its own"},
        {"service", "write host, port, dbname and user here instead"},
        {"options", "leave it out: set what you need for the role (ALTER ROLE .. SET)"},
        {"replication", "leave it out"},
        {"sslpassword", "use a key without a passphrase that only this user can read"},
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        if (value_of(options, refused[i].keyword) != NULL)
            return ses_fault(fault, SES_INVALID_ARGUMENT, "the connection string has %s: %s",
                             refused[i].keyword, refused[i].remedy);
    if (value_of(options, "dbname") == NULL || value_of(options, "user") == NULL)
        return ses_fault(fault, SES_INVALID_ARGUMENT,
                         "the connection string names no %s: it needs host, dbname and user",
                         value_of(options, "user") == NULL ? "user" : "dbname");
    return SES_OK;
}

/* The next word of a list with commas; false behind the last one. too_long: it does not fit. */
static bool next_word(const char **list, char *ret_word, bool *too_long)
{
    const char *comma;
    size_t len;

    if (*list == NULL)
        return false;
    comma = strchr(*list, ',');
    len = comma != NULL ? (size_t)(comma - *list) : strlen(*list);
    *too_long = *too_long || len >= SES_PG_TEXT_SIZE;
    if (len >= SES_PG_TEXT_SIZE)
        len = 0;
    memcpy(ret_word, *list, len);
    ret_word[len] = '\0';
    *list = comma != NULL ? comma + 1 : NULL;
    return true;
}

static bool read_port(const char *word, uint16_t *ret_port)
{
    char *end;
    long port = strtol(word, &end, 10);

    if (word[0] == '\0')
        port = PORT_USUAL;
    else if (*end != '\0' || port < 1 || port > UINT16_MAX)
        return false;
    *ret_port = (uint16_t)port;
    return true;
}

/* One port is for all nodes, as in libpq. */
static enum ses_status take_ports(struct pg_target *target, struct ses_fault *fault)
{
    const char *list = value_of(target->options, "port");
    char word[SES_PG_TEXT_SIZE] = "";
    bool too_long = false, several = list != NULL && strchr(list, ',') != NULL;
    unsigned i = 0;

    for (; i < target->names.nodes; i++) {
        if ((i == 0 || several) && list != NULL)
            (void)next_word(&list, word, &too_long);
        else if (several)
            break;
        if (too_long || !read_port(word, &target->names.port[i]))
            return ses_fault(fault, SES_INVALID_ARGUMENT, "the connection string: a port is not 1 to 65535");
    }
    if (i < target->names.nodes || (several && list != NULL))
        return ses_fault(fault, SES_INVALID_ARGUMENT,
                         "the connection string: as many ports as hosts, or one for all of them");
    return SES_OK;
}

/* hostaddr alone is a host too. */
static enum ses_status take_hosts(struct pg_target *target, struct ses_fault *fault)
{
    const char *hosts = value_of(target->options, "host"), *addresses = value_of(target->options, "hostaddr");
    bool too_long = false, more = false;
    unsigned count = 0;

    if (hosts == NULL && addresses == NULL)
        return ses_fault(fault, SES_INVALID_ARGUMENT,
                         "the connection string names no host: name each node, separated by commas");
    while (hosts != NULL || addresses != NULL) {
        char host[SES_PG_TEXT_SIZE] = "", address[SES_PG_TEXT_SIZE] = "";

        (void)next_word(&hosts, host, &too_long);
        (void)next_word(&addresses, address, &too_long);
        if (host[0] == '\0' && address[0] == '\0')
            return ses_fault(fault, SES_INVALID_ARGUMENT, "the connection string: a host is empty");
        more = more || count == SES_PG_NODES_MAX;
        if (!more) {
            memcpy(target->names.host[count], host[0] != '\0' ? host : address, SES_PG_TEXT_SIZE);
            memcpy(target->address[count], address, SES_PG_TEXT_SIZE);
            count++;
        }
    }
    if (more)
        return ses_fault(fault, SES_INVALID_ARGUMENT, "the connection string names more than %d hosts",
                         SES_PG_NODES_MAX);
    if (too_long)
        return ses_fault(fault, SES_INVALID_ARGUMENT, "the connection string: a host is longer than %d bytes",
                         SES_PG_TEXT_SIZE - 1);
    target->names.nodes = count;
    return SES_OK;
}

static enum ses_status take_database(struct pg_target *target, struct ses_fault *fault)
{
    const char *name = value_of(target->options, "dbname");
    size_t len = name != NULL ? strlen(name) : 0;

    if (len >= SES_PG_TEXT_SIZE)
        return ses_fault(fault, SES_INVALID_ARGUMENT, "the connection string: dbname is longer than %d bytes",
                         SES_PG_TEXT_SIZE - 1);
    if (name != NULL)
        memcpy(target->names.database, name, len + 1);
    return SES_OK;
}

static enum ses_status take_files(struct pg_target *target, struct ses_fault *fault)
{
    static const char *const keywords[SES_PG_FILES_MAX] = {"sslrootcert", "sslcert", "sslkey", "sslcrl"};

    for (unsigned i = 0; i < SES_PG_FILES_MAX; i++) {
        const char *value = value_of(target->options, keywords[i]);
        size_t len = value != NULL ? strlen(value) : 0;

        if (len >= SES_PG_TEXT_SIZE)
            return ses_fault(fault, SES_INVALID_ARGUMENT, "the connection string: %s is longer than %d bytes",
                             keywords[i], SES_PG_TEXT_SIZE - 1);
        if (value != NULL)
            memcpy(target->names.file[target->names.files++], value, len + 1);
    }
    return SES_OK;
}

bool ses_pg_is_near(const char *host)
{
    return host[0] == '/' || host[0] == '@' || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
           strncmp(host, "127.", 4) == 0;
}

/* libpq takes require for verify-ca where it is given authorities. */
static bool looks_at_certificates(const PQconninfoOption *options)
{
    const char *mode = value_of(options, "sslmode");

    if (mode == NULL)
        return false;
    return strncmp(mode, "verify-", 7) == 0 ||
           (strcmp(mode, "require") == 0 && value_of(options, "sslrootcert") != NULL);
}

/* An address beside a name is what is connected to. */
static bool is_far(const struct pg_target *target, unsigned node)
{
    return !ses_pg_is_near(target->address[node][0] != '\0' ? target->address[node]
                                                            : target->names.host[node]);
}

static void judge_network(struct pg_target *target)
{
    for (unsigned i = 0; i < target->names.nodes; i++)
        target->names.open_network =
            target->names.open_network || (is_far(target, i) && !looks_at_certificates(target->options));
}

static enum ses_status take_all(struct pg_target *target, struct ses_fault *fault)
{
    SES_TRY(check_keywords(target->options, fault));
    SES_TRY(take_hosts(target, fault));
    judge_network(target);
    SES_TRY(take_ports(target, fault));
    SES_TRY(take_database(target, fault));
    return take_files(target, fault);
}

enum ses_status ses_pg_target_init(struct pg_target *target, const char *text, struct ses_fault *fault)
{
    char *why = NULL;
    bool parsed;
    enum ses_status status;

    *target = (struct pg_target){.options = PQconninfoParse(text, &why)};
    parsed = why == NULL;
    /* libpq's sentence quotes the string, and what is wrong in it may be a password. */
    PQfreemem(why);
    if (target->options == NULL)
        return ses_fault(fault, parsed ? SES_NO_MEMORY : SES_INVALID_ARGUMENT,
                         "the connection string does not parse: it is as \"host=db1,db2 dbname=sessiond "
                         "user=sessiond\", or a postgresql:// URI");
    status = take_all(target, fault);
    if (status != SES_OK)
        ses_pg_target_done(target);
    return status;
}

void ses_pg_target_done(struct pg_target *target)
{
    PQconninfoFree(target->options);
    target->options = NULL;
}

enum ses_status ses_pg_target_parse(const char *text, struct ses_pg_target *ret_target,
                                    struct ses_fault *fault)
{
    struct pg_target target;

    SES_TRY(ses_pg_target_init(&target, text, fault));
    *ret_target = target.names;
    ses_pg_target_done(&target);
    return SES_OK;
}

static void add(struct pg_parameters *parameters, const char *keyword, const char *value)
{
    SES_REQUIRE(parameters->count + 1 < PG_PARAMETERS_MAX);
    parameters->keywords[parameters->count] = keyword;
    parameters->values[parameters->count++] = value;
    parameters->keywords[parameters->count] = NULL;
    parameters->values[parameters->count] = NULL;
}

static bool decided_here(const char *keyword)
{
    static const char *const ours[] = {
        "host", "hostaddr", "port", "connect_timeout", "client_encoding", "target_session_attrs"};

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcmp(keyword, ours[i]) == 0)
            return true;
    return false;
}

/* A peer that is gone without a word: libpq's defaults wait for hours. GSSAPI asks files and servers of its
 * own before the first byte. */
static void add_usual(const struct pg_target *target, struct pg_parameters *parameters)
{
    static const char *const usual[][2] = {
        {"application_name", "sessiond"}, {"tcp_user_timeout", "10000"}, {"keepalives_idle", "5"},
        {"keepalives_interval", "2"},     {"keepalives_count", "3"},     {"gssencmode", "disable"},
    };

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
        if (value_of(target->options, usual[i][0]) == NULL)
            add(parameters, usual[i][0], usual[i][1]);
}

void ses_pg_target_parameters(const struct pg_target *target, unsigned node, const char *address,
                              const char *password, struct pg_parameters *ret_parameters)
{
    uint16_t port = target->names.port[node];
    size_t at = sizeof(ret_parameters->port) - 1;

    ret_parameters->count = 0;
    ret_parameters->port[at] = '\0';
    for (; port != 0; port = (uint16_t)(port / 10))
        ret_parameters->port[--at] = (char)('0' + port % 10);
    for (const PQconninfoOption *option = target->options; option->keyword != NULL; option++)
        if (option->val != NULL && !decided_here(option->keyword))
            add(ret_parameters, option->keyword, option->val);
    add_usual(target, ret_parameters);
    add(ret_parameters, "host", target->names.host[node]);
    add(ret_parameters, "port", ret_parameters->port + at);
    add(ret_parameters, "client_encoding", "UTF8");
    add(ret_parameters, "target_session_attrs", "any");
    if (address != NULL)
        add(ret_parameters, "hostaddr", address);
    if (password != NULL)
        add(ret_parameters, "password", password);
}

bool ses_pg_target_is_same(const struct ses_pg_target *a, const struct ses_pg_target *b)
{
    if (strcmp(a->database, b->database) != 0)
        return false;
    for (unsigned i = 0; i < a->nodes; i++) {
        for (unsigned k = 0; k < b->nodes; k++) {
            if (strcmp(a->host[i], b->host[k]) == 0 && a->port[i] == b->port[k])
                return true;
        }
    }
    return false;
}
