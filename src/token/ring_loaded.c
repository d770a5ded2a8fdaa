/* Which keys every worker of a running server knows, and in which state: noted by the supervisor, asked by who wants to
 * sign or seal with one, or to take one away. All of it by names and times of files: the supervisor sees no key.
 *
 * A line is the id of a key, or a ring's stamp: "=" and the purpose, a blank, a hash over what the ring's files are
 * called, which they are and when they were written. Each write makes another file, so that a ring which was
 * changed and changed back has another stamp all the same. */
#include "ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/encode.h>

#define LOADED_FILE  "loaded"
#define STAMP_BYTES  16
#define FILES_MAX    (SES_KEYRING_KEYS_MAX + 1)
#define LOADED_BYTES (SES_KEY_PURPOSE_COUNT * (FILES_MAX * SES_KID_SIZE + SES_KEY_STAMP_SIZE))

_Static_assert(LOADED_BYTES <= SES_KEYDIR_FILE_MAX, "the list must fit into its file");
_Static_assert(SES_HEX_SIZE(STAMP_BYTES) + 7 <= SES_KEY_STAMP_SIZE, "\"=test \" and the hash");

/* What a stamp is made of. */
struct ring_file {
    char kid[SES_KID_SIZE];
    uint64_t inode;
    int64_t written_s;
    int64_t written_ns;
};

struct ring_files {
    struct ring_file file[FILES_MAX]; /* cleared: compared and hashed as it lies */
    size_t count;
};

static void add(struct ring_files *files, struct ses_slice kid, const struct stat *info)
{
    struct ring_file *file = &files->file[files->count++];

    memcpy(file->kid, kid.data, kid.len);
    file->inode = info->st_ino;
    file->written_s = info->st_mtim.tv_sec;
    file->written_ns = info->st_mtim.tv_nsec;
}

static enum ses_status list_dir(DIR *entries, enum ses_key_purpose purpose, const char *path,
                                struct ses_fault *fault, struct ring_files *files)
{
    const struct dirent *entry;
    struct stat info;

    while ((entry = readdir(entries)) != NULL) {
        struct ses_slice name = ses_slice_str(entry->d_name);
        struct ses_slice kid = ses_slice_cut(name, 0, name.len < 5 ? 0 : name.len - 5);

        if (!ses_slice_eq_str(ses_slice_cut(name, kid.len, name.len), ".json") ||
            !ses_key_id_check(purpose, kid))
            continue;
        if (files->count == SES_KEYRING_KEYS_MAX)
            return ses_fault(fault, SES_FULL, "%s: more than %d keys; retire old ones", path,
                             SES_KEYRING_KEYS_MAX);
        if (fstatat(dirfd(entries), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0)
            add(files, kid, &info);
    }
    return SES_OK;
}

static int compare_file(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct ring_file));
}

/* By the names of the files alone: what a worker cannot load stops it, and then nothing is noted. The first file of a
 * ring that seals is its key 1, whatever else there is of it. */
static enum ses_status look(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault,
                            struct ring_files *files)
{
    char path[SES_RING_PATH_SIZE];
    char first[SES_KID_SIZE];
    enum ses_status status;
    struct stat info;
    DIR *entries;

    memset(files, 0, sizeof(*files));
    SES_TRY(ses_ring_path(dir, purpose, fault, path));
    entries = opendir(path);
    if (entries == NULL && !(ses_key_seals(purpose) && errno == ENOENT))
        return ses_fault(fault, SES_IO, "%s: cannot be listed: %s", path, strerror(errno));
    status = entries == NULL ? SES_OK : list_dir(entries, purpose, path, fault, files);
    if (entries != NULL)
        (void)closedir(entries);
    SES_TRY(status);
    if (ses_key_seals(purpose)) {
        SES_TRY(ses_ring_first_path(dir, purpose, fault, path));
        ses_key_id_encode(purpose, 1, first);
        if (lstat(path, &info) == 0)
            add(files, ses_slice_str(first), &info);
    }
    qsort(files->file, files->count, sizeof(files->file[0]), compare_file);
    return SES_OK;
}

