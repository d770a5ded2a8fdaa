#include "fingerprints.h"

#include <stdio.h>

#define VERSION    1
#define ENTRY_HEAD 3
#define FILE_SIZE  128

/* Where each kind lies below the data directory; of the first two the first key may still be a bare file. */
static const struct {
    const char *dir;
    const char *first;
    const char *makes; /* what machines do with it */
} kinds[SES_KEY_PRINT_KIND_COUNT] = {
    [SES_KEY_PRINT_NATURAL] = {"", "natural.key", "find sessions by it"},
    [SES_KEY_PRINT_SEAL] = {"seal/", "seal-1.key", "have sealed records with it"},
    [SES_KEY_PRINT_STEP] = {"step/", "step.key", "have made step handles with it"},
    [SES_KEY_PRINT_LIVE] = {"live/", NULL, "have signed tokens with it"},
    [SES_KEY_PRINT_TEST] = {"test/", NULL, "have signed tokens with it"},
};

/* "keys/seal/seal-2.json", or "keys/seal/seal-1.json (or keys/seal-1.key)". */
static void name_file(unsigned kind, const char *id, char ret_file[FILE_SIZE])
{
    const char *first = kinds[kind].first;

    if (kind == SES_KEY_PRINT_NATURAL)
        (void)snprintf(ret_file, FILE_SIZE, "keys/natural.key");
    else if (first != NULL && strcmp(id + strcspn(id, "-"), "-1") == 0)
        (void)snprintf(ret_file, FILE_SIZE, "keys/%s%s.json (or keys/%s)", kinds[kind].dir, id, first);
    else
        (void)snprintf(ret_file, FILE_SIZE, "keys/%s%s.json", kinds[kind].dir, id);
}

/* ---- the bytes ---- */

enum ses_status ses_pg_prints_decode(struct ses_slice bytes, struct pg_prints *ret_prints)
{
    size_t at = 1;

    ret_prints->count = 0;
    if (bytes.len == 0)
        return SES_OK;
    if (bytes.data[0] != VERSION)
        return bytes.data[0] > VERSION ? SES_UNIMPLEMENTED : SES_DATA_LOSS;
    while (at < bytes.len) {
        struct pg_print *print = &ret_prints->print[ret_prints->count];
        size_t id_len = bytes.len - at < ENTRY_HEAD ? SIZE_MAX : bytes.data[at + 2];

        if (id_len >= sizeof(print->id) || bytes.len - at < ENTRY_HEAD + id_len + sizeof(print->print) ||
            bytes.data[at + 1] > PG_PRINT_OVER || ret_prints->count == PG_PRINTS_MAX)
            return SES_DATA_LOSS;
        memset(print, 0, sizeof(*print));
        print->kind = bytes.data[at];
        print->state = bytes.data[at + 1];
        memcpy(print->id, bytes.data + at + ENTRY_HEAD, id_len);
        memcpy(print->print, bytes.data + at + ENTRY_HEAD + id_len, sizeof(print->print));
        at += ENTRY_HEAD + id_len + sizeof(print->print);
        ret_prints->count++;
    }
    return SES_OK;
}

enum ses_status ses_pg_prints_encode(const struct pg_prints *prints, struct ses_buf *bytes)
{
    SES_TRY(ses_buf_append_byte(bytes, VERSION));
    for (size_t i = 0; i < prints->count; i++) {
        const struct pg_print *print = &prints->print[i];
        size_t id_len = strlen(print->id);

        SES_TRY(ses_buf_append_byte(bytes, print->kind));
        SES_TRY(ses_buf_append_byte(bytes, print->state));
        SES_TRY(ses_buf_append_byte(bytes, (uint8_t)id_len));
        SES_TRY(ses_buf_append(bytes, ses_slice(print->id, id_len)));
        SES_TRY(ses_buf_append(bytes, ses_slice(print->print, sizeof(print->print))));
    }
    return SES_OK;
}

