/* sample.h - what several paths are run on. */
#ifndef SESSIOND_BENCH_SAMPLE_H
#define SESSIOND_BENCH_SAMPLE_H

#include <nghttp2/nghttp2.h>

#include <sessiond/domain/session.h>

/* As CreateSessionToken leaves it. */
struct ses_session budget_session(uint64_t now_ms);
/* Points to both. */
nghttp2_nv budget_field(const char *name, const char *value);

#endif
