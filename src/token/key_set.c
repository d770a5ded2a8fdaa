/* All key files of one purpose, in memory, under the lock of their directory (keydir.h). */
#include "ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sessiond/base/random.h>

/* Editors' leftovers and our own half-written file begin with a dot or end otherwise. */
static bool is_key_name(const char *name)
{
    size_t len = strlen(name);

    return len > 5 && name[0] != '.' && strcmp(name + len - 5, ".json") == 0;
}

/* A file that does not load stops the whole ring: skipping it could turn a revoked key into an unknown one,
 * or leave the ring without its active key and nobody told why. */
static enum ses_status add(struct ses_ring *ring, const char *name, struct ses_fault *fault)
{
    struct ses_key_set *set = &ring->set;

    if (set->count == SES_KEYRING_KEYS_MAX)
        return ses_fault(fault, SES_FULL, "%s: more than %d keys; retire old ones", ring->path,
                         SES_KEYRING_KEYS_MAX);
    SES_TRY(ses_key_read(&ring->dir, name, ring->purpose, fault, &set->keys[set->count]));
    set->count++;
    return SES_OK;
}

static enum ses_status read_entries(DIR *entries, struct ses_ring *ring, struct ses_fault *fault)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(entries);

        if (entry == NULL)
            break;
        if (is_key_name(entry->d_name))
            SES_TRY(add(ring, entry->d_name, fault));
    }
    return errno == 0 ? SES_OK : ses_fault(fault, SES_IO, "%s: cannot list: %s", ring->path, strerror(errno));
}

