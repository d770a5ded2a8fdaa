/* config.h - what one run of sessiond is told: built-in defaults, then the file, then the command line.
 *
 * Plain data of fixed size: it is copied, compared and inherited over fork without ownership.
 */
#ifndef SESSIOND_CONFIG_CONFIG_H
#define SESSIOND_CONFIG_CONFIG_H

#include <sessiond/base/log.h>
#include <sessiond/base/units.h>
#include <sessiond/domain/binding.h>
#include <sessiond/http/door.h>
#include <sessiond/net/tls.h>
#include <sessiond/store/store_lmdb.h>
#include <sessiond/store/store_move.h>
#include <sessiond/store/store_pg.h>
#include <sessiond/token/token.h>

#include <sessiond/config/address.h>
#include <sessiond/config/config_numbers.h>
#include <sessiond/base/fault.h>
#include <sessiond/config/options.h>

#define SES_CONFIG_FILE_MAX      (256 * SES_KIB) /* bytes of the configuration file */
#define SES_CONFIG_TEXT_SIZE     256             /* URL, host, issuer */
#define SES_CONFIG_PATH_SIZE     1024
#define SES_CONFIG_HOSTS_MAX     64
#define SES_CONFIG_WORKERS_MAX   SES_STORE_SHARDS_MAX
#define SES_CONFIG_MERCHANTS_MAX 128 /* entries of a list by merchant */
#define SES_CONFIG_MERCHANT_SIZE 129
#define SES_CONFIG_PROXIES_MAX   64
#define SES_CONFIG_ORIGINS_MAX   64
#define SES_CONFIG_USER_SIZE     33 /* useradd(8) allows 32 */
#define SES_CONFIG_PG_SHARDS_MAX SES_PG_SHARDS_MAX
#define SES_CONFIG_PG_TEXT_SIZE  2048 /* of a connection string */

/* The places of ses_config.urls. */
enum ses_config_url_at {
#define SES_CONFIG_URL_AT(name, slash) SES_CONFIG_URL_##name,
    SES_CONFIG_CONNECTORS(SES_CONFIG_URL_AT)
#undef SES_CONFIG_URL_AT
        SES_CONFIG_URLS_MAX
};

/* confine: what holds a worker or the housekeeper in when somebody else's code runs in it (runtime). */
enum ses_config_confine {
    SES_CONFINE_ON,
    SES_CONFINE_LOG, /* refuses no system call, the kernel's audit tells what would have been */
    SES_CONFINE_OFF,
    SES_CONFINE_COUNT
};

/* store.driver: where records are. */
enum ses_config_driver {
    SES_CONFIG_LMDB, /* on this machine's disk */
    SES_CONFIG_PG,   /* in PostgreSQL, for any number of machines */
    SES_CONFIG_MOVE, /* on their way from the one to the other, as store.move says */
    SES_CONFIG_DRIVER_COUNT
};

struct ses_config_url {
    const char *connector;                 /* static name */
    char sandbox[SES_CONFIG_TEXT_SIZE];    /* empty: the built-in one */
    char production[SES_CONFIG_TEXT_SIZE]; /* empty: the built-in one */
};

/* One entry of redirect.return_urls ("MERCHANT ORIGIN") of binding.modes ("MERCHANT MODE") or of
 * binding.missing_modes ("MERCHANT MISSING"). */
struct ses_config_merchant {
    char merchant[SES_CONFIG_MERCHANT_SIZE];
    char origin[SES_CONFIG_TEXT_SIZE];
    enum ses_binding_mode mode;
    enum ses_binding_missing missing;
};

/* A file of PEM text that a section names; an empty path is none. */
struct ses_config_tls_file {
    char path[SES_CONFIG_PATH_SIZE];
    unsigned line; /* of ses_config.file that named it; 0: none did */
};

/* Settings that are spoken of after they were read: by what opens their files, and by a reload. */
#define SES_CONFIG_PLACES(X)                                                                                 \
    X(LISTEN, "listen", "--listen")                                                                          \
    X(ADMIN, "admin_listen", "--admin")                                                                      \
    X(SIMULATOR, "simulator_listen", "--simulator")                                                          \
    X(DATA_DIR, "data_dir", "--data")                                                                        \
    X(USER, "user", "--user")                                                                                \
    X(GROUP, "group", NULL)                                                                                  \
    X(WORKERS, "workers", "--workers")                                                                       \
    X(STORE_DRIVER, "store.driver", NULL)                                                                    \
    X(SESSIONS_MAX, "store.sessions_max", NULL)                                                              \
    X(CALLERS, "callers", NULL)

