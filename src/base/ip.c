/* Addresses by inet_pton and inet_ntop; networks by comparing bits. */
#include <sessiond/base/ip.h>

#include <arpa/inet.h>

#define V4_BITS      32u
#define V6_BITS      128u
#define SOURCE_BYTES 8u

static const uint8_t v4_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ses_ip ses_ip_v4(const uint8_t bytes[4])
{
    struct ses_ip ip;

    memcpy(ip.bytes, v4_prefix, sizeof(v4_prefix));
    memcpy(ip.bytes + sizeof(v4_prefix), bytes, 4);
    return ip;
}

struct ses_ip ses_ip_v6(const uint8_t bytes[16])
{
    struct ses_ip ip;

    memcpy(ip.bytes, bytes, sizeof(ip.bytes));
    return ip;
}

bool ses_ip_is_v4(const struct ses_ip *ip)
{
    return memcmp(ip->bytes, v4_prefix, sizeof(v4_prefix)) == 0;
}

struct ses_ip ses_ip_source(const struct ses_ip *ip)
{
    struct ses_ip source = *ip;

    if (!ses_ip_is_v4(ip))
        memset(source.bytes + SOURCE_BYTES, 0, sizeof(source.bytes) - SOURCE_BYTES);
    return source;
}

enum ses_status ses_ip_parse(struct ses_slice text, struct ses_ip *ret_ip)
{
    char copy[SES_IP_TEXT_SIZE];
    uint8_t bytes[16];

    if (text.len == 0 || text.len >= sizeof(copy) || ses_slice_find(text, '\0') < text.len)
        return SES_MALFORMED;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1)
        *ret_ip = ses_ip_v4(bytes);
    else if (inet_pton(AF_INET6, copy, bytes) == 1)
        *ret_ip = ses_ip_v6(bytes);
    else
        return SES_MALFORMED;
    return SES_OK;
}

void ses_ip_text(const struct ses_ip *ip, char ret_text[SES_IP_TEXT_SIZE])
{
    bool v4 = ses_ip_is_v4(ip);

    SES_REQUIRE(inet_ntop(v4 ? AF_INET : AF_INET6, ip->bytes + (v4 ? sizeof(v4_prefix) : 0), ret_text,
                          SES_IP_TEXT_SIZE) != NULL);
}

/* Of the byte at index, those bits that belong to the prefix. */
static unsigned mask_at(unsigned bits, unsigned index)
{
    if (bits <= 8 * index)
        return 0;
    return bits >= 8 * (index + 1) ? 0xffu : 0xffu << (8 * (index + 1) - bits) & 0xffu;
}

static bool contains(const struct ses_network *network, const struct ses_ip *ip)
{
    for (unsigned i = 0; i < sizeof(ip->bytes); i++) {
        if ((((unsigned)ip->bytes[i] ^ network->ip.bytes[i]) & mask_at(network->bits, i)) != 0)
            return false;
    }
    return true;
}

static bool has_host_bits(const struct ses_network *network)
{
    for (unsigned i = 0; i < sizeof(network->ip.bytes); i++) {
        if ((network->ip.bytes[i] & ~mask_at(network->bits, i)) != 0)
            return true;
    }
    return false;
}

/* IPv6 networks in which all of IPv4 lies (::/0 among them) do not take IPv4 in by accident: whoever trusts them
 * says 0.0.0.0/0. */
bool ses_networks_contain(const struct ses_network *networks, size_t count, const struct ses_ip *ip)
{
    for (size_t i = 0; i < count; i++) {
        if (ses_ip_is_v4(ip) == ses_ip_is_v4(&networks[i].ip) && contains(&networks[i], ip))
            return true;
    }
    return false;
}

enum ses_status ses_network_parse(struct ses_slice text, struct ses_network *ret_network)
{
    size_t slash = ses_slice_find(text, '/');
    struct ses_network network;
    uint64_t bits;

    SES_TRY(ses_ip_parse(ses_slice_cut(text, 0, slash), &network.ip));
    bits = ses_ip_is_v4(&network.ip) ? V4_BITS : V6_BITS;
    if (slash < text.len)
        SES_TRY(ses_parse_u64(ses_slice_cut(text, slash + 1, text.len), bits, &bits));
    network.bits = (unsigned)bits + (ses_ip_is_v4(&network.ip) ? V6_BITS - V4_BITS : 0);
    if (has_host_bits(&network))
        return SES_MALFORMED;
    *ret_network = network;
    return SES_OK;
}
