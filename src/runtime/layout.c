/* The data directory: made, checked, locked. Whatever is wrong is told in one line before anything else
 * starts; a server that runs with readable keys or on somebody else's records would be worse than none. */
#include "layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/clock_file.h>
#include <sessiond/base/units.h>

#define LOCK_PAUSE_MS     50
#define MODE_OTHERS       (S_IRWXG | S_IRWXO)
#define MODE_WRITE_OTHERS (S_IWGRP | S_IWOTH)

void ses_layout_init(struct ses_layout *layout, const char *data_dir)
{
    size_t size = sizeof(layout->dir);

    layout->lock_fd = -1;
    (void)snprintf(layout->dir, size, "%s", data_dir);
    (void)snprintf(layout->keys, size, "%.*s/keys", (int)size / 2, data_dir);
    (void)snprintf(layout->shards, size, "%.*s/shards", (int)size / 2, data_dir);
    (void)snprintf(layout->natural_key, size, "%.*s/keys/natural.key", (int)size / 2, data_dir);
    (void)snprintf(layout->log_key, size, "%.*s/keys/log.key", (int)size / 2, data_dir);
    (void)snprintf(layout->callers_key, size, "%.*s/keys/callers.key", (int)size / 2, data_dir);
    (void)snprintf(layout->dev, size, "%.*s/dev", (int)size / 2, data_dir);
    (void)snprintf(layout->time, size, "%.*s/" SES_CLOCK_DIR_NAME, (int)size / 2, data_dir);
    (void)snprintf(layout->clock, size, "%.*s/" SES_CLOCK_FILE_NAME, (int)size / 2, data_dir);
    (void)snprintf(layout->former_clock, size, "%.*s/" SES_CLOCK_FILE_FORMER, (int)size / 2, data_dir);
}

/* ---- directories -------------------------------------------------------------------------------------- */

/* refused are the mode bits that must not be there: for keys and shards any of others, for the
 * directory itself only writing (an operator may want to look into it). */
static enum ses_status check_dir(const char *path, mode_t refused, struct ses_fault *fault)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return errno == ENOENT ? ses_fault(fault, SES_NOT_FOUND, "%s: %s", path, strerror(errno))
                               : ses_fault_open(fault, path, errno);
    if (!S_ISDIR(st.st_mode))
        return ses_fault(fault, SES_FAILED_PRECONDITION, "%s: is not a directory", path);
    if (st.st_uid != geteuid())
        return ses_fault(fault, SES_PERMISSION_DENIED,
                         "%s: belongs to user %u, sessiond runs as user %u (chown -R %u gives it everything)",
                         path, (unsigned)st.st_uid, (unsigned)geteuid(), (unsigned)geteuid());
    if ((st.st_mode & refused) != 0)
        return ses_fault(fault, SES_PERMISSION_DENIED,
                         "%s: its permissions are too open (%04o), use chmod 700", path,
                         (unsigned)(st.st_mode & 07777));
    if (access(path, R_OK | W_OK | X_OK) != 0)
        return ses_fault(fault, SES_PERMISSION_DENIED,
                         "%s: %s: it must be sessiond's to read, write and enter (chmod 700)", path,
                         strerror(errno));
    return SES_OK;
}

/* A directory that a power cut takes away takes what is in it. */
static enum ses_status sync_parent(const char *path, struct ses_fault *fault)
{
    char parent[PATH_MAX];
    int failed = -1;
    int fd;

    if (snprintf(parent, sizeof(parent), "%s/..", path) >= (int)sizeof(parent))
        return ses_fault(fault, SES_INVALID_ARGUMENT, "%s: too long", path);
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        failed = fsync(fd);
        (void)close(fd);
    }
    return failed == 0 ? SES_OK
                       : ses_fault(fault, SES_IO, "%s: cannot be synced: %s", parent, strerror(errno));
}

