/* The command around ses_store_backup: a new directory to copy into, and what the operator has to know
 * about the copy (what is missing in it, that the keys are). */
#include "ctl.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sessiond/store/store_admin.h>

/* Two backups mixed in one directory would be neither. */
static bool is_empty_dir(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    bool empty = dir != NULL;

    while (dir != NULL && (entry = readdir(dir)) != NULL)
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    if (dir != NULL)
        (void)closedir(dir);
    return empty;
}

/* TARGET/shards, so that TARGET has the form of a data directory. The records are sealed, yet nobody else's
 * business. */
static bool make_target(const char *target, char ret_shards[CTL_PATH_SIZE])
{
    int len = snprintf(ret_shards, CTL_PATH_SIZE, "%s/shards", target);

    if (len < 0 || len >= CTL_PATH_SIZE) {
        (void)ctl_fail("the path of the target is too long");
        return false;
    }
    if (mkdir(target, 0700) != 0 && errno != EEXIST) {
        (void)ctl_fail("%s: cannot create: %s", target, strerror(errno));
        return false;
    }
    if (!is_empty_dir(target)) {
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
        return "; the source is damaged: stop sessiond and run 'sessiondctl store check'";
    if (status == SES_BUSY)
        return "; sessions were written faster than the target takes them: use a faster target, or a quieter "
               "time";
    if (status == SES_ABORTED)
        return "; the data directory's disk is too slow now: try again at a quieter time";
    return "";
}

/* A copy with lost records is kept, since it may be the best there is, but the exit code says so. */
static int conclude(const struct ctl *ctl, const struct ses_backup_report *report)
{
    int code = CTL_DONE;

    if (report->lost > 0)
        code =
            ctl_fail("%" PRIu64 " records cannot be read and are missing in the copy, which has all others; "
                     "stop sessiond and run 'sessiondctl store check'",
                     report->lost);
    if (ctl->json)
        return ctl_print_json(json_pack("{s:s,s:I,s:I}", "backup", ctl->args[0], "records",
                                        (json_int_t)report->copied, "lost", (json_int_t)report->lost),
                              false, code);
    printf("shards copied to %s\n", ctl->args[0]);
    (void)fprintf(
        stderr, "the keys are not in it: without %s/keys it cannot be read; keep a copy of them elsewhere\n",
        ctl->data);
    return code;
}

int ctl_store_backup(const struct ctl *ctl)
{
    struct ses_backup_report report;
    char shards[CTL_PATH_SIZE];
    char target[CTL_PATH_SIZE];

    if (!ctl_path(ctl, "shards", shards) || !make_target(ctl->args[0], target))
        return CTL_FAILED;
    enum ses_status status = ses_store_backup(shards, target, &report);

    if (status != SES_OK)
        return ctl_fail("%s: backup failed: %s; what was written there is not a backup%s", target,
                        ses_status_name(status), hint_for(status));
    return conclude(ctl, &report);
}
