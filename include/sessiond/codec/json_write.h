/* json_write.h - JSON text (RFC 8259) straight into an arena: answers and error bodies.
 *
 * The caller opens, closes and separates; the writer escapes and grows. A failed allocation makes every later
 * call a no-op and ses_json_end fail, so that callers check once.
 */
#ifndef SESSIOND_CODEC_JSON_WRITE_H
#define SESSIOND_CODEC_JSON_WRITE_H

#include <sessiond/base/arena.h>

struct ses_json_types;

struct ses_json {
    struct ses_arena *arena;
    const struct ses_json_types *types; /* for codec_json.h, set behind ses_json_begin; NULL: none */
    char *text;
    size_t len;
    size_t room;
    bool failed;
    bool unwritable; /* a value that has no form in JSON */
    bool first;      /* nothing written yet in the innermost object or array */
    unsigned anys;   /* open just now, one in the other */
};

void ses_json_begin(struct ses_json *json, struct ses_arena *arena);
/* The text; valid as long as the arena. SES_NO_MEMORY; SES_MALFORMED: unwritable. */
SES_MUST_CHECK enum ses_status ses_json_end(struct ses_json *json, struct ses_slice *ret_text);

/* '{' or '[' .. ; as a value behind a key or in an array. */
void ses_json_open(struct ses_json *json, char bracket);
void ses_json_close(struct ses_json *json, char bracket);
/* Comma if needed, then "key": the key is a literal or a proto field name, or (escaped all the same) a map's
 * key. */
void ses_json_key(struct ses_json *json, struct ses_slice key);
/* Comma if needed, before an element of an array. */
void ses_json_element(struct ses_json *json);
/* A value. text must be UTF-8. */
void ses_json_write_text(struct ses_json *json, struct ses_slice text);
/* A value, literally: true, 12, -3. */
void ses_json_raw(struct ses_json *json, struct ses_slice raw);
/* A value: its digits. */
void ses_json_i64(struct ses_json *json, int64_t value);
void ses_json_u64(struct ses_json *json, uint64_t value);
/* A value: the same in quotes. Many readers hold numbers as doubles, which end to be exact at 2^53. */
void ses_json_i64_text(struct ses_json *json, int64_t value);
void ses_json_u64_text(struct ses_json *json, uint64_t value);
/* A value: base64; padded or not. */
void ses_json_base64(struct ses_json *json, struct ses_slice bytes, bool padded);
/* Key and text in one. */
void ses_json_member(struct ses_json *json, const char *key, struct ses_slice text);

#endif
