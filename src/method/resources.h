/* resources.h - the plain HTTP resources: no protobuf, no gRPC. */
#ifndef SESSIOND_SRC_METHOD_RESOURCES_H
#define SESSIOND_SRC_METHOD_RESOURCES_H

#include <sessiond/exchange/exchange.h>

/* GET /health: {"status":"healthy","service":"connector-service"}, the words that callers of the protocol's
 * HTTP mode look for; 503 and "unhealthy" when this worker cannot make sessions. arg is the service. */
void ses_resource_health_start(struct ses_exchange *x, void *service);
/* GET /.well-known/paseto-keys: the public keys of tokens, as PASERK. May be cached for a minute; key
 * rotation publishes a key long before it signs. arg is the service. */
void ses_resource_keys_start(struct ses_exchange *x, void *service);
/* GET /openapi.json: what can be called, as it was when this was built. arg is the service. */
void ses_resource_openapi_start(struct ses_exchange *x, void *service);

#endif
