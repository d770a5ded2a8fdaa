/* lookup.h - the addresses of a host, by the C library on a thread of libuv's pool; of a numeric address at once. */
#ifndef SESSIOND_SRC_UPSTREAM_LOOKUP_H
#define SESSIOND_SRC_UPSTREAM_LOOKUP_H

#include <uv.h>

#include <sessiond/base/status.h>

#define SES_UP_ADDRESSES_MAX 8

struct ses_up_addresses {
    struct sockaddr_storage at[SES_UP_ADDRESSES_MAX];
    unsigned count;
};

struct ses_up_lookup;

/* why: NULL, or a reason, static; addresses are there then not. */
typedef void (*ses_up_lookup_fn)(void *arg, const struct ses_up_addresses *addresses, const char *why);

/* false: host is a name. */
bool ses_up_address_parse(const char *host, uint16_t port, struct ses_up_addresses *ret_addresses);
/* done is called from the loop. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_up_lookup_start(uv_loop_t *loop, const char *host, uint16_t port,
                                                   ses_up_lookup_fn done, void *arg,
                                                   struct ses_up_lookup **ret_lookup);
/* done is not called any more; the lookup ends by itself. NULL is fine. */
void ses_up_lookup_abandon(struct ses_up_lookup *lookup);

#endif
