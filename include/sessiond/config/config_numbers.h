/* config_numbers.h - every number of the configuration in one table: where it stands, its bounds and its
 * default.
 *
 * The schema, the checks, the error texts and struct ses_config are all made of it, so that none can forget a
 * row. Units are part of the keys. deploy/sessiond.example.yaml repeats the defaults; a test compares the
 * two.
 */
#ifndef SESSIOND_CONFIG_CONFIG_NUMBERS_H
#define SESSIOND_CONFIG_CONFIG_NUMBERS_H

/*  section, key, smallest, largest, default */
#define SES_CONFIG_LIMITS(X)                                                                                 \
    X(limits, connections, 1, 1000000, 16384)                                                                \
    X(limits, exchanges, 1, 1000000, 65536)                                                                  \
    X(limits, exchange_memory_kib, 64, 65536, 1024)                                                          \
    X(limits, body_kib, 1, 16384, 256)                                                                       \
    X(limits, header_kib, 1, 1024, 32)                                                                       \
    X(limits, headers, 8, 1000, 100)                                                                         \
    X(limits, streams, 1, 65535, 4096)                                                                       \
    X(limits, held_mib, 1, 65536, 24)                                                                        \
    X(limits, connection_held_kib, 64, 4194304, 8192)                                                        \
    X(limits, requests_per_connection, 1, 1000000000, 100000)                                                \
    X(limits, errors_per_10s, 1, 1000000, 100)                                                               \
    X(limits, empty_frames_per_10s, 1, 1000000, 1000)                                                        \
    X(limits, control_frames_per_10s, 1, 10000000, 10000)                                                    \
    X(limits, load_reports, 0, 1, 0)                                                                         \
    X(limits, ping_ms, 0, 86400000, 5000)                                                                    \
    X(limits, connection_age_seconds, 0, 604800, 3600)                                                       \
    X(limits, source_connections, 0, 1000000, 0)                                                             \
    X(limits, source_calls, 0, 1000000, 0)                                                                   \
    X(limits, idle_ms, 100, 86400000, 300000)                                                                \
    X(limits, http2_idle_ms, 100, 86400000, 3600000)                                                         \
    X(limits, first_byte_ms, 100, 600000, 10000)                                                             \
    X(limits, write_stall_ms, 100, 600000, 30000)                                                            \
    X(limits, header_ms, 100, 600000, 10000)                                                                 \
    X(limits, body_ms, 100, 600000, 30000)                                                                   \
    X(limits, exchange_ms, 100, 600000, 30000)                                                               \
    X(limits, streaming_seconds, 1, 86400, 3600)                                                             \
    X(limits, gzip_bytes_min, 1, 1073741824, 1024)                                                           \
    X(limits, connection_rate, 0, 1000000, 0)                                                                \
    X(limits, connection_burst, 0, 1000000, 0)                                                               \
    X(limits, caller_rate, 0, 1000000, 0)                                                                    \
    X(limits, caller_burst, 0, 1000000, 0)                                                                   \
    X(limits, caller_calls, 0, 1000000, 0)                                                                   \
    X(limits, merchant_rate, 0, 1000000, 0)                                                                  \
    X(limits, merchant_burst, 0, 1000000, 0)                                                                 \
    X(limits, merchant_calls, 0, 1000000, 0)                                                                 \
    X(limits, server_rate, 0, 1000000, 0)                                                                    \
    X(limits, server_burst, 0, 1000000, 0)                                                                   \
    X(limits, overload_ms, 0, 60000, 250)                                                                    \
    X(limits, merchant_share_percent, 1, 100, 90)                                                            \
    X(limits, early_events_percent, 1, 100, 10)

