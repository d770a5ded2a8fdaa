/* store_pg.h - the store of many machines: records in PostgreSQL, one primary with a synchronous standby for each
 * shard. How it is opened; what it does is store.h's contract, and how is in store/pg/README.md.
 *
 * Of the contract's choices this driver takes these:
 *   every call ends later, but for what is refused at once: SES_UNAVAILABLE while no primary is known (any call)
 *   or it has answered no write for stall_ms (writes), SES_RESOURCE_EXHAUSTED above queue_max
 *   SES_BUSY is a row that another statement has locked, and any write of a leased key; a lease ends by its time, on
 *   the primary's clock, whatever becomes of its holder
 *   SES_UNKNOWN is a write whose outcome could not be settled before its deadline
 *   a watch tells of what other processes put by looking for it
 *
 * The database is made by who runs it (`sessiondctl store schema`); nothing here changes its structure.
 * The process never forks while such a store is open.
 */
#ifndef SESSIOND_STORE_STORE_PG_H
#define SESSIOND_STORE_STORE_PG_H

#include <sessiond/base/fault.h>
#include <sessiond/base/key_print.h>
#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/store/store_driver.h>
#include <sessiond/store/store_move.h>

struct uv_loop_s;

#define SES_PG_SHARDS_MAX 64
#define SES_PG_NODES_MAX  8 /* hosts in one shard's connection string */
#define SES_PG_PROCESSES_MAX                                                                                 \
    128 /* of one machine that have a store open: workers of before and after a reload, housekeeper */
#define SES_PG_MACHINE_BYTES 16

/* ---- connection strings ---- */

#define SES_PG_FILES_MAX 4 /* of certificates and keys in one string */
#define SES_PG_TEXT_SIZE 256

/* What a connection string names, for who confines processes or tells an operator. */
struct ses_pg_target {
    unsigned nodes;
    char host[SES_PG_NODES_MAX]
             [SES_PG_TEXT_SIZE]; /* name, address, or directory of a socket (begins with '/') */
    uint16_t port[SES_PG_NODES_MAX];
    /* A node on another machine would be spoken to without its certificate being looked at, or in the clear: sslmode disable,
     * allow, prefer (libpq's own choice), or require without sslrootcert. */
    bool open_network;
    char database[SES_PG_TEXT_SIZE];
    unsigned files;
    char file[SES_PG_FILES_MAX]
             [SES_PG_TEXT_SIZE]; /* sslrootcert, sslcert, sslkey, sslcrl: opened at each connect */
};

/* [any] Looks whether text is a connection string that a store can use: keywords and values or a URI, as libpq's
 * documentation says ("Connection Strings"), with host for each node of the shard. SES_INVALID_ARGUMENT, and the fault
 * says what to change (never quoting a value): it does not parse, names no host, no dbname or no user, more than SES_PG_NODES_MAX
 * hosts, or has a password (which belongs into a file of its own), passfile, service, or options (which could turn off what is
 * relied upon). SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_target_parse(const char *text, struct ses_pg_target *ret_target,
                                                   struct ses_fault *fault);

/* [any] Whether that host of a target is on this machine: a socket, loopback, localhost. */
bool ses_pg_is_near(const char *host);

/* [any] Both name one database: its name, and a node, in the same words. */
bool ses_pg_target_is_same(const struct ses_pg_target *a, const struct ses_pg_target *b);

/* ---- what the processes of one machine share ---- */

/* Highest timeline of each shard that any of them has seen (an old primary is refused by all of them at once), and
 * what each one sees now. In memory made by the supervisor before it forks. */
struct ses_pg_shared;

/* What a process sees of a shard. */
enum ses_pg_view {
    SES_PG_NOBODY, /* no process has it open (any more) */
    SES_PG_OPEN,   /* reads and writes are answered */
    SES_PG_STALLED, /* writes are refused at once: none was answered for stall_ms, the primary is read-only, or not as
                       * durable as asked; reads are answered as long as the read lease lasts */
    SES_PG_SEARCHING, /* no primary is known: everything is refused at once */
    SES_PG_VIEW_COUNT
};

