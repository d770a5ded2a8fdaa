/* The ring, and how a copy of the callers follows it. An entry is written before it is counted; nobody waits for
 * anybody. */
#include <sessiond/caller/withdrawn.h>

#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sessiond/base/shared_memory.h>

#include "callers_impl.h"

enum kind { CALLER, KEY, CERTIFICATE };

/* A name or a certificate's value as its bytes: what is long here is bounded there. */
struct entry {
    enum kind kind;
    enum ses_caller_identity identity; /* CERTIFICATE */
    uint64_t id;                       /* KEY */
    uint16_t len;
    char text[SES_CALLER_IDENTITY_MAX];
};

struct ses_withdrawn {
    _Atomic uint64_t count; /* ever added */
    struct entry ring[SES_WITHDRAWN_MAX];
};

/* 18 MiB of which nothing is touched until something is taken away. */
enum ses_status ses_withdrawn_new(int *ret_fd, struct ses_withdrawn **ret_withdrawn)
{
    enum ses_status status;
    int fd;

    SES_TRY(ses_shared_memory_new("sessiond-withdrawn", sizeof(struct ses_withdrawn), &fd));
    status = ses_withdrawn_attach(fd, ret_withdrawn);
    if (status == SES_OK)
        *ret_fd = fd;
    else
        (void)close(fd);
    return status;
}

enum ses_status ses_withdrawn_attach(int fd, struct ses_withdrawn **ret_withdrawn)
{
    void *memory;

    SES_TRY(ses_shared_memory_map(fd, sizeof(struct ses_withdrawn), &memory));
    *ret_withdrawn = memory;
    return SES_OK;
}

void ses_withdrawn_free(struct ses_withdrawn *withdrawn)
{
    if (withdrawn != NULL)
        (void)munmap(withdrawn, sizeof(*withdrawn));
}

/* ---- the supervisor ---- */

static void add(struct ses_withdrawn *withdrawn, const struct entry *entry)
{
    uint64_t count = atomic_load_explicit(&withdrawn->count, memory_order_relaxed);

    withdrawn->ring[count % SES_WITHDRAWN_MAX] = *entry;
    atomic_store_explicit(&withdrawn->count, count + 1, memory_order_release);
}

static struct entry entry_of(enum kind kind, struct ses_slice text)
{
    struct entry entry = {.kind = kind, .len = (uint16_t)text.len};

    if (text.len > 0)
        memcpy(entry.text, text.data, text.len);
    return entry;
}

/* The same key: of the same caller, with the same secret. */
static bool still_opens(const struct ses_callers *fresh, const struct ses_caller_key *old)
{
    const struct ses_caller_key *key = callers_key(fresh, old->id);

    return key != NULL && !key->revoked && ses_slice_eq(key->caller->name, old->caller->name) &&
           memcmp(key->hash, old->hash, sizeof(key->hash)) == 0;
}

static bool still_names(const struct ses_callers *fresh, const struct ses_caller_certificate *old)
{
    const struct ses_caller_certificate *certificate = callers_certificate(fresh, old->kind, old->value);

    return certificate != NULL && ses_slice_eq(certificate->caller->name, old->caller->name);
}

static void add_parts(struct ses_withdrawn *withdrawn, const struct ses_caller *caller,
                      const struct ses_callers *fresh)
{
    for (size_t i = 0; i < caller->keys_count; i++) {
        struct entry entry = entry_of(KEY, SES_SLICE_EMPTY);

        entry.id = caller->keys[i].id;
        if (!caller->keys[i].revoked && !still_opens(fresh, &caller->keys[i]))
            add(withdrawn, &entry);
    }
    for (size_t i = 0; i < caller->certificates_count; i++) {
        struct entry entry = entry_of(CERTIFICATE, caller->certificates[i].value);

        entry.identity = caller->certificates[i].kind;
        if (!still_names(fresh, &caller->certificates[i]))
            add(withdrawn, &entry);
    }
}

void ses_withdrawn_add(struct ses_withdrawn *withdrawn, const struct ses_callers *old,
                       const struct ses_callers *fresh)
{
    if (old == NULL || fresh == NULL)
        return;
    for (size_t i = 0; i < ses_callers_count(old); i++) {
        const struct ses_caller *caller = ses_callers_at(old, i);
        const struct ses_caller *again = ses_callers_find(fresh, caller->name);
        struct entry entry = entry_of(CALLER, caller->name);

        if (caller->revoked)
            continue;
        if (again == NULL || again->revoked)
            add(withdrawn, &entry);
        else
            add_parts(withdrawn, caller, fresh);
    }
}

void ses_callers_watch(struct ses_callers *callers, const struct ses_withdrawn *withdrawn)
{
    callers->withdrawn = withdrawn;
    callers->seen = atomic_load_explicit(&withdrawn->count, memory_order_relaxed);
}

/* ---- a worker ---- */

static void strike_out_all(struct ses_callers *callers)
{
    for (size_t i = 0; i < callers->read.count; i++)
        callers->read.callers[i].revoked = true;
}

static void strike_out_caller(struct ses_callers *callers, struct ses_slice name)
{
    for (size_t i = 0; i < callers->read.count; i++) {
        if (ses_slice_eq(callers->read.callers[i].name, name))
            callers->read.callers[i].revoked = true;
    }
}

static void strike_out(struct ses_callers *callers, const struct entry *entry)
{
    struct ses_slice text = ses_slice(entry->text, entry->len);
    struct ses_caller_certificate *certificate;
    struct ses_caller_key *key;

    switch (entry->kind) {
    case CALLER:
        strike_out_caller(callers, text);
        break;
    case KEY:
        key = callers_key(callers, entry->id);
        if (key != NULL)
            key->revoked = true;
        break;
    case CERTIFICATE:
        certificate = callers_certificate(callers, entry->identity, text);
        if (certificate != NULL)
            certificate->withdrawn = true;
        break;
    }
}

void ses_callers_follow(struct ses_callers *callers)
{
    uint64_t count;

    if (callers->withdrawn == NULL)
        return;
    count = atomic_load_explicit(&callers->withdrawn->count, memory_order_acquire);
    if (count == callers->seen)
        return;
    if (count - callers->seen > SES_WITHDRAWN_MAX)
        strike_out_all(callers);
    else
        for (uint64_t i = callers->seen; i < count; i++)
            strike_out(callers, &callers->withdrawn->ring[i % SES_WITHDRAWN_MAX]);
    callers->seen = count;
}
