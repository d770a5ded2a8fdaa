/* store restore SOURCE: a backup becomes a data directory's sessions.
 *
 * Nothing is written before every file of the backup was read and is what the manifest says. Then all is made in
 * DIR/shards.restoring, under the lock that a server holds, and takes its name last, by one rename. A restore that
 * dies leaves that directory: no sessiond starts while it is there (runtime/layout.c), and another restore begins
 * anew. Keys that lie in DIR/keys are taken, if they are the right ones; else those of the backup. */
#include "ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/clock_file.h>
#include <sessiond/token/token.h>

#include "files.h"
#include "manifest.h"

#define RESTORING_NAME      "shards.restoring"
#define KEYS_RESTORING_NAME "keys.restoring"

struct restore {
    const struct ctl *ctl;
    const char *source;
    struct manifest manifest;
    int lock_fd;
    char shards[CTL_PATH_SIZE];
    char restoring[CTL_PATH_SIZE];
    char keys[CTL_PATH_SIZE];
    char keys_restoring[CTL_PATH_SIZE];
    struct hashing copying;
};

/* ---- before anything is written ----------------------------------------------------------------------- */

static bool read_source(struct restore *restore)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status = manifest_read(restore->source, &restore->manifest, &fault);

    if (status == SES_NOT_FOUND)
        (void)ctl_fail("%s/" MANIFEST_NAME ": is not there: no backup, or one that did not end",
                       restore->source);
    else if (status != SES_OK)
        (void)ctl_fail_fault(&fault);
    return status == SES_OK && manifest_hash_files(restore->source, &restore->manifest, true, "checking");
}

/* As a server does: whoever has it works on the directory alone. */
static bool take_lock(struct restore *restore)
{
    const char *dir = restore->ctl->data;
    char path[CTL_PATH_SIZE];
    long pid = 0;

    if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
        (void)ctl_fail("%s: cannot create: %s", dir, strerror(errno));
        return false;
    }
    if (!ctl_path(restore->ctl, "lock", path))
        return false;
    restore->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (restore->lock_fd < 0)
        (void)ctl_fail("%s: cannot open: %s", path, strerror(errno));
    else if (flock(restore->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        (void)ctl_server_runs(restore->ctl, &pid);
        (void)ctl_fail("%s: is in use by a running sessiond (pid %ld); stop it first", dir, pid);
    } else
        return true;
    return false;
}

static bool check_target(const struct restore *restore)
{
    if (ctl_dir_is_empty(restore->shards))
        return true;
    (void)ctl_fail("%s: holds sessions already; move it away, a restore begins empty", restore->shards);
    return false;
}

static bool has_keys(const struct restore *restore)
{
    return !ctl_dir_is_empty(restore->keys);
}

static bool check_keys(const struct restore *restore)
{
    char from[CTL_PATH_SIZE];

    if (has_keys(restore))
        return manifest_keys_fit(&restore->manifest, restore->keys);
    if (restore->manifest.keys)
        return ctl_join(restore->source, "keys", from) && manifest_keys_fit(&restore->manifest, from);
    (void)ctl_fail("%s: there are no keys, and none in the backup: put back your copy of them first",
                   restore->keys);
    return false;
}

/* ---- making it ---------------------------------------------------------------------------------------- */

static bool begin(const struct restore *restore)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status = ctl_dir_remove(restore->restoring, &fault);

    if (status == SES_OK)
        status = ctl_dir_remove(restore->keys_restoring, &fault);
    if (status == SES_OK)
        status = ctl_dir_make(restore->restoring, &fault);
    if (status == SES_OK)
        status = ctl_dir_sync(restore->ctl->data, &fault);
    if (status != SES_OK)
        (void)ctl_fail_fault(&fault);
    return status == SES_OK;
}

static void on_bytes(void *arg, uint64_t bytes)
{
    struct hashing *copying = arg;

    copying->done += bytes;
    progress_step(&copying->progress, copying->done, copying->total, copying->done);
}

/* What was read is hashed once more: the source may have changed since it was checked. */
static enum ses_status copy_shard(struct restore *restore, unsigned number, struct ses_fault *fault)
{
    const struct manifest_shard *shard = &restore->manifest.shard[number];
    uint8_t hash[SES_HASH_BYTES];
    char from[CTL_PATH_SIZE];
    char dir[CTL_PATH_SIZE];
    char to[CTL_PATH_SIZE];
    char name[8];
    uint64_t bytes;

    (void)snprintf(name, sizeof(name), "%03u", number);
    if (!ctl_shard_file(restore->source, number, from) || !ctl_join(restore->restoring, name, dir) ||
        !ctl_join(dir, "data.mdb", to))
        return ses_fault(fault, SES_IO, "%s: the path is too long", restore->source);
    SES_TRY(ctl_dir_make(dir, fault));
    SES_TRY(ctl_file_copy(from, to, on_bytes, &restore->copying, hash, &bytes, fault));
    if (bytes != shard->bytes || memcmp(hash, shard->hash, sizeof(hash)) != 0)
        return ses_fault(fault, SES_DATA_LOSS, "%s: changed while it was copied", from);
    return ctl_dir_sync(dir, fault);
}