static enum ses_status make_dir(const char *path, mode_t refused, struct ses_fault *fault)
{
    if (mkdir(path, S_IRWXU) == 0)
        SES_TRY(sync_parent(path, fault));
    else if (errno != EEXIST)
        return ses_fault(fault, SES_IO, "%s: cannot be created: %s", path, strerror(errno));
    return check_dir(path, refused, fault);
}

/* Whether anything was ever stored: sealed records without their key are lost, so a missing key then
 * stops the start. Any entry counts: what a shard holds cannot be known without its key. */
static bool shards_used(const char *shards)
{
    const struct dirent *entry;
    DIR *dir = opendir(shards);
    bool used = false;

    if (dir == NULL)
        return false;
    while (!used && (entry = readdir(dir)) != NULL)
        used = entry->d_name[0] != '.';
    (void)closedir(dir);
    return used;
}

/* Only for the keys without which records are lost: the seal keys open them, natural finds them. A new log or
 * step key costs pseudonyms and open steps, no session. */
static enum ses_status check_not_lost(const struct ses_layout *layout, struct ses_fault *fault)
{
    bool seal = ses_seal_ring_exists(layout->keys, SES_KEY_SEAL);

    if ((seal && access(layout->natural_key, F_OK) == 0) || !shards_used(layout->shards))
        return SES_OK;
    return ses_fault(fault, SES_FAILED_PRECONDITION,
                     "%s/%s: is missing, but %s holds records made with it: "
                     "restore it from a backup, or move the shards away to start empty",
                     layout->keys, seal ? "natural.key" : "seal-1.key", layout->shards);
}

/* sessiondctl store restore gives the shards their name last: without this the server would begin empty beside them. */
static enum ses_status check_restored(const struct ses_layout *layout, struct ses_fault *fault)
{
    char path[SES_CONFIG_PATH_SIZE];

    (void)snprintf(path, sizeof(path), "%.*s/shards.restoring", SES_CONFIG_PATH_SIZE / 2, layout->dir);
    if (access(path, F_OK) != 0)
        return SES_OK;
    return ses_fault(
        fault, SES_FAILED_PRECONDITION,
        "%s: a restore has begun here and not ended: run sessiondctl store restore again, or remove it to "
        "start without the backup",
        path);
}

/* ---- lock --------------------------------------------------------------------------------------------- */

static long read_pid(int fd)
{
    char text[32] = "";
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);

    return got <= 0 ? 0 : strtol(text, NULL, 10);
}

/* Waits only when the recorded supervisor is dead: then its children still drain, and leave soon by
 * themselves. A lock and not a pid file: the kernel gives it back whatever way the last holder died.
 * The pid in it is for the message, and to tell a dead supervisor's leftover workers from a second
 * server. */
static enum ses_status take_lock(const struct ses_layout *layout, int fd, struct ses_fault *fault)
{
    unsigned waited_ms = 0;

    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        long pid = read_pid(fd);
        bool dead = pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;

        if (!dead || waited_ms >= SES_LAYOUT_LOCK_WAIT_MS)
            return ses_fault(fault, SES_BUSY, "%s: is in use by another sessiond (pid %ld)", layout->dir,
                             pid);
        (void)poll(NULL, 0, LOCK_PAUSE_MS);
        waited_ms += LOCK_PAUSE_MS;
    }
    return SES_OK;
}

enum ses_status ses_layout_check_free(const struct ses_layout *layout, struct ses_fault *ret_fault)
{
    enum ses_status status = SES_OK;
    char path[SES_CONFIG_PATH_SIZE];
    int fd;

    (void)snprintf(path, sizeof(path), "%.*s/lock", SES_CONFIG_PATH_SIZE / 2, layout->dir);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return SES_OK;
    if (flock(fd, LOCK_SH | LOCK_NB) != 0)
        status = ses_fault(ret_fault, SES_BUSY,
                           "%s: is in use by another sessiond (pid %ld); "
                           "configuration and keys are fine, what it holds cannot be looked at meanwhile",
                           layout->dir, read_pid(fd));
    (void)close(fd);
    return status;
}

