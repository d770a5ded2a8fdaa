/* metrics_pg.h - what the driver of PostgreSQL counts: rows of metrics.h's tables, in a file of their own. With
 * another driver they stay 0.
 *
 * Counted are statements of this server's own, each of which is one transaction of the primary, and rows, of which
 * a statement carries many. What every driver has (records written and failed) is counted where every driver counts.
 */
#ifndef SESSIOND_BASE_METRICS_PG_H
#define SESSIOND_BASE_METRICS_PG_H

/*  C name, Prometheus name, kind, help: of all shards together */
#define SES_COUNTER_PG_TABLE(X)                                                                                           \
    X(PG_AWAY, "sessiond_store_pg_away", "gauge",                                                                         \
      "Workers that know of no shard whose primary answers writes: while all say so, the server is not ready")            \
    X(PG_CLOCK_OFF, "sessiond_store_pg_clock_off", "gauge",                                                               \
      "Workers that know the machine's clock too far from the primary's (store.pg.skew_max_ms): the server is not ready") \
    X(PG_SHARDS_AWAY, "sessiond_store_pg_shards_away", "gauge",                                                           \
      "Shards whose primary answers writes to no process of this machine: their sessions are refused")                    \
    X(PG_UNOWNED, "sessiond_store_pg_unowned_total", "counter",                                                           \
      "Operations refused because no shard that is known has their key, or two have")                                     \
    X(MOVE_MOVED, "sessiond_store_move_moved_total", "counter",                                                           \
      "Sessions brought to the other store (store.move)")                                                                 \
    X(MOVE_LEFT, "sessiond_store_move_left", "gauge",                                                                     \
      "Sessions that were not there yet when they were gone through last (store.move)")                                   \
    X(MOVE_WAITS, "sessiond_store_move_waits", "gauge",                                                                   \
      "Workers that bring over nothing because a store does not take it (store.move)")