#define SES_CONFIG_STORE(X)                                                                                  \
    X(store, sessions_max, 1000, 1000000000, 1000000)                                                        \
    X(store, quota_mib, 1, 16777216, 8192)                                                                   \
    X(store, map_gib, 1, 16384, 1024)                                                                        \
    X(store, batch_max, 1, 65536, 512)                                                                       \
    X(store, queue_max, 1, 1000000, 16384)                                                                   \
    X(store, gc_age_seconds, 1, 2592000, 3700)                                                               \
    X(store, scrub_per_second, 0, 2500, 250)                                                                 \
    X(store, slow_commit_ms, 0, 60000, 100)                                                                  \
    X(store, move_per_second, 1, 1000000, 2000)

/* Of the mapping store.pg; no part of SES_CONFIG_NUMBERS, whose keys are two words. */
#define SES_CONFIG_STORE_PG(X)                                                                               \
    X(store_pg, write_connections, 1, 16, 2)                                                                 \
    X(store_pg, read_connections, 1, 16, 1)                                                                  \
    X(store_pg, batch_rows, 1, 1024, 256)                                                                    \
    X(store_pg, linger_us, 0, 100000, 500)                                                                   \
    X(store_pg, read_lease_ms, 1000, 60000, 10000)                                                           \
    X(store_pg, stall_ms, 100, 60000, 1000)                                                                  \
    X(store_pg, connect_timeout_ms, 100, 60000, 2000)                                                        \
    X(store_pg, skew_max_ms, 10, 60000, 250)

#define SES_CONFIG_SESSION(X)                                                                                \
    X(session, ttl_seconds, 1, 604800, 900)                                                                  \
    X(session, credential_cache_entries, 1, 65536, 256)                                                      \
    X(session, step_seconds, 1, 86400, 900)                                                                  \
    X(session, closed_seconds, 1, 2592000, 3600)                                                             \
    X(session, rotation_overlap_seconds, 0, 3600, 30)                                                        \
    X(session, inbox_seconds, 1, 86400, 600)                                                                 \
    X(session, watch_alive_seconds, 1, 3600, 25)                                                             \
    X(session, attempts_max, 1, 500, 10)

#define SES_CONFIG_CONNECTOR(X)                                                                              \
    X(connector, connect_timeout_ms, 10, 600000, 3000)                                                       \
    X(connector, total_timeout_ms, 10, 600000, 10000)                                                        \
    X(connector, response_kib, 1, 65536, 256)                                                                \
    X(connector, calls_max, 1, 100000, 1024)                                                                 \
    X(connector, host_percent, 1, 100, 25)                                                                   \
    X(connector, connection_seconds, 1, 86400, 180)                                                          \
    X(connector, breaker_failures, 1, 1000000, 20)                                                           \
    X(connector, breaker_open_ms, 10, 600000, 5000)                                                          \
    X(connector, deadline_margin_ms, 1, 10000, 50)

#define SES_CONFIG_RESTART(X)                                                                                \
    X(restart, budget, 1, 1000, 10)                                                                          \
    X(restart, window_seconds, 1, 3600, 60)                                                                  \
    X(restart, delay_min_ms, 1, 60000, 10)                                                                   \
    X(restart, delay_max_ms, 1, 600000, 5000)                                                                \
    X(restart, healthy_seconds, 1, 3600, 60)                                                                 \
    X(restart, retry_seconds, 1, 86400, 60)                                                                  \
    X(restart, upgrade_check_seconds, 1, 600, 30)

#define SES_CONFIG_DRAIN(X) X(drain, keep_accepting_seconds, 0, 600, 0)
#define SES_CONFIG_READY(X) X(ready, missing_percent, 0, 99, 50)

#define SES_CONFIG_TLS(X)                                                                                    \
    X(tls, handshakes_per_turn, 1, 1000, 4)                                                                  \
    X(tls, ticket_seconds, 0, 604800, 7200)

#define SES_CONFIG_TRACE(X)                                                                                  \
    X(trace, sample_percent, 0, 100, 1)                                                                      \
    X(trace, queue, 64, 65536, 2048)                                                                         \
    X(trace, batch, 1, 64, 64)                                                                               \
    X(trace, timeout_ms, 100, 60000, 5000)

