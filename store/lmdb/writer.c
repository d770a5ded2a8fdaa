/* Claims and puts: the loop's side of writing. A record is sealed here, so that the committer's thread only
 * moves bytes. Whoever holds a claim may change its entry; with a put the claim passes to the committer, and
 * with an intent's put it stays with the caller, so that a release meanwhile has to wait (batch.h).
 */
#include <stdlib.h>

#include <sessiond/base/clock.h>

#include "store_lmdb_impl.h"

static bool is_entry_of(struct ses_lmdb *store, uint64_t slot, const struct ses_store_key *key)
{
    return atomic_load(table_tag(store->table, slot)) == ses_table_tag(key);
}

/* A key that is known needs no place of its own. */
static enum ses_status claim_without_place(struct ses_lmdb *store, const struct table_probe *probe)
{
    struct table_entry found;

    if (ses_table_find(store->table, probe, &found))
        return ses_table_status_of(&found);
    if (store->metrics != NULL)
        ses_count(store->metrics, SES_C_STORE_OVER_SHARE, 1);
    return SES_OVER_SHARE;
}

enum ses_status ses_claim_new(struct ses_lmdb *store, const struct ses_store_key *key, ses_store_owner owner,
                              struct ses_claim *ret_claim)
{
    struct table_probe probe;
    enum ses_status status;
    uint64_t room;
    uint64_t slot;
    uint64_t word;

    SES_REQUIRE(store->writable);
    ses_table_probe(store->table, key, &probe);
    ses_table_prefetch(store->table, &probe);
    if (!ses_lmdb_has_place(store, owner))
        return claim_without_place(store, &probe);
    status = ses_table_insert(store->table, &probe, store->number, owner, &slot, &word);
    if (status == SES_FULL)
        ses_table_usage(store->table, &store->table_refused, &room);
    if (status != SES_OK)
        return status;
    *ret_claim = (struct ses_claim){.key = *key,
                                    .driver = {[CLAIM_SLOT] = slot, [CLAIM_WORD] = word},
                                    .revision = 1,
                                    .owner = owner,
                                    .held = true};
    return SES_OK;
}

/* One compare-and-swap on the word that was read: it names shard and locator, which are never used twice, so
 * an entry that was another one in between cannot look the same. A ref of another key is refused before: under
 * its claim this key's record would take the other one's place. meta is read afterwards, when it is ours. */
enum ses_status ses_claim_ref(struct ses_lmdb *store, const struct ses_store_key *key,
                              const struct ses_lmdb_ref *ref, uint32_t revision, struct ses_claim *ret_claim)
{
    uint64_t slot = ref->driver[REF_SLOT];
    uint64_t word = ref->driver[REF_WORD];
    uint64_t claimed;

    SES_REQUIRE(store->writable && word_is_live(word) && slot < table_slots(store->table));
    if (revision == UINT32_MAX)
        return SES_FULL;
    if (!is_entry_of(store, slot, key))
        return SES_CONFLICT;
    if (!ses_table_take(store->table, slot, word, WORD_CLAIMED, store->number, &claimed)) {
        /* Still the same record beneath somebody's claim? Only a hint: it may change at once. */
        bool same = atomic_load(table_previous(store->table, slot)) == word && is_entry_of(store, slot, key);

        return same ? SES_BUSY : SES_CONFLICT;
    }
    *ret_claim = (struct ses_claim){.key = *key,
                                    .driver = {[CLAIM_SLOT] = slot,
                                               [CLAIM_WORD] = claimed,
                                               [CLAIM_PREVIOUS] = word,
                                               [CLAIM_META] = atomic_load(table_meta(store->table, slot))},
                                    .revision = revision + 1,
                                    .owner = table_owner(store->table, slot),
                                    .held = true};
    return SES_OK;
}

