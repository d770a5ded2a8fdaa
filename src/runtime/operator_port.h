/* operator_port.h - a worker's part of the operator's socket (operator_socket.h): the operator's methods alone, over
 * HTTP/1.1. Pool, connections and their limits are its own: strangers who take all there is of the others do not keep
 * an operator out. */
#ifndef SESSIOND_SRC_RUNTIME_OPERATOR_PORT_H
#define SESSIOND_SRC_RUNTIME_OPERATOR_PORT_H

#include <sessiond/http/door.h>

#define SES_OPERATOR_ROUTES_MAX 8

struct ses_operator_port {
    int fd;
    struct ses_route routes[SES_OPERATOR_ROUTES_MAX];
    size_t routes_count;
    struct ses_exchange_pool *pool;
    struct ses_router *router;
    struct ses_doors *doors;
    struct ses_conns *conns;
};

/* [worker] Of the service's routes those that ask for SES_RIGHT_OPERATE, behind doors like these. SES_NO_MEMORY; what
 * was made is ended by close and free all the same. */
SES_MUST_CHECK enum ses_status ses_operator_port_open(struct ses_operator_port *port,
                                                      const struct ses_route *routes, size_t routes_count,
                                                      const struct ses_exchange_pool_options *pool,
                                                      const struct ses_door_options *doors);
/* [worker] Behind that; fd listens and is borrowed. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_operator_port_connect(struct ses_operator_port *port, int fd,
                                                         const struct ses_conns_options *conns);
/* [worker] From now on connections are accepted. SES_IO. */
SES_MUST_CHECK enum ses_status ses_operator_port_accept(struct ses_operator_port *port);
/* [worker] Once in each round of a turn, before the other connections: their gauges are those that stand. */
void ses_operator_port_flush(struct ses_operator_port *port);
/* [worker] No more are accepted, those that are open are told. */
void ses_operator_port_drain(struct ses_operator_port *port);
/* [worker] Ends the connections; how many exchanges somebody still holds. */
void ses_operator_port_close(struct ses_operator_port *port);
unsigned ses_operator_port_held(const struct ses_operator_port *port);
/* [worker] Behind that, and before the service goes. */
void ses_operator_port_free(struct ses_operator_port *port);

#endif
