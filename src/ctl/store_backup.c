/* store backup TARGET [--with-keys]: the shards while the server runs, then what they need to be restored: sessiond's clock,
 * the keys if they shall lie beside what they seal, and last the manifest, without which it is no backup. */
#include "ctl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sessiond/base/clock.h>
#include <sessiond/base/clock_file.h>
#include <sessiond/token/token.h>

#include "files.h"
#include "manifest.h"

/* Two backups mixed in one directory would be neither. TARGET/shards, so that TARGET has the form of a data
 * directory. The records are sealed, yet nobody else's business. */
static bool make_target(const char *target, char ret_shards[CTL_PATH_SIZE])
{
    if (!ctl_join(target, "shards", ret_shards))
        return false;
    if (mkdir(target, 0700) != 0 && errno != EEXIST) {
        (void)ctl_fail("%s: cannot create: %s", target, strerror(errno));
        return false;
    }
    if (!ctl_dir_is_empty(target)) {
        (void)ctl_fail("%s: must be a new or an empty directory", target);
        return false;
    }
    if (mkdir(ret_shards, 0700) != 0) {
        (void)ctl_fail("%s: cannot create: %s", ret_shards, strerror(errno));
        return false;
    }
    return true;
}

static const char *hint_for(enum ses_status status)
{
    if (status == SES_DATA_LOSS)
        return "; the source is damaged: stop sessiond and run 'sessiondctl store verify'";
    if (status == SES_BUSY)
        return "; sessions were written faster than the target takes them: use a faster target, or a quieter "
               "time";
    if (status == SES_ABORTED)
        return "; the data directory's disk is too slow now: try again at a quieter time";
    return "";
}

static void on_progress(void *arg, const struct ses_backup_progress *progress)
{
    progress_step(arg, progress->records, progress->records_total, progress->bytes);
}

static bool copy_shards(const char *shards, const char *target, struct ses_backup_report *report)
{
    struct progress progress;
    const struct ses_backup_watch watch = {.fn = on_progress, .arg = &progress};
    enum ses_status status;

    progress_begin(&progress, "copying");
    status = ses_store_backup(shards, target, &watch, report);
    progress_end(&progress);
    if (status != SES_OK)
        (void)ctl_fail("%s: backup failed: %s; what was written there is not a backup%s", target,
                       ses_status_name(status), hint_for(status));
    return status == SES_OK;
}

/* As the server keeps it, a minute old at most: a restored server's time goes on from there. A damaged one is as good
 * as none, to a server too. */
static bool copy_clock(const struct ctl *ctl, const char *target, struct manifest *manifest)
{
    struct ses_fault fault = {.text = ""};
    struct ses_clock_state state;
    bool same_boot = false;
    const char *name = SES_CLOCK_FILE_NAME;
    struct ses_buf text;
    enum ses_status status = ses_clock_file_find(ctl->data, &name, &state, &same_boot);

    manifest->clock = status != SES_NOT_FOUND && status != SES_MALFORMED;
    if (!manifest->clock)
        return true;
    ses_buf_init(&text, 64 * SES_KIB);
    status = ctl_file_read(ctl->data, name, &text, &fault);
    if (status == SES_OK)
        status = ctl_file_write(target, SES_CLOCK_FILE_FORMER, ses_buf_view(&text), &fault);
    ses_buf_done(&text);
    if (status != SES_OK)
        (void)ctl_fail_fault(&fault);
    return status == SES_OK;
}

static bool copy_keys(const struct ctl *ctl, const char *target, struct manifest *manifest)
{
    struct ses_fault fault = {.text = ""};
    char from[CTL_PATH_SIZE];
    char to[CTL_PATH_SIZE];
    enum ses_status status;

    if (!ctl_path(ctl, "keys", from) || !ctl_join(target, "keys", to))
        return false;
    status = manifest_natural(from, manifest->natural, &fault);
    if (status == SES_OK && ctl->with_keys)
        status = ses_keys_copy(from, to, &fault);
    manifest->keys = ctl->with_keys;
    if (status != SES_OK)
        (void)ctl_fail_fault(&fault);
    return status == SES_OK;
}

static bool write_manifest(const char *target, const struct ses_backup_report *report,
                           struct manifest *manifest)
{
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        manifest->shard[i].there = (report->shards >> i & 1) != 0;
        manifest->shard[i].records = report->shard_records[i];
    }
    memcpy(manifest->seal_keys, report->seal_keys, sizeof(manifest->seal_keys));
    manifest->seal_keys_count = report->seal_keys_count;
    manifest->created_ms = ses_clock_wall_ms();
    manifest->now_ms = ses_clock_now_ms();
    return manifest_hash_files(target, manifest, false, "hashing") && manifest_write(target, manifest);
}

/* A copy with lost records is kept, since it may be the best there is, but the exit code says so. */
static int conclude(const struct ctl *ctl, const struct ses_backup_report *report,
                    const struct manifest *manifest)
{
    char bytes[16];
    int code = CTL_DONE;

    if (report->lost > 0)
        code =
            ctl_fail("%" PRIu64 " records cannot be read and are missing in the copy, which has all others; "
                     "stop sessiond and run 'sessiondctl store verify'",
                     report->lost);
    if (ctl->json)
        return ctl_print_json(json_pack("{s:s,s:I,s:I,s:I,s:b}", "backup", ctl->args[0], "records",
                                        (json_int_t)report->copied, "lost", (json_int_t)report->lost, "bytes",
                                        (json_int_t)manifest_bytes(manifest), "keys", ctl->with_keys),
                              false, code);
    progress_bytes_text(manifest_bytes(manifest), bytes);
    printf("%" PRIu64 " records, %s, copied to %s\n", report->copied, bytes, ctl->args[0]);
    (void)fprintf(stderr,
                  ctl->with_keys
                      ? "the keys are in it: keep it as secret as %s/keys\n"
                      : "the keys are not in it: without %s/keys it cannot be read; keep a copy of them "
                        "elsewhere\n",
                  ctl->data);
    return code;
}

int ctl_store_backup(const struct ctl *ctl)
{
    static struct ses_backup_report report;
    static struct manifest manifest;
    const char *target = ctl->args[0];
    char shards[CTL_PATH_SIZE];
    char to[CTL_PATH_SIZE];

    if (!ctl_path(ctl, "shards", shards) || !ctl_take_clock(ctl) || !make_target(target, to) ||
        !copy_shards(shards, to, &report) || !copy_clock(ctl, target, &manifest) ||
        !copy_keys(ctl, target, &manifest) || !write_manifest(target, &report, &manifest))
        return CTL_FAILED;
    return conclude(ctl, &report, &manifest);
}
