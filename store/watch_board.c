/* The board's memory and the writer's side of it; the order of marks and looks is argued in watch_board.h.
 * Marks are set and emptied by read-modify-write operations: none is lost, whoever empties the word.
 */
#include "watch_board.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sessiond/base/shared_memory.h>

static enum ses_status open_fds(struct ses_watch_board *board, unsigned slots)
{
    for (unsigned i = 0; i < slots; i++) {
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

        if (fd < 0)
            return SES_IO;
        board->fd[board->slots++] = fd;
    }
    return SES_OK;
}

static enum ses_status map_board(int memory, struct ses_watch_board **ret_board)
{
    struct ses_watch_board *board = calloc(1, sizeof(*board));
    enum ses_status status;
    void *shared;

    if (board == NULL)
        return SES_NO_MEMORY;
    status = ses_shared_memory_map(memory, sizeof(struct watch_shared), &shared);
    if (status != SES_OK) {
        free(board);
        return status;
    }
    board->shared = shared;
    board->memory = memory;
    *ret_board = board;
    return SES_OK;
}

enum ses_status ses_watch_board_create(unsigned slots, struct ses_watch_board **ret_board)
{
    struct ses_watch_board *board;
    enum ses_status status;
    int memory;

    if (slots == 0 || slots > SES_STORE_SHARDS_MAX)
        return SES_INVALID_ARGUMENT;
    SES_TRY(ses_shared_memory_new("sessiond-watch", sizeof(struct watch_shared), &memory));
    status = map_board(memory, &board);
    if (status != SES_OK) {
        (void)close(memory);
        return status;
    }
    status = open_fds(board, slots);
    if (status != SES_OK) {
        ses_watch_board_close(board);
        return status;
    }
    *ret_board = board;
    return SES_OK;
}

enum ses_status ses_watch_board_attach(int memory, const int *wakes, unsigned slots,
                                       struct ses_watch_board **ret_board)
{
    struct ses_watch_board *board;

    if (slots == 0 || slots > SES_STORE_SHARDS_MAX)
        return SES_INVALID_ARGUMENT;
    SES_TRY(map_board(memory, &board));
    memcpy(board->fd, wakes, slots * sizeof(wakes[0]));
    board->slots = slots;
    *ret_board = board;
    return SES_OK;
}

void ses_watch_board_close(struct ses_watch_board *board)
{
    if (board == NULL)
        return;
    for (unsigned i = 0; i < board->slots; i++)
        (void)close(board->fd[i]);
    (void)close(board->memory);
    (void)munmap(board->shared, sizeof(*board->shared));
    free(board);
}

int ses_watch_board_fd(const struct ses_watch_board *board, unsigned slot)
{
    SES_REQUIRE(slot < board->slots);
    return board->fd[slot];
}

/* True: nobody has told the slot of anything in that word since it looked. */
static bool mark_slot(struct ses_watch_board *board, unsigned slot, unsigned bucket)
{
    struct watch_slot *to = &board->shared->slot[slot];
    uint64_t word_bit = UINT64_C(1) << bucket / 64;

    (void)atomic_fetch_or(&to->pending[bucket / 64], UINT64_C(1) << bucket % 64);
    return (atomic_fetch_or(&to->summary, word_bit) & word_bit) == 0;
}

uint64_t ses_watch_board_mark(struct ses_watch_board *board, uint64_t tag)
{
    unsigned bucket = watch_bucket(tag);
    uint64_t slots = atomic_load(&board->shared->watchers[bucket]);
    uint64_t unaware = 0;

    while (slots != 0) {
        unsigned slot = (unsigned)__builtin_ctzll(slots);

        slots &= slots - 1;
        if (slot < board->slots && mark_slot(board, slot, bucket))
            unaware |= UINT64_C(1) << slot;
    }
    return unaware;
}

void ses_watch_board_wake(const struct ses_watch_board *board, uint64_t slots)
{
    uint64_t one = 1;

    for (unsigned slot = 0; slot < board->slots; slot++) {
        if ((slots >> slot & 1) == 0)
            continue;
        /* EAGAIN: the counter is full, so it is readable. */
        while (write(board->fd[slot], &one, sizeof(one)) < 0 && errno == EINTR)
            continue;
    }
}

void ses_watch_board_reset(struct ses_watch_board *board, unsigned slot)
{
    struct watch_slot *own = &board->shared->slot[slot];
    uint64_t count;

    for (unsigned i = 0; i < WATCH_BUCKETS; i++) {
        if ((atomic_load(&board->shared->watchers[i]) >> slot & 1) != 0)
            (void)atomic_fetch_and(&board->shared->watchers[i], ~(UINT64_C(1) << slot));
    }
    (void)atomic_exchange(&own->summary, 0);
    for (unsigned i = 0; i < WATCH_WORDS; i++)
        (void)atomic_exchange(&own->pending[i], 0);
    (void)!read(board->fd[slot], &count, sizeof(count));
}

void ses_watch_board_rouse(struct ses_watch_board *board)
{
    uint64_t watching = 0;

    for (unsigned i = 0; i < WATCH_BUCKETS; i++) {
        watching |= atomic_load(&board->shared->watchers[i]);
        (void)!ses_watch_board_mark(board, (uint64_t)i << WATCH_BUCKET_SHIFT);
    }
    /* Always with the eventfd: the dead one may have marked the summary without getting as far as the
     * write. */
    ses_watch_board_wake(board, watching);
}
