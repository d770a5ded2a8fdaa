/* The table of idempotency.h from top to bottom: is there a session, is it closed, is it this caller's, do
 * the essentials agree, does the rest. Who fails an earlier question is told nothing of the later ones.
 */
#include <sessiond/domain/idempotency.h>

#include <sessiond/base/encode.h>
#include <sessiond/domain/json_meaning.h>
#include <sessiond/domain/session_machine.h>

void ses_payload_take(const struct ses_session_request *request,
                      const struct ses_connector_identity *connector, const struct ses_tag_key *key,
                      uint64_t now_ms, struct ses_payload *ret_payload)
{
    ret_payload->connector = *connector;
    ret_payload->credentials = (struct ses_credentials_tag){.known = false};
    ret_payload->currency = (uint32_t)request->number[SES_FIELD_CURRENCY - SES_FIELD_TEXTS];
    ret_payload->minor_amount = request->number[SES_FIELD_MINOR_AMOUNT - SES_FIELD_TEXTS];
    ret_payload->metadata = request->text[SES_FIELD_METADATA];
    ret_payload->metadata_present = (request->present & SES_FIELD_BIT(SES_FIELD_METADATA)) != 0;
    ret_payload->feature_data = request->text[SES_FIELD_FEATURE_DATA];
    ret_payload->feature_data_present = (request->present & SES_FIELD_BIT(SES_FIELD_FEATURE_DATA)) != 0;
    ses_request_state(request, now_ms, &ret_payload->state);
    ses_request_fingerprint(request, key, &ret_payload->fingerprint);
    ses_binding_take(key, request, &ret_payload->binding);
    ret_payload->missing_refused = false;
    ret_payload->key = key;
    ret_payload->arena = NULL;
}

/* ---- by meaning ------------------------------------------------------------------------------ */

/* Free text that happens to be a number or a word of JSON is text: 1.0 and 1.00 may be two references. */
static bool is_container(struct ses_slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '{' || text.data[i] == '[')
            return true;
        if (text.data[i] != ' ' && text.data[i] != '\t' && text.data[i] != '\n' && text.data[i] != '\r')
            return false;
    }
    return false;
}

bool ses_field_text_same(enum ses_field field, struct ses_slice a, struct ses_slice b,
                         const struct ses_tag_key *key, struct ses_arena *arena)
{
    bool json = field == SES_FIELD_FEATURE_DATA ||
                (field == SES_FIELD_METADATA && is_container(a) && is_container(b));

    return ses_slice_eq(a, b) || (json && arena != NULL && ses_json_same(key, a, b, arena));
}

uint64_t ses_field_text_tag(enum ses_field field, struct ses_slice text, const struct ses_tag_key *key,
                            struct ses_arena *arena)
{
    bool json = field == SES_FIELD_FEATURE_DATA || (field == SES_FIELD_METADATA && is_container(text));
    uint64_t tag;

    return json && ses_json_meaning(key, text, arena, &tag) ? tag : ses_tag(key, text);
}

/* Bits of the fields whose hard facets are known on both sides and are the same. */
static uint64_t same_facets(const struct ses_binding *stored, const struct ses_binding *given)
{
    uint32_t both = stored->facets & given->facets & ses_binding_hard();
    uint64_t fields = 0;

    for (both &= ~ses_binding_differing(stored, given); both != 0; both &= both - 1)
        fields |= SES_FIELD_BIT(ses_facet_field((enum ses_facet)__builtin_ctz(both)));
    return fields;
}

/* The tags say that these fields differ by letter: which of them mean something else? */
static uint64_t differing_in_meaning(const struct ses_session *stored, const struct ses_payload *given,
                                     uint64_t differing)
{
    uint64_t both = differing & stored->fingerprint.fields & given->fingerprint.fields;

    if (both == 0)
        return differing;
    if ((both & SES_FIELD_BIT(SES_FIELD_METADATA)) != 0 &&
        ses_field_text_same(SES_FIELD_METADATA, stored->metadata, given->metadata, given->key, given->arena))
        differing &= ~SES_FIELD_BIT(SES_FIELD_METADATA);
    if ((both & SES_FIELD_BIT(SES_FIELD_FEATURE_DATA)) != 0 &&
        ses_field_text_same(SES_FIELD_FEATURE_DATA, stored->feature_data, given->feature_data, given->key,
                            given->arena))
        differing &= ~SES_FIELD_BIT(SES_FIELD_FEATURE_DATA);
    return differing & ~(both & same_facets(&stored->binding, &given->binding));
}

static uint64_t differing_payload(const struct ses_session *stored, const struct ses_payload *given)
{
    uint64_t differing = ses_fingerprint_differing(&stored->fingerprint, &given->fingerprint);

    return differing == 0 ? 0 : differing_in_meaning(stored, given, differing);
}

/* ---- decisions ------------------------------------------------------------------------------- */

/* Not known: a session of a version without tags; the first call that agrees in the rest leaves its own. */
static bool same_credentials(const struct ses_credentials_tag *stored,
                             const struct ses_credentials_tag *given)
{
    return !stored->known || memcmp(stored->bytes, given->bytes, sizeof(stored->bytes)) == 0;
}

/* What says that this is not the caller whose session it is. Another connector has other credentials
 * anyway. */
static uint64_t differing_caller(const struct ses_session *stored, const struct ses_payload *given)
{
    if (!ses_connector_identity_agrees(&stored->connector, &given->connector))
        return SES_FIELD_BIT(SES_FIELD_CONNECTOR);
    if (!same_credentials(&stored->credentials, &given->credentials))
        return SES_FIELD_BIT(SES_FIELD_CREDENTIALS);
    return 0;
}