/* Only under the lock: the pid is the holder's, or its dead predecessor's. */
static enum ses_status write_pid(const struct ses_layout *layout, int fd, struct ses_fault *fault)
{
    char text[32];
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)len, 0) != len)
        return ses_fault(fault, SES_IO, "%s/lock: cannot be written: %s", layout->dir, strerror(errno));
    return SES_OK;
}

/* NOFOLLOW: a link in its place could make us write our pid elsewhere. */
static enum ses_status open_lock(struct ses_layout *layout, struct ses_fault *fault)
{
    char path[SES_CONFIG_PATH_SIZE];
    enum ses_status status;
    int fd;

    (void)snprintf(path, sizeof(path), "%.*s/lock", SES_CONFIG_PATH_SIZE / 2, layout->dir);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return ses_fault_open(fault, path, errno);
    status = take_lock(layout, fd, fault);
    if (status == SES_OK)
        status = write_pid(layout, fd, fault);
    if (status == SES_OK)
        layout->lock_fd = fd;
    else
        (void)close(fd);
    return status;
}

void ses_layout_close(struct ses_layout *layout)
{
    if (layout->lock_fd >= 0)
        (void)close(layout->lock_fd);
    layout->lock_fd = -1;
}

/* ---- keys --------------------------------------------------------------------------------------------- */

static enum ses_status make_secret(const char *path, struct ses_fault *fault)
{
    struct ses_secret secret = {.len = 0};

    SES_TRY(ses_secret_file_open(path, true, &secret, fault));
    ses_secret_free(&secret);
    return SES_OK;
}

/* The order: is anything missing that must not be, then make what is missing. */
static enum ses_status make_keys(const struct ses_layout *layout, struct ses_fault *fault)
{
    SES_TRY(check_not_lost(layout, fault));
    SES_TRY(make_dir(layout->keys, MODE_OTHERS, fault));
    SES_TRY(ses_keyring_init_dir(layout->keys, fault));
    SES_TRY(ses_seal_ring_init(layout->keys, SES_KEY_SEAL, fault));
    SES_TRY(ses_seal_ring_init(layout->keys, SES_KEY_STEP, fault));
    SES_TRY(make_secret(layout->natural_key, fault));
    SES_TRY(make_secret(layout->log_key, fault));
    return make_secret(layout->callers_key, fault);
}

void ses_layout_secrets_free(struct ses_layout_secrets *secrets)
{
    ses_seal_ring_free(&secrets->seal);
    ses_seal_ring_free(&secrets->step);
    ses_secret_free(&secrets->natural);
    ses_secret_free(&secrets->log);
}

/* All or none: on failure what was loaded is wiped. */
enum ses_status ses_layout_secrets_load(const struct ses_layout *layout,
                                        struct ses_layout_secrets *ret_secrets, struct ses_fault *ret_fault)
{
    enum ses_status status;

    memset(ret_secrets, 0, sizeof(*ret_secrets));
    status = ses_seal_ring_load(layout->keys, SES_KEY_SEAL, &ret_secrets->seal, ret_fault);
    if (status == SES_OK)
        status = ses_secret_file_open(layout->natural_key, false, &ret_secrets->natural, ret_fault);
    if (status == SES_OK)
        status = ses_secret_file_open(layout->log_key, false, &ret_secrets->log, ret_fault);
    if (status == SES_OK)
        status = ses_seal_ring_load(layout->keys, SES_KEY_STEP, &ret_secrets->step, ret_fault);
    if (status != SES_OK)
        ses_layout_secrets_free(ret_secrets);
    return status;
}

/* Loaded and freed again: the supervisor only wants to know that the workers will be able to. */
static enum ses_status check_keys(const struct ses_layout *layout, struct ses_fault *fault)
{
    struct ses_layout_secrets secrets;
    struct ses_keyring *ring = NULL;

