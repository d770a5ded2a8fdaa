/* watch_streams.h - streams of WatchSession and what they were told. */
#ifndef SESSIOND_TESTS_UNIT_METHOD_WATCH_STREAMS_H
#define SESSIOND_TESTS_UNIT_METHOD_WATCH_STREAMS_H

#include "method/session_calls.h"

/* Turns until so many messages have come. */
void wait_sent(struct call *call, unsigned sent);
/* Turns until that version is told: those between may be left out (session.proto). */
void wait_version(struct call *call, uint64_t version);
/* A stream that has told the session as it is. */
struct call *watch_now(struct core *core, const char *token);
/* Of the i-th message, from 0. */
uint64_t version_told(struct call *call, unsigned i);
enum ses_session_status status_told(struct call *call, unsigned i);
/* The client goes away: frees the call. Nothing is in flight then. */
void stream_cancel(struct call *call);

#endif