#define SES_CONFIG_UPSTREAM(X)                                                                               \
    X(upstream, connections, 1, 64, 2)                                                                       \
    X(upstream, calls_max, 1, 100000, 1024)                                                                  \
    X(upstream, streams_max, 1, 10000, 100)                                                                  \
    X(upstream, connect_timeout_ms, 10, 600000, 3000)                                                        \
    X(upstream, deadline_ms, 100, 600000, 45000)                                                             \
    X(upstream, idle_ms, 1000, 86400000, 300000)                                                             \
    X(upstream, keepalive_ms, 1000, 600000, 20000)                                                           \
    X(upstream, health_ms, 100, 600000, 5000)                                                                \
    X(upstream, connection_seconds, 1, 86400, 900)                                                           \
    X(upstream, answer_bytes_max, 1024, 67108864, 4194304)                                                   \
    X(upstream, breaker_failures, 1, 1000000, 20)                                                            \
    X(upstream, breaker_open_ms, 10, 600000, 5000)

#define SES_CONFIG_NUMBERS(X)                                                                                \
    SES_CONFIG_LIMITS(X)                                                                                     \
    SES_CONFIG_STORE(X)                                                                                      \
    SES_CONFIG_SESSION(X)                                                                                    \
    SES_CONFIG_CONNECTOR(X)                                                                                  \
    SES_CONFIG_RESTART(X)                                                                                    \
    SES_CONFIG_DRAIN(X) SES_CONFIG_READY(X) SES_CONFIG_TLS(X) SES_CONFIG_TRACE(X) SES_CONFIG_UPSTREAM(X)

/* The default of a row as a constant, e.g. SES_USUAL_limits_idle_ms: for what is made without a
 * configuration (usual.h). */
enum {
#define SES_CONFIG_USUAL(section, key, low, high, usual) SES_USUAL_##section##_##key = (usual),
    SES_CONFIG_NUMBERS(SES_CONFIG_USUAL) SES_CONFIG_STORE_PG(SES_CONFIG_USUAL)
#undef SES_CONFIG_USUAL
};

/* Connectors with an outbound call: their base URLs can be set. Others make no call, a URL for them is
 * refused as unknown. The path is appended by plain concatenation, so a base URL must end, or must not end,
 * in '/'. */
#define SES_CONFIG_CONNECTORS(X)                                                                             \
    X(adyen, true)                                                                                           \
    X(airwallex, false)                                                                                      \
    X(billwerk, true)                                                                                        \
    X(bluesnap, false)                                                                                       \
    X(braintree, false)                                                                                      \
    X(cybersource, true)                                                                                     \
    X(datatrans, false)                                                                                      \
    X(fiservcommercehub, true)                                                                               \
    X(getnet, false)                                                                                         \
    X(globalpay, false)                                                                                      \
    X(iatapay, false)                                                                                        \
    X(itaubank, false)                                                                                       \
    X(jpmorgan, false)                                                                                       \
    X(kount, false)                                                                                          \
    X(mollie, false)                                                                                         \
    X(multisafepay, false)                                                                                   \
    X(nexinets, false)                                                                                       \
    X(nexixpay, false)                                                                                       \
    X(nuvei, false)                                                                                          \
    X(payload, false)                                                                                        \
    X(paypal, true)                                                                                          \
    X(paytm, true)                                                                                           \
    X(pinelabs_online, false)                                                                                \
    X(qwikcilver, false)                                                                                     \
    X(rapyd, false)                                                                                          \
    X(revolut, true)                                                                                         \
    X(shift4, false)                                                                                         \
    X(stripe, true)                                                                                          \
    X(truelayer, false)                                                                                      \
    X(trustpay, true)                                                                                        \
    X(volt, false)                                                                                           \
    X(payu, false)                                                                                           \
    X(authorizedotnet, false)

#endif
