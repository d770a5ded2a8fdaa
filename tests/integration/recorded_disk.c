/* recorded_disk.c - loaded before the C library (LD_PRELOAD), tells in which order directories are made and
 * things are synced or begin to be written: a line "mkdir PATH", "sync PATH" or "write_back PATH" for each success
 * goes to the end of the file that SES_RECORDED_DISK names. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One write each, so that lines of several processes do not mix. */
static void tell(const char *what, const char *path)
{
    const char *name = getenv("SES_RECORDED_DISK");
    int kept = errno;
    int fd = name == NULL ? -1 : open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    char line[PATH_MAX + 16];

    if (fd >= 0) {
        int len = snprintf(line, sizeof(line), "%s %s\n", what, path);

        (void)!write(fd, line, (size_t)len);
        (void)close(fd);
    }
    errno = kept;
}

static void tell_fd(const char *what, int fd)
{
    char path[PATH_MAX];
    char link[64];
    ssize_t len;

    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof(path) - 1);
    if (len <= 0)
        return;
    path[len] = '\0';
    tell(what, path);
}

/* POSIX gives dlsym no type for functions. */
static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *path, mode_t mode);
    void *found = next("mkdir");
    char whole[PATH_MAX];
    int failed;

    memcpy(&real, &found, sizeof(real));
    failed = real(path, mode);
    if (failed == 0 && realpath(path, whole) != NULL)
        tell("mkdir", whole);
    return failed;
}

static int sync_by(const char *name, int fd)
{
    int (*real)(int fd);
    void *found = next(name);
    int failed;

    memcpy(&real, &found, sizeof(real));
    failed = real(fd);
    if (failed == 0)
        tell_fd("sync", fd);
    return failed;
}

int fsync(int fd)
{
    return sync_by("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_by("fdatasync", fd);
}

int sync_file_range(int fd, off_t at, off_t len, unsigned flags)
{
    int (*real)(int fd, off_t at, off_t len, unsigned flags);
    void *found = next("sync_file_range");
    int failed;

    memcpy(&real, &found, sizeof(real));
    failed = real(fd, at, len, flags);
    if (failed == 0)
        tell_fd("write_back", fd);
    return failed;
}
