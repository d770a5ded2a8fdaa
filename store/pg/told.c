#include "told.h"

#include <sessiond/base/clock.h>

#define TOLD_NODE_MS  60000
#define TOLD_DOUBT_MS 10000
#define TOLD_STATES   20 /* of a shard in TOLD_NODE_MS: one that comes and goes */

static const char *remedy_of(enum ses_pg_cause cause)
{
    static const char *const remedies[SES_PG_CAUSE_COUNT] = {
        [SES_PG_CAUSE_NONE] = "",
        [SES_PG_CAUSE_CONNECTING] = "no node has answered yet",
        [SES_PG_CAUSE_UNREACHABLE] =
            "check that the database runs there, the host and port of store.pg.shards, and what "
            "lies between (firewall, listen_addresses)",
        [SES_PG_CAUSE_TLS] =
            "check the server's certificate against sslmode, sslrootcert and the host's name in "
            "store.pg.shards, and ssl in postgresql.conf",
        [SES_PG_CAUSE_PASSWORD] = "check user in store.pg.shards, the password file, and pg_hba.conf",
        [SES_PG_CAUSE_DATABASE] = "check dbname in store.pg.shards, or create the database",
        [SES_PG_CAUSE_SCHEMA] =
            "the tables are not there: apply `sessiondctl store schema`, or set the role's search_path",
        [SES_PG_CAUSE_FORMAT] =
            "the table `shard` is not one row of this version and shard: check the order of "
            "store.pg.shards, and the version of sessiond that made the tables",
        [SES_PG_CAUSE_RIGHTS] = "grant the role what `sessiondctl store schema` says",
        [SES_PG_CAUSE_TOO_MANY] =
            "connections are used up: raise max_connections or the role's CONNECTION LIMIT, or lower "
            "store.pg.write_connections and the number of workers",
        [SES_PG_CAUSE_NO_PRIMARY] = "no node takes writes: promote a standby if the primary is lost",
        [SES_PG_CAUSE_OLD_PRIMARY] =
            "it is a primary on a timeline that another node has left behind: stop it and make it a "
            "standby (pg_rewind). After a restore to an earlier state restart sessiond",
        [SES_PG_CAUSE_READ_ONLY] = "set default_transaction_read_only to off when writes may go on",
        [SES_PG_CAUSE_NO_STANDBY] =
            "the primary does not wait for a standby: set synchronous_standby_names, and "
            "synchronous_commit to on; or ask for less with store.durability",
        [SES_PG_CAUSE_NO_ANSWER] =
            "writes are not acknowledged: check the synchronous standby (pg_stat_replication), locks, "
            "and the primary's disk",
        [SES_PG_CAUSE_KEYS] = "give this machine the other machines' keys",
        [SES_PG_CAUSE_REFUSED] = "see the error in the server's log",
        [SES_PG_CAUSE_DISK_FULL] =
            "the primary's disk is full: make room there (its data directory, its WAL); it goes on by itself",
        [SES_PG_CAUSE_POOLER] =
            "a pooler in between does not keep sessions, which named statements need: pool_mode = session "
            "there, or store.pg.prepare: \"off\" here; then SIGHUP",
    };

    return remedies[cause];
}

/* Whether so much has passed since; then it is now. */
static bool is_due(uint64_t *told_mono_ns, uint64_t every_ms)
{
    uint64_t now = ses_clock_mono_ns();

    if (*told_mono_ns != 0 && now < *told_mono_ns + every_ms * SES_NS_PER_MS)
        return false;
    *told_mono_ns = now;
    return true;
}

/* One line more of the states in this minute. */
static bool has_room(struct pg_link *link)
{
    if (is_due(&link->states_told_mono_ns, TOLD_NODE_MS))
        link->states_told = 0;
    return link->states_told++ < TOLD_STATES;
}

static void put_node(struct ses_log_line *line, const struct pg_link *link, unsigned node)
{
    ses_log_u64(line, "shard", link->shard);
    ses_log_str(line, "host", link->target.names.host[node]);
    ses_log_u64(line, "port", link->target.names.port[node]);
}

void ses_pg_told_node(struct pg_link *link, unsigned node, enum ses_pg_cause cause,
                      const struct pg_fault *fault)
{
    struct pg_node *of = &link->nodes[node];
    struct ses_log_line line;

    of->cause = cause;
    if (cause != of->told_cause)
        of->told_mono_ns = 0;
    /* A standby that waits for its turn is as it should be; the shard's own line says that nobody is primary. */
    if (cause == SES_PG_CAUSE_NONE || cause == SES_PG_CAUSE_NO_PRIMARY ||
        !is_due(&of->told_mono_ns, TOLD_NODE_MS))
        return;
    of->told_cause = cause;
    ses_log_begin(link->options.log, SES_LOG_WARN, "shard_node_unusable", &line);
    put_node(&line, link, node);
    ses_log_str(&line, "cause", ses_pg_cause_name(cause));
    if (fault != NULL && fault->sqlstate[0] != '\0')
        ses_log_str(&line, "sqlstate", fault->sqlstate);
    if (fault != NULL && fault->text[0] != '\0')
        ses_log_str(&line, "error", fault->text);
    ses_log_str(&line, "msg", remedy_of(cause));
    ses_log_end(&line);
}

void ses_pg_told_state(struct pg_link *link)
{
    static const char *const events[] = {[PG_STATE_SEARCHING] = "shard_searching",
                                         [PG_STATE_OPEN] = "shard_open",
                                         [PG_STATE_STALLED] = "shard_stalled"};
    bool open = link->state == PG_STATE_OPEN;
    struct ses_log_line line;

    if ((link->state == link->told_state && link->cause == link->told_cause) ||
        link->cause == SES_PG_CAUSE_CONNECTING || !has_room(link))
        return;
    link->told_state = link->state;
    link->told_cause = link->cause;
    ses_log_begin(link->options.log, open ? SES_LOG_INFO : SES_LOG_WARN, events[link->state], &line);
    if (link->primary != PG_NOBODY)
        put_node(&line, link, link->primary);
    else
        ses_log_u64(&line, "shard", link->shard);
    ses_log_u64(&line, "timeline", link->timeline);
    if (open) {
        ses_log_str(&line, "durability", link->replica ? "replica" : "disk");
    } else {
        ses_log_str(&line, "cause", ses_pg_cause_name(link->cause));
        ses_log_str(&line, "msg", remedy_of(link->cause));
    }
    ses_log_end(&line);
}

void ses_pg_told_doubt(struct pg_link *link)
{
    if (is_due(&link->doubt_told_mono_ns, TOLD_DOUBT_MS))
        ses_log_msg(
            link->options.log, SES_LOG_WARN, "shard_write_in_doubt",
            "shard %u: a write was cut short (its connection was lost, or a wait for the standby was ended): its outcome "
            "is looked for, and nothing is read until the standby has acknowledged a later one",
            link->shard);
}

void ses_pg_told_skew(struct pg_link *link)
{
    struct ses_log_line line;

    if (!is_due(&link->skew_told_mono_ns, TOLD_NODE_MS))
        return;
    ses_log_begin(link->options.log, SES_LOG_WARN, "shard_clock_skew", &line);
    ses_log_u64(&line, "shard", link->shard);
    ses_log_i64(&line, "skew_ms", link->skew_ms);
    ses_log_str(
        &line, "msg",
        "the primary's clock differs from this machine's: synchronise both (chrony, systemd-timesyncd)");
    ses_log_end(&line);
}
