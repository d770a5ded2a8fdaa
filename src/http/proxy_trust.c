/* Which peers are trusted proxies. */
#include "proxy.h"

bool ses_proxy_is_trusted(const struct ses_proxies *proxies, const struct ses_peer *peer)
{
    return proxies->trusted_count > 0 && peer->known &&
           ses_networks_contain(proxies->trusted, proxies->trusted_count, &peer->ip);
}
