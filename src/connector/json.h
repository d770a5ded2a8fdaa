/* json.h - jansson with bounds: depth counted before its recursive parser runs, duplicate keys refused, whole
 * text consumed. */
#ifndef SESSIOND_SRC_CONNECTOR_JSON_H
#define SESSIOND_SRC_CONNECTOR_JSON_H

#include <jansson.h>

#include <sessiond/base/slice.h>

/* jansson itself recurses up to 2048 levels; nothing that we read needs more than these. */
#define SES_JSON_CONFIG_DEPTH_MAX 8
#define SES_JSON_ANSWER_DEPTH_MAX 32

enum ses_json_text {
    SES_JSON_ABSENT, /* no such key, or null */
    SES_JSON_TEXT,
    SES_JSON_WRONG /* another type */
};

/* Any JSON value. The caller releases it (json_auto_t, or ses_json_wipe when it holds secrets).
 * SES_MALFORMED, SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_json_parse(struct ses_slice text, unsigned depth_max, json_t **ret_json);
/* A string member; the slice lives as long as the object. object may be of any type. */
enum ses_json_text ses_json_text(const json_t *object, const char *key, struct ses_slice *ret_text);
/* A member of members, by names and positions with dots between: "errors.0.code". NULL: there is none. */
const json_t *ses_json_at(const json_t *json, const char *path);
/* A string member, or an object {"value": ".."} in its place (SecretString in proto JSON). */
enum ses_json_text ses_json_secret(const json_t *object, const char *key, struct ses_slice *ret_text);
/* Overwrites every string in json, then releases it. NULL is fine. */
void ses_json_wipe(json_t *json);

#endif
