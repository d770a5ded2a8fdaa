/* orca.h - what a worker tells its clients of its load, with each answer: xds.data.orca.v3.OrcaLoadReport in the trailer
 * endpoint-load-metrics-bin (gRFC A51, "per-call"), by which balancers weigh endpoints (gRFC A58).
 *
 *   1  cpu_utilization          processors in use, all threads; may exceed 1
 *   6  rps_fractional           calls answered a second
 *   9  application_utilization  of the loop's time, 0..1: what binds first
 *
 * Of the worker behind the connection, in the last seconds (base/load.h).
 */
#ifndef SESSIOND_SRC_HTTP_ORCA_H
#define SESSIOND_SRC_HTTP_ORCA_H

#include <sessiond/base/load.h>
#include <sessiond/base/slice.h>

#define SES_ORCA_BYTES 27u /* three fields of a tag and a double */

/* Pure. */
void ses_orca_encode(const struct ses_load *load, uint8_t ret_bytes[SES_ORCA_BYTES]);

#endif
