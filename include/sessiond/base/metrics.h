/* metrics.h - the board: counters and histograms that every process sums without asking the others.
 *
 * One struct ses_metrics per process slot lies in a shared mapping made by the supervisor before fork
 * (runtime/board.h). Only its owner writes (relaxed atomic add, no lock prefix needed on x86 because there is one writer,
 * but the committer thread may write too, so adds are atomic); readers sum. The mapping outlives a worker, so
 * counters do not fall when one is replaced.
 */
#ifndef SESSIOND_BASE_METRICS_H
#define SESSIOND_BASE_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sessiond/base/metrics_pg.h>
#include <sessiond/base/reasons.h>

/*  C name, Prometheus name, kind, help */
#define SES_COUNTER_TABLE(X)                                                                                 \
    X(CONNECTIONS_ACCEPTED, "sessiond_connections_accepted_total", "counter", "Client connections accepted") \
    X(CONNECTIONS_OPEN, "sessiond_connections_open", "gauge", "Client connections open now")                 \
    X(CONNECTIONS_REFUSED, "sessiond_connections_refused_total", "counter",                                  \
      "Connections closed at the limit")                                                                     \
    X(STREAMS_OPEN, "sessiond_exchanges_open", "gauge", "Requests in progress")                              \
    X(EXCHANGES_KEPT, "sessiond_exchanges_kept", "gauge",                                                    \
      "Memory of requests that workers keep for the next ones, in requests")                                 \
    X(HEAP_TRIMS, "sessiond_heap_trims_total", "counter",                                                    \
      "Times a worker gave memory back to the system that a burst had left behind")                          \
    X(BYTES_IN, "sessiond_received_bytes_total", "counter", "Bytes read from clients")                       \
    X(BYTES_OUT, "sessiond_sent_bytes_total", "counter", "Bytes written to clients")                         \
    X(PROTOCOL_ERRORS, "sessiond_protocol_errors_total", "counter",                                          \
      "Connections or streams ended for malformed input")                                                    \
    X(HELD_BYTES, "sessiond_held_bytes", "gauge",                                                            \
      "Bytes that clients make the workers hold: requests not yet whole, answers not read")                  \
    X(CONNECTIONS_SHED, "sessiond_connections_shed_total", "counter",                                        \
      "Connections ended because the worker held too much (limits.held_mib)")                                \
    X(CONNECTIONS_THROTTLED, "sessiond_connections_throttled_total", "counter",                              \
      "Connections read more slowly because refusing their calls cost too much (limits.overload_ms)")        \
    X(REQUESTS_OVER_HELD, "sessiond_requests_over_held_total", "counter",                                    \
      "Requests refused because their connection held too much (limits.connection_held_kib)")                \
    X(ANSWERS_UNREAD, "sessiond_answers_unread_total", "counter",                                            \
      "Answers given up because their client did not read them (limits.write_stall_ms)")                     \
    X(REQUESTS_LATE, "sessiond_requests_late_total", "counter",                                              \
      "Requests given up because they did not come whole in time (limits.header_ms, body_ms)")               \
    X(FRAME_FLOODS, "sessiond_frame_floods_total", "counter",                                                \
      "Connections ended for frames that say nothing (limits.empty_frames_per_10s, control_frames_per_10s)") \
    X(TLS_HANDSHAKES, "sessiond_tls_handshakes_total", "counter", "TLS handshakes completed")                \
    X(TLS_RESUMED, "sessiond_tls_resumed_total", "counter",                                                  \
      "TLS handshakes that went on with a session of before (tickets)")                                      \
    X(TLS_1_2, "sessiond_tls_1_2_total", "counter", "TLS handshakes of version 1.2, the others are 1.3")     \
    X(TLS_POSTPONED, "sessiond_tls_postponed_total", "counter",                                              \
      "Steps of handshakes that waited for a later turn (tls.handshakes_per_turn)")                          \
    X(TLS_FAILED_CERTIFICATE, "sessiond_tls_failed_certificate_total", "counter",                            \
      "TLS handshakes refused for the client's certificate")                                                 \
    X(TLS_FAILED_MISMATCH, "sessiond_tls_failed_mismatch_total", "counter",                                  \
      "TLS handshakes without a version, suite or protocol in common")                                       \
    X(TLS_FAILED_LATE, "sessiond_tls_failed_late_total", "counter",                                          \
      "TLS handshakes given up because they took too long (limits.header_ms)")                               \
    X(TLS_FAILED_LEFT, "sessiond_tls_failed_left_total", "counter",                                          \
      "TLS handshakes that the client gave up, be it for our certificate")                                   \
    X(TLS_FAILED_MALFORMED, "sessiond_tls_failed_malformed_total", "counter",                                \
      "TLS handshakes refused as malformed")                                                                 \
    X(PLAINTEXT_REFUSED, "sessiond_plaintext_refused_total", "counter",                                      \
      "Connections without TLS refused (tls.plaintext)")                                                     \
    X(TLS_CERTIFICATE_ENDS, "sessiond_tls_certificate_ends_seconds", "gauge",                                \
      "When the certificate that is served ends, seconds since 1970; of the workers' the earliest, 0: none") \
    X(TLS_REFUSED, "sessiond_tls_refused_total", "counter",                                                  \
      "TLS handshakes refused because there is no certificate (tls.certificate)")                            \
    X(WATCH_LOOKS, "sessiond_watch_looks_total", "counter", "Sessions read for WatchSession streams")        \
    X(MISDIRECTED, "sessiond_misdirected_total", "counter",                                                  \
      "Requests refused because they named a host that is not ours (hosts)")                                 \
    X(STREAMS_REFUSED, "sessiond_streams_refused_total", "counter",                                          \
      "Streaming calls refused because too many of their kind were open")                                    \
    X(STREAMS_EXPIRED, "sessiond_streams_expired_total", "counter",                                          \
      "Streaming calls ended because they had lasted long enough (limits.streaming_seconds)")                \
    X(SESSIONS_CREATED, "sessiond_sessions_created_total", "counter", "Sessions created")                    \
    X(SESSIONS_REPLAYED, "sessiond_sessions_replayed_total", "counter",                                      \
      "Identical calls answered from the store")                                                             \
    X(SESSIONS_CONTINUED, "sessiond_sessions_continued_total", "counter",                                    \
      "Sessions continued with new state")                                                                   \
    X(SESSIONS_CONFLICT, "sessiond_sessions_conflict_total", "counter",                                      \
      "Calls refused for a differing payload")                                                               \
    X(CONNECTOR_BUSY, "sessiond_connector_busy_total", "counter",                                            \
      "Connector calls refused since the connector had its share of calls in flight")                        \
    X(CONNECTOR_EXHAUSTED, "sessiond_connector_calls_exhausted_total", "counter",                            \
      "Connector calls refused since calls_max were in flight")                                              \
    X(CONNECTOR_OVER_SHARE, "sessiond_connector_over_share_total", "counter",                                \
      "Connector calls refused since their merchant had its share of those in flight "                       \
      "(limits.merchant_share_percent)")                                                                     \
    X(UPSTREAM_CONNECTIONS, "sessiond_upstream_connections_open", "gauge",                                   \
      "Connections to the upstream server (upstream.grpc) that speak HTTP/2 now")                            \
    X(UPSTREAM_CALLS_OPEN, "sessiond_upstream_calls_open", "gauge",                                          \
      "Calls to the upstream server in flight or waiting for a stream")                                      \
    X(UPSTREAM_BREAKER_OPEN, "sessiond_upstream_breaker_open", "gauge",                                      \
      "Workers whose breaker for the upstream server is not closed")                                         \
    X(SESSIONS_LATE_SUCCESS, "sessiond_sessions_late_success_total", "counter",                              \
      "Sessions that were completed after they had failed")                                                  \
    X(EVENTS_LATE, "sessiond_events_late_total", "counter",                                                  \
      "Events that came too late to move their session")                                                     \
    X(STORE_COMMITS, "sessiond_store_commits_total", "counter", "Synced store transactions")                 \
    X(STORE_SLOW_COMMITS, "sessiond_store_slow_commits_total", "counter",                                    \
      "Store transactions that took store.slow_commit_ms or longer")                                         \
    X(STORE_PUTS, "sessiond_store_puts_total", "counter", "Records written")                                 \
    X(STORE_FAILED, "sessiond_store_failed_total", "counter", "Records that could not be written")           \
    X(STORE_COLLECTED, "sessiond_store_collected_total", "counter", "Superseded or expired records removed") \
    X(STORE_RECORDS, "sessiond_store_records", "gauge", "Records in the shard, garbage included")            \
    X(STORE_BYTES, "sessiond_store_bytes", "gauge", "Bytes of records in the shard")                         \
    X(STORE_FILE_BYTES, "sessiond_store_file_bytes", "gauge",                                                \
      "Bytes of the shards' data.mdb, free pages included: these files never get smaller")                   \
    X(STORE_SNAPSHOT_SECONDS, "sessiond_store_oldest_snapshot_seconds", "gauge",                             \
      "How long somebody has held a snapshot of a shard, so that its file grows; of the shards the longest") \
    X(STORE_POISONED, "sessiond_store_poisoned", "gauge",                                                    \
      "Shards whose writer a failed sync has stopped and that do not serve again yet")                       \
    X(STORE_POISONINGS, "sessiond_store_poisonings_total", "counter",                                        \
      "Times a failed sync stopped a shard's writer")                                                        \
    X(STORE_UNREADABLE, "sessiond_store_unreadable_total", "counter",                                        \
      "Records that were found damaged when they were read, each once a worker")                             \
    X(STORE_SCRUBBED, "sessiond_store_scrubbed_total", "counter",                                            \
      "Records that the scrub has read and opened (store.scrub_per_second)")                                 \
    X(STORE_SCRUB_DAMAGED, "sessiond_store_scrub_damaged", "gauge",                                          \
      "Damaged records on disk, by the scrub's last whole pass, or by this one if it has found more")        \
    X(STORE_SCRUB_SECONDS, "sessiond_store_scrub_pass_age_seconds", "gauge",                                 \
      "How long ago the scrub's last whole pass ended, before the first one since it began; of the workers " \
      "the longest")                                                                                         \
    X(STORE_PRESSED, "sessiond_store_pressed", "gauge",                                                      \
      "Workers whose shard (quota or disk) or session table is filled to 80 % (until below 70 %)")           \
    X(STORE_OVER_SHARE, "sessiond_store_over_share_total", "counter",                                        \
      "Records refused because their merchant has its share of the store (limits.merchant_share_percent), "  \
      "or early events theirs (limits.early_events_percent)")                                                \
    X(STORE_FULL, "sessiond_store_full", "gauge", "Shards that take no records now: disk or quota is full")  \
    X(TABLE_FULL, "sessiond_table_full", "gauge",                                                            \
      "Workers that met a full session table; new sessions are refused")                                     \
    X(CONNECTIONS_TURNED_AWAY, "sessiond_connections_turned_away_total", "counter",                          \
      "Client connections answered UNAVAILABLE because no worker could serve")                               \
    X(SHEDDING, "sessiond_overload_shedding", "gauge",                                                       \
      "Workers that take creations up to each merchant's share only, since they can do no more")             \
    X(RATES_UNTRACKED, "sessiond_rates_untracked_total", "counter",                                          \
      "Calls let through without a look at their merchant's rate, since too many names are at it")           \
    X(TRACE_SPANS_EXPORTED, "sessiond_trace_spans_exported_total", "counter",                                \
      "Spans that the collector (trace.endpoint) has taken")                                                 \
    X(TRACE_SPANS_DROPPED, "sessiond_trace_spans_dropped_total", "counter",                                  \
      "Spans that were lost: the queue (trace.queue) was full, or the collector did not take them")          \
    X(TRACE_EXPORTS_FAILED, "sessiond_trace_exports_failed_total", "counter",                                \
      "Requests to the collector that failed: it was not reached, not trusted, or did not take the spans")   \
    X(LOG_LINES_LOST, "sessiond_log_lines_lost_total", "counter",                                            \
      "Log lines dropped, since their reader did not take them")                                             \
    X(LOG_LINES_SUMMED, "sessiond_log_lines_summed_total", "counter",                                        \
      "Log lines of one kind that were counted in a log_summary instead of written")                         \
    X(CONFINED_CALLS, "sessiond_confined_calls", "gauge",                                                    \
      "Workers and housekeeper whose system calls are confined to a list (confine)")                         \
    X(CONFINED_FILES, "sessiond_confined_files", "gauge",                                                    \
      "Workers and housekeeper that can open only what they need (the kernel's Landlock)")                   \
    X(CONFINED_PORTS, "sessiond_confined_ports", "gauge",                                                    \
      "Workers and housekeeper that can connect only to ports of the configuration (Landlock, ABI 4)")       \
    SES_COUNTER_PG_TABLE(X)