enum ses_status ses_claim_for_owner(struct ses_lmdb *store, struct ses_claim *claim, ses_store_owner owner)
{
    SES_REQUIRE(claim->held);
    if (owner == claim->owner)
        return SES_OK;
    if (!ses_lmdb_has_place(store, owner)) {
        if (store->metrics != NULL)
            ses_count(store->metrics, SES_C_STORE_OVER_SHARE, 1);
        return SES_OVER_SHARE;
    }
    claim->owner = owner;
    return SES_OK;
}

static struct batch_intent *find_intent(struct ses_lmdb *store, uint64_t word)
{
    for (struct ses_list *at = store->intents.next; at != &store->intents; at = at->next) {
        struct batch_intent *intent = SES_CONTAINER(at, struct batch_intent, link);

        if (intent->word == word)
            return intent;
    }
    return NULL;
}

void ses_claim_release(struct ses_lmdb *store, struct ses_claim *claim)
{
    struct batch_intent *intent;

    if (!claim->held)
        return;
    claim->held = false;
    /* The committer may be about to note an intent in the entry: then the claim ends in
     * ses_lmdb_complete. */
    intent = find_intent(store, claim->driver[CLAIM_WORD]);
    if (intent != NULL)
        intent->released = true;
    else
        ses_table_release(store->table, store->number, claim->driver[CLAIM_SLOT], claim->driver[CLAIM_META]);
}

void ses_claim_release_to_intent(struct ses_lmdb *store, struct ses_claim *claim)
{
    if (!claim->held)
        return;
    SES_REQUIRE(find_intent(store, claim->driver[CLAIM_WORD]) == NULL);
    claim->held = false;
    ses_table_release_to_intent(store->table, store->number, claim->driver[CLAIM_SLOT],
                                claim->driver[CLAIM_META], claim->driver[CLAIM_INTENT], claim->intent_owner);
}

/* The batch that is being filled, with room for one more put. */
static struct ses_batch *filling_batch(struct ses_lmdb *store, size_t value_bytes)
{
    struct ses_batch *batch = store->filling;

    if (batch != NULL &&
        (batch->count >= store->batch_max || batch->value_bytes + value_bytes > BATCH_BYTES_MAX)) {
        batch_list_push(&store->filled, batch);
        store->filling = NULL;
    }
    if (store->filling == NULL) {
        batch = batch_list_pop(&store->spare);
        if (batch != NULL)
            store->spare_count--;
        else
            batch = ses_batch_new();
        store->filling = batch;
    }
    return store->filling;
}

/* The latest expiry that any revision of the key ever had (record.h). */
static uint32_t retain_after(const struct ses_claim *claim, const struct ses_record *record)
{
    uint32_t retain = retain_of(record->expires_ms);
    uint32_t before = meta_retain(claim->driver[CLAIM_META]);

    return retain > before ? retain : before;
}

static void describe(const struct ses_claim *claim, const struct ses_record *record, size_t value_bytes,
                     struct batch_item *item)
{
    item->slot = claim->driver[CLAIM_SLOT];
    item->meta = claim->driver[CLAIM_META];
    item->standing_intent = claim->driver[CLAIM_INTENT];
    item->standing_owner = claim->intent_owner;
    item->previous = claim->driver[CLAIM_PREVIOUS];
    item->row.key = claim->key;
    memcpy(item->row.session_id, record->session_id, SES_SESSION_ID_BYTES);
    item->row.retain = retain_after(claim, record);
    item->row.revision = claim->revision;
    item->row.record_bytes = (uint32_t)value_bytes;
    item->row.owner = claim->owner;
    item->row.kind = record->kind;
}

