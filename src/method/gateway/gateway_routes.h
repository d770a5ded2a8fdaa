/* gateway_routes.h - the gateway's rows of the route table. */
#ifndef SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_ROUTES_H
#define SESSIOND_SRC_METHOD_GATEWAY_GATEWAY_ROUTES_H

#include <sessiond/domain/gateway_methods.h>

#include "service_core.h"

/* [worker] A row for each method that the operator lets through, none without a payment server; how many. metric: the row
 * of ses_metrics.requests that they share. */
size_t ses_gateway_routes(struct ses_service *service, int metric,
                          struct ses_route ret_routes[SES_GATEWAY_METHODS]);

#endif
