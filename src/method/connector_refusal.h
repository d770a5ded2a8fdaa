/* connector_refusal.h - a connector's refusal as a gRPC status, for callers that were made for the platform's own
 * server, which has no other way of telling it. */
#ifndef SESSIOND_SRC_METHOD_CONNECTOR_REFUSAL_H
#define SESSIOND_SRC_METHOD_CONNECTOR_REFUSAL_H

#include <sessiond/base/arena.h>
#include <sessiond/base/error.h>
#include <sessiond/connector/connector.h>

/* [worker] Status and sentence are the platform's. older: what was to be created, in the words of its older generation
 * ("Session Token"), whose status is INTERNAL whatever happened; NULL: of the newer one, which follows the connector's
 * HTTP status. Details: google.rpc.ErrorInfo with the
 * outcome as reason, and types.ConnectorError. ret_error borrows from arena and from result, and is always written:
 * without memory it says less. */
void ses_connector_refusal(const struct ses_connector_result *result, const struct ses_connector *connector,
                           const char *older, struct ses_arena *arena, struct ses_error *ret_error);

#endif