enum ses_counter {
#define SES_COUNTER_ENUM(name, prom, kind, help) SES_C_##name,
    SES_COUNTER_TABLE(SES_COUNTER_ENUM)
#undef SES_COUNTER_ENUM
        SES_C_COUNT
};

/* In the order of enum ses_refusal (src/admission/refusal.h): whose limit it was. */
#define SES_ADMISSION_OUTCOMES                                                                               \
    "admitted", "connection_rate", "source_calls", "caller_rate", "caller_calls", "merchant_rate",           \
        "merchant_calls", "server_rate", "deadline", "share", "late"

/*  C name, Prometheus name, kind, label, help, the label's values: one cell each. Families whose values are the rows
 * of another table, or with two labels, have members of their own below. */
#define SES_FAMILY_TABLE(X)                                                                                       \
    X(DOORS, "sessiond_door_requests_total", "counter", "door",                                                   \
      "Requests answered, by the door they came through", "grpc", "connect", "route", "plain", "grpc_web")        \
    X(REFUSALS, "sessiond_refusals_total", "counter", "reason",                                                   \
      "Calls refused, by the reason that the caller was told; NONE: none", SES_REASON_WORDS)                      \
    X(TRANSITIONS, "sessiond_session_transitions_total", "counter", "status",                                     \
      "Sessions that came into a status by what was written; that a session's time is over is worked out "        \
      "at reading and written nowhere",                                                                           \
      "OPEN", "AUTHENTICATING", "REDIRECTED", "RETURNED", "PROCESSING", "COMPLETED", "FAILED", "REVOKED")         \
    X(TOKENS, "sessiond_tokens_minted_total", "counter", "cause",                                                 \
      "Session tokens handed out: for CreateSessionToken, and by steps because the generation was another one, "  \
      "the caller asked, less than half of the presented one's life was left, or it would have ended in "         \
      "the step",                                                                                                 \
      "create", "generation", "asked", "life", "step")                                                            \
    X(ACCESS_TOKENS, "sessiond_access_tokens_total", "counter", "source",                                         \
      "Access tokens of connectors handed out: from the store, of a call that another one waited for, of a "      \
      "call of its own, renewed before its end, kept after a renewal that failed; and refused by the connector",  \
      "stored", "shared", "made", "renewed", "kept", "refused")                                                   \
    X(CLIENT_TOKENS, "sessiond_client_tokens_total", "counter", "source",                                         \
      "Calls for client tokens of connectors, by what became of them: made, made by asking again under the same " \
      "idempotency key, answered from the store, refused by the connector, of unknown outcome",                   \
      "made", "settled", "replayed", "refused", "unknown")                                                        \
    X(RETURNS, "sessiond_returns_total", "counter", "outcome",                                                    \
      "Browsers that came back to a return URL, by what became of it", "first", "again", "other_payload",         \
      "expired", "unknown", "unavailable", "refused")                                                             \
    X(UPSTREAM_CALLS, "sessiond_upstream_calls_total", "counter", "outcome",                                      \
      "Calls to the upstream server, by whether it has answered, cannot have seen it, or may have acted",         \
      "answered", "not_sent", "unknown")                                                                          \
    X(UPSTREAM_REFUSED, "sessiond_upstream_refused_total", "counter", "reason",                                   \
      "Calls to the upstream server that were refused a place: upstream.calls_max were in flight, or their "      \
      "merchant had its share of them (limits.merchant_share_percent)",                                           \
      "exhausted", "share")                                                                                       \
    X(UPSTREAM_HEALTH, "sessiond_upstream_health", "gauge", "state",                                              \
      "Workers that know the upstream server to be up or down; those that have not looked lately are in none",    \
      "up", "down")                                                                                               \
    X(CALLERS, "sessiond_callers_total", "counter", "verdict",                                                    \
      "Requests that were asked who calls, by what came of it", "admitted", "required", "unknown",                \
      "revoked", "expired", "ambiguous", "not_allowed")                                                           \
    X(CREATIONS, "sessiond_creations_asked_total", "counter", "outcome",                                          \
      "Calls that make sessions, by what became of them before anything was done", SES_ADMISSION_OUTCOMES)        \
    X(CONTINUATIONS, "sessiond_continuations_asked_total", "counter", "outcome",                                  \
      "The other calls of payments, likewise", SES_ADMISSION_OUTCOMES)