/* What every later call must agree with, continuation or not. */
static uint64_t differing_essentials(const struct ses_session *stored, const struct ses_payload *given)
{
    uint64_t differing = 0;

    if (stored->minor_amount != given->minor_amount)
        differing |= SES_FIELD_BIT(SES_FIELD_MINOR_AMOUNT);
    if (stored->currency != given->currency)
        differing |= SES_FIELD_BIT(SES_FIELD_CURRENCY);
    return differing;
}

static uint64_t differing_hard_facets(const struct ses_session *stored, const struct ses_payload *given)
{
    uint32_t facets = ses_binding_differing(&stored->binding, &given->binding);
    uint64_t fields = 0;

    if (given->missing_refused)
        facets |= stored->binding.facets & ~given->binding.facets;
    for (facets &= ses_binding_hard(); facets != 0; facets &= facets - 1)
        fields |= SES_FIELD_BIT(ses_facet_field((enum ses_facet)__builtin_ctz(facets)));
    return fields;
}

enum ses_decision ses_idempotency_decide(const struct ses_session *stored, const struct ses_payload *given,
                                         uint64_t now_ms, uint64_t *ret_differing)
{
    bool continues = false;

    *ret_differing = 0;
    if (stored == NULL || stored->expires_ms <= now_ms || stored->status == SES_SESSION_EXPIRED)
        return SES_DECISION_CREATE;
    if (ses_session_closed(stored->status))
        return SES_DECISION_CLOSED;
    /* Another caller is told no more than that: not what the session's payload is. */
    *ret_differing = differing_caller(stored, given);
    if (*ret_differing != 0)
        return SES_DECISION_CONFLICT;
    continues = ses_session_state_differs(&stored->state, &given->state);
    *ret_differing = differing_essentials(stored, given) | differing_hard_facets(stored, given) |
                     (continues ? 0 : differing_payload(stored, given));
    if (*ret_differing != 0)
        return SES_DECISION_CONFLICT;
    return continues ? SES_DECISION_CONTINUE : SES_DECISION_REPLAY;
}

uint64_t ses_idempotency_unsettled(const struct ses_session *intent, const struct ses_payload *given)
{
    uint64_t differing = differing_caller(intent, given);

    return differing != 0 ? differing
                          : differing_essentials(intent, given) | differing_payload(intent, given);
}

void ses_session_begin(struct ses_session *session, const struct ses_payload *given)
{
    session->status = SES_SESSION_OPEN;
    session->generation = 1;
    session->version = 1;
    session->connector = given->connector;
    session->credentials = given->credentials;
    session->currency = given->currency;
    session->minor_amount = given->minor_amount;
    session->metadata = given->metadata;
    session->metadata_present = given->metadata_present;
    session->feature_data = given->feature_data;
    session->feature_data_present = given->feature_data_present;
    session->state = given->state;
    session->fingerprint = given->fingerprint;
    session->binding = given->binding;
    session->connector_session_present = false;
}

uint64_t ses_session_expiry(uint64_t now_ms, uint64_t ttl_ms, uint64_t connector_expires_ms)
{
    uint64_t ours = now_ms + ttl_ms;

    return connector_expires_ms != 0 && connector_expires_ms < ours ? connector_expires_ms : ours;
}

void ses_session_continue(struct ses_session *session, const struct ses_payload *given, uint64_t now_ms,
                          uint64_t ttl_ms)
{
    ses_session_state_merge(&session->state, &given->state);
    if (given->metadata_present) {
        session->metadata = given->metadata;
        session->metadata_present = true;
    }
    if (given->feature_data_present) {
        session->feature_data = given->feature_data;
        session->feature_data_present = true;
    }
    if (session->binding.facets == 0)
        session->binding = given->binding;
    session->credentials = given->credentials;
    ses_fingerprint_merge(&session->fingerprint, &given->fingerprint);
    ses_session_touch(session, now_ms);
    ses_session_fence(session, now_ms);
    ses_session_set_end(session, now_ms + ttl_ms);
}

#define KEY_PARTS 3

void ses_idempotency_key(struct ses_slice secret, struct ses_slice natural_key,
                         const struct ses_payload *payload, char *ret_text)
{
    /* Tags are a function of the payload and the data directory's secret: the same after a restart. The
     * connector's number will do, as no two connectors with a session call share one (a test holds that);
     * a key made of other parts than before could pay twice across an upgrade. */
    uint64_t words[4 + SES_FIELD_TEXTS + SES_FIELD_NUMBERS] = {(uint64_t)payload->minor_amount,
                                                               payload->currency, payload->connector.number,
                                                               payload->fingerprint.fields};
    uint8_t bytes[sizeof(words)];
    uint8_t hash[SES_HASH_BYTES];
    struct ses_slice parts[KEY_PARTS];

    for (size_t i = 0; i < SES_FIELD_TEXTS + SES_FIELD_NUMBERS; i++) {
        if ((payload->fingerprint.fields & SES_FIELD_BIT(i)) != 0)
            words[4 + i] = payload->fingerprint.tag[i];
    }
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(words[i / 8] >> (8 * (i % 8)));
    parts[0] = SES_STR("connector idempotency key");
    parts[1] = natural_key;
    parts[2] = ses_slice(bytes, sizeof(bytes));
    ses_hash_parts(secret, parts, KEY_PARTS, hash);
    (void)ses_hex_encode(ses_slice(hash, sizeof(hash)), ret_text);
}
