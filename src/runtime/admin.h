/* admin.h - the resources of the admin port: /metrics, /healthz, /readyz and the status page at /. Read
 * only. */
#ifndef SESSIOND_SRC_RUNTIME_ADMIN_H
#define SESSIOND_SRC_RUNTIME_ADMIN_H

#include <sessiond/exchange/exchange.h>

#include "child.h"

struct ses_admin;

/* [housekeeper] board and table of env are borrowed. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_admin_new(const struct ses_child_env *env, struct ses_admin **ret_admin);
void ses_admin_free(struct ses_admin *admin);
const struct ses_route *ses_admin_routes(const struct ses_admin *admin, size_t *ret_count);

#endif
