/* commit.h - one transaction of the committer, and what follows it in the table. */
#ifndef SESSIOND_STORE_COMMIT_H
#define SESSIOND_STORE_COMMIT_H

#include "committer.h"

/* [committer] Several batches, one transaction, one sync, with a step of garbage collection when some is
 * known to wait. Publishes or gives back, see committer.h. Returns the status of them all. */
enum ses_status ses_commit_list(struct ses_committer *committer, const struct batch_list *list);
/* [committer, or the housekeeper on a shard it holds] One transaction of garbage collection; committer->gc
 * tells how it went. */
SES_MUST_CHECK enum ses_status ses_commit_collect(struct ses_committer *committer, uint64_t now_ms);
/* [committer] Claims whose put was never tried go back; the claim of an intent is still its caller's. */
void ses_commit_give_back(struct ses_committer *committer, const struct batch_list *list);
/* [committer] Ends writing for this process. */
void ses_commit_poison(struct ses_committer *committer, const char *what, int code);

#endif
