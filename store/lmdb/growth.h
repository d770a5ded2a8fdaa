/* growth.h - the thread that makes data.mdb longer ahead of its writer, of blocks that were written.
 *
 * What fallocate gives are blocks that were never written. The first write into each has to be noted in the file
 * system's own blocks, and a sync writes these too, one behind the other, each waited for: measured on ext4,
 * 4 KiB a sync, 1.1 ms into such blocks and 0.3 into written ones, p99 17 and 9 ms beside other work. A log only
 * ever writes into new blocks, so each commit paid it. Here they are written with zeros beforehand, in pieces,
 * past the page cache, beside the commits. A file system that cannot do that is made longer ahead and no more.
 *
 * Zeros never meet a page that is in use: they go behind `end`, and LMDB is let go on to what lies before it only.
 * Who moves the end, this thread or a writer that has overtaken it, holds the mutex.
 */
#ifndef SESSIOND_STORE_GROWTH_H
#define SESSIOND_STORE_GROWTH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <sessiond/base/status.h>

#include "wakeup.h"

/* Written at once, and what a writer that has overtaken the thread waits for at most. */
#define GROWTH_PIECE_BYTES (UINT64_C(256) << 10)

struct ses_growth {
    int fd;     /* data.mdb */
    bool zeros; /* it can be written past the page cache */
    pthread_t thread;
    pthread_mutex_t mutex;
    struct ses_wakeup wakeup;
    _Atomic uint64_t wanted; /* the thread grows the file up to here */
    _Atomic uint64_t end;    /* of the file; moved under the mutex */
    _Atomic bool stop;
    uint64_t reserved; /* the thread's: blocks are there up to here */
};

/* Starts the thread, for a file of file_bytes, all of them the writer's. SES_IO, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_growth_start(struct ses_growth *growth, const char *data_path,
                                                uint64_t file_bytes);
/* The writer has ended. */
void ses_growth_stop(struct ses_growth *growth);
/* [writer] Wakes the thread where it is not asked for as much already. */
void ses_growth_ask(struct ses_growth *growth, uint64_t to);
/* [writer] Between both nobody else moves the end. Unlocking: the file ends at end now. */
uint64_t ses_growth_lock(struct ses_growth *growth);
void ses_growth_unlock(struct ses_growth *growth, uint64_t end);

static inline uint64_t ses_growth_end(const struct ses_growth *growth)
{
    return atomic_load_explicit(&growth->end, memory_order_acquire);
}

#endif
