/* operator_gate.h - two gates (exchange/gate.h) of the methods that ask for SES_RIGHT_OPERATE.
 *
 *   at the operator's socket       whoever the file system let connect; the kernel says which user that is
 *   at a port without callers      nobody: PERMISSION_DENIED, OPERATOR_ONLY
 *
 * Where callers are known their own gate asks for the right, in the place of the second.
 */
#ifndef SESSIOND_METHOD_OPERATOR_GATE_H
#define SESSIOND_METHOD_OPERATOR_GATE_H

#include <sessiond/exchange/gate.h>

/* [door] admit of struct ses_gate; arg is not looked at. Sets x->operator_known and x->operator_uid.
 * SES_PERMISSION_DENIED: the connection is none of a UNIX socket. */
enum ses_status ses_operator_gate_local(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                        struct ses_error *ret_error);
/* [door] The same; passes over every route that asks for another right, or for none. */
enum ses_status ses_operator_gate_closed(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                         struct ses_error *ret_error);

#endif
