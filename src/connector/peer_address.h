/* peer_address.h - which addresses a call may go to, whatever name led there (SSRF by DNS: a name on the list that
 * resolves to somebody inside our network, or to the cloud's metadata service). */
#ifndef SESSIOND_SRC_CONNECTOR_PEER_ADDRESS_H
#define SESSIOND_SRC_CONNECTOR_PEER_ADDRESS_H

#include <stdbool.h>

#include <sys/socket.h>

enum ses_peers {
    SES_PEERS_PUBLIC,   /* globally reachable ones (IANA's special-purpose registries, RFC 6890) */
    SES_PEERS_ANY,      /* connector.private_addresses: allow */
    SES_PEERS_LOOPBACK, /* --sandbox */
};

/* [worker] False too for what is no whole IPv4 or IPv6 address. */
bool ses_peers_allow(enum ses_peers peers, const struct sockaddr *address, socklen_t size);

#endif
