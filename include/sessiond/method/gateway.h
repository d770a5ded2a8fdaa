/* gateway.h - methods of the payment server that pass through sessiond: which there are, and how an operator lets them.
 *
 * The bodies of these calls hold card data. They are never decoded: field numbers are looked for at the top of a message,
 * and what is not in the table is passed on as it came.
 */
#ifndef SESSIOND_METHOD_GATEWAY_H
#define SESSIOND_METHOD_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

struct ses_upstream;

struct ses_gateway_options {
    struct ses_upstream *upstream; /* NULL: nothing passes, and no route is there */
    uint32_t methods;              /* bit enum ses_gateway_name (domain/gateway_methods.h) */
    bool session_required;         /* else a call without a session is passed as it is */
    bool raw_allowed;              /* callers may ask for the connector's raw request and answer */
    uint32_t deadline_ms;          /* of a call; not 0 */
};

#endif
