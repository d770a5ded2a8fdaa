/* status_json.h - /status.json: the board for programs that look again and again, the status page and `sessiondctl
 * status`. Counters and histograms are told as they stand; who looks twice has rates and quantiles of the time between.
 *
 *   version, commit, listen, durability, uptime_s, mono_ms (of this machine's clock that never steps)
 *   state ("ready", "degraded", "draining", "not ready"), ready, draining, reasons [..], pressed (workers)
 *   load        headroom 0..1, cpu (processors), calls_per_second, call_cpu_us; of the last seconds
 *   shards      of a database: state, cause, durability, skew_ms, timeline; not there with LMDB
 *   table       used, room; of LMDB
 *   calls       answered, refused (the caller's fault), failed (ours, or a connector's)
 *   latency     of unary calls; commit, sync: of the store; own: of calls that waited for a connector, without it
 *   counters    the tables of base/metrics.h, names without "sessiond_"; families: {name: {value: count}}
 *   methods     that were called: name, streams, calls, latency
 *   connectors  name, outcomes {outcome: count}, latency; breakers: connector, origin, open, known (workers)
 *   workers     slot, state, pid, generation, beat_ms, busy 0..1, calls, latency, and what each holds
 *   processes   role, slot, pid, cpu_s, resident_bytes = anonymous_bytes + file_bytes + shared_bytes, files_open, files_max
 *
 * A histogram is [index, count, index, count, ..] of the buckets that hold something (base/metrics.h), values in
 * nanoseconds. Members are added, never changed: a reader passes over what it does not know.
 */
#ifndef SESSIOND_SRC_RUNTIME_STATUS_JSON_H
#define SESSIOND_SRC_RUNTIME_STATUS_JSON_H

#include <sessiond/base/arena.h>

#include "board_view.h"

/* ret_json lives in the arena. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_status_json(const struct ses_board *board,
                                               const struct ses_board_view *view, struct ses_arena *arena,
                                               struct ses_slice *ret_json);

#endif
