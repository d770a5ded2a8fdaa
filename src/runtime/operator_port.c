/* Doors of their own behind one more listening socket. */
#include "operator_port.h"

#include <sessiond/method/operator_gate.h>

#define CONNECTIONS_MAX 16u
#define EXCHANGES_MAX   16u

static void choose_routes(struct ses_operator_port *port, const struct ses_route *routes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (routes[i].rights != (unsigned)SES_RIGHT_OPERATE)
            continue;
        SES_REQUIRE(port->routes_count < SES_OPERATOR_ROUTES_MAX);
        port->routes[port->routes_count++] = routes[i];
    }
}

static enum ses_status open_pool(struct ses_operator_port *port,
                                 const struct ses_exchange_pool_options *usual)
{
    struct ses_exchange_pool_options options = *usual;

    options.exchanges_max = EXCHANGES_MAX;
    options.keep = 1;
    return ses_exchange_pool_new(&options, &port->pool);
}

/* The gate of the socket stands in the place of those of the network. */
static enum ses_status open_doors(struct ses_operator_port *port, const struct ses_door_options *usual)
{
    struct ses_door_options options = *usual;

    options.router = port->router;
    options.pool = port->pool;
    options.http2 = false;
    options.tls = NULL;
    options.tls_only = false;
    options.proxies = (struct ses_proxies){.trusted_count = 0};
    options.cors = (struct ses_cors){.any = false};
    options.gates[0] = (struct ses_gate){.admit = ses_operator_gate_local};
    options.gates_count = 1;
    return ses_doors_new(&options, &port->doors);
}

enum ses_status ses_operator_port_open(struct ses_operator_port *port, const struct ses_route *routes,
                                       size_t routes_count, const struct ses_exchange_pool_options *pool,
                                       const struct ses_door_options *doors)
{
    const struct ses_route *own = port->routes;

    choose_routes(port, routes, routes_count);
    SES_TRY(open_pool(port, pool));
    SES_TRY(ses_router_new(&own, &port->routes_count, 1, &port->router));
    return open_doors(port, doors);
}

enum ses_status ses_operator_port_connect(struct ses_operator_port *port, int fd,
                                          const struct ses_conns_options *usual)
{
    struct ses_conns_options options = *usual;

    port->fd = fd;
    options.connections_max = CONNECTIONS_MAX;
    options.on_accept = ses_doors_accept;
    options.arg = port->doors;
    return ses_conns_new(&options, &port->conns);
}

enum ses_status ses_operator_port_accept(struct ses_operator_port *port)
{
    return ses_conns_watch(port->conns, port->fd);
}

void ses_operator_port_flush(struct ses_operator_port *port)
{
    if (ses_conns_count(port->conns) > 0)
        ses_conns_flush(port->conns);
}

void ses_operator_port_drain(struct ses_operator_port *port)
{
    ses_conns_unwatch(port->conns, port->fd);
    ses_conns_drain(port->conns);
}

void ses_operator_port_close(struct ses_operator_port *port)
{
    ses_conns_free(port->conns);
    port->conns = NULL;
}

unsigned ses_operator_port_held(const struct ses_operator_port *port)
{
    return port->pool == NULL ? 0 : ses_exchange_pool_open(port->pool);
}

void ses_operator_port_free(struct ses_operator_port *port)
{
    ses_doors_free(port->doors);
    ses_router_free(port->router);
    ses_exchange_pool_free(port->pool);
}