enum ses_family {
#define SES_FAMILY_ENUM(name, prom, kind, label, help, ...) SES_F_##name,
    SES_FAMILY_TABLE(SES_FAMILY_ENUM)
#undef SES_FAMILY_ENUM
        SES_F_COUNT
};

/* Where the cells of each begin and end. */
enum ses_family_cell {
#define SES_FAMILY_CELL(name, prom, kind, label, help, ...)                                                  \
    SES_CELL_##name,                                                                                         \
        SES_CELL_##name##_LAST =                                                                             \
            SES_CELL_##name - 1 + (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)),
    SES_FAMILY_TABLE(SES_FAMILY_CELL)
#undef SES_FAMILY_CELL
        SES_CELL_COUNT
};

/* Log-linear histogram of nanoseconds (or plain counts): 8 sub-buckets per power of two, relative error
 * < 12.5 %. */
#define SES_HIST_SUB_BITS 3
#define SES_HIST_BUCKETS  ((65 - SES_HIST_SUB_BITS) << SES_HIST_SUB_BITS)

struct ses_hist {
    _Atomic uint64_t bucket[SES_HIST_BUCKETS];
    _Atomic uint64_t sum;
};

/* Of one store transaction, in this order. */
enum ses_commit_phase {
    SES_COMMIT_WAKE,    /* from the hand-over, or the end of the one before, to its begin */
    SES_COMMIT_RESERVE, /* room on the disk */
    SES_COMMIT_FILL,    /* records and rows into pages */
    SES_COMMIT_COLLECT, /* a step of garbage collection */
    SES_COMMIT_SYNC,    /* pages written, and synced as the durability says */
    SES_COMMIT_PUBLISH,
    SES_COMMIT_PHASES
};