/* The same of each shard, with its number for a label. */
#define SES_SHARD_COUNTER_TABLE(X)                                                                           \
    X(COMMITS, "sessiond_store_pg_commits_total", "counter",                                                 \
      "Statements that wrote and were committed, each a transaction of the primary")                         \
    X(READS, "sessiond_store_pg_reads_total", "counter", "Statements that read and were answered")           \
    X(REPEATED, "sessiond_store_pg_repeated_total", "counter",                                               \
      "Statements sent again because the server gave them up (deadlock, serialization)")                     \
    X(BUSY, "sessiond_store_pg_busy_total", "counter",                                                       \
      "Writes told to come again: the row was being written, or is leased")                                  \
    X(CONFLICTS, "sessiond_store_pg_conflicts_total", "counter",                                             \
      "Writes that found another record than the one they had read")                                         \
    X(REFUSED, "sessiond_store_pg_refused_total", "counter",                                                 \
      "Operations refused at once, surely without effect: no primary, or it does not answer")                \
    X(UNKNOWN, "sessiond_store_pg_unknown_total", "counter",                                                 \
      "Writes that were sent and whose outcome was not known: a connection was lost, or a commit warned")    \
    X(SETTLED, "sessiond_store_pg_settled_total", "counter",                                                 \
      "Of these, writes whose outcome was found out in time by repeating them")                              \
    X(UNSETTLED, "sessiond_store_pg_unsettled_total", "counter",                                             \
      "Of these, writes whose caller was told that nobody knows")                                            \
    X(UNREPLICATED, "sessiond_store_pg_unreplicated_total", "counter",                                       \
      "Commits of the primary that came with a warning: its standby may not have them")                      \
    X(FENCED, "sessiond_store_pg_fenced_total", "counter",                                                   \
      "Times that a shard was met whose slots had moved since its map was read")                             \
    X(CONNECTS, "sessiond_store_pg_connects_total", "counter", "Connections to the database begun")          \
    X(CONNECTS_FAILED, "sessiond_store_pg_connects_failed_total", "counter",                                 \
      "Connections to the database that were refused, failed or met no primary")                             \
    X(CONNECTIONS, "sessiond_store_pg_connections", "gauge", "Connections to the database now")              \
    X(PRIMARIES, "sessiond_store_pg_primaries_total", "counter",                                             \
      "Times that a worker found a primary on a higher timeline (a failover or switchover)")                 \
    X(STALLS, "sessiond_store_pg_stalls_total", "counter",                                                   \
      "Times that no write was answered for store.pg.stall_ms")                                              \
    X(OPEN, "sessiond_store_pg_open", "gauge", "Workers that have a primary that answers writes")            \
    X(STALLED, "sessiond_store_pg_stalled", "gauge",                                                         \
      "Workers whose primary does not answer writes (its standby is away, or it hangs)")                     \
    X(REPLICATED, "sessiond_store_pg_replicated", "gauge",                                                   \
      "Workers whose primary acknowledges nothing that a standby does not have")                             \
    X(QUEUED, "sessiond_store_pg_queued", "gauge",                                                           \
      "Operations that wait for a connection (store.queue_max)")                                             \
    X(SKEW_MS, "sessiond_store_pg_clock_skew_seconds", "gauge",                                              \
      "How far the machine's clock is from the primary's, either way; of the workers the most")              \
    X(HINTS_SENT, "sessiond_store_pg_hints_sent_total", "counter",                                           \
      "Written keys that the others were told of, since somebody watches (NOTIFY)")                          \
    X(HINTS_LOST, "sessiond_store_pg_hints_lost_total", "counter",                                           \
      "Written keys that the others could not be told of: who watches them sees it within a second")         \
    X(HINTS_RECEIVED, "sessiond_store_pg_hints_received_total", "counter",                                   \
      "Written keys that this server was told of by other processes")                                        \
    X(HINTS_USEFUL, "sessiond_store_pg_hints_useful_total", "counter",                                       \
      "Of these, keys that are watched here")                                                                \
    X(WATCH_HINTS, "sessiond_store_pg_watches_by_hints", "gauge",                                            \
      "Workers whose watches are told of by hints")                                                          \
    X(WATCH_LOOKS, "sessiond_store_pg_watches_by_looks", "gauge",                                            \
      "Workers that look for news of what is watched up to 20 times a second: hints cannot be "              \
      "relied upon")                                                                                         \
    X(SWEPT, "sessiond_store_pg_swept_total", "counter", "Rows whose time was over and that were removed")   \
    X(SWEEP_AGE, "sessiond_store_pg_sweep_age_seconds", "gauge",                                             \
      "How long ago this machine knew the table swept from end to end; of the workers the longest")

enum ses_shard_counter {
#define SES_SHARD_COUNTER_ENUM(name, prom, kind, help) SES_S_##name,
    SES_SHARD_COUNTER_TABLE(SES_SHARD_COUNTER_ENUM)
#undef SES_SHARD_COUNTER_ENUM
        SES_S_COUNT
};

/* Of each shard too: members of struct ses_shard_metrics. */
#define SES_SHARD_HISTOGRAM_TABLE(X)                                                                         \
    X(batch_rows, "sessiond_store_pg_batch_rows", counts, "Rows per statement that wrote")                   \
    X(read_rows, "sessiond_store_pg_read_batch_rows", counts, "Rows asked for per statement that read")      \
    X(wait_ns, "sessiond_store_pg_wait_seconds", seconds,                                                    \
      "How long an operation waited until its statement was sent")                                           \
    X(write_ns, "sessiond_store_pg_write_seconds", seconds,                                                  \
      "From sending a statement that writes to its commit, the standby's answer included")                   \
    X(read_ns, "sessiond_store_pg_read_seconds", seconds, "From sending a statement that reads to its rows")

#define SES_METRIC_SHARDS_MAX 64 /* SES_PG_SHARDS_MAX */

#endif
