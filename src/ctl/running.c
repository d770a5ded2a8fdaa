/* What a data directory says of its server. Is there one? Its processes hold a lock on DIR/lock, whose first line is the
 * supervisor's pid. Where are its sessions? It writes that into DIR/store (runtime/store_mark.h). */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
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

bool ctl_uses_pg(const struct ctl *ctl)
{
    char path[CTL_PATH_SIZE];
    char text[8] = "";
    ssize_t got;
    int fd;

    if (!ctl_path(ctl, "store", path))
        return false;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return false;
    got = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    return got > 0 && strcmp(text, "lmdb\n") != 0;
}
