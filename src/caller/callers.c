/* The callers as a worker asks for them: two hash tables over what was read, filled once. Open addressing, at most
 * half full; the names in it are the operator's, so nobody else can make its runs long, and a question walks one run. */
#include <sessiond/caller/callers.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include <sessiond/base/arena.h>
#include <sessiond/token/guarded_text.h>
#include <sessiond/token/token.h>

#include <sessiond/caller/caller_key.h>

#include "callers_impl.h"

/* A file of 16 MiB in its shortest words comes to less. */
#define ARENA_BYTES_MAX (256u * SES_MIB)

/* ---- the tables ---------------------------------------------------------------------------------- */

static enum ses_status make_table(struct ses_arena *arena, size_t entries, struct caller_table *ret_table)
{
    size_t slots = 4;

    while (slots < 2 * entries)
        slots *= 2;
    ret_table->slots = ses_arena_zalloc(arena, slots * sizeof(*ret_table->slots));
    ret_table->mask = slots - 1;
    return ret_table->slots == NULL ? SES_NO_MEMORY : SES_OK;
}

/* FNV-1a, 64 bits (draft-eastlake-fnv). */
static uint64_t text_hash(unsigned kind, struct ses_slice text)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ kind;

    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ text.data[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

/* The slot where the id's key is, or would be. Ids are random: they are their own hash. */
static void **key_slot(const struct caller_table *table, uint64_t id)
{
    size_t at = (size_t)id & table->mask;

    while (table->slots[at] != NULL && ((const struct ses_caller_key *)table->slots[at])->id != id)
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

static bool certificate_says(const struct ses_caller_certificate *certificate, enum ses_caller_identity kind,
                             struct ses_slice value)
{
    return certificate->kind == kind && ses_slice_eq(certificate->value, value);
}

static void **certificate_slot(const struct caller_table *table, enum ses_caller_identity kind,
                               struct ses_slice value)
{
    size_t at = (size_t)text_hash((unsigned)kind, value) & table->mask;

    while (table->slots[at] != NULL && !certificate_says(table->slots[at], kind, value))
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

static void **name_slot(const struct caller_table *table, struct ses_slice name)
{
    size_t at = (size_t)text_hash(0, name) & table->mask;

    while (table->slots[at] != NULL &&
           !ses_slice_eq(((const struct ses_caller *)table->slots[at])->name, name))
        at = (at + 1) & table->mask;
    return &table->slots[at];
}

struct ses_caller_key *callers_key(const struct ses_callers *callers, uint64_t id)
{
    return *key_slot(&callers->keys, id);
}

struct ses_caller_certificate *callers_certificate(const struct ses_callers *callers,
                                                   enum ses_caller_identity kind, struct ses_slice value)
{
    return *certificate_slot(&callers->certificates, kind, value);
}

/* ---- what must be so in the whole file ----------------------------------------------------------- */

static enum ses_status refuse_twice(const char *file, uint32_t line, const char *what, uint32_t first,
                                    struct ses_fault *fault)
{
    return ses_fault(fault, SES_MALFORMED, "%s:%u: this %s is given twice (first in line %u): remove one",
                     file, line, what, first);
}

static enum ses_status enter_keys(struct ses_callers *callers, const struct ses_caller *caller,
                                  const char *file, struct ses_fault *fault)
{
    for (size_t i = 0; i < caller->keys_count; i++) {
        struct ses_caller_key *key = &caller->keys[i];
        void **slot = key_slot(&callers->keys, key->id);

        if (*slot != NULL)
            return refuse_twice(file, key->line, "key id", ((const struct ses_caller_key *)*slot)->line,
                                fault);
        *slot = key;
    }
    return SES_OK;
}

static enum ses_status enter_certificates(struct ses_callers *callers, const struct ses_caller *caller,
                                          const char *file, struct ses_fault *fault)
{
    for (size_t i = 0; i < caller->certificates_count; i++) {
        struct ses_caller_certificate *certificate = &caller->certificates[i];
        void **slot = certificate_slot(&callers->certificates, certificate->kind, certificate->value);

        if (*slot != NULL)
            return refuse_twice(file, certificate->line, ses_caller_identity_name(certificate->kind),
                                ((const struct ses_caller_certificate *)*slot)->line, fault);
        *slot = certificate;
    }
    return SES_OK;
}

static enum ses_status enter(struct ses_callers *callers, const char *file, struct ses_fault *fault)
{
    const struct ses_callers_read *read = &callers->read;

    if (make_table(&callers->arena, read->keys_count, &callers->keys) != SES_OK ||
        make_table(&callers->arena, read->certificates_count, &callers->certificates) != SES_OK ||
        make_table(&callers->arena, read->count, &callers->names) != SES_OK)
        return ses_fault(fault, SES_NO_MEMORY, "%s: out of memory", file);
    for (size_t i = 0; i < read->count; i++) {
        struct ses_caller *caller = &read->callers[i];
        void **slot = name_slot(&callers->names, caller->name);

        if (*slot != NULL)
            return refuse_twice(file, caller->line, "name", ((const struct ses_caller *)*slot)->line, fault);
        *slot = caller;
        SES_TRY(enter_keys(callers, caller, file, fault));
        SES_TRY(enter_certificates(callers, caller, file, fault));
    }
    return SES_OK;
}

static enum ses_status check_keyed_by(const struct ses_callers_read *read, const char *file,
                                      const char *keyed_by, struct ses_fault *fault)
{
    if (read->keys_count == 0 || keyed_by == NULL)
        return SES_OK;
    if (read->keyed_by.len == 0)
        return ses_fault(fault, SES_MALFORMED,
                         "%s:1: keyed_by: is missing: it names the callers.key that the hashes "
                         "were made with (this data directory's: %s)",
                         file, keyed_by);
    if (!ses_slice_eq_str(read->keyed_by, keyed_by))
        return ses_fault(fault, SES_MALFORMED,
                         "%s:%u: keyed_by: the hashes were made with another callers.key than "
                         "this data directory's (%s): bring that file back, or make new keys "
                         "by sessiondctl callers rotate",
                         file, read->keyed_by_line, keyed_by);
    return SES_OK;
}

static enum ses_status fill(struct ses_callers *callers, const char *file, struct ses_slice text,
                            const char *keyed_by, struct ses_fault *fault)
{
    SES_TRY(ses_callers_read(file, text, &callers->arena, &callers->read, fault));
    SES_TRY(check_keyed_by(&callers->read, file, keyed_by, fault));
    return enter(callers, file, fault);
}

/* ---- life ---------------------------------------------------------------------------------------- */

enum ses_status ses_callers_parse(const char *file, struct ses_slice text, const char *keyed_by,
                                  struct ses_callers **ret_callers, struct ses_fault *ret_fault)
{
    struct ses_callers *callers = calloc(1, sizeof(*callers));
    enum ses_status status;

    if (callers == NULL)
        return ses_fault(ret_fault, SES_NO_MEMORY, "%s: out of memory", file);
    ses_arena_init(&callers->arena, ARENA_BYTES_MAX);
    status = fill(callers, file, text, keyed_by, ret_fault);
    if (status == SES_OK)
        *ret_callers = callers;
    else
        ses_callers_free(callers);
    return status;
}

/* The hash key only as long as it takes to name it: whoever asks for keys has a copy of its own. Before the first start
 * there is none, which only a file with keys misses. */
static enum ses_status name_hash_key(const char *file, char ret_name[SES_CALLER_KEYED_BY_SIZE],
                                     struct ses_fault *fault)
{
    struct ses_secret key = {.len = 0};

    if (access(file, F_OK) != 0 && errno == ENOENT) {
        (void)snprintf(ret_name, SES_CALLER_KEYED_BY_SIZE, "none");
        return SES_OK;
    }
    SES_TRY(ses_secret_file_open(file, false, &key, fault));
    ses_caller_keyed_by(&key, ret_name);
    ses_secret_free(&key);
    return SES_OK;
}

enum ses_status ses_callers_load(const char *file, const char *hash_key_file,
                                 struct ses_callers **ret_callers, struct ses_fault *ret_fault)
{
    char keyed_by[SES_CALLER_KEYED_BY_SIZE];
    struct ses_secret text = {.len = 0};
    enum ses_status status;

    status = ses_guarded_text_read(file, SES_CALLERS_FILE_MAX, &text, ret_fault);
    if (status == SES_NOT_FOUND)
        return ses_fault(ret_fault, status,
                         "%s: no such file: correct its name, or make it by sessiondctl callers add", file);
    SES_TRY(status);
    status = name_hash_key(hash_key_file, keyed_by, ret_fault);
    if (status == SES_OK)
        status = ses_callers_parse(file, ses_slice(text.bytes, text.len), keyed_by, ret_callers, ret_fault);
    ses_secret_free(&text);
    return status;
}

void ses_callers_free(struct ses_callers *callers)
{
    if (callers == NULL)
        return;
    ses_arena_done(&callers->arena);
    free(callers);
}

size_t ses_callers_count(const struct ses_callers *callers)
{
    return callers->read.count;
}

const struct ses_caller *ses_callers_at(const struct ses_callers *callers, size_t i)
{
    return &callers->read.callers[i];
}

void ses_callers_set_cell(struct ses_callers *callers, size_t i, unsigned cell)
{
    callers->read.callers[i].metric_cell = cell;
}

const struct ses_caller *ses_callers_find(const struct ses_callers *callers, struct ses_slice name)
{
    return *name_slot(&callers->names, name);
}

/* ---- asking ---------------------------------------------------------------------------------------- */

static bool is_over(uint64_t expires_s, uint64_t wall_s)
{
    return expires_s != 0 && wall_s >= expires_s;
}

static enum ses_caller_verdict judge(const struct ses_caller *caller, uint64_t wall_s)
{
    if (caller->revoked)
        return SES_CALLER_REVOKED;
    return is_over(caller->expires_s, wall_s) ? SES_CALLER_EXPIRED : SES_CALLER_KNOWN;
}

/* A key that is not there is compared all the same, with one that nobody has: who tries ids learns nothing from the
 * time it takes. */
enum ses_caller_verdict ses_callers_find_key(const struct ses_callers *callers,
                                             const struct ses_secret *hash_key, struct ses_slice text,
                                             uint64_t wall_s, const struct ses_caller **ret_caller)
{
    static const struct ses_caller_key nobodys = {.id = 0};
    const struct ses_caller_key *key = NULL;
    uint8_t hash[SES_HASH_BYTES];
    uint64_t id = 0;

    *ret_caller = NULL;
    if (ses_caller_key_parse(text, &id) == SES_OK)
        key = callers_key(callers, id);
    else
        text = ses_slice_cut(text, 0, SES_CALLER_KEY_LEN);
    ses_caller_key_hash(hash_key, text, hash);
    if (sodium_memcmp(hash, key != NULL ? key->hash : nobodys.hash, sizeof(hash)) != 0 || key == NULL)
        return SES_CALLER_UNKNOWN;
    *ret_caller = key->caller;
    if (key->revoked)
        return SES_CALLER_REVOKED;
    return is_over(key->expires_s, wall_s) ? SES_CALLER_EXPIRED : judge(key->caller, wall_s);
}

enum ses_caller_verdict ses_callers_find_identity(const struct ses_callers *callers,
                                                  enum ses_caller_identity kind, struct ses_slice value,
                                                  uint64_t wall_s, const struct ses_caller **ret_caller)
{
    const struct ses_caller_certificate *certificate = callers_certificate(callers, kind, value);

    *ret_caller = certificate == NULL ? NULL : certificate->caller;
    if (certificate == NULL)
        return SES_CALLER_UNKNOWN;
    return certificate->withdrawn ? SES_CALLER_REVOKED : judge(certificate->caller, wall_s);
}
