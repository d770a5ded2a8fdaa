/* Prefixes as numbers: an address is compared by its first bits. An IPv6 address that carries an IPv4 one (mapped, NAT64,
 * 6to4) is judged by that, since that is where it goes. */
#include "peer_address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct prefix4 {
    uint32_t net;
    unsigned bits;
};

/* Not forwarded by the internet: RFC 1122, 1918, 6598 (carriers), 3927 (link-local, metadata services), 6890, 5737
 * (documentation), 2544 (benchmarks), 5771 (multicast), 1112 (reserved, broadcast). */
static const struct prefix4 private4[] = {
    {0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8},  {0xa9fe0000, 16},
    {0xac100000, 12}, {0xc0000000, 24}, {0xc0000200, 24}, {0xc0a80000, 16}, {0xc6120000, 15},
    {0xc6336400, 24}, {0xcb007100, 24}, {0xe0000000, 4},  {0xf0000000, 4},
};

static bool is_public4(uint32_t address)
{
    for (size_t i = 0; i < sizeof(private4) / sizeof(private4[0]); i++) {
        if ((address ^ private4[i].net) >> (32 - private4[i].bits) == 0)
            return false;
    }
    return true;
}

static uint32_t number_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Global unicast is 2000::/3; of it, documentation (RFC 3849) and the protocols' own 2001::/23 are not for anybody. */
static bool is_public6(const uint8_t address[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};
    uint32_t first = number_at(address);

    if (memcmp(address, mapped, sizeof(mapped)) == 0 || memcmp(address, nat64, sizeof(nat64)) == 0)
        return is_public4(number_at(address + 12));
    if (first >> 16 == 0x2002) /* 6to4 (RFC 3056) */
        return is_public4(number_at(address + 2));
    return first >> 29 == 1 && first != 0x20010db8 && first >> 9 != 0x20010000 >> 9;
}

static bool is_loopback6(const uint8_t address[16])
{
    static const uint8_t loopback[16] = {[15] = 1};

    return memcmp(address, loopback, sizeof(loopback)) == 0;
}

bool ses_peers_allow(enum ses_peers peers, const struct sockaddr *address, socklen_t size)
{
    struct sockaddr_in6 v6;
    struct sockaddr_in v4;

    if (address->sa_family == AF_INET && size >= sizeof(v4)) {
        uint32_t number;

        memcpy(&v4, address, sizeof(v4));
        number = ntohl(v4.sin_addr.s_addr);
        return peers == SES_PEERS_ANY ||
               (peers == SES_PEERS_LOOPBACK ? number >> 24 == 127 : is_public4(number));
    }
    if (address->sa_family != AF_INET6 || size < sizeof(v6))
        return false;
    memcpy(&v6, address, sizeof(v6));
    return peers == SES_PEERS_ANY || (peers == SES_PEERS_LOOPBACK ? is_loopback6(v6.sin6_addr.s6_addr)
                                                                  : is_public6(v6.sin6_addr.s6_addr));
}
