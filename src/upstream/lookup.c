/* A lookup that nobody waits for any more cannot be taken back from its thread: it frees itself when it is over. */
#include "lookup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ses_up_lookup {
    uv_getaddrinfo_t request;
    ses_up_lookup_fn done; /* NULL: abandoned */
    void *arg;
};

bool ses_up_address_parse(const char *host, uint16_t port, struct ses_up_addresses *ret_addresses)
{
    ret_addresses->count = 1;
    return uv_ip4_addr(host, port, (struct sockaddr_in *)(void *)&ret_addresses->at[0]) == 0 ||
           uv_ip6_addr(host, port, (struct sockaddr_in6 *)(void *)&ret_addresses->at[0]) == 0;
}

static void copy_addresses(const struct addrinfo *found, struct ses_up_addresses *addresses)
{
    addresses->count = 0;
    for (; found != NULL && addresses->count < SES_UP_ADDRESSES_MAX; found = found->ai_next) {
        if (found->ai_addrlen <= sizeof(addresses->at[0]))
            memcpy(&addresses->at[addresses->count++], found->ai_addr, found->ai_addrlen);
    }
}

static void on_found(uv_getaddrinfo_t *request, int rv, struct addrinfo *found)
{
    struct ses_up_lookup *lookup = (struct ses_up_lookup *)(void *)request;
    struct ses_up_addresses addresses = {.count = 0};

    if (rv == 0)
        copy_addresses(found, &addresses);
    uv_freeaddrinfo(found);
    if (lookup->done != NULL)
        lookup->done(lookup->arg, &addresses,
                     addresses.count > 0 ? NULL : (rv != 0 ? uv_strerror(rv) : "no address"));
    free(lookup);
}

enum ses_status ses_up_lookup_start(uv_loop_t *loop, const char *host, uint16_t port, ses_up_lookup_fn done,
                                    void *arg, struct ses_up_lookup **ret_lookup)
{
    const struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct ses_up_lookup *lookup = calloc(1, sizeof(*lookup));
    char service[sizeof("65535")];

    if (lookup == NULL)
        return SES_NO_MEMORY;
    lookup->done = done;
    lookup->arg = arg;
    (void)snprintf(service, sizeof(service), "%u", port);
    if (uv_getaddrinfo(loop, &lookup->request, on_found, host, service, &hints) != 0) {
        free(lookup);
        return SES_NO_MEMORY;
    }
    *ret_lookup = lookup;
    return SES_OK;
}

void ses_up_lookup_abandon(struct ses_up_lookup *lookup)
{
    if (lookup == NULL)
        return;
    lookup->done = NULL;
    (void)uv_cancel((uv_req_t *)&lookup->request); /* one that has not begun; it is told as the others are */
}
