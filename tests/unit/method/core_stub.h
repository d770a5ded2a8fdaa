/* core_stub.h - a connector that answers what a test told it: one thread, one connection at a time. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_CORE_STUB_H
#define SESSIOND_TESTS_UNIT_METHOD_CORE_STUB_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

struct stub {
    int fd;
    char url[64];
    pthread_t thread;
    _Atomic int status;
    const char *_Atomic body;
    _Atomic bool held; /* answers are held until it is false again */
    _Atomic unsigned calls;
    char last_request[4096]; /* valid once calls has grown */
    char first_key[128];     /* idempotency keys of the first and the last request */
    char last_key[128];
};
void stub_note_key(struct stub *stub);
void stub_serve(struct stub *stub, int fd);
void *stub_run(void *arg);

#define STRIPE_OK                                                                                            \
    "{\"id\":\"pi_1\",\"object\":\"payment_intent\",\"amount\":10000,\"currency\":\"usd\",\"status\":"       \
    "\"requires_payment_method\",\"metadata\":{},\"client_secret\":\"pi_1_secret_x\"}"

void stub_start(struct stub *stub);
void stub_stop(struct stub *stub);

#endif
