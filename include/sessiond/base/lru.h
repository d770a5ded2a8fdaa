/* lru.h - which place of a table of fixed size a key has; when all are taken, the next key gets the place of the
 * least recently used one. The values are the user's, in an array by place.
 *
 * A key is a whole hash that nobody outside can aim: two keys never share a place, and its first bytes choose
 * the bucket. A place is in two lists, both made of indexes, which are half the size of pointers:
 *
 *   bucket   chain                      keys with the same low bits: for finding
 *   order    newest <-> .. <-> oldest   by last use: for making room
 *
 * Nothing is allocated after the start.
 */
#ifndef SESSIOND_BASE_LRU_H
#define SESSIOND_BASE_LRU_H

#include <sessiond/base/hash.h>

struct ses_lru;

/* places: at least one. SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_lru_new(size_t places, struct ses_lru **ret_lru);
/* Wipes the keys. Takes NULL. */
void ses_lru_free(struct ses_lru *lru);
/* Makes the key the newest. False: it is not there. */
bool ses_lru_find(struct ses_lru *lru, const uint8_t key[SES_HASH_BYTES], size_t *ret_place);
/* A place for a key that is not there, counted from 0 until all are taken; then it is the oldest key's, which
 * is forgotten: what the user holds there is no longer valid. */
size_t ses_lru_add(struct ses_lru *lru, const uint8_t key[SES_HASH_BYTES]);
/* Keys that have a place. */
size_t ses_lru_count(const struct ses_lru *lru);

#endif
