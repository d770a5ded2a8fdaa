/* batch.h - sealed records on their way to the committer: one buffer for many, so that a put costs no
 * malloc. */
#ifndef SESSIOND_STORE_BATCH_H
#define SESSIOND_STORE_BATCH_H

#include <sessiond/base/list.h>
#include <sessiond/base/units.h>

#include "claim.h"
#include "record_row.h"
#include "word.h"

/* A buffer larger than this is not kept for the next batch. */
#define BATCH_KEEP_BYTES SES_MIB
#define BATCH_ROOM_BYTES (64 * SES_KIB)
/* Bytes of one transaction: bounds the dirty pages LMDB holds in memory. */
#define BATCH_BYTES_MAX (8 * SES_MIB)

/* An intent between put and its done function. The loop's; the committer only looks whether there is one. */
struct batch_intent {
    struct ses_list link;
    uint64_t slot;
    uint64_t word;
    uint64_t meta;
    bool released; /* the caller gave the claim back meanwhile: do it once the committer is through */
};

/* Followed by the record's bytes, then by the next item at stride. */
struct batch_item {
    uint32_t stride;
    uint32_t value_bytes;
    uint64_t slot;
    uint64_t meta;                  /* the entry's when the claim began, put back if the claim is */
    uint64_t standing_intent;       /* CLAIM_INTENT: the meta of an intent that came before, 0: none */
    ses_store_owner standing_owner; /* that intent's */
    uint64_t previous;              /* the word of the record that this one supersedes, 0: none */
    uint64_t locator;
    struct batch_intent *intent; /* NULL: the claim ends with this put */
    ses_claim_done_fn done;
    void *arg;
    struct record_row row;
};

struct ses_batch {
    struct ses_batch *next;
    uint8_t *bytes;
    size_t len;
    size_t room;
    size_t value_bytes;
    unsigned count;
    enum ses_status status; /* of all its items, once through */
    uint64_t handed_ns;     /* when it was handed to the committer */
};

/* Batches in order. */
struct batch_list {
    struct ses_batch *head;
    struct ses_batch *tail;
};

static inline void batch_list_push(struct batch_list *list, struct ses_batch *batch)
{
    batch->next = NULL;
    if (list->tail != NULL)
        list->tail->next = batch;
    else
        list->head = batch;
    list->tail = batch;
}

static inline struct ses_batch *batch_list_pop(struct batch_list *list)
{
    struct ses_batch *batch = list->head;

    if (batch == NULL)
        return NULL;
    list->head = batch->next;
    if (list->head == NULL)
        list->tail = NULL;
    return batch;
}

/* Appends all of more, which is empty afterwards. */
static inline void batch_list_join(struct batch_list *list, struct batch_list *more)
{
    if (more->head == NULL)
        return;
    if (list->tail != NULL)
        list->tail->next = more->head;
    else
        list->head = more->head;
    list->tail = more->tail;
    *more = (struct batch_list){NULL, NULL};
}

static inline uint8_t *batch_item_value(struct batch_item *item)
{
    return (uint8_t *)(item + 1);
}

/* The word by which it is found once it is committed, in that shard. */
static inline uint64_t batch_item_word(const struct batch_item *item, unsigned shard)
{
    return word_make(word_state_of(item->row.kind), shard, item->locator);
}

/* Items of a batch: for (item = first; item; item = next). */
static inline struct batch_item *batch_item_at(const struct ses_batch *batch, size_t offset)
{
    return offset < batch->len ? (struct batch_item *)(void *)(batch->bytes + offset) : NULL;
}

static inline struct batch_item *batch_item_next(const struct ses_batch *batch, const struct batch_item *item)
{
    return batch_item_at(batch, (size_t)((const uint8_t *)item - batch->bytes) + item->stride);
}

/* Room for one more item with value_bytes behind it; zeroed head. The item counts once ses_batch_add is
 * called. NULL: out of memory. */
struct batch_item *ses_batch_reserve(struct ses_batch *batch, size_t value_bytes);
void ses_batch_add(struct ses_batch *batch, const struct batch_item *item);
struct ses_batch *ses_batch_new(void);
void ses_batch_free(struct ses_batch *batch);
/* Empty again, memory kept. */
void ses_batch_reset(struct ses_batch *batch);

#endif
