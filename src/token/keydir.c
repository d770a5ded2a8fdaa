/* Files are reached from the opened directory (openat), so that what was checked and locked is what is read
 * and written, whatever happens to its name meanwhile.
 */
#include "keydir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/file.h>

/* One name is enough: writers are alone in the directory. Readers skip names that begin with a dot. */
#define NEW_NAME ".new"

/* errno is saved first: what formats the text may change it. */
static enum ses_status fault_io(struct ses_fault *fault, const char *path, const char *name, const char *what)
{
    int error = errno;

    return ses_fault(fault, SES_IO, "%s%s%s: %s: %s", path, name == NULL ? "" : "/", name == NULL ? "" : name,
                     what, strerror(error));
}

/* Run by root beside a server of another user, what is made must be the server's: else its next start fails. */
static bool give_to_owner(int dir_fd, int fd)
{
    struct stat info;

    if (geteuid() != 0)
        return true;
    return fstat(dir_fd, &info) == 0 && (info.st_uid == 0 || fchown(fd, info.st_uid, info.st_gid) == 0);
}

static bool give_dir_to_owner(int parent_fd, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    bool given = fd >= 0 && give_to_owner(parent_fd, fd);

    if (fd >= 0)
        (void)close(fd);
    return given;
}

/* A new directory is only there after a power loss once its parent is synced. */
static enum ses_status settle_new(const char *path, struct ses_fault *fault)
{
    char parent[PATH_MAX];
    int len = snprintf(parent, sizeof(parent), "%s/..", path);

    if (len < 0 || (size_t)len >= sizeof(parent))
        return ses_fault(fault, SES_IO, "the path of the key directory is too long");
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return ses_fault_open(fault, parent, errno);
    bool settled = give_dir_to_owner(fd, path) && fsync(fd) == 0;
    (void)close(fd);
    return settled ? SES_OK : fault_io(fault, parent, NULL, "cannot sync");
}

enum ses_status ses_keydir_make(const char *path, struct ses_fault *fault)
{
    if (mkdir(path, 0700) == 0)
        return settle_new(path, fault);
    return errno == EEXIST ? SES_OK : fault_io(fault, path, NULL, "cannot create");
}

/* Who may write here may add a key and sign tokens with it. Reading the names of public keys is harmless. */
static enum ses_status check_dir(int fd, const char *path, struct ses_fault *fault)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return fault_io(fault, path, NULL, "cannot stat");
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "%s: directory mode is %04o, others could put keys into it; chmod it to 0700", path,
                         (unsigned)(info.st_mode & 07777));
    return SES_OK;
}

/* Operations take milliseconds, so waiting is right; a lock never outlives its process. */
static enum ses_status lock_dir(int fd, bool exclusive, const char *path, struct ses_fault *fault)
{
    while (flock(fd, exclusive ? LOCK_EX : LOCK_SH) != 0) {
        if (errno != EINTR)
            return fault_io(fault, path, NULL, "cannot lock");
    }
    return SES_OK;
}

enum ses_status ses_keydir_open(const char *path, bool exclusive, struct ses_fault *fault,
                                struct ses_keydir *ret_dir)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return ses_fault_open(fault, path, errno);
    enum ses_status status = check_dir(fd, path, fault);
    if (status == SES_OK)
        status = lock_dir(fd, exclusive, path, fault);
    if (status != SES_OK) {
        (void)close(fd);
        return status;
    }
    *ret_dir = (struct ses_keydir){fd, path, SES_KEYDIR_FILE_MAX};
    return SES_OK;
}

void ses_keydir_close(struct ses_keydir *dir)
{
    (void)close(dir->fd); /* gives up the lock */
    dir->fd = -1;
}

/* On the opened file, not the path: what is checked is what is read. */
static enum ses_status check_file(const struct ses_keydir *dir, const char *name, int fd,
                                  struct ses_fault *fault, size_t *ret_bytes)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return fault_io(fault, dir->path, name, "cannot stat");
    if (!S_ISREG(info.st_mode))
        return ses_fault(fault, SES_MALFORMED, "%s/%s: not a regular file", dir->path, name);
    if ((info.st_mode & 077) != 0)
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "%s/%s: mode is %04o, a secret must not be accessible to group or world; chmod it to "
            "0600 and think about who may have read it",
            dir->path, name, (unsigned)(info.st_mode & 07777));
    if (info.st_size < 1 || (uint64_t)info.st_size > dir->file_bytes_max)
        return ses_fault(fault, SES_MALFORMED, "%s/%s: size is not within 1..%zu bytes", dir->path, name,
                         dir->file_bytes_max);
    *ret_bytes = (size_t)info.st_size;
    return SES_OK;
}

/* Straight into guarded memory, no stdio buffer in between that nobody would wipe. */
static enum ses_status read_file(const struct ses_keydir *dir, const char *name, int fd,
                                 struct ses_fault *fault, struct ses_secret *ret_bytes)
{
    struct ses_secret bytes;
    size_t len = 0;

    SES_TRY(check_file(dir, name, fd, fault, &len));
    if (ses_secret_new(len, &bytes) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "%s/%s: out of guarded memory", dir->path, name);
    if (!ses_file_read_all(fd, bytes.bytes, len)) {
        ses_secret_free(&bytes);
        return fault_io(fault, dir->path, name, "cannot read");
    }
    *ret_bytes = bytes;
    return SES_OK;
}

static enum ses_status fault_open_in(struct ses_fault *fault, const struct ses_keydir *dir, const char *name)
{
    int error = errno;
    char path[PATH_MAX];

    (void)snprintf(path, sizeof(path), "%s/%s", dir->path, name);
    return ses_fault_open(fault, path, error);
}

enum ses_status ses_keydir_read(const struct ses_keydir *dir, const char *name, struct ses_fault *fault,
                                struct ses_secret *ret_bytes)
{
    /* O_NONBLOCK: a FIFO put there must not hang the start. */
    int fd = openat(dir->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno == ENOENT)
        return SES_NOT_FOUND;
    if (fd < 0)
        return fault_open_in(fault, dir, name);
    enum ses_status status = read_file(dir, name, fd, fault, ret_bytes);
    (void)close(fd);
    return status;
}

/* Content before name: the file is synced, then renamed, then the directory is synced. A name that is on disk
 * before its content would be an empty key after a power loss. */
enum ses_status ses_keydir_write(const struct ses_keydir *dir, const char *name, struct ses_slice bytes,
                                 struct ses_fault *fault)
{
    (void)unlinkat(dir->fd, NEW_NAME, 0); /* of a writer that died */
    int fd = openat(dir->fd, NEW_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return fault_io(fault, dir->path, name, "cannot create");
    bool written = ses_file_write_all(fd, bytes) && give_to_owner(dir->fd, fd) && fsync(fd) == 0;
    if (close(fd) != 0 || !written || renameat(dir->fd, NEW_NAME, dir->fd, name) != 0) {
        enum ses_status status = fault_io(fault, dir->path, name, "cannot write");

        (void)unlinkat(dir->fd, NEW_NAME, 0);
        return status;
    }
    return fsync(dir->fd) != 0 ? fault_io(fault, dir->path, name, "cannot sync its directory") : SES_OK;
}

enum ses_status ses_keydir_remove(const struct ses_keydir *dir, const char *name, struct ses_fault *fault)
{
    if (unlinkat(dir->fd, name, 0) != 0)
        return fault_io(fault, dir->path, name, "cannot remove");
    return fsync(dir->fd) != 0 ? fault_io(fault, dir->path, name, "cannot sync its directory") : SES_OK;
}
