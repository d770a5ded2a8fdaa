/* metrics_pg.h - what the driver of PostgreSQL counts: rows of metrics.h's tables, in a file of their own. With
 * another driver they stay 0.
 *
 * Counted are statements of this server's own, each of which is one transaction of the primary, and rows, of which
 * a statement carries many. What every driver has (records written and failed) is counted where every driver counts.
 */
#ifndef SESSIOND_BASE_METRICS_PG_H
#define SESSIOND_BASE_METRICS_PG_H

/*  C name, Prometheus name, kind, help */
#define SES_COUNTER_PG_TABLE(X)                                                                                 \
    X(PG_COMMITS, "sessiond_store_pg_commits_total", "counter",                                                 \
      "Statements that wrote and were committed, each a transaction of the primary")                            \
    X(PG_READS, "sessiond_store_pg_reads_total", "counter", "Statements that read and were answered")           \
    X(PG_REPEATED, "sessiond_store_pg_repeated_total", "counter",                                               \
      "Statements sent again because the server gave them up (deadlock, serialization)")                        \
    X(PG_BUSY, "sessiond_store_pg_busy_total", "counter",                                                       \
      "Writes told to come again: the row was being written, or is leased")                                     \
    X(PG_CONFLICTS, "sessiond_store_pg_conflicts_total", "counter",                                             \
      "Writes that found another record than the one they had read")                                            \
    X(PG_REFUSED, "sessiond_store_pg_refused_total", "counter",                                                 \
      "Operations refused at once, surely without effect: no primary, or it does not answer")                   \
    X(PG_UNKNOWN, "sessiond_store_pg_unknown_total", "counter",                                                 \
      "Writes that were sent and whose outcome was not known: a connection was lost, or a commit warned")       \
    X(PG_SETTLED, "sessiond_store_pg_settled_total", "counter",                                                 \
      "Of these, writes whose outcome was found out in time by repeating them")                                 \
    X(PG_UNSETTLED, "sessiond_store_pg_unsettled_total", "counter",                                             \
      "Of these, writes whose caller was told that nobody knows")                                               \
    X(PG_UNREPLICATED, "sessiond_store_pg_unreplicated_total", "counter",                                       \
      "Commits of the primary that came with a warning: its standby may not have them")                         \
    X(PG_CONNECTS, "sessiond_store_pg_connects_total", "counter", "Connections to the database begun")          \
    X(PG_CONNECTS_FAILED, "sessiond_store_pg_connects_failed_total", "counter",                                 \
      "Connections to the database that were refused, failed or met no primary")                                \
    X(PG_CONNECTIONS, "sessiond_store_pg_connections", "gauge", "Connections to the database now")              \
    X(PG_PRIMARIES, "sessiond_store_pg_primaries_total", "counter",                                             \
      "Times that a worker found a primary on a higher timeline (a failover or switchover)")                    \
    X(PG_STALLS, "sessiond_store_pg_stalls_total", "counter",                                                   \
      "Times that no write was answered for store.pg.stall_ms")                                                 \
    X(PG_OPEN, "sessiond_store_pg_open", "gauge", "Workers that have a primary that answers writes")            \
    X(PG_STALLED, "sessiond_store_pg_stalled", "gauge",                                                         \
      "Workers whose primary does not answer writes (its standby is away, or it hangs)")                        \
    X(PG_REPLICATED, "sessiond_store_pg_replicated", "gauge",                                                   \
      "Workers whose primary acknowledges nothing that a standby does not have")                                \
    X(PG_AWAY, "sessiond_store_pg_away", "gauge",                                                               \
      "Workers that know of no shard whose primary answers writes: while all say so, the server is not ready")  \
    X(PG_CLOCK_OFF, "sessiond_store_pg_clock_off", "gauge",                                                     \
      "Workers that know the machine's clock too far from the primary's (store.pg.skew_max_ms): the server is " \
      "not ready")                                                                                              \
    X(PG_QUEUED, "sessiond_store_pg_queued", "gauge",                                                           \
      "Operations that wait for a connection (store.queue_max)")                                                \
    X(PG_SKEW_MS, "sessiond_store_pg_clock_skew_seconds", "gauge",                                              \
      "How far the machine's clock is from the primary's, either way; of the workers the most")                 \
    X(PG_HINTS_SENT, "sessiond_store_pg_hints_sent_total", "counter",                                           \
      "Written keys that the others were told of, since somebody watches (NOTIFY)")                             \
    X(PG_HINTS_LOST, "sessiond_store_pg_hints_lost_total", "counter",                                           \
      "Written keys that the others could not be told of: who watches them sees it within a second")            \
    X(PG_HINTS_RECEIVED, "sessiond_store_pg_hints_received_total", "counter",                                   \
      "Written keys that this server was told of by other processes")                                           \
    X(PG_HINTS_USEFUL, "sessiond_store_pg_hints_useful_total", "counter",                                       \
      "Of these, keys that are watched here")                                                                   \
    X(PG_WATCH_HINTS, "sessiond_store_pg_watches_by_hints", "gauge",                                            \
      "Workers, by shard, whose watches are told of by hints")                                                  \
    X(PG_WATCH_LOOKS, "sessiond_store_pg_watches_by_looks", "gauge",                                            \
      "Workers, by shard, that look for news of what is watched up to 20 times a second: hints cannot be "      \
      "relied upon")                                                                                            \
    X(PG_SWEPT, "sessiond_store_pg_swept_total", "counter",                                                     \
      "Rows whose time was over and that were removed")                                                         \
    X(PG_SWEEP_AGE, "sessiond_store_pg_sweep_age_seconds", "gauge",                                             \
      "How long ago this machine knew the table swept from end to end; of the workers the longest")             \
    X(MOVE_MOVED, "sessiond_store_move_moved_total", "counter",                                                 \
      "Sessions brought to the other store (store.move)")                                                       \
    X(MOVE_LEFT, "sessiond_store_move_left", "gauge",                                                           \
      "Sessions that were not there yet when they were gone through last (store.move)")                         \
    X(MOVE_WAITS, "sessiond_store_move_waits", "gauge",                                                         \
      "Workers that bring over nothing because a store does not take it (store.move)")

/* Members of struct ses_metrics. */
#define SES_HISTOGRAM_PG_TABLE(X)                                                                            \
    X(pg_batch_rows, "sessiond_store_pg_batch_rows", counts, "Rows per statement that wrote")                \
    X(pg_read_rows, "sessiond_store_pg_read_batch_rows", counts, "Rows asked for per statement that read")   \
    X(pg_wait_ns, "sessiond_store_pg_wait_seconds", seconds,                                                 \
      "How long an operation waited until its statement was sent")                                           \
    X(pg_write_ns, "sessiond_store_pg_write_seconds", seconds,                                               \
      "From sending a statement that writes to its commit, the standby's answer included")                   \
    X(pg_read_ns, "sessiond_store_pg_read_seconds", seconds,                                                 \
      "From sending a statement that reads to its rows")

#endif
