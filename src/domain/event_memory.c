/* Ids of applied events that have left the history: nine bytes each instead of the caller's text. A payment that is
 * tried again and again has more events than the history shows, and the connector that told one may tell it again
 * after any of them. */
#include <sessiond/domain/session_machine.h>

#include <sessiond/base/hash.h>

const struct ses_session_event *ses_session_find_event(const struct ses_session *session, struct ses_slice id)
{
    for (unsigned i = session->events_count; id.len > 0 && i-- > 0;) {
        if (ses_slice_eq(session->events[i].id, id))
            return &session->events[i];
    }
    return NULL;
}

/* The first eight bytes of the id's hash: two of a session's ids agree by chance once in 2^44 sessions. Who makes
 * them agree on purpose has only his own event taken for told. */
static void pack(struct ses_slice id, enum ses_event event, uint8_t ret_entry[SES_FORGOTTEN_BYTES])
{
    uint8_t hash[SES_HASH_BYTES];

    ses_hash(SES_SLICE_EMPTY, id, hash);
    memcpy(ret_entry, hash, SES_FORGOTTEN_BYTES - 1);
    ret_entry[SES_FORGOTTEN_BYTES - 1] = (uint8_t)event;
}

void ses_session_forget_event(struct ses_session *session, const struct ses_session_event *event)
{
    if (event->id.len == 0 || event->outcome == SES_EVENT_LATE ||
        session->forgotten_now_count == SES_FORGOTTEN_NOW_MAX)
        return;
    pack(event->id, event->event, session->forgotten_now[session->forgotten_now_count++]);
}

static const uint8_t *find(struct ses_slice entries, const uint8_t entry[SES_FORGOTTEN_BYTES])
{
    for (size_t at = 0; at + SES_FORGOTTEN_BYTES <= entries.len; at += SES_FORGOTTEN_BYTES)
        if (memcmp(entries.data + at, entry, SES_FORGOTTEN_BYTES - 1) == 0)
            return entries.data + at;
    return NULL;
}

static bool find_forgotten(const struct ses_session *session, struct ses_slice id, enum ses_event *ret_event)
{
    struct ses_slice now =
        ses_slice(session->forgotten_now[0], session->forgotten_now_count * (size_t)SES_FORGOTTEN_BYTES);
    uint8_t entry[SES_FORGOTTEN_BYTES];
    const uint8_t *known;

    if (id.len == 0 || session->forgotten.len + now.len == 0)
        return false;
    pack(id, SES_EVENT_NONE, entry);
    known = find(now, entry);
    if (known == NULL)
        known = find(session->forgotten, entry);
    if (known == NULL)
        return false;
    *ret_event = known[SES_FORGOTTEN_BYTES - 1] < SES_EVENT_COUNT
                     ? (enum ses_event)known[SES_FORGOTTEN_BYTES - 1]
                     : SES_EVENT_NONE;
    return true;
}

bool ses_session_knows_event(const struct ses_session *session, struct ses_slice id,
                             struct ses_session_event *ret_event)
{
    const struct ses_session_event *known = ses_session_find_event(session, id);
    struct ses_session_event old = {.id = id, .outcome = SES_EVENT_APPLIED};

    if (known == NULL && !find_forgotten(session, id, &old.event))
        return false;
    *ret_event = known != NULL ? *known : old;
    return true;
}

enum ses_status ses_session_forgotten_all(const struct ses_session *session, struct ses_arena *arena,
                                          struct ses_slice *ret_entries)
{
    size_t now = session->forgotten_now_count * (size_t)SES_FORGOTTEN_BYTES;
    size_t before = session->forgotten.len;
    size_t room = SES_FORGOTTEN_MAX * (size_t)SES_FORGOTTEN_BYTES - now;
    uint8_t *bytes;

    *ret_entries = session->forgotten;
    if (now == 0)
        return SES_OK;
    before = before < room ? before : room; /* the oldest go */
    bytes = ses_arena_alloc(arena, before + now);
    if (bytes == NULL)
        return SES_NO_MEMORY;
    if (before > 0)
        memcpy(bytes, session->forgotten.data + (session->forgotten.len - before), before);
    memcpy(bytes + before, session->forgotten_now, now);
    *ret_entries = ses_slice(bytes, before + now);
    return SES_OK;
}
