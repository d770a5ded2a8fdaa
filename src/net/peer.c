#include <sessiond/net/peer.h>

#include <netinet/in.h>
#include <stdio.h>

struct ses_peer ses_peer_of_ip(const struct ses_ip *ip, uint16_t port)
{
    struct ses_peer peer = {.known = true, .port = port, .ip = *ip};
    char text[SES_IP_TEXT_SIZE];

    ses_ip_text(ip, text);
    if (port == 0)
        (void)snprintf(peer.text, sizeof(peer.text), "%s", text);
    else if (ses_ip_is_v4(ip))
        (void)snprintf(peer.text, sizeof(peer.text), "%s:%u", text, (unsigned)port);
    else
        (void)snprintf(peer.text, sizeof(peer.text), "[%s]:%u", text, (unsigned)port);
    return peer;
}

struct ses_peer ses_peer_of_socket(const struct sockaddr_storage *address)
{
    struct ses_ip ip;

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;

        ip = ses_ip_v4((const uint8_t *)&in->sin_addr);
        return ses_peer_of_ip(&ip, ntohs(in->sin_port));
    }
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)address;

        ip = ses_ip_v6((const uint8_t *)&in->sin6_addr);
        return ses_peer_of_ip(&ip, ntohs(in->sin6_port));
    }
    return (struct ses_peer){.text = "local"};
}
