/* Is there a server on this data directory? Its processes hold a lock on DIR/lock, whose first line is the
 * supervisor's pid. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

bool ctl_server_runs(const struct ctl *ctl, long *ret_pid)
{
    char path[CTL_PATH_SIZE];
    char text[32] = "";
    bool runs;
    int fd;

    *ret_pid = 0;
    if (!ctl_path(ctl, "lock", path))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    /* A shared lock, given back at once: two sessiondctl do not take each other for a server. */
    runs = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (runs && read(fd, text, sizeof(text) - 1) > 0)
        *ret_pid = strtol(text, NULL, 10);
    (void)close(fd);
    return runs;
}
