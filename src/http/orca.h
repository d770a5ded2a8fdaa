/* orca.h - what a worker tells its clients of its load, with each answer: xds.data.orca.v3.OrcaLoadReport in the trailer
 * endpoint-load-metrics-bin (gRFC A51, "per-call"), by which balancers weigh endpoints (gRFC A58).
 *
 *   1  cpu_utilization          processors in use, all threads; may exceed 1
 *   6  rps_fractional           calls answered a second
 *   7  eps                      of these, what this worker could not do (ses_load_errors): one that refuses at once looks
 *                               idle otherwise, and balancers would send it all the more
 *   9  application_utilization  of the loop's time, 0..1: what binds first
 *
 * Of the worker behind the connection, in the last seconds (base/load.h). What it cannot say honestly it does not:
 * mem_utilization (its memory is the machine's page cache and a table shared with its neighbours), rps (deprecated), and
 * the maps, for which nobody asks by name.
 */
#ifndef SESSIOND_SRC_HTTP_ORCA_H
#define SESSIOND_SRC_HTTP_ORCA_H

#include <sessiond/base/load.h>
#include <sessiond/base/slice.h>

#define SES_ORCA_BYTES 36u /* four fields of a tag and a double */

/* Pure. */
void ses_orca_encode(const struct ses_load *load, uint8_t ret_bytes[SES_ORCA_BYTES]);

#endif