static void stamp_of(enum ses_key_purpose purpose, const struct ring_files *files,
                     char ret_stamp[SES_KEY_STAMP_SIZE])
{
    uint8_t hash[SES_HASH_BYTES];
    char hex[SES_HEX_SIZE(STAMP_BYTES)];

    ses_hash(SES_STR("sessiond key ring"), ses_slice(files->file, files->count * sizeof(files->file[0])),
             hash);
    (void)ses_hex_encode(ses_slice(hash, STAMP_BYTES), hex);
    (void)snprintf(ret_stamp, SES_KEY_STAMP_SIZE, "=%s %s", ses_key_purpose_name(purpose), hex);
}

static enum ses_status append_purpose(const char *dir, enum ses_key_purpose purpose, struct ses_fault *fault,
                                      struct ring_files *files, struct ses_buf *list)
{
    char stamp[SES_KEY_STAMP_SIZE];

    SES_TRY(look(dir, purpose, fault, files));
    for (size_t i = 0; i < files->count; i++)
        SES_TRY(ses_buf_appendf(list, "%s\n", files->file[i].kid));
    stamp_of(purpose, files, stamp);
    return ses_buf_appendf(list, "%s\n", stamp);
}

enum ses_status ses_keyring_list_ids(const char *dir, struct ses_fault *ret_fault, struct ses_buf *ret_list)
{
    enum ses_status status = SES_OK;
    struct ring_files files;

    ses_buf_init(ret_list, LOADED_BYTES);
    for (int i = 0; i < SES_KEY_PURPOSE_COUNT && status == SES_OK; i++)
        status = append_purpose(dir, (enum ses_key_purpose)i, ret_fault, &files, ret_list);
    if (status != SES_OK)
        ses_buf_done(ret_list);
    return status;
}

enum ses_status ses_keyring_stamp(const char *dir, enum ses_key_purpose purpose, struct ses_fault *ret_fault,
                                  char ret_stamp[SES_KEY_STAMP_SIZE])
{
    struct ring_files files;

    SES_TRY(look(dir, purpose, ret_fault, &files));
    stamp_of(purpose, &files, ret_stamp);
    return SES_OK;
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

static enum ses_status has_line(const char *dir, struct ses_slice line, struct ses_fault *fault,
                                bool *ret_has)
{
    struct ses_keydir keydir;
    struct ses_secret text;
    enum ses_status status;

    SES_TRY(ses_keydir_open(dir, false, fault, &keydir));
    status = ses_keydir_read(&keydir, LOADED_FILE, fault, &text);
    ses_keydir_close(&keydir);
    *ret_has = false;
    if (status != SES_OK)
        return status == SES_NOT_FOUND ? SES_OK : status;
    for (struct ses_slice rest = ses_slice(text.bytes, text.len); rest.len > 0;) {
        size_t end = ses_slice_find(rest, '\n');

        *ret_has = *ret_has || ses_slice_eq(ses_slice_cut(rest, 0, end), line);
        rest = ses_slice_cut(rest, end + 1, rest.len);
    }
    ses_secret_free(&text);
    return SES_OK;
}

enum ses_status ses_keyring_is_loaded(const char *dir, struct ses_slice kid, struct ses_fault *ret_fault,
                                      bool *ret_loaded)
{
    return has_line(dir, kid, ret_fault, ret_loaded);
}

enum ses_status ses_keyring_is_current(const char *dir, const char *stamp, struct ses_fault *ret_fault,
                                       bool *ret_current)
{
    return has_line(dir, ses_slice_str(stamp), ret_fault, ret_current);
}

bool ses_seal_ring_exists(const char *dir, enum ses_key_purpose purpose)
{
    struct ses_fault fault = {.text = ""};
    struct ring_files files;

    return look(dir, purpose, &fault, &files) == SES_OK && files.count > 0;
}
