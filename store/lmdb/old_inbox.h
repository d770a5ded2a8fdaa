/* old_inbox.h - inboxes as earlier versions wrote them, met on the way.
 *
 * They kept the events of a session that did not exist yet under a key of their own, the complement of the
 * session's (each byte ~), as a record of kind SESSION whose session id was all zero. Now an inbox lies under
 * the session's own key, as SES_RECORD_INBOX. Nothing is converted: whoever finds nothing under a key is shown
 * what the old inbox holds, as an inbox of that key, and a put that expects nothing there must have seen it.
 * The old record runs out by itself, within the hours that an event waits; until then it is met again should
 * the session be gone sooner.
 *
 * Only a load can bring one into the table. The load notes how long the last of them lasts; when that time is
 * over, or where there never was one, this costs a look at one word of memory.
 */
#ifndef SESSIOND_STORE_OLD_INBOX_H
#define SESSIOND_STORE_OLD_INBOX_H

#include "record_row.h"
#include "table.h"

struct ses_lmdb;

/* [loader] Of each row that is loaded. */
void ses_old_inbox_note(struct ses_table *table, const struct record_row *row);
/* [loop] After nothing was found under key: what its old inbox holds, as a record of that key, and the mark
 * that says so in a version. SES_NOT_FOUND: there is none, it is over, or it does not open: that must not keep
 * the payment from being made. SES_UNAVAILABLE, SES_NO_MEMORY: nobody knows, and an event that was told KEPT
 * must not be lost by that. */
SES_MUST_CHECK enum ses_status ses_old_inbox_get(struct ses_lmdb *store, const struct ses_store_key *key,
                                                 struct ses_arena *arena, struct ses_record *ret_record,
                                                 uint64_t *ret_mark);
/* [loop] May somebody who has seen nothing make key? SES_CONFLICT: not before its old inbox was read. */
SES_MUST_CHECK enum ses_status ses_old_inbox_check(struct ses_lmdb *store, const struct ses_store_key *key);

#endif
