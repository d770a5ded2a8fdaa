/* Neither gate looks at anything that a client writes. */
#include <sessiond/method/operator_gate.h>

static enum ses_status refuse(struct ses_error *error, const char *message)
{
    ses_error_refuse(error, SES_REASON_OPERATOR_ONLY, ses_slice_str(message));
    return error->status;
}

enum ses_status ses_operator_gate_local(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                        struct ses_error *ret_error)
{
    (void)arg;
    x->operator_known = ses_conn_peer_uid(conn, &x->operator_uid);
    return x->operator_known ? SES_OK : refuse(ret_error, "nobody knows who calls");
}

enum ses_status ses_operator_gate_closed(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                         struct ses_error *ret_error)
{
    (void)arg;
    (void)conn;
    if (x->route->rights != (unsigned)SES_RIGHT_OPERATE)
        return SES_OK;
    return refuse(ret_error,
                  "this method is the operator's: use `sessiondctl session` on the server's machine");
}
