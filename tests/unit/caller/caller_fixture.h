/* caller_fixture.h - callers files as texts, and keys that fit them. */
#ifndef SESSIOND_TESTS_UNIT_CALLER_CALLER_FIXTURE_H
#define SESSIOND_TESTS_UNIT_CALLER_CALLER_FIXTURE_H

#include "unit.h"

#include <sessiond/caller/caller_key.h>
#include <sessiond/caller/callers.h>

#define NOW_S UINT64_C(1800000000) /* 2027-01-15T08:00:00Z */

/* The hash key of all tests, and its name in a file. */
extern struct ses_secret caller_hash_key;
extern char caller_keyed_by[SES_CALLER_KEYED_BY_SIZE];
int caller_group_setup(void **state);
int caller_group_teardown(void **state);

/* The key of this id, whose secret is made of the id; its hash as the file has it. Static storage, one of each. */
const char *caller_key(uint64_t id);
const char *caller_hash(uint64_t id);

/* text with "KEYED" replaced by the name, and "HASH1", "HASH2" by the hashes of keys 1 and 2; static storage. */
const char *caller_text(const char *text);
/* The callers of caller_text(text), which must be right. */
struct ses_callers *caller_load(const char *text);
/* text is refused, by "callers.yaml:" and this. */
void caller_expect_fault(const char *text, const char *fault);

#endif
