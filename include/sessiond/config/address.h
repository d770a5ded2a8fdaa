/* address.h - "127.0.0.1:8080" and "[::1]:8080": numeric TCP addresses, never a name to resolve. */
#ifndef SESSIOND_CONFIG_ADDRESS_H
#define SESSIOND_CONFIG_ADDRESS_H

#include <sys/socket.h>

#include <sessiond/base/slice.h>

#define SES_ADDRESS_TEXT_SIZE 64

struct ses_address {
    struct sockaddr_storage sockaddr;
    socklen_t len;
    char text[SES_ADDRESS_TEXT_SIZE]; /* canonical, for logs */
};

/* [any] Numeric IPv4 or bracketed IPv6 with a port 0..65535; port 0 lets the kernel choose. SES_MALFORMED. */
SES_MUST_CHECK enum ses_status ses_address_parse(const char *text, struct ses_address *ret_address);
/* [any] 127.0.0.0/8 or ::1. */
bool ses_address_loopback_check(const struct ses_address *address);
uint16_t ses_address_port(const struct ses_address *address);
void ses_address_set_port(struct ses_address *address, uint16_t port);

#endif