/* Sorted, so that what is published and listed does not depend on the order of a directory. */
static int compare_id(const void *a, const void *b)
{
    const struct ses_key *one = a;
    const struct ses_key *other = b;

    if (one->number != other->number)
        return one->number < other->number ? -1 : 1;
    return strcmp(one->kid, other->kid);
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

static enum ses_status read_dir(struct ses_ring *ring, struct ses_fault *fault)
{
    DIR *entries = open_entries(&ring->dir);

    if (entries == NULL)
        return ses_fault(fault, SES_IO, "%s: cannot list: %s", ring->path, strerror(errno));
    enum ses_status status = read_entries(entries, ring, fault);
    (void)closedir(entries);
    return status;
}

/* Its file has no room for a time. */
static uint64_t changed_ms(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 ? (uint64_t)info.st_mtim.tv_sec * 1000 : 0;
}

/* A change that died may have left the first file behind the key's new one: the same key, in both. */
static enum ses_status take_first(struct ses_ring *ring, struct ses_key *first, struct ses_fault *fault)
{
    struct ses_key *known = ses_key_set_find(&ring->set, ses_slice_str(first->kid));

    if (known == NULL && ring->set.count == SES_KEYRING_KEYS_MAX)
        return ses_fault(fault, SES_FULL, "%s: more than %d keys; retire old ones", ring->path,
                         SES_KEYRING_KEYS_MAX);
    SES_REQUIRE(ring->set.keys != NULL);
    if (known == NULL) {
        ring->set.keys[ring->set.count++] = *first;
        *first = (struct ses_key){.number = 0};
        return SES_OK;
    }
    known->first = true;
    return strcmp(known->lid, first->lid) == 0
               ? SES_OK
               : ses_fault(
                     fault, SES_FAILED_PRECONDITION,
                     "%s and %s/%s.json are two keys of one id; find out by a backup of the keys which is "
                     "the right one, and move the other away",
                     ring->first_path, ring->path, known->kid);
}

static enum ses_status read_first(struct ses_ring *ring, struct ses_fault *fault)
{
    struct ses_secret secret;
    struct ses_key first;
    enum ses_status status = ses_secret_file_open(ring->first_path, false, &secret, fault);

    if (status == SES_NOT_FOUND)
        return SES_OK;
    SES_TRY(status);
    first = ses_key_first(ring->purpose, secret, changed_ms(ring->first_path));
    status = take_first(ring, &first, fault);
    ses_key_done(&first);
    return status;
}

static enum ses_status read_all(struct ses_ring *ring, struct ses_fault *fault)
{
    ring->set.keys = calloc(SES_KEYRING_KEYS_MAX, sizeof(struct ses_key));
    if (ring->set.keys == NULL)
        return ses_fault(fault, SES_NO_MEMORY, "%s: out of memory", ring->path);
    if (ring->dir.fd >= 0)
        SES_TRY(read_dir(ring, fault));
    if (ses_key_seals(ring->purpose))
        SES_TRY(read_first(ring, fault));
    qsort(ring->set.keys, ring->set.count, sizeof(ring->set.keys[0]), compare_id);
    return SES_OK;
}

/* A data directory of an earlier version has no directory for rings that seal. */
static enum ses_status lock(struct ses_ring *ring, bool exclusive, struct ses_fault *fault)
{
    if (ses_key_seals(ring->purpose)) {
        if (exclusive)
            SES_TRY(ses_keydir_make(ring->path, fault));
        else if (access(ring->path, F_OK) != 0 && errno == ENOENT)
            return SES_OK;
    }
    return ses_keydir_open(ring->path, exclusive, fault, &ring->dir);
}

enum ses_status ses_ring_open(const char *dir, enum ses_key_purpose purpose, bool exclusive,
                              struct ses_fault *fault, struct ses_ring *ret_ring)
{
    enum ses_status status;

    *ret_ring = (struct ses_ring){.purpose = purpose, .dir = {.fd = -1}};
    ses_random_init(); /* guarded memory needs libsodium's start; harmless when that was done */
    SES_TRY(ses_ring_path(dir, purpose, fault, ret_ring->path));
    if (ses_key_seals(purpose))
        SES_TRY(ses_ring_first_path(dir, purpose, fault, ret_ring->first_path));
    SES_TRY(lock(ret_ring, exclusive, fault));
    status = read_all(ret_ring, fault);
    if (status != SES_OK)
        ses_ring_close(ret_ring);
    return status;
}

void ses_ring_close(struct ses_ring *ring)
{
    ses_key_set_done(&ring->set);
    if (ring->dir.fd >= 0)
        ses_keydir_close(&ring->dir);
}

/* Behind the new file, so that no instant is without the key. */
static enum ses_status remove_first(const struct ses_ring *ring, struct ses_key *key, struct ses_fault *fault)
{
    char path[SES_RING_PATH_SIZE];
    char name[SES_RING_PATH_SIZE];
    struct ses_keydir dir;
    enum ses_status status;

    if (!key->first)
        return SES_OK;
    memcpy(path, ring->first_path, sizeof(path));
    memcpy(name, ring->first_path, sizeof(name));
    SES_TRY(ses_keydir_open(dirname(path), true, fault, &dir));
    status = ses_keydir_remove(&dir, basename(name), fault);
    ses_keydir_close(&dir);
    if (status == SES_OK)
        key->first = false;
    return status;
}

enum ses_status ses_ring_write(const struct ses_ring *ring, struct ses_key *key, struct ses_fault *fault)
{
    SES_TRY(ses_key_write(&ring->dir, key, fault));
    return remove_first(ring, key, fault);
}

enum ses_status ses_ring_remove(const struct ses_ring *ring, struct ses_key *key, struct ses_fault *fault)
{
    char name[SES_KEYFILE_NAME_SIZE];

    SES_TRY(remove_first(ring, key, fault));
    ses_key_file_name(key->kid, name);
    return ses_keydir_remove(&ring->dir, name, fault);
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

/* Neither none nor two are guessed at: signing or sealing with the wrong key is worse than not starting. */
enum ses_status ses_ring_active(const struct ses_ring *ring, struct ses_fault *fault,
                                struct ses_key **ret_key)
{
    size_t count = 0;
    struct ses_key *active = ses_key_set_active(&ring->set, &count);

    if (active == NULL)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "%s: %s; activate the right one with sessiondctl keys activate", ring->path,
                         count == 0 ? "no key is active" : "more than one key is active");
    *ret_key = active;
    return SES_OK;
}
