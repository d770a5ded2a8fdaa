/* services.h - the suites' services, as tables of methods. */
#ifndef SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_SERVICES_H
#define SESSIOND_TESTS_CONFORMANCE_RPC_SERVER_SERVICES_H

#include <sessiond/codec/codec_json.h>
#include <sessiond/exchange/route.h>
#include <sessiond/net/timer.h>

extern const struct ses_route conformance_routes[]; /* conformance_service.c */
extern const size_t conformance_routes_count;
extern const struct ses_route interop_routes[]; /* interop_service.c */
extern const size_t interop_routes_count;

/* All of them, for the router; services.c. */
extern const struct ses_route *const services_tables[];
extern const size_t services_tables_count;
const size_t *services_counts(void);
/* What an Any of theirs may hold. */
extern const struct ses_json_types services_types;

/* Of the one loop; methods that wait have no other way to it. */
extern struct ses_timers *services_timers;

#endif
