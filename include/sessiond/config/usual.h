/* usual.h - what a module is given where no configuration speaks for it: the defaults of config_numbers.h in
 * the module's own struct.
 *
 * The housekeeper's doors take it (what is configured are the limits of the workers' clients), and tests and
 * measurements, each of which then changes what it means. No module has numbers of its own for what is left
 * out.
 */
#ifndef SESSIOND_CONFIG_USUAL_H
#define SESSIOND_CONFIG_USUAL_H

#include <sessiond/base/units.h>
#include <sessiond/http/door.h>
#include <sessiond/net/conn.h>
#include <sessiond/store/store_lmdb.h>

#include <sessiond/config/config_numbers.h>

static inline struct ses_door_limits ses_usual_door_limits(void)
{
    return (struct ses_door_limits){
        .body_bytes_max = SES_USUAL_limits_body_kib * SES_KIB,
        .header_bytes_max = SES_USUAL_limits_header_kib * SES_KIB,
        .headers_max = SES_USUAL_limits_headers,
        .streams_max = SES_USUAL_limits_streams,
        .held_bytes_max = SES_USUAL_limits_connection_held_kib * SES_KIB,
        .requests_max = SES_USUAL_limits_requests_per_connection,
        .errors_max = SES_USUAL_limits_errors_per_10s,
        .empty_frames_max = SES_USUAL_limits_empty_frames_per_10s,
        .control_frames_max = SES_USUAL_limits_control_frames_per_10s,
        .ping_ms = SES_USUAL_limits_ping_ms,
        .http2_idle_ms = SES_USUAL_limits_http2_idle_ms,
        .header_ms = SES_USUAL_limits_header_ms,
        .write_stall_ms = SES_USUAL_limits_write_stall_ms,
        .body_ms = SES_USUAL_limits_body_ms,
        .exchange_ms_max = SES_USUAL_limits_exchange_ms,
        .streaming_ms = SES_USUAL_limits_streaming_seconds * 1000u,
        .gzip_bytes_min = SES_USUAL_limits_gzip_bytes_min,
    };
}

/* Without loop, timers and on_accept. */
static inline struct ses_conns_options ses_usual_conns(void)
{
    return (struct ses_conns_options){
        .connections_max = SES_USUAL_limits_connections,
        .idle_ms = SES_USUAL_limits_idle_ms,
        .first_byte_ms = SES_USUAL_limits_first_byte_ms,
        .write_stall_ms = SES_USUAL_limits_write_stall_ms,
        .held_bytes_max = SES_USUAL_limits_held_mib * SES_MIB,
        .handshakes_per_turn = SES_USUAL_tls_handshakes_per_turn,
    };
}

/* Without directory, table and keys; all of the room for every owner, as durable as can be. */
static inline struct ses_lmdb_options ses_usual_store(void)
{
    return (struct ses_lmdb_options){
        .shards = 1,
        .map_bytes = (uint64_t)SES_USUAL_store_map_gib * SES_GIB,
        .batch_max = SES_USUAL_store_batch_max,
        .queue_max = SES_USUAL_store_queue_max,
        .gc_age_ms = SES_USUAL_store_gc_age_seconds * UINT64_C(1000),
    };
}

#endif