/* "nobody", "open", "stalled", "searching". */
const char *ses_pg_view_name(enum ses_pg_view view);

/* Why a shard is not open; the log's line says more. */
enum ses_pg_cause {
    SES_PG_CAUSE_NONE,
    SES_PG_CAUSE_CONNECTING,  /* nothing is known yet */
    SES_PG_CAUSE_UNREACHABLE, /* no node takes connections: addresses, firewall, or all are down */
    SES_PG_CAUSE_TLS,         /* certificate or sslmode */
    SES_PG_CAUSE_PASSWORD,    /* or a role that may not connect: pg_hba.conf */
    SES_PG_CAUSE_DATABASE,    /* there is no such database */
    SES_PG_CAUSE_SCHEMA,      /* the tables are not there */
    SES_PG_CAUSE_FORMAT,      /* they are those of another version, or of another shard */
    SES_PG_CAUSE_RIGHTS,      /* the role may not use them */
    SES_PG_CAUSE_TOO_MANY,    /* the server's or the role's connections are used up */
    SES_PG_CAUSE_NO_PRIMARY,  /* nodes answer, and all are standbys or starting up */
    SES_PG_CAUSE_OLD_PRIMARY, /* one accepts writes, on a timeline that another node has left behind */
    SES_PG_CAUSE_READ_ONLY,   /* default_transaction_read_only */
    SES_PG_CAUSE_NO_STANDBY,  /* `replica` was asked for, and the primary does not wait for one */
    SES_PG_CAUSE_NO_ANSWER,   /* writes are not answered: the standby is away, or the primary */
    SES_PG_CAUSE_KEYS,        /* this machine's keys are not those of the shard's machines */
    SES_PG_CAUSE_REFUSED,     /* some other error of the server: the log has its code */
    SES_PG_CAUSE_DISK_FULL,   /* the primary's (53100): it cannot even write a heartbeat */
    SES_PG_CAUSE_POOLER,      /* a pooler gives a connection another session, and statements have names */
    SES_PG_CAUSE_COUNT
};

/* Lower case with underscores, "no_standby"; static storage. */
const char *ses_pg_cause_name(enum ses_pg_cause cause);

struct ses_pg_shard_status {
    enum ses_pg_view view;          /* the worst of all processes */
    enum ses_pg_cause cause;        /* of that one */
    enum ses_durability durability; /* the weakest of those that have a primary; DISK if none has */
    int64_t skew_ms;                /* the primary's clock less ours: the furthest of all processes */
    uint32_t timeline;              /* the highest seen; 0: none */
    int64_t epoch;                  /* of the slots' map; the highest seen */
    unsigned searching;             /* processes */
    unsigned stalled;
    unsigned open;
    unsigned reading; /* those that answer reads: the others wait for a beat that is acknowledged */
};

/* Whether all of them answer reads. */
static inline bool ses_pg_shard_reads(const struct ses_pg_shard_status *status)
{
    return status->reading != 0 && status->reading == status->searching + status->stalled + status->open;
}

/* [supervisor] Before it forks. SES_NO_MEMORY, SES_IO. */
SES_MUST_CHECK enum ses_status ses_pg_shared_new(unsigned shards, struct ses_pg_shared **ret_shared);
/* [any] Changes when the memory's layout does: another one cannot be attached. */
uint64_t ses_pg_shared_layout(void);
/* [supervisor] For a program that takes over; stays ours. */
int ses_pg_shared_fd(const struct ses_pg_shared *shared);
/* [supervisor] Goes on with what another program has made; on success fd is ours. SES_FAILED_PRECONDITION: other layout or
 * number of shards. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_pg_shared_attach(int fd, unsigned shards,
                                                    struct ses_pg_shared **ret_shared);
/* [any] Unmaps and closes in this process only. NULL is fine. */
void ses_pg_shared_close(struct ses_pg_shared *shared);
/* [any] What the processes see of a shard just now. One that died is left out (its cell is renewed each second and is good
 * for SES_PG_CELL_MS). */
