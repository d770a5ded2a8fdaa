/* All key files of one directory, in memory. Whoever calls holds the directory's lock (keydir.h). */
#include "ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum ses_status ses_ring_path(const char *dir, bool test, struct ses_fault *fault,
                              char ret_path[SES_RING_PATH_SIZE])
{
    int len = snprintf(ret_path, SES_RING_PATH_SIZE, "%s/%s", dir, test ? "test" : "live");

    if (len < 0 || len >= SES_RING_PATH_SIZE)
        return ses_fault(fault, SES_IO, "the path of the key directory is too long");
    return SES_OK;
}

/* Editors' leftovers and our own half-written file begin with a dot or end otherwise. */
static bool is_key_name(const char *name)
{
    size_t len = strlen(name);

    return len > 5 && name[0] != '.' && strcmp(name + len - 5, ".json") == 0;
}

/* A file that does not load stops the whole ring: skipping it could turn a revoked key into an unknown one,
 * or leave the ring without its active key and nobody told why. */
static enum ses_status add(const struct ses_keydir *dir, const char *name, bool test, struct ses_fault *fault,
                           struct ses_key_set *set)
{
    if (set->count == SES_KEYRING_KEYS_MAX)
        return ses_fault(fault, SES_FULL, "%s: more than %d keys; retire old ones", dir->path,
                         SES_KEYRING_KEYS_MAX);
    SES_TRY(ses_key_read(dir, name, test, fault, &set->keys[set->count]));
    set->count++;
    return SES_OK;
}

static enum ses_status read_entries(DIR *entries, const struct ses_keydir *dir, bool test,
                                    struct ses_fault *fault, struct ses_key_set *set)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(entries);

        if (entry == NULL)
            break;
        if (is_key_name(entry->d_name))
            SES_TRY(add(dir, entry->d_name, test, fault, set));
    }
    return errno == 0 ? SES_OK : ses_fault(fault, SES_IO, "%s: cannot list: %s", dir->path, strerror(errno));
}

/* Sorted, so that what is published and listed does not depend on the order of a directory. */
static int compare_kid(const void *a, const void *b)
{
    return strcmp(((const struct ses_key *)a)->kid, ((const struct ses_key *)b)->kid);
}

static DIR *open_entries(const struct ses_keydir *dir)
{
    /* A description of its own: fdopendir takes the descriptor over, and dir's holds the lock. */
    int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd < 0 ? NULL : fdopendir(fd);

    if (entries == NULL && fd >= 0)
        (void)close(fd);
    return entries;
}

enum ses_status ses_key_set_read(const struct ses_keydir *dir, bool test, struct ses_fault *fault,
                                 struct ses_key_set *ret_set)
{
    struct ses_key_set set = {calloc(SES_KEYRING_KEYS_MAX, sizeof(struct ses_key)), 0};

    if (set.keys == NULL)
        return ses_fault(fault, SES_NO_MEMORY, "%s: out of memory", dir->path);
    DIR *entries = open_entries(dir);
    if (entries == NULL) {
        ses_key_set_done(&set);
        return ses_fault(fault, SES_IO, "%s: cannot list: %s", dir->path, strerror(errno));
    }
    enum ses_status status = read_entries(entries, dir, test, fault, &set);
    (void)closedir(entries);
    if (status != SES_OK) {
        ses_key_set_done(&set);
        return status;
    }
    qsort(set.keys, set.count, sizeof(set.keys[0]), compare_kid);
    *ret_set = set;
    return SES_OK;
}

void ses_key_set_done(struct ses_key_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        ses_key_done(&set->keys[i]);
    free(set->keys);
    *set = (struct ses_key_set){0};
}

struct ses_key *ses_key_set_find(const struct ses_key_set *set, struct ses_slice kid)
{
    for (size_t i = 0; i < set->count; i++) {
        if (ses_slice_eq_str(kid, set->keys[i].kid))
            return &set->keys[i];
    }
    return NULL;
}

/* See keyfile.h: an activation that died between its two files. */
static bool is_replaced(const struct ses_key_set *set, const struct ses_key *key)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->keys[i].state == SES_KEY_ACTIVE && strcmp(set->keys[i].replaces, key->kid) == 0)
            return true;
    }
    return false;
}

/* None and two are both told by NULL; what to do about it is the caller's to say. */
struct ses_key *ses_key_set_active(const struct ses_key_set *set, size_t *ret_count)
{
    struct ses_key *found = NULL;
    size_t count = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (set->keys[i].state == SES_KEY_ACTIVE && !is_replaced(set, &set->keys[i])) {
            found = &set->keys[i];
            count++;
        }
    }
    *ret_count = count;
    return count == 1 ? found : NULL;
}
