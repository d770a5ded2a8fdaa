/* caller_gate.h - the gate that asks who calls (exchange/gate.h): key or certificate, then right, tenant and merchant,
 * before a byte of the body is taken. What only the message tells (mode, token or none) the methods ask themselves
 * (caller_check.h).
 *
 *   authorization: Bearer sesskey_..    the caller's key; another scheme or another text is one that nobody has
 *   x-api-key: sesskey_..               the same. Any other text there is the connector's (request_metadata.h), and a
 *                                       text of this form never is
 *   a certificate that TLS has verified thumbprint, SANs and subject, as the callers file lists them
 *
 * Both headers, or a certificate and a key of two callers, are refused: which one counts is not for us to choose.
 *
 *   UNAUTHENTICATED     CALLER_REQUIRED    none of these (401 with www-authenticate)
 *                       CALLER_UNKNOWN     unknown, expired and revoked alike, in words and time
 *                       CALLER_AMBIGUOUS   two of them
 *   PERMISSION_DENIED   CALLER_NOT_ALLOWED metadata names what is missing: right, tenant, merchant, mode
 *   INVALID_ARGUMENT    INVALID_METADATA   the caller has several merchants (tenants), and the call names none
 */
#ifndef SESSIOND_METHOD_CALLER_GATE_H
#define SESSIOND_METHOD_CALLER_GATE_H

#include <sessiond/base/log.h>
#include <sessiond/base/metrics.h>
#include <sessiond/base/secret.h>
#include <sessiond/caller/withdrawn.h>
#include <sessiond/exchange/gate.h>

/* All borrowed. */
struct ses_caller_gate {
    struct ses_callers *callers;       /* this process's own copy */
    const struct ses_secret *hash_key; /* DATA/keys/callers.key */
    struct ses_log *log;
    struct ses_metrics *metrics;
};

/* [door] admit of struct ses_gate; arg is a struct ses_caller_gate. Sets x->caller, and x->tenant and x->merchant where the caller has a list of them. CPU:
 * 0.7 us. */
enum ses_status ses_caller_gate_admit(void *arg, struct ses_exchange *x, struct ses_conn *conn,
                                      struct ses_error *ret_error);

#endif
