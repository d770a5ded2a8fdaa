/* health.h - grpc.health.v1.Health: Check, Watch, List (grpc/grpc: doc/health-checking.md).
 *
 * Each worker answers for itself. The service tells the state; Watch streams hear of every change. One
 * thread.
 *
 * What the services say:
 *
 *   nothing is amiss                      SERVING for every name
 *   the table or a shard is full          NOT_SERVING for types.MerchantAuthenticationService alone
 *   too many workers are missing, or
 *   this one's writer is poisoned         NOT_SERVING for every name
 *   this worker is replaced by a reload   as it was; its Watch streams end with UNAVAILABLE
 *   the server stops                      NOT_SERVING for every name, then the Watch streams end
 */
#ifndef SESSIOND_EXCHANGE_HEALTH_H
#define SESSIOND_EXCHANGE_HEALTH_H

#include <sessiond/exchange/exchange.h>

#define SES_HEALTH_SERVICES_MAX 16
#define SES_HEALTH_ROUTES       3
#define SES_HEALTH_WATCH        1 /* which of them streams */

struct ses_health;

/* [worker] services: full names, static strings; the server as a whole ("") comes by itself. All begin as
 * NOT_SERVING. At most watchers_max Watch streams at once, RESOURCE_EXHAUSTED above (0 = 1024).
 * SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_health_new(const char *const *services, size_t services_count,
                                              unsigned watchers_max, struct ses_health **ret_health);
/* Ends open Watch streams (UNAVAILABLE), frees. NULL is fine. */
void ses_health_free(struct ses_health *health);
/* Sets every service and the server as a whole; tells the watchers of those that change. */
void ses_health_set_all(struct ses_health *health, bool serving);
/* The same without one of them. */
void ses_health_set_rest(struct ses_health *health, const char *except, bool serving);
/* The same for one service; "" the server as a whole. Unknown names are a programmer error. */
void ses_health_set(struct ses_health *health, const char *service, bool serving);
/* Ends the Watch streams with UNAVAILABLE, so that draining need not wait for them, and takes no more;
 * nothing changes from now on. server_stops: before that, NOT_SERVING for all. */
void ses_health_drain(struct ses_health *health, bool server_stops);

/* [any] The path of route i, 0 .. SES_HEALTH_ROUTES - 1. */
const char *ses_health_path(int route);
/* Writes the SES_HEALTH_ROUTES rows Check, Watch, List; their metric rows are metric, metric + 1, metric + 2
 * (-1: not counted). */
void ses_health_routes(struct ses_health *health, int metric, struct ses_route ret_routes[SES_HEALTH_ROUTES]);

#endif
