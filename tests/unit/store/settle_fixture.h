/* settle_fixture.h - what a writer leaves that died in the middle of a write. */
#ifndef SESSIOND_TESTS_UNIT_STORE_SETTLE_FIXTURE_H
#define SESSIOND_TESTS_UNIT_STORE_SETTLE_FIXTURE_H

#include "store_fixture.h"

/* By SIGKILL. */
void die(void);
/* Commits records behind the store's back: what a death between commit and publish leaves. */
void commit_unpublished(struct ses_lmdb *store, struct ses_claim *claim, const char *body,
                        enum ses_record_kind kind);

#endif
