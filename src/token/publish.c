/* The published list of keys, test keys before live ones, by id in each. */
#include "ring.h"

#include "paserk.h"

/* Ids, states and PASERK texts hold no character that JSON would escape. next keys are published as well:
 * verifiers that cache the list know a key before the first token that needs it. A revoked key is named, so
 * that they drop it, but not given. */
static enum ses_status publish_key(const struct ses_key *key, bool first, struct ses_buf *json)
{
    char paserk[SES_PASERK_PUBLIC_SIZE];

    SES_TRY(ses_buf_appendf(json, "%s{\"kid\":\"%s\",", first ? "" : ",", key->kid));
    if (key->state != SES_KEY_REVOKED) {
        SES_TRY(ses_paserk_public_encode(ses_slice(key->public_key, sizeof(key->public_key)), paserk));
        SES_TRY(ses_buf_appendf(json, "\"paserk\":\"%s\",", paserk));
    }
    return ses_buf_appendf(json, "\"state\":\"%s\",\"purpose\":\"%s\"}",
                           ses_key_state_name(key->purpose, key->state), ses_key_purpose_name(key->purpose));
}

enum ses_status ses_keyring_publish(const struct ses_keyring *ring, struct ses_buf *ret_json)
{
    bool first = true;

    SES_TRY(ses_buf_append_str(ret_json, "{\"keys\":["));
    for (int test = 1; test >= 0; test--) {
        for (size_t i = 0; i < ring->set[test].count; i++) {
            SES_TRY(publish_key(&ring->set[test].keys[i], first, ret_json));
            first = false;
        }
    }
    return ses_buf_append_str(ret_json, "]}");
}