static bool copy_shards(struct restore *restore)
{
    struct ses_fault fault = {.text = ""};
    enum ses_status status = SES_OK;

    restore->copying.total = manifest_bytes(&restore->manifest);
    progress_begin(&restore->copying.progress, "restoring");
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX && status == SES_OK; i++)
        if (restore->manifest.shard[i].there)
            status = copy_shard(restore, i, &fault);
    if (status == SES_OK)
        status = ctl_dir_sync(restore->restoring, &fault);
    progress_end(&restore->copying.progress);
    if (status != SES_OK)
        (void)ctl_fail("%s; nothing was restored, run it again", fault.text);
    return status == SES_OK;
}

static bool rename_in(const struct restore *restore, const char *from, const char *to)
{
    struct ses_fault fault = {.text = ""};

    if (rename(from, to) != 0)
        (void)ctl_fail("%s: cannot become %s: %s", from, to, strerror(errno));
    else if (ctl_dir_sync(restore->ctl->data, &fault) != SES_OK)
        (void)ctl_fail_fault(&fault);
    else
        return true;
    return false;
}

static bool take_keys(const struct restore *restore)
{
    struct ses_fault fault = {.text = ""};
    char from[CTL_PATH_SIZE];

    if (has_keys(restore))
        return true;
    if (!ctl_join(restore->source, "keys", from))
        return false;
    if (ses_keys_copy(from, restore->keys_restoring, &fault) != SES_OK) {
        (void)ctl_fail_fault(&fault);
        return false;
    }
    return rename_in(restore, restore->keys_restoring, restore->keys);
}

/* The later one of both: sessiond's time must not be behind what it was when the records were written. */
static bool backup_clock_is_later(const struct restore *restore)
{
    struct ses_clock_state kept;
    struct ses_clock_state backed_up;
    char path[CTL_PATH_SIZE];
    const char *name;
    bool same_boot;

    if (!restore->manifest.clock || !ctl_join(restore->source, SES_CLOCK_FILE_FORMER, path) ||
        ses_clock_file_read(path, &backed_up, &same_boot) != SES_OK)
        return false;
    return ses_clock_file_find(restore->ctl->data, &name, &kept, &same_boot) != SES_OK ||
           kept.told_ms < backed_up.told_ms;
}

/* Under the name that every version reads. */
static bool take_clock(const struct restore *restore)
{
    struct ses_fault fault = {.text = ""};
    struct ses_buf text;
    enum ses_status status;

    if (!backup_clock_is_later(restore))
        return true;
    ses_buf_init(&text, 64 * SES_KIB);
    status = ctl_file_read(restore->source, SES_CLOCK_FILE_FORMER, &text, &fault);
    if (status == SES_OK)
        status = ctl_file_write(restore->ctl->data, SES_CLOCK_FILE_FORMER, ses_buf_view(&text), &fault);
    ses_buf_done(&text);
    if (status != SES_OK)
        (void)ctl_fail_fault(&fault);
    return status == SES_OK;
}

static int conclude(const struct restore *restore)
{
    uint64_t records = manifest_records(&restore->manifest);

    if (restore->ctl->json)
        return ctl_print_json(json_pack("{s:s,s:I,s:I}", "restored", restore->source, "records",
                                        (json_int_t)records, "bytes",
                                        (json_int_t)manifest_bytes(&restore->manifest)),
                              false, CTL_DONE);
    printf("%" PRIu64 " records restored to %s\n", records, restore->ctl->data);
    (void)fputs(
        "sessions that were changed after the backup are what they were then; sessiond may be started\n",
        stderr);
    return CTL_DONE;
}

static bool set_paths(struct restore *restore)
{
    return ctl_path(restore->ctl, "shards", restore->shards) &&
           ctl_path(restore->ctl, RESTORING_NAME, restore->restoring) &&
           ctl_path(restore->ctl, "keys", restore->keys) &&
           ctl_path(restore->ctl, KEYS_RESTORING_NAME, restore->keys_restoring);
}

int ctl_store_restore(const struct ctl *ctl)
{
    static struct restore restore;
    bool done;

    restore = (struct restore){.ctl = ctl, .source = ctl->args[0], .lock_fd = -1};
    done = set_paths(&restore) && read_source(&restore) && take_lock(&restore) && check_target(&restore) &&
           check_keys(&restore) && begin(&restore) && copy_shards(&restore) && take_keys(&restore) &&
           take_clock(&restore) && rename_in(&restore, restore.restoring, restore.shards);
    if (restore.lock_fd >= 0)
        (void)close(restore.lock_fd);
    return done ? conclude(&restore) : CTL_FAILED;
}
