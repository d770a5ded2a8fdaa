/* Files in pieces of 1 MiB: a shard may be larger than memory. */
#include "files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include <sessiond/base/file.h>

#define PIECE_BYTES SES_MIB
#define TREE_DEPTH  16

static enum ses_status fault_io(struct ses_fault *fault, const char *path, const char *what)
{
    int error = errno;

    return ses_fault(fault, error == ENOENT ? SES_NOT_FOUND : SES_IO, "%s: %s: %s", path, what,
                     strerror(error));
}

bool ctl_join(const char *dir, const char *tail, char ret_path[CTL_PATH_SIZE])
{
    int len = snprintf(ret_path, CTL_PATH_SIZE, "%s/%s", dir, tail);

    if (len >= 0 && len < CTL_PATH_SIZE)
        return true;
    (void)ctl_fail("%s: the path is too long", dir);
    return false;
}

bool ctl_shard_file(const char *dir, unsigned number, char ret_path[CTL_PATH_SIZE])
{
    char tail[32];

    (void)snprintf(tail, sizeof(tail), "shards/%03u/data.mdb", number);
    return ctl_join(dir, tail, ret_path);
}

bool ctl_dir_is_empty(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    bool empty = dir != NULL || errno == ENOENT;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    if (dir != NULL)
        (void)closedir(dir);
    return empty;
}

/* Run by root for a server of another user, what is made must be the server's: as its directory is. */
static bool give_to_owner(const char *path)
{
    char parent[CTL_PATH_SIZE];
    struct stat info;
    const char *slash = strrchr(path, '/');

    if (geteuid() != 0)
        return true;
    (void)snprintf(parent, sizeof(parent), "%.*s", slash == NULL ? 1 : (int)(slash - path),
                   slash == NULL ? "." : path);
    return stat(parent[0] == '\0' ? "/" : parent, &info) == 0 &&
           (info.st_uid == 0 || lchown(path, info.st_uid, info.st_gid) == 0);
}

enum ses_status ctl_dir_make(const char *path, struct ses_fault *ret_fault)
{
    return mkdir(path, 0700) == 0 && give_to_owner(path) ? SES_OK
                                                         : fault_io(ret_fault, path, "cannot create");
}

static int remove_entry(const char *path, const struct stat *info, int flag, struct FTW *ftw)
{
    (void)info;
    (void)flag;
    (void)ftw;
    return remove(path);
}

enum ses_status ctl_dir_remove(const char *path, struct ses_fault *ret_fault)
{
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return SES_OK;
    return nftw(path, remove_entry, TREE_DEPTH, FTW_DEPTH | FTW_PHYS) == 0
               ? SES_OK
               : fault_io(ret_fault, path, "cannot remove");
}

enum ses_status ctl_dir_sync(const char *path, struct ses_fault *ret_fault)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;

    if (!synced)
        (void)fault_io(ret_fault, path, "cannot sync");
    if (fd >= 0)
        (void)close(fd);
    return synced ? SES_OK : SES_IO;
}

/* ---- small files -------------------------------------------------------------------------------------- */

enum ses_status ctl_file_read(const char *dir, const char *name, struct ses_buf *ret_text,
                              struct ses_fault *ret_fault)
{
    char path[CTL_PATH_SIZE];
    char piece[4096];
    enum ses_status status = SES_OK;
    size_t got;

    if (!ctl_join(dir, name, path))
        return ses_fault(ret_fault, SES_IO, "%s: the path is too long", dir);
    FILE *file = fopen(path, "re");

    if (file == NULL)
        return fault_io(ret_fault, path, "cannot open");
    while (status == SES_OK && (got = fread(piece, 1, sizeof(piece), file)) > 0)
        status = ses_buf_append(ret_text, ses_slice(piece, got));
    if (status != SES_OK)
        status = ses_fault(ret_fault, status, "%s: is too large", path);
    else if (ferror(file) != 0)
        status = fault_io(ret_fault, path, "cannot read");
    (void)fclose(file);
    return status;
}

enum ses_status ctl_file_write(const char *dir, const char *name, struct ses_slice text,
                               struct ses_fault *ret_fault)
{
    char path[CTL_PATH_SIZE];
    char beside[CTL_PATH_SIZE];

    if (!ctl_join(dir, name, path) || !ctl_join(dir, ".new", beside))
        return ses_fault(ret_fault, SES_IO, "%s: the path is too long", dir);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return fault_io(ret_fault, path, "cannot create");
    bool written = ses_file_write_all(fd, text) && give_to_owner(beside) && fsync(fd) == 0;
    if (close(fd) != 0 || !written || rename(beside, path) != 0)
        return fault_io(ret_fault, path, "cannot write");
    return ctl_dir_sync(dir, ret_fault);
}

/* ---- large files -------------------------------------------------------------------------------------- */

/* to_fd -1: nothing is written. */
static enum ses_status pass(int fd, int to_fd, ctl_bytes_fn fn, void *arg, uint8_t ret_hash[SES_HASH_BYTES],
                            uint64_t *ret_bytes)
{
    uint8_t *piece = malloc(PIECE_BYTES);
    crypto_generichash_state state;
    uint64_t bytes = 0;
    ssize_t got = 0;

    if (piece == NULL)
        return SES_NO_MEMORY;
    (void)crypto_generichash_init(&state, NULL, 0, SES_HASH_BYTES);
    while ((got = read(fd, piece, PIECE_BYTES)) > 0 || (got < 0 && errno == EINTR)) {
        if (got < 0)
            continue;
        if (to_fd >= 0 && !ses_file_write_all(to_fd, ses_slice(piece, (size_t)got))) {
            got = -1;
            break;
        }
        (void)crypto_generichash_update(&state, piece, (size_t)got);
        bytes += (uint64_t)got;
        fn(arg, (uint64_t)got);
    }
    free(piece);
    (void)crypto_generichash_final(&state, ret_hash, SES_HASH_BYTES);
    *ret_bytes = bytes;
    return got == 0 ? SES_OK : SES_IO;
}

enum ses_status ctl_file_hash(const char *path, ctl_bytes_fn fn, void *arg, uint8_t ret_hash[SES_HASH_BYTES],
                              uint64_t *ret_bytes, struct ses_fault *ret_fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum ses_status status;

    if (fd < 0)
        return fault_io(ret_fault, path, "cannot open");
    status = pass(fd, -1, fn, arg, ret_hash, ret_bytes);
    if (status != SES_OK)
        (void)fault_io(ret_fault, path, "cannot read");
    (void)close(fd);
    return status;
}

enum ses_status ctl_file_copy(const char *from, const char *to, ctl_bytes_fn fn, void *arg,
                              uint8_t ret_hash[SES_HASH_BYTES], uint64_t *ret_bytes,
                              struct ses_fault *ret_fault)
{
    int fd = open(from, O_RDONLY | O_CLOEXEC);
    enum ses_status status;

    if (fd < 0)
        return fault_io(ret_fault, from, "cannot open");
    int to_fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (to_fd < 0) {
        (void)close(fd);
        return fault_io(ret_fault, to, "cannot create");
    }
    status = pass(fd, to_fd, fn, arg, ret_hash, ret_bytes);
    if (status == SES_OK && (!give_to_owner(to) || fsync(to_fd) != 0))
        status = SES_IO;
    if (status != SES_OK)
        (void)fault_io(ret_fault, to, "cannot copy");
    (void)close(fd);
    if (close(to_fd) != 0 && status == SES_OK)
        status = fault_io(ret_fault, to, "cannot copy");
    return status;
}
