/* client.h - one HTTP/2 connection of the load generator, and those that replace it when the server leaves it
 * (GOAWAY). */
#ifndef SESSIOND_BENCH_CLIENT_H
#define SESSIOND_BENCH_CLIENT_H

#include "load.h"

/* room: calls that it may carry at a time. */
struct load_client *load_client_open(struct load_run *run, unsigned room);
/* Free streams just now. */
unsigned load_client_room(const struct load_client *client);
bool load_client_idle(const struct load_client *client);
/* Sends the call of journey's step, or keeps it for the next connection; due_ns is when it was due. */
void load_client_send(struct load_client *client, struct load_journey *journey, uint64_t due_ns);
/* Walks over the calls without an answer: each once. */
bool load_client_next_open(struct load_client *client, uint64_t *ret_due_ns, enum load_step *ret_step);
/* Writes what was submitted. */
void load_client_flush(struct load_client *client);
void load_client_close(struct load_client *client);

#endif