/* ---- the rule ---- */

static struct pg_print *find(struct pg_prints *prints, unsigned kind, const char *id)
{
    for (size_t i = 0; i < prints->count; i++) {
        if (prints->print[i].kind == kind && strcmp(prints->print[i].id, id) == 0)
            return &prints->print[i];
    }
    return NULL;
}

static bool is_brought(const struct pg_print *theirs, const struct ses_key_print *mine, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if ((unsigned)mine[i].kind == theirs->kind && strcmp(mine[i].id, theirs->id) == 0)
            return true;
    }
    return false;
}

static bool is_same(const struct pg_print *theirs, const struct ses_key_print *mine)
{
    return memcmp(theirs->print, mine->print, sizeof(mine->print)) == 0;
}

/* What the shard does not allow of a key that the machine has. */
static enum ses_status check_brought(const struct pg_print *theirs, const struct ses_key_print *mine,
                                     struct ses_fault *fault)
{
    bool differs = !is_same(theirs, mine);
    char file[FILE_SIZE];

    name_file(theirs->kind, theirs->id, file);
    if (mine->use == SES_KEY_PRINT_OVER)
        return SES_OK;
    if (differs && theirs->state == PG_PRINT_USED)
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "%s: is not the key of that name with which other machines on this database %s: copy the "
            "file from one of them",
            file, kinds[theirs->kind].makes);
    if (theirs->state == PG_PRINT_OVER &&
        (mine->use == SES_KEY_PRINT_USES || (differs && mine->use == SES_KEY_PRINT_USED)))
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "%s: is in use here, and the key of that name was revoked or retired on another machine of this "
            "database: copy keys/ from one of them, or activate a newer key",
            file);
    return SES_OK;
}

static enum ses_status check(struct pg_prints *prints, const struct ses_key_print *mine, size_t count,
                             struct ses_fault *fault)
{
    char file[FILE_SIZE];

    for (size_t i = 0; i < count; i++) {
        const struct pg_print *theirs = find(prints, mine[i].kind, mine[i].id);

        if (theirs != NULL)
            SES_TRY(check_brought(theirs, &mine[i], fault));
    }
    for (size_t i = 0; i < prints->count; i++) {
        const struct pg_print *theirs = &prints->print[i];

        if (theirs->kind >= SES_KEY_PRINT_KIND_COUNT || theirs->state != PG_PRINT_USED ||
            is_brought(theirs, mine, count))
            continue;
        name_file(theirs->kind, theirs->id, file);
        return ses_fault(
            fault, SES_FAILED_PRECONDITION,
            "%s: is missing, and other machines on this database %s: copy the file from one of them, or, "
            "if its time is over, say so by sessiondctl keys retire %s -c FILE",
            file, kinds[theirs->kind].makes, theirs->id);
    }
    return SES_OK;
}

/* An entry that is over makes room; they stand in the order in which they came. */
static enum ses_status make_room(struct pg_prints *prints)
{
    if (prints->count < PG_PRINTS_MAX)
        return SES_OK;
    for (size_t i = 0; i < prints->count; i++) {
        if (prints->print[i].state != PG_PRINT_OVER)
            continue;
        memmove(&prints->print[i], &prints->print[i + 1], (prints->count - i - 1) * sizeof(prints->print[0]));
        prints->count--;
        return SES_OK;
    }
    return SES_FULL;
}

static enum ses_status add(struct pg_prints *prints, const struct ses_key_print *mine, bool *changed)
{
    struct pg_print *print;

    if (mine->use == SES_KEY_PRINT_OVER) /* of a key that nobody here ever had there is nothing to say */
        return SES_OK;
    SES_TRY(make_room(prints));
    print = &prints->print[prints->count++];
    memset(print, 0, sizeof(*print));
    print->kind = (uint8_t)mine->kind;
    print->state = mine->use == SES_KEY_PRINT_NEXT ? PG_PRINT_KNOWN : PG_PRINT_USED;
    memcpy(print->id, mine->id, strlen(mine->id) + 1);
    memcpy(print->print, mine->print, sizeof(print->print));
    *changed = true;
    return SES_OK;
}

