/* Which keys every worker of a running server knows: noted by the supervisor, asked by who wants to sign with
 * one. */
#include "ring.h"

#include <dirent.h>

#include "paserk.h"

#define LOADED_FILE  "loaded"
#define LOADED_BYTES (2 * SES_KEYRING_KEYS_MAX * SES_KID_SIZE)

_Static_assert(LOADED_BYTES <= SES_KEYDIR_FILE_MAX, "the list must fit into its file");

/* By the names of the files alone: what a worker cannot load stops it, and then nothing is noted. */
static enum ses_status list_purpose(const char *dir, bool test, struct ses_fault *fault, struct ses_buf *list)
{
    char path[SES_RING_PATH_SIZE];
    const struct dirent *entry;
    enum ses_status status = SES_OK;
    DIR *entries;

    SES_TRY(ses_ring_path(dir, test, fault, path));
    entries = opendir(path);
    if (entries == NULL)
        return ses_fault(fault, SES_IO, "%s: cannot be listed", path);
    while (status == SES_OK && (entry = readdir(entries)) != NULL) {
        struct ses_slice name = ses_slice_str(entry->d_name);

        if (name.len != SES_KEYFILE_NAME_SIZE - 1 ||
            !ses_paserk_pid_check(ses_slice_cut(name, 0, SES_KID_SIZE - 1)))
            continue;
        status = ses_buf_append(list, ses_slice_cut(name, 0, SES_KID_SIZE - 1));
        if (status == SES_OK)
            status = ses_buf_append(list, SES_STR("\n"));
    }
    (void)closedir(entries);
    return status;
}

enum ses_status ses_keyring_list_ids(const char *dir, struct ses_fault *ret_fault, struct ses_buf *ret_list)
{
    enum ses_status status;

    ses_buf_init(ret_list, LOADED_BYTES);
    status = list_purpose(dir, true, ret_fault, ret_list);
    if (status == SES_OK)
        status = list_purpose(dir, false, ret_fault, ret_list);
    if (status != SES_OK)
        ses_buf_done(ret_list);
    return status;
}

enum ses_status ses_keyring_note_loaded(const char *dir, struct ses_slice list, struct ses_fault *ret_fault)
{
    struct ses_keydir keydir;
    enum ses_status status;

    SES_TRY(ses_keydir_open(dir, true, ret_fault, &keydir));
    status = ses_keydir_write(&keydir, LOADED_FILE, list, ret_fault);
    ses_keydir_close(&keydir);
    return status;
}

enum ses_status ses_keyring_is_loaded(const char *dir, struct ses_slice kid, struct ses_fault *ret_fault,
                                      bool *ret_loaded)
{
    struct ses_keydir keydir;
    struct ses_secret text;
    enum ses_status status;

    SES_TRY(ses_keydir_open(dir, false, ret_fault, &keydir));
    status = ses_keydir_read(&keydir, LOADED_FILE, ret_fault, &text);
    ses_keydir_close(&keydir);
    *ret_loaded = false;
    if (status != SES_OK)
        return status == SES_NOT_FOUND ? SES_OK : status;
    for (struct ses_slice rest = ses_slice(text.bytes, text.len); rest.len > 0;) {
        size_t end = ses_slice_find(rest, '\n');

        *ret_loaded = *ret_loaded || ses_slice_eq(ses_slice_cut(rest, 0, end), kid);
        rest = ses_slice_cut(rest, end + 1, rest.len);
    }
    ses_secret_free(&text);
    return SES_OK;
}