static enum ses_status put(struct ses_lmdb *store, const struct ses_claim *claim,
                           const struct ses_record *record, struct batch_intent *intent,
                           ses_claim_done_fn done, void *arg)
{
    size_t value_bytes = record->body.len + RECORD_EXTRA_BYTES;
    struct ses_record sealed = *record;
    struct batch_item *item;
    struct ses_batch *batch;

    SES_REQUIRE(store->writable && claim->held && store->keys.count > 0);
    if (record->body.len > SES_STORE_BODY_MAX)
        return SES_TOO_LARGE;
    SES_TRY(ses_lmdb_check_room(store, claim, value_bytes));
    batch = filling_batch(store, value_bytes);
    item = batch != NULL ? ses_batch_reserve(batch, value_bytes) : NULL;
    if (item == NULL)
        return SES_NO_MEMORY;
    sealed.key = claim->key;
    sealed.revision = claim->revision;
    ses_record_seal(&store->sealer, &sealed, batch_item_value(item));
    describe(claim, &sealed, value_bytes, item);
    item->intent = intent;
    item->done = done;
    item->arg = arg;
    ses_batch_add(batch, item);
    store->pending++;
    store->pending_bytes += value_bytes;
    /* Counted now, or a burst within one batch would pass its share; complete_batch takes back what
     * failed. */
    ses_share_add(store->owner_bytes, claim->owner, record_disk_bytes((uint32_t)value_bytes));
    return SES_OK;
}

enum ses_status ses_claim_put(struct ses_lmdb *store, struct ses_claim *claim,
                              const struct ses_record *record, ses_claim_done_fn done, void *arg)
{
    SES_TRY(put(store, claim, record, NULL, done, arg));
    claim->held = false;
    return SES_OK;
}

enum ses_status ses_claim_put_intent(struct ses_lmdb *store, struct ses_claim *claim,
                                     const struct ses_record *record, ses_claim_done_fn done, void *arg)
{
    struct batch_intent *intent;
    enum ses_status status;

    SES_REQUIRE(record->kind == SES_RECORD_INTENT);
    if (claim->revision == UINT32_MAX)
        return SES_FULL;
    intent = calloc(1, sizeof(*intent)); /* rare: an intent precedes a connector call of milliseconds */
    if (intent == NULL)
        return SES_NO_MEMORY;
    intent->slot = claim->driver[CLAIM_SLOT];
    intent->word = claim->driver[CLAIM_WORD];
    intent->meta = claim->driver[CLAIM_META];
    status = put(store, claim, record, intent, done, arg);
    if (status != SES_OK) {
        free(intent);
        return status;
    }
    ses_list_push_back(&store->intents, &intent->link);
    claim->driver[CLAIM_INTENT] = meta_make(retain_after(claim, record), claim->revision);
    claim->intent_owner = claim->owner;
    claim->revision++;
    return SES_OK;
}

void ses_lmdb_flush(struct ses_lmdb *store)
{
    if (store->filling != NULL && store->filling->count > 0) {
        batch_list_push(&store->filled, store->filling);
        store->filling = NULL;
    }
    if (store->filled.head == NULL)
        return;
    store->filled.head->handed_ns = ses_clock_mono_ns(); /* the first one's: a transaction begins with it */
    ses_committer_hand_over(&store->committer, &store->filled);
}

/* Before the done function, which may release or put under the same claim. */
static void complete_intent(struct ses_lmdb *store, struct batch_intent *intent)
{
    ses_list_remove(&intent->link);
    if (intent->released)
        ses_table_release(store->table, store->number, intent->slot, intent->meta);
    free(intent);
}

static struct ses_lmdb_written written_of(const struct ses_lmdb *store, const struct batch_item *item)
{
    return (struct ses_lmdb_written){
        .ref = {.driver = {[REF_SLOT] = item->slot, [REF_WORD] = batch_item_word(item, store->number)}},
        .revision = item->row.revision};
}

static void complete_batch(struct ses_lmdb *store, struct ses_batch *batch)
{
    for (struct batch_item *item = batch_item_at(batch, 0); item != NULL;
         item = batch_item_next(batch, item)) {
        struct ses_lmdb_written written = written_of(store, item);

        if (item->intent != NULL)
            complete_intent(store, item->intent);
        store->pending--;
        store->pending_bytes -= item->value_bytes;
        if (batch->status != SES_OK)
            ses_share_remove(store->owner_bytes, item->row.owner, record_disk_bytes(item->value_bytes));
        item->done(item->arg, batch->status, &written);
    }
    if (store->spare_count >= STORE_SPARE_BATCHES_MAX) {
        ses_batch_free(batch);
        return;
    }
    ses_batch_reset(batch);
    batch_list_push(&store->spare, batch);
    store->spare_count++;
}

