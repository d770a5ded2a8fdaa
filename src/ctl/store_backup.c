#include "ctl.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sessiond/store/store.h>

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

int ctl_store_backup(const struct ctl *ctl)
{
    char shards[CTL_PATH_SIZE];
    char target[CTL_PATH_SIZE];

    if (!ctl_path(ctl, "shards", shards) || !make_target(ctl->args[0], target))
        return CTL_FAILED;
    enum ses_status status = ses_store_backup(shards, target);

    if (status != SES_OK)
        return ctl_fail("%s: backup failed: %s; what was written there is not a backup", target,
                        ses_status_name(status));
    if (ctl->json)
        return ctl_print_json(json_pack("{s:s}", "backup", ctl->args[0]), false, CTL_DONE);
    printf("shards copied to %s\n", target);
    (void)fprintf(
        stderr, "the keys are not in it: without %s/keys it cannot be read; keep a copy of them elsewhere\n",
        ctl->data);
    return CTL_DONE;
}