#define SES_PG_CELL_MS 5000
void ses_pg_shard_status(const struct ses_pg_shared *shared, unsigned shard,
                         struct ses_pg_shard_status *ret_status);
/* [any] The same of one process alone. */
void ses_pg_process_status(const struct ses_pg_shared *shared, unsigned shard, unsigned process,
                           struct ses_pg_shard_status *ret_status);

/* ---- the store ---- */

struct ses_pg_options {
    struct uv_loop_s
        *loop; /* the caller's thread runs it; polls, timers and resolving of this store are on it */
    /* One connection string a shard, in the order of their numbers (the shard table's `shard`), each as
     * ses_pg_target_parse takes it. Copied. */
    const char *const *shards;
    unsigned shards_count; /* 1 .. SES_PG_SHARDS_MAX */
    const struct ses_secret
        *password; /* the role's, all shards; NULL: none is asked for. For the store's life */
    uint8_t machine[SES_PG_MACHINE_BYTES]; /* of this machine, kept over restarts: whose beat it is */
    unsigned process; /* its cell in shared, below SES_PG_PROCESSES_MAX; nobody else's while it runs */
    struct ses_pg_shared *shared;         /* made for as many shards or more; for the store's life */
    const struct ses_seal_key *seal_keys; /* for the store's life */
    size_t seal_keys_count;
    /* This machine's keys: each shard is served when they are those of its other machines. Count 0: not compared. For the
     * store's life. */
    const struct ses_key_print *keys;
    size_t keys_count;
    enum ses_durability durability; /* at least: a primary that gives less takes no writes. DISK or REPLICA */
    unsigned batch_rows;            /* 1 .. 1024 rows of one statement; 256 */
    unsigned linger_us;             /* how long a small batch waits for more while it pays; 0: never; 500 */
    unsigned queue_max;             /* operations that wait in this process, of one shard */
    /* Reads are answered while some write that was sent so recently has been acknowledged: below the time in which the
     * failover manager makes another primary; 10000 */
    unsigned read_lease_ms;
    unsigned beat_ms;            /* a write of our own for the lease, looks at clock and durability; 1000 */
    unsigned stall_ms;           /* no write answered for so long: refused at once from then on; 1000 */
    unsigned connect_timeout_ms; /* of one address, until the server lets us in; 2000 */
    unsigned skew_max_ms;        /* between the primary's clock and ours: told in the log above it; 250 */
    unsigned write_connections;  /* 1 .. 16 a shard; 2. One more comes for what has to be settled */
    unsigned read_connections;   /* 1 .. 16 a shard; 1 */
    bool prepare; /* statements by name; false: unnamed, for a pooler that does not keep sessions */
    /* [loop] Operations have ended, or watched keys have news: call ses_store_complete, soon, which tells of both. Never
     * called inside a call of the store. */
    void (*notify)(void *arg);
    void *notify_arg;
    struct ses_log *log; /* used on the loop's thread only; no secret, no connection string is written */
    struct ses_metrics *metrics; /* may be NULL */
};

/* [worker, housekeeper] Begins to connect and returns at once: until a primary of the shard that has the key is found a call
 * is SES_UNAVAILABLE. A key is of the slot that its first 12 bits name, and the shards' own tables say which of them has that
 * slot: they may be moved while the store is open.
 * SES_INVALID_ARGUMENT: a connection string (ses_pg_target_parse says what is wrong with it). SES_NO_MEMORY.
 * ses_store_close waits for what is pending, by turning the loop; it leaves the loop's handles closed. */
SES_MUST_CHECK enum ses_status ses_pg_open(const struct ses_pg_options *options,
                                           struct ses_store **ret_store);
/* [worker] A ses_move_list_fn. SES_BUSY: no connection is free just now. */
SES_MUST_CHECK enum ses_status ses_pg_list(struct ses_store *store, struct ses_move_listing *listing);

#endif
