/* method_table.h - everything that can be called of this service, one row each: path, flow in the log, metric and
 * function come from it. */
#ifndef SESSIOND_SRC_METHOD_METHOD_TABLE_H
#define SESSIOND_SRC_METHOD_METHOD_TABLE_H

#include "service_core.h"

/* [worker] The routes of all rows, of health and of reflection, with the service (or its part) as their arg. Returns how
 * many, at most SES_ROUTES_MAX. */
size_t ses_method_table_routes(struct ses_service *service, struct ses_route ret_routes[SES_ROUTES_MAX]);

#endif
