/* operator_call.h - calls of sessiond.v1.OperatorService at the running server's UNIX socket, DIR/operator.sock: HTTP/1.1
 * and JSON by libcurl. */
#ifndef SESSIOND_SRC_CTL_OPERATOR_CALL_H
#define SESSIOND_SRC_CTL_OPERATOR_CALL_H

#include "ctl.h"

#define CTL_OPERATOR_TIMEOUT_MS 30000L
#define CTL_OPERATOR_ANSWER_MAX (1 * SES_MIB)

struct ctl_operator;

/* NULL after saying why. */
struct ctl_operator *ctl_operator_open(const struct ctl *ctl);
void ctl_operator_close(struct ctl_operator *server);

enum ctl_operator_end {
    CTL_OPERATOR_OK,
    CTL_OPERATOR_NOT_FOUND, /* nothing of that name */
    CTL_OPERATOR_FAILED     /* why has been said */
};

/* Takes request over; the answer is the caller's. NOT_FOUND is said only if the caller wants it (tell_not_found). */
enum ctl_operator_end ctl_operator_call(struct ctl_operator *server, const char *method, const char *tenant,
                                        const char *merchant, json_t *request, bool tell_not_found,
                                        json_t **ret_answer);

#endif