#define SES_METRIC_METHODS_MAX    32 /* rows of src/method/method_table.c */
#define SES_METRIC_CODES          17 /* gRPC codes */
#define SES_METRIC_CONNECTORS_MAX 8  /* connectors with an outbound call */
#define SES_METRIC_OUTCOMES       8  /* enum ses_connector_outcome */
#define SES_METRIC_HOSTS_MAX      16 /* hosts of connectors whose breaker a worker tells; others are not told */
#define SES_METRIC_HOST_SIZE      96

/* Figures of load.h: ratios and rates in millionths. */
struct ses_load_cells {
    _Atomic uint64_t busy_ppm;
    _Atomic uint64_t cpu_ppm;
    _Atomic uint64_t calls_ppm; /* a second */
    _Atomic uint64_t errors_ppm;
    _Atomic uint64_t call_cpu_ns;
};

/* What a process tells of itself once a second (runtime/vitals.h). */
struct ses_process_cells {
    _Atomic uint64_t started_wall_ms; /* 0: nothing was told yet */
    _Atomic uint64_t cpu_ns;          /* of all threads, user and system */
    _Atomic uint64_t resident_bytes;  /* the sum of the three below */
    _Atomic uint64_t anonymous_bytes; /* its own: heap, stacks, what of files was written privately */
    _Atomic uint64_t file_bytes;      /* mapped files: the store's, programs and libraries */
    _Atomic uint64_t shared_bytes;    /* shared memory: the session table, the board */
    _Atomic uint64_t virtual_bytes;
    _Atomic uint64_t files_open;
    _Atomic uint64_t files_max;
};

