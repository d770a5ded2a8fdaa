#include "store_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/file.h>
#include <sessiond/store/store_admin.h>

#define TEXT_MAX 8

static const char *const texts[SES_STORE_MARK_COUNT] = {[SES_STORE_MARK_NONE] = "",
                                                        [SES_STORE_MARK_LMDB] = "lmdb\n",
                                                        [SES_STORE_MARK_BOTH] = "both\n",
                                                        [SES_STORE_MARK_PG] = "pg\n"};

static void path_of(const struct ses_layout *layout, const char *name, char ret_path[SES_CONFIG_PATH_SIZE])
{
    (void)snprintf(ret_path, SES_CONFIG_PATH_SIZE, "%.*s/%s", SES_CONFIG_PATH_SIZE / 2, layout->dir, name);
}

enum ses_status ses_store_mark_read(const struct ses_layout *layout, enum ses_store_mark *ret_mark,
                                    struct ses_fault *ret_fault)
{
    char path[SES_CONFIG_PATH_SIZE];
    char text[TEXT_MAX] = "";
    ssize_t got;
    int fd;

    path_of(layout, "store", path);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        *ret_mark = SES_STORE_MARK_NONE;
        return SES_OK;
    }
    if (fd < 0)
        return ses_fault_open(ret_fault, path, errno);
    got = read(fd, text, sizeof(text) - 1);
    (void)close(fd);
    for (unsigned mark = SES_STORE_MARK_LMDB; got > 0 && mark < SES_STORE_MARK_COUNT; mark++) {
        if (strcmp(text, texts[mark]) == 0) {
            *ret_mark = (enum ses_store_mark)mark;
            return SES_OK;
        }
    }
    return ses_fault(ret_fault, SES_MALFORMED,
                     "%s: must hold lmdb, both or pg: which store has this directory's sessions", path);
}

/* Whole or not there, and in the directory when this returns. */
static bool replace(const struct ses_layout *layout, const char *fresh, const char *path, const char *text)
{
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    bool written = fd >= 0 && ses_file_write_all(fd, ses_slice_str(text)) && fsync(fd) == 0;
    int dir;

    if (fd >= 0 && close(fd) != 0)
        written = false;
    if (!written || rename(fresh, path) != 0)
        return false;
    dir = open(layout->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    written = dir >= 0 && fsync(dir) == 0;
    if (dir >= 0)
        (void)close(dir);
    return written;
}

enum ses_status ses_store_mark_write(const struct ses_layout *layout, enum ses_store_mark mark,
                                     struct ses_fault *ret_fault)
{
    char fresh[SES_CONFIG_PATH_SIZE];
    char path[SES_CONFIG_PATH_SIZE];

    path_of(layout, "store.new", fresh);
    path_of(layout, "store", path);
    return replace(layout, fresh, path, texts[mark])
               ? SES_OK
               : ses_fault(ret_fault, SES_IO, "%s: cannot be written: %s", path, strerror(errno));
}

enum ses_status ses_store_mark_start(const struct ses_config *config, const struct ses_layout *layout,
                                     struct ses_fault *ret_fault)
{
    enum ses_store_mark mark = SES_STORE_MARK_NONE;
    enum ses_status status;

    SES_TRY(ses_store_mark_read(layout, &mark, ret_fault));
    if (config->store_driver == SES_CONFIG_LMDB && mark >= SES_STORE_MARK_BOTH) {
        status = ses_fault(
            ret_fault, SES_FAILED_PRECONDITION,
            "sessions of %s are in PostgreSQL: start with store.driver: lmdb+pg and store.move: "
            "to_lmdb, which brings them back (the runbook has the steps; who wants to begin without them "
            "removes %s/store)",
            layout->dir, layout->dir);
        return ses_config_place(config, SES_CONFIG_AT_STORE_DRIVER, status, ret_fault);
    }
    if (config->store_driver == SES_CONFIG_MOVE && mark != SES_STORE_MARK_BOTH &&
        (config->store_move != SES_MOVE_KNOW || mark == SES_STORE_MARK_PG))
        return ses_store_mark_write(layout, SES_STORE_MARK_BOTH, ret_fault);
    return SES_OK;
}

static enum ses_status count(const struct ses_config *config, const struct ses_layout *layout,
                             struct ses_log *log, struct ses_store_left *ret_left, struct ses_fault *fault)
{
    struct ses_store_shared *shared = NULL;
    uint64_t sessions = 0;
    enum ses_status status;

    if (ses_store_shared_create(config->store_sessions_max, 0, &shared) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "no memory to count the sessions of %s: %s", layout->shards,
                         strerror(errno));
    status = ses_store_load(layout->shards, shared, ses_clock_now_ms(), log, &sessions);
    if (status == SES_OK)
        ses_store_count_left(shared, ses_clock_now_ms(), ret_left);
    else if (status == SES_FULL)
        *ret_left = (struct ses_store_left){.live = config->store_sessions_max};
    else
        status =
            ses_fault(fault, status, "%s: what is there cannot be read (%s); the log line above says why",
                      layout->shards, ses_status_name(status));
    ses_store_shared_close(shared);
    return status == SES_FULL ? SES_OK : status;
}

enum ses_status ses_store_mark_gate(const struct ses_config *config, const struct ses_layout *layout,
                                    struct ses_log *log, struct ses_fault *ret_fault)
{
    enum ses_store_mark mark = SES_STORE_MARK_NONE;
    struct ses_store_left left = {.live = 0};

    SES_TRY(ses_store_mark_read(layout, &mark, ret_fault));
    if (mark == SES_STORE_MARK_PG)
        return SES_OK;
    SES_TRY(count(config, layout, log, &left, ret_fault));
    if (left.live > 0 || left.old_inboxes)
        return ses_fault(
            ret_fault, SES_FAILED_PRECONDITION,
            "%s has %" PRIu64 " sessions that are not over and would not be found: start with store.driver: "
            "lmdb+pg and store.move: to_pg, which brings them over (the runbook has the steps), or move that "
            "directory away",
            layout->shards, left.live);
    return ses_store_mark_write(layout, SES_STORE_MARK_PG, ret_fault);
}
