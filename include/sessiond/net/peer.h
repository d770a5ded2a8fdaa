/* peer.h - the other end of a connection: where the socket says it is, or where a trusted proxy says so. */
#ifndef SESSIOND_NET_PEER_H
#define SESSIOND_NET_PEER_H

#include <sys/socket.h>

#include <sessiond/base/ip.h>

#define SES_PEER_TEXT_SIZE 56u

struct ses_peer {
    bool known; /* false: not from a network; ip and port are 0 */
    uint16_t port;
    struct ses_ip ip;
    char text[SES_PEER_TEXT_SIZE]; /* "127.0.0.1:54321", "[2001:db8::1]:54321", "local"; for logs */
};

/* [any] port 0: not known, the text leaves it out. */
struct ses_peer ses_peer_of_ip(const struct ses_ip *ip, uint16_t port);
/* [any] AF_INET and AF_INET6; others are not known. */
struct ses_peer ses_peer_of_socket(const struct sockaddr_storage *address);

#endif
