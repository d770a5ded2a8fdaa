#include "resolve.h"

#include <stdlib.h>
#include <uv.h>

struct pg_resolve {
    uv_getaddrinfo_t request;
    void (*done)(void *arg, const struct pg_addresses *addresses); /* NULL: dropped */
    void *arg;
};

bool ses_pg_is_address(const char *host)
{
    struct in6_addr address;

    return uv_inet_pton(AF_INET, host, &address) == 0 || uv_inet_pton(AF_INET6, host, &address) == 0;
}

static void take(struct pg_addresses *addresses, const struct addrinfo *found)
{
    char *text = addresses->text[addresses->count];

    if (uv_ip_name(found->ai_addr, text, PG_ADDRESS_SIZE) == 0)
        addresses->count++;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct pg_resolve *resolve = request->data;
    struct pg_addresses addresses = {.count = 0};

    for (const struct addrinfo *at = found; status == 0 && at != NULL; at = at->ai_next)
        if (addresses.count < PG_ADDRESSES_MAX)
            take(&addresses, at);
    uv_freeaddrinfo(found);
    if (resolve->done != NULL)
        resolve->done(resolve->arg, &addresses);
    free(resolve);
}

struct pg_resolve *ses_pg_resolve(struct uv_loop_s *loop, const char *host,
                                  void (*done)(void *arg, const struct pg_addresses *addresses), void *arg)
{
    struct pg_resolve *resolve = calloc(1, sizeof(*resolve));
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    if (resolve == NULL)
        return NULL;
    resolve->request.data = resolve;
    resolve->done = done;
    resolve->arg = arg;
    if (uv_getaddrinfo(loop, &resolve->request, on_resolved, host, NULL, &hints) != 0) {
        free(resolve);
        return NULL;
    }
    return resolve;
}

void ses_pg_resolve_drop(struct pg_resolve *resolve)
{
    if (resolve == NULL)
        return;
    resolve->done = NULL;
    (void)uv_cancel((uv_req_t *)&resolve->request);
}