/* Of what check has let through. */
static void merge(struct pg_print *theirs, const struct ses_key_print *mine, bool *changed,
                  struct ses_fault *told)
{
    uint8_t state = theirs->state;
    char file[FILE_SIZE];

    if (mine->use == SES_KEY_PRINT_OVER)
        state = PG_PRINT_OVER;
    else if (theirs->state == PG_PRINT_KNOWN) {
        if (!is_same(theirs, mine)) {
            name_file(theirs->kind, theirs->id, file);
            (void)!ses_fault(
                told, SES_OK,
                "%s: another machine on this database has another key of that name, which nothing was made "
                "with yet: give all machines the same file before one activates it",
                file);
            memcpy(theirs->print, mine->print, sizeof(theirs->print));
            *changed = true;
        }
        if (mine->use != SES_KEY_PRINT_NEXT)
            state = PG_PRINT_USED;
    }
    if (state != theirs->state)
        *changed = true;
    theirs->state = state;
}

enum ses_status ses_pg_prints_join(struct pg_prints *prints, const struct ses_key_print *mine, size_t count,
                                   bool *ret_changed, struct ses_fault *ret_told, struct ses_fault *ret_fault)
{
    bool changed = false;

    ret_told->text[0] = '\0';
    SES_TRY(check(prints, mine, count, ret_fault));
    for (size_t i = 0; i < count; i++) {
        struct pg_print *theirs = find(prints, mine[i].kind, mine[i].id);

        if (theirs != NULL)
            merge(theirs, &mine[i], &changed, ret_told);
        else if (add(prints, &mine[i], &changed) != SES_OK)
            return ses_fault(ret_fault, SES_FULL,
                             "the machines of this database have more than %d keys: revoke or retire some",
                             PG_PRINTS_MAX);
    }
    *ret_changed = changed;
    return SES_OK;
}

static enum ses_status check_more(struct pg_prints *prints, const struct pg_prints *more,
                                  struct ses_fault *fault)
{
    char file[FILE_SIZE];

    for (size_t i = 0; i < more->count; i++) {
        const struct pg_print *one = &more->print[i];
        const struct pg_print *ours = find(prints, one->kind, one->id);

        if (ours == NULL || ours->state != PG_PRINT_USED || one->state != PG_PRINT_USED ||
            memcmp(ours->print, one->print, sizeof(ours->print)) == 0)
            continue;
        if (one->kind < SES_KEY_PRINT_KIND_COUNT)
            name_file(one->kind, one->id, file);
        return ses_fault(fault, SES_FAILED_PRECONDITION, "%s: another key of that name is in use there",
                         one->kind < SES_KEY_PRINT_KIND_COUNT ? file : one->id);
    }
    return SES_OK;
}

enum ses_status ses_pg_prints_merge(struct pg_prints *prints, const struct pg_prints *more, bool *ret_changed,
                                    struct ses_fault *ret_fault)
{
    *ret_changed = false;
    SES_TRY(check_more(prints, more, ret_fault));
    for (size_t i = 0; i < more->count; i++) {
        struct pg_print *ours = find(prints, more->print[i].kind, more->print[i].id);

        if (ours == NULL) {
            SES_TRY(make_room(prints));
            prints->print[prints->count++] = more->print[i];
        } else if (more->print[i].state > ours->state)
            *ours = more->print[i];
        else
            continue;
        *ret_changed = true;
    }
    return SES_OK;
}

enum ses_status ses_pg_prints_end(struct pg_prints *prints, enum ses_key_print_kind kind, const char *id)
{
    struct pg_print *print = find(prints, kind, id);

    if (print == NULL)
        return SES_NOT_FOUND;
    print->state = PG_PRINT_OVER;
    return SES_OK;
}
