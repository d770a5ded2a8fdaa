/* The mutex is held over one piece: a writer that has run out of room waits for that at most, and then makes the file
 * longer itself. All that may be wrong here, a full disk or a broken one, the writer meets too and tells of.
 */
#include "growth.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "thread.h"

#define ALIGN_BYTES UINT64_C(4096) /* of what is written past the page cache: any disk's block */

/* Only ever read, so that it is the kernel's one page of zeros many times over. */
static _Alignas(4096) uint8_t zeros[GROWTH_PIECE_BYTES];

/* Under the mutex: one piece, behind the end. False: no room, or a broken disk; the writer finds out by itself
 * when it needs what is missing. */
static bool grow_piece(struct ses_growth *growth)
{
    uint64_t end = atomic_load(&growth->end);
    uint64_t to = (end / GROWTH_PIECE_BYTES + 1) * GROWTH_PIECE_BYTES;
    uint64_t from = (end + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    uint64_t all = atomic_load(&growth->wanted);

    /* All that is wanted in one go: by pieces the file would be one of many extents. */
    if (growth->reserved < to) {
        if (all < to)
            all = to;
        if (fallocate(growth->fd, 0, (off_t)end, (off_t)(all - end)) != 0)
            return false;
        growth->reserved = all;
    }
    if (growth->zeros && from < to &&
        pwrite(growth->fd, zeros, (size_t)(to - from), (off_t)from) != (ssize_t)(to - from) &&
        errno == EINVAL)
        growth->zeros = false; /* a file system that says so only now */
    atomic_store_explicit(&growth->end, to, memory_order_release);
    return true;
}

static bool is_wanted(struct ses_growth *growth)
{
    return !atomic_load(&growth->stop) && atomic_load(&growth->end) < atomic_load(&growth->wanted);
}

static void *run(void *arg)
{
    struct ses_growth *growth = arg;

    while (!atomic_load(&growth->stop)) {
        bool grown = true;

        ses_wakeup_wait(&growth->wakeup);
        while (grown && is_wanted(growth)) {
            (void)pthread_mutex_lock(&growth->mutex);
            grown = grow_piece(growth);
            (void)pthread_mutex_unlock(&growth->mutex);
        }
    }
    return NULL;
}

enum ses_status ses_growth_start(struct ses_growth *growth, const char *data_path, uint64_t file_bytes)
{
    *growth = (struct ses_growth){.zeros = true, .end = file_bytes};
    growth->fd = open(data_path, O_WRONLY | O_DIRECT | O_CLOEXEC);
    if (growth->fd < 0 && errno == EINVAL) {
        growth->zeros = false;
        growth->fd = open(data_path, O_WRONLY | O_CLOEXEC);
    }
    if (growth->fd < 0)
        return SES_IO;
    (void)pthread_mutex_init(&growth->mutex, NULL);
    ses_wakeup_init(&growth->wakeup);
    if (ses_thread_start(run, growth, &growth->thread) == SES_OK)
        return SES_OK;
    ses_wakeup_done(&growth->wakeup);
    (void)pthread_mutex_destroy(&growth->mutex);
    (void)close(growth->fd);
    return SES_NO_MEMORY;
}

void ses_growth_stop(struct ses_growth *growth)
{
    atomic_store(&growth->stop, true);
    ses_wakeup_ask(&growth->wakeup);
    (void)pthread_join(growth->thread, NULL);
    ses_wakeup_done(&growth->wakeup);
    (void)pthread_mutex_destroy(&growth->mutex);
    (void)close(growth->fd);
}

void ses_growth_ask(struct ses_growth *growth, uint64_t to)
{
    if (atomic_load_explicit(&growth->wanted, memory_order_relaxed) >= to)
        return;
    atomic_store(&growth->wanted, to);
    ses_wakeup_ask(&growth->wakeup);
}

uint64_t ses_growth_lock(struct ses_growth *growth)
{
    (void)pthread_mutex_lock(&growth->mutex);
    return atomic_load(&growth->end);
}

void ses_growth_unlock(struct ses_growth *growth, uint64_t end)
{
    atomic_store_explicit(&growth->end, end, memory_order_release);
    (void)pthread_mutex_unlock(&growth->mutex);
}
