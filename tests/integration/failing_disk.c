/* failing_disk.c - loaded before the C library (LD_PRELOAD), makes a disk fail while the server runs: writes
 * and syncs of files below a directory end in EIO, as long as the file that SES_FAILING_DISK names exists and
 * holds that directory's path. With "stall " before the path they wait as long instead. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define STALL "stall "

/* With the calls that are not replaced here. */
static bool read_prefix(char prefix[PATH_MAX])
{
    const char *name = getenv("SES_FAILING_DISK");
    int fd = name == NULL ? -1 : open(name, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? -1 : read(fd, prefix, PATH_MAX - 1);

    if (fd >= 0)
        (void)close(fd);
    if (len <= 0)
        return false;
    prefix[len] = '\0';
    return true;
}

/* From write SES_STALL_AFTER on, for as long as the file is there; SES_STALLED is made then. */
static void stall(void)
{
    static atomic_uint writes;
    const char *after = getenv("SES_STALL_AFTER");
    const char *stalled = getenv("SES_STALLED");
    char prefix[PATH_MAX];

    if (atomic_fetch_add(&writes, 1) < (after != NULL ? strtoul(after, NULL, 10) : 0))
        return;
    if (stalled != NULL)
        (void)close(open(stalled, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    while (read_prefix(prefix))
        (void)usleep(5000);
}

static bool fails(int fd)
{
    char prefix[PATH_MAX];
    char path[PATH_MAX];
    char link[64];
    ssize_t len;

    if (!read_prefix(prefix))
        return false;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len <= 0)
        return false;
    path[len] = '\0';
    if (strncmp(prefix, STALL, strlen(STALL)) == 0) {
        if (strncmp(path, prefix + strlen(STALL), strlen(prefix + strlen(STALL))) == 0)
            stall();
        return false;
    }
    if (strncmp(path, prefix, strlen(prefix)) != 0)
        return false;
    errno = EIO;
    return true;
}

/* POSIX gives dlsym no type for functions. */
static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

#define FAILING(type, name, parameters, arguments)                                                           \
    type name parameters;                                                                                    \
    type name parameters                                                                                     \
    {                                                                                                        \
        type(*real) parameters;                                                                              \
        void *found = next(#name);                                                                           \
                                                                                                             \
        if (fails(fd))                                                                                       \
            return -1;                                                                                       \
        memcpy(&real, &found, sizeof(real));                                                                 \
        return real arguments;                                                                               \
    }

FAILING(int, fsync, (int fd), (fd))
FAILING(int, fdatasync, (int fd), (fd))
FAILING(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
FAILING(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
FAILING(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
FAILING(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at))
