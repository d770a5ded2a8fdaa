/* json_meaning.h - do two JSON texts say the same? The order of an object's keys, white space, the spelling
 * of numbers (1.0, 1e0, 10e-1) and of strings (escapes) say nothing; the order of an array does. */
#ifndef SESSIOND_DOMAIN_JSON_MEANING_H
#define SESSIOND_DOMAIN_JSON_MEANING_H

#include <sessiond/base/arena.h>
#include <sessiond/domain/fingerprint.h>

/* [any] False too for texts that are not JSON (json_check.h), for an object that has a key twice (what that
 * means is the reader's choice), and without memory: for each text its length, and 16 bytes for every value.
 * Compared are keyed 64-bit tags of the values: see fingerprint.h. CPU: some 40 ns a value; only where the
 * texts themselves differ is there a reason to ask. */
bool ses_json_same(const struct ses_tag_key *key, struct ses_slice a, struct ses_slice b,
                   struct ses_arena *arena);
/* [any] The tag of one text's meaning, which is another's that says the same. False as above. */
bool ses_json_meaning(const struct ses_tag_key *key, struct ses_slice text, struct ses_arena *arena,
                      uint64_t *ret_tag);

#endif