/* The breaker of one connector at one origin. Written once for the life of a worker, but for its state. */
struct ses_breaker_cell {
    _Atomic uint32_t state; /* 0: nobody's, else 1 + enum ses_breaker_state */
    int32_t connector;      /* row of connector_calls */
    char origin[SES_METRIC_HOST_SIZE];
};

/* Requests by known callers: those that have a name, and behind them all others together. Names stand in the
 * supervisor's slot, where it writes them once: the first callers that were ever known. */
#define SES_METRIC_CALLERS_MAX      256
#define SES_METRIC_CALLER_NAME_SIZE 65
struct ses_caller_cell {
    _Atomic uint32_t named; /* the name is whole */
    char name[SES_METRIC_CALLER_NAME_SIZE];
    _Atomic uint64_t admitted;
    _Atomic uint64_t refused;
};

/* Of one shard of PostgreSQL. Those that are not configured are never touched. */
struct ses_shard_metrics {
    _Atomic uint64_t counter[SES_S_COUNT];
#define SES_HISTOGRAM_MEMBER(member, prom, scale, help) struct ses_hist member;
    SES_SHARD_HISTOGRAM_TABLE(SES_HISTOGRAM_MEMBER)
#undef SES_HISTOGRAM_MEMBER
};

struct ses_metrics {
    _Alignas(64) struct ses_process_cells process;
    struct ses_load_cells load;
    _Alignas(64) _Atomic uint64_t counter[SES_C_COUNT];
    _Atomic uint64_t family[SES_CELL_COUNT];
    _Atomic uint64_t requests[SES_METRIC_METHODS_MAX][SES_METRIC_CODES];
    _Atomic uint64_t connector_calls[SES_METRIC_CONNECTORS_MAX][SES_METRIC_OUTCOMES];
    struct ses_hist request_ns[SES_METRIC_METHODS_MAX];
    struct ses_hist connector_ns[SES_METRIC_CONNECTORS_MAX];
    struct ses_hist upstream_ns;
    struct ses_hist own_ns; /* of calls that waited for a connector, without that time */
    struct ses_hist commit_ns;
    struct ses_hist commit_phase_ns[SES_COMMIT_PHASES];
    struct ses_hist batch_puts;
    struct ses_shard_metrics shard[SES_METRIC_SHARDS_MAX];
    struct ses_breaker_cell breakers[SES_METRIC_HOSTS_MAX];
    struct ses_caller_cell callers[SES_METRIC_CALLERS_MAX + 1];
};