static void log_fault(struct ses_lmdb *store, const struct commit_fault *fault)
{
    struct ses_log_line line;

    if (fault->what == NULL || store->log == NULL)
        return;
    ses_log_begin(store->log, SES_LOG_ERROR, fault->poisoned ? "store_poisoned" : "store_gc_stopped", &line);
    ses_log_u64(&line, "shard", store->number);
    ses_log_str(&line, "failed", fault->what);
    ses_log_str(&line, "reason", mdb_strerror(fault->code));
    ses_log_str(&line, "hint",
                fault->poisoned
                    ? "this worker acknowledges no more writes and must be replaced; check the disk"
                    : "sessions are served on, expired ones stay on disk; run 'sessiondctl store verify'");
    ses_log_end(&line);
}

/* Once a transaction, and that took long: a busy disk makes some in a second, the log's bound holds. */
static void log_slow(struct ses_lmdb *store)
{
    static const char *const keys[SES_COMMIT_PHASES] = {"wake_ms",    "reserve_ms", "fill_ms",
                                                        "collect_ms", "sync_ms",    "publish_ms"};
    struct ses_log_line line;
    struct commit_slow slow;
    uint64_t all_ns = 0;

    if (!ses_commit_trace_take(&store->committer.commit.trace, &slow))
        return;
    for (unsigned i = 0; i < SES_COMMIT_PHASES; i++)
        all_ns += slow.phase_ns[i];
    ses_log_begin_bounded(store->log, SES_LOG_INFO, "store_slow_commit", NULL, &line);
    ses_log_u64(&line, "shard", store->number);
    ses_log_u64(&line, "ms", all_ns / SES_NS_PER_MS);
    for (unsigned i = 0; i < SES_COMMIT_PHASES; i++)
        ses_log_u64(&line, keys[i], slow.phase_ns[i] / SES_NS_PER_MS);
    ses_log_u64(&line, "puts", slow.puts);
    ses_log_u64(&line, "bytes", slow.bytes);
    ses_log_u64(&line, "grown_bytes", slow.grown_bytes);
    ses_log_u64(&line, "of_last_ms", slow.in.at_ns / SES_NS_PER_MS);
    ses_log_u64(&line, "core_wait_ms", slow.in.core_wait_ns / SES_NS_PER_MS);
    ses_log_u64(&line, "cpu_ms", slow.in.cpu_ns / SES_NS_PER_MS);
    ses_log_u64(&line, "major_faults", slow.in.major_faults);
    ses_log_end(&line);
}

static void log_full(struct ses_lmdb *store)
{
    bool full = atomic_load(&store->committer.commit.full);

    if (full == store->full_logged)
        return;
    store->full_logged = full;
    if (store->log != NULL)
        ses_log_msg(store->log, full ? SES_LOG_ERROR : SES_LOG_INFO, full ? "store_full" : "store_has_space",
                    full ? "shard %u: no space for data.mdb (disk, quota, file size limit, or a snapshot "
                           "that is held); writes are refused"
                         : "shard %u: writes are accepted again",
                    store->number);
}

void ses_lmdb_complete(struct ses_lmdb *store)
{
    struct commit_fault fault;
    struct ses_batch *batch;
    struct batch_list done;

    if (!store->writable)
        return;
    ses_committer_take_done(&store->committer, &done, &fault);
    log_fault(store, &fault);
    log_full(store);
    log_slow(store);
    while ((batch = batch_list_pop(&done)) != NULL)
        complete_batch(store, batch);
}

size_t ses_lmdb_pending(const struct ses_lmdb *store)
{
    return store->pending;
}
