/* privilege.h - from whoever started sessiond to the user it runs as, with nothing left to give away.
 *
 * Started as root, it needs `user:` (or --sandbox, or `user: root`, which says that root is meant): the supervisor
 * makes the data directory and gives it to the user, becomes the user at once, and keeps of root's powers one until
 * its sockets are bound: CAP_NET_BIND_SERVICE, for ports below 1024. Then no process of ours has a capability, and
 * none can get one again (the bounding set is empty, no_new_privs is set). A server that root runs as root loses
 * its capabilities just so.
 */
#ifndef SESSIOND_SRC_RUNTIME_PRIVILEGE_H
#define SESSIOND_SRC_RUNTIME_PRIVILEGE_H

#include <sessiond/config/config.h>

/* [supervisor] Before anything of the data directory is touched: makes it where it is missing, if make_dir, and
 * becomes the user. SES_PERMISSION_DENIED: root without a user, a user that only root could become; SES_NOT_FOUND:
 * no such user or group; SES_IO. */
SES_MUST_CHECK enum ses_status ses_privilege_become_user(const struct ses_config *config, bool make_dir,
                                                         struct ses_fault *ret_fault);
/* [supervisor] The sockets are bound: the last capability goes. SES_IO. */
SES_MUST_CHECK enum ses_status ses_privilege_finish(struct ses_fault *ret_fault);

#endif