/* What the tables say of one row. */
struct ses_metric_info {
    const char *name; /* for Prometheus */
    const char *kind; /* "counter" or "gauge" */
    const char *help;
    const char *label;         /* of a family, else NULL */
    const char *const *values; /* of the label, and .. */
    size_t count;              /* .. how many */
    size_t cell;               /* of the first value */
};

const struct ses_metric_info *ses_counter_info(enum ses_counter counter);
const struct ses_metric_info *ses_family_info(enum ses_family family);
const struct ses_metric_info *ses_shard_counter_info(enum ses_shard_counter counter);

/* All no-ops when m is NULL, so that units run without a board. */
void ses_count(struct ses_metrics *m, enum ses_counter counter, uint64_t n);
/* value: its place in the family's row; one that is not there counts nowhere. */
void ses_family_add(struct ses_metrics *m, enum ses_family family, size_t value, int64_t n);
/* Of one shard, below SES_METRIC_SHARDS_MAX. */
void ses_shard_count(struct ses_metrics *m, unsigned shard, enum ses_shard_counter counter, uint64_t n);
void ses_shard_gauge_add(struct ses_metrics *m, unsigned shard, enum ses_shard_counter counter, int64_t n);
void ses_shard_gauge_set(struct ses_metrics *m, unsigned shard, enum ses_shard_counter counter,
                         uint64_t value);
/* One more request of a caller that was known. */
void ses_caller_count(struct ses_metrics *m, unsigned cell, bool admitted);
/* [worker] At its start: a gauge of a dead predecessor describes nothing any more; counters go on. shards: so many of
 * PostgreSQL it has, 0 of LMDB; those behind stay untouched (of shared memory, reading takes a page too). */
void ses_metrics_reset_gauges(struct ses_metrics *m, unsigned shards);
void ses_gauge_add(struct ses_metrics *m, enum ses_counter counter, int64_t n);
void ses_gauge_set(struct ses_metrics *m, enum ses_counter counter, uint64_t value);
void ses_hist_add(struct ses_hist *hist, uint64_t value);
/* Index of the bucket of a value, and the largest value of a bucket. */
size_t ses_hist_index(uint64_t value);
uint64_t ses_hist_upper(size_t index);

#endif