enum ses_config_place {
#define SES_CONFIG_PLACE(name, key, option) SES_CONFIG_AT_##name,
    SES_CONFIG_PLACES(SES_CONFIG_PLACE)
#undef SES_CONFIG_PLACE
        SES_CONFIG_PLACES_COUNT
};

/* Of the section trace: who may vouch for the collector (none: whom the machine trusts), and as whom we come to it. */
struct ses_config_trace {
    struct ses_config_tls_file ca;
    struct ses_config_tls_file certificate;
    struct ses_config_tls_file key;
};

/* Of the section upstream, beside its numbers. */
struct ses_config_upstream {
    char grpc
        [SES_CONFIG_TEXT_SIZE]; /* "host:port", what requests name as their authority; empty: there is none */
    char host[SES_CONFIG_TEXT_SIZE]; /* IPv6 without brackets */
    uint16_t port;
    bool tls;                               /* is spoken */
    char server_name[SES_CONFIG_TEXT_SIZE]; /* whose certificate it must be */
    struct ses_config_tls_file ca;          /* none: whom the machine trusts */
    struct ses_config_tls_file certificate; /* as whom we come */
    struct ses_config_tls_file key;
    uint32_t methods; /* that pass: bit enum ses_gateway_name */
    bool session_required;
    bool raw; /* callers may ask for the connector's raw request and answer */
};

struct ses_config_tls {
    struct ses_config_tls_file certificate;
    struct ses_config_tls_file key;
    struct ses_config_tls_file client_ca;
    enum ses_tls_client_auth client_auth;
    bool tls13_only;
    bool tls_only; /* plain text is refused */
};

/* Of the mapping store.pg. */
struct ses_config_pg {
    char shards[SES_CONFIG_PG_SHARDS_MAX]
               [SES_CONFIG_PG_TEXT_SIZE];                   /* connection strings, without a password */
    struct ses_pg_target targets[SES_CONFIG_PG_SHARDS_MAX]; /* what they name */
    unsigned shards_count;
    struct ses_config_tls_file password; /* one line of text; an empty path: the database asks for none */
    bool prepare;
};

struct ses_config {
    const char *file;                        /* borrowed from the options, for messages; NULL: none */
    unsigned lines[SES_CONFIG_PLACES_COUNT]; /* of file; 0: not in it, or an option counts instead */
    bool by_option[SES_CONFIG_PLACES_COUNT];
    struct ses_address listen;
    struct ses_address admin;
    struct ses_address simulator; /* of a sandbox */
    char data_dir[SES_CONFIG_PATH_SIZE];
    char callers[SES_CONFIG_PATH_SIZE]; /* the callers file; empty: nobody is asked who calls */
    char user[SES_CONFIG_USER_SIZE];    /* empty: whoever starts it */
    char group[SES_CONFIG_USER_SIZE];   /* empty: the user's */
    enum ses_config_confine confine;
    unsigned workers;
    uint64_t drain_seconds;
    enum ses_log_level log_level;
    bool sandbox;
    enum ses_config_driver store_driver;
    enum ses_move store_move;       /* with SES_CONFIG_MOVE */
    enum ses_durability durability; /* of the store; of what is on this machine's disk while sessions move */
    enum ses_durability pg_durability;
    struct ses_config_pg pg;
    char store_unused
        [SES_CONFIG_TEXT_SIZE]; /* keys of the file that mean nothing with this driver, for the log */
    char issuer[SES_CONFIG_TEXT_SIZE];
    char audience[SES_CONFIG_TEXT_SIZE];
    enum ses_token_purpose token_purpose;
    struct ses_config_url urls[SES_CONFIG_URLS_MAX];
    size_t urls_count;
    bool private_addresses;                                 /* connector.private_addresses */
    bool connector_errors_status;                           /* connector.errors: status */
    char hosts[SES_CONFIG_HOSTS_MAX][SES_CONFIG_TEXT_SIZE]; /* connector.base_url_hosts */
    size_t hosts_count;
    char known_hosts[SES_CONFIG_HOSTS_MAX + 2][SES_CONFIG_TEXT_SIZE]; /* hosts, and those of public_url */
    size_t known_hosts_count;
    struct ses_network trusted_proxies[SES_CONFIG_PROXIES_MAX];
    size_t trusted_proxies_count;
    enum ses_proxy_protocol proxy_protocol;
    enum ses_forwarded proxy_header;
    char cors_origins[SES_CONFIG_ORIGINS_MAX][SES_CONFIG_TEXT_SIZE];
    size_t cors_origins_count;
    bool cors_any; /* every page may call */
    char public_url[SES_CONFIG_TEXT_SIZE];
    char trace_endpoint[SES_CONFIG_TEXT_SIZE]; /* empty: no spans are made */
    char trace_service[SES_CONFIG_TEXT_SIZE];
    struct ses_config_trace trace;
    struct ses_config_upstream upstream;
    struct ses_config_merchant return_urls[SES_CONFIG_MERCHANTS_MAX];
    size_t return_urls_count;
    enum ses_binding_mode binding_mode;
    struct ses_config_merchant binding_modes[SES_CONFIG_MERCHANTS_MAX];
    size_t binding_modes_count;
    enum ses_binding_missing binding_missing;
    struct ses_config_merchant binding_missing_modes[SES_CONFIG_MERCHANTS_MAX];
    size_t binding_missing_modes_count;
    struct ses_config_tls tls;
#define SES_CONFIG_MEMBER(section, key, low, high, usual) uint64_t section##_##key;
    SES_CONFIG_NUMBERS(SES_CONFIG_MEMBER)
    SES_CONFIG_STORE_PG(SES_CONFIG_MEMBER)
#undef SES_CONFIG_MEMBER
};

