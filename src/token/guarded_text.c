/* Keydir's rules for one file of any name, of a size that its user says. */
#include <sessiond/token/guarded_text.h>

#include <libgen.h>
#include <limits.h>

#include "keydir.h"

/* dirname and basename may write into what they are given. */
struct place {
    char for_dir[PATH_MAX];
    char for_name[PATH_MAX];
    const char *dir;
    const char *name;
};

static enum ses_status find_place(const char *path, struct place *ret_place, struct ses_fault *fault)
{
    if (strlen(path) >= PATH_MAX)
        return ses_fault(fault, SES_IO, "the path of a guarded file is too long");
    memcpy(ret_place->for_dir, path, strlen(path) + 1);
    memcpy(ret_place->for_name, path, strlen(path) + 1);
    ret_place->dir = dirname(ret_place->for_dir);
    ret_place->name = basename(ret_place->for_name);
    return SES_OK;
}

static enum ses_status open_place(const struct place *place, bool exclusive, size_t bytes_max,
                                  struct ses_keydir *ret_dir, struct ses_fault *fault)
{
    SES_TRY(ses_keydir_open(place->dir, exclusive, fault, ret_dir));
    ret_dir->file_bytes_max = bytes_max;
    return SES_OK;
}

enum ses_status ses_guarded_text_read(const char *path, size_t bytes_max, struct ses_secret *ret_text,
                                      struct ses_fault *ret_fault)
{
    struct ses_keydir dir;
    struct place place = {.dir = ""};
    enum ses_status status;

    SES_TRY(find_place(path, &place, ret_fault));
    SES_TRY(open_place(&place, false, bytes_max, &dir, ret_fault));
    status = ses_keydir_read(&dir, place.name, ret_fault, ret_text);
    ses_keydir_close(&dir);
    return status != SES_NOT_FOUND ? status : ses_fault(ret_fault, SES_NOT_FOUND, "%s: no such file", path);
}

static enum ses_status change_in(const struct ses_keydir *dir, const char *name, ses_guarded_text_fn change,
                                 void *arg, struct ses_fault *fault)
{
    struct ses_secret old = {.len = 0};
    struct ses_buf fresh;
    enum ses_status status = ses_keydir_read(dir, name, fault, &old);

    if (status != SES_OK && status != SES_NOT_FOUND)
        return status;
    ses_buf_init(&fresh, dir->file_bytes_max);
    status = change(arg, ses_slice(old.bytes, old.len), &fresh, fault);
    if (status == SES_OK)
        status = ses_keydir_write(dir, name, ses_buf_view(&fresh), fault);
    ses_buf_done(&fresh);
    ses_secret_free(&old);
    return status;
}

enum ses_status ses_guarded_text_change(const char *path, size_t bytes_max, ses_guarded_text_fn change,
                                        void *arg, struct ses_fault *ret_fault)
{
    struct ses_keydir dir;
    struct place place = {.dir = ""};
    enum ses_status status;

    SES_TRY(find_place(path, &place, ret_fault));
    SES_TRY(open_place(&place, true, bytes_max, &dir, ret_fault));
    status = change_in(&dir, place.name, change, arg, ret_fault);
    ses_keydir_close(&dir);
    return status;
}
