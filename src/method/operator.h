/* operator.h - sessiond.v1.OperatorService as routes, and who is let through to them. */
#ifndef SESSIOND_SRC_METHOD_OPERATOR_H
#define SESSIOND_SRC_METHOD_OPERATOR_H

#include <sessiond/exchange/exchange.h>

void ses_operator_show_session_start(struct ses_exchange *x, void *service);
void ses_operator_revoke_session_start(struct ses_exchange *x, void *service);
void ses_operator_set_log_level_start(struct ses_exchange *x, void *service);

#endif