/* [supervisor] Reads and checks everything that can be checked without touching the data directory. ret_fault
 * is "FILE:LINE: key: what is wrong", or "--option: what is wrong". SES_INVALID_ARGUMENT: wrong usage, an
 * option's value; what is wrong with the file: SES_MALFORMED, SES_TOO_LARGE, SES_IO (unreadable);
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_config_load(const struct ses_options *options,
                                               struct ses_config *ret_config, struct ses_fault *ret_fault);
/* The same in two steps, for who has to know later by which text the server runs. text: made for
 * SES_CONFIG_FILE_MAX; empty without a file. */
SES_MUST_CHECK enum ses_status ses_config_read(const struct ses_options *options, struct ses_buf *text,
                                               struct ses_fault *ret_fault);
SES_MUST_CHECK enum ses_status ses_config_load_text(const struct ses_options *options, struct ses_slice text,
                                                    struct ses_config *ret_config,
                                                    struct ses_fault *ret_fault);
/* [any] The section cors for doors. Its origins are in config, and pointed to from places. With --sandbox pages of loopback
 * hosts may call too. */
struct ses_cors ses_config_cors(const struct ses_config *config, const char *places[SES_CONFIG_ORIGINS_MAX]);
/* "lmdb", "pg", "lmdb+pg". */
const char *ses_config_driver_name(enum ses_config_driver driver);
/* "know", "to_pg", "to_lmdb". */
const char *ses_config_move_name(enum ses_move move);
static inline bool ses_config_has_lmdb(const struct ses_config *config)
{
    return config->store_driver != SES_CONFIG_PG;
}
static inline bool ses_config_has_pg(const struct ses_config *config)
{
    return config->store_driver != SES_CONFIG_LMDB;
}
/* "on", "log", "off". */
const char *ses_config_confine_name(enum ses_config_confine confine);
/* [any] Puts the setting's place before what a fault says of it: "FILE:LINE: key: ..", "--option: .." or (a default)
 * "key: ..". Returns status; SES_OK leaves the fault as it is. */
SES_MUST_CHECK enum ses_status ses_config_place(const struct ses_config *config, enum ses_config_place at,
                                                enum ses_status status, struct ses_fault *fault);
/* [supervisor] What a reload cannot change: sockets, data directory, user, workers, the table's size, and the store's driver
 * but by the steps of a move, one after the other (config_reload.c).
 * SES_FAILED_PRECONDITION: place, what it is while the server runs, and the remedy. */
SES_MUST_CHECK enum ses_status ses_config_check_reload(const struct ses_config *old,
                                                       const struct ses_config *fresh,
                                                       struct ses_fault *ret_fault);
#endif