    SES_TRY(ses_keyring_load(layout->keys, &ring, fault));
    ses_keyring_free(ring);
    SES_TRY(ses_layout_secrets_load(layout, &secrets, fault));
    ses_layout_secrets_free(&secrets);
    return SES_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

/* The lock comes before everything inside the directory: two that start at once must not both make
 * keys. */
enum ses_status ses_layout_open(struct ses_layout *layout, struct ses_fault *ret_fault)
{
    enum ses_status status;

    SES_TRY(make_dir(layout->dir, MODE_WRITE_OTHERS, ret_fault));
    SES_TRY(open_lock(layout, ret_fault));
    status = check_restored(layout, ret_fault);
    if (status == SES_OK)
        status = make_dir(layout->shards, MODE_OTHERS, ret_fault);
    if (status == SES_OK)
        status = ses_layout_complete(layout, ret_fault);
    if (status == SES_OK)
        status = make_keys(layout, ret_fault);
    if (status == SES_OK)
        status = check_keys(layout, ret_fault);
    if (status != SES_OK)
        ses_layout_close(layout);
    return status;
}

enum ses_status ses_layout_complete(const struct ses_layout *layout, struct ses_fault *ret_fault)
{
    return make_dir(layout->time, MODE_OTHERS, ret_fault);
}

/* The directory is made at the first start: its parent must allow that. */
static enum ses_status check_parent(const struct ses_layout *layout, struct ses_fault *fault)
{
    char parent[SES_CONFIG_PATH_SIZE];
    char *slash;

    (void)snprintf(parent, sizeof(parent), "%s", layout->dir);
    slash = strrchr(parent, '/');
    if (slash == NULL)
        (void)snprintf(parent, sizeof(parent), ".");
    else
        slash[slash == parent ? 1 : 0] = '\0';
    if (access(parent, W_OK | X_OK) != 0)
        return ses_fault(fault, SES_IO, "%s: cannot be created: %s", layout->dir, strerror(errno));
    return SES_OK;
}

static enum ses_status check_data(const struct ses_layout *layout, struct ses_fault *fault)
{
    SES_TRY(check_dir(layout->dir, MODE_WRITE_OTHERS, fault));
    SES_TRY(check_restored(layout, fault));
    return check_not_lost(layout, fault);
}

/* started: somebody works on it. Keys that were delivered to a new machine lie alone. */
static enum ses_status check_inside(const struct ses_layout *layout, bool started, struct ses_fault *fault)
{
    SES_TRY(check_dir(layout->keys, MODE_OTHERS, fault));
    if (access(layout->time, F_OK) == 0) /* else of an earlier version: whoever starts on it makes it */
        SES_TRY(check_dir(layout->time, MODE_OTHERS, fault));
    return started || access(layout->shards, F_OK) == 0 ? check_dir(layout->shards, MODE_OTHERS, fault)
                                                        : SES_OK;
}

enum ses_status ses_layout_check(const struct ses_layout *layout, struct ses_fault *ret_fault)
{
    if (access(layout->dir, F_OK) != 0 && errno == ENOENT)
        return check_parent(layout, ret_fault);
    SES_TRY(check_data(layout, ret_fault));
    if (!ses_seal_ring_exists(layout->keys, SES_KEY_SEAL))
        return SES_OK; /* never started: keys are made then; sessiondctl may have made callers.key */
    SES_TRY(check_inside(layout, false, ret_fault));
    if (!ses_seal_ring_exists(layout->keys, SES_KEY_STEP))
        return SES_OK; /* of an earlier version: the next start makes it */
    return check_keys(layout, ret_fault);
}

enum ses_status ses_layout_check_running(const struct ses_layout *layout, struct ses_fault *ret_fault)
{
    SES_TRY(check_data(layout, ret_fault));
    SES_TRY(check_inside(layout, true, ret_fault));
    return check_keys(layout, ret_fault);
}
