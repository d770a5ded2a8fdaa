/* The document and its values. A fault sticks: who passes values looks once, at the end. */
#include "handover.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/file.h>
#include <sessiond/base/hash.h>
#include <sessiond/base/json_load.h>

#define HEAD        "sessiond-handover "
#define DESCRIPTORS "descriptors"
#define TAKEN       "taken" /* beside the descriptors, in memory only: those that were read */
#define CHILDREN    "children"

/* ---- the document ------------------------------------------------------------------------------------- */

static enum ses_status begin(json_t *root, bool writes, struct ses_handover *ret_handover)
{
    *ret_handover = (struct ses_handover){.root = root, .here = root, .writes = writes};
    return SES_OK;
}

enum ses_status ses_handover_begin(struct ses_handover *ret_handover)
{
    json_t *root = json_pack("{s:{}, s:[]}", DESCRIPTORS, CHILDREN);

    return root == NULL ? SES_NO_MEMORY : begin(root, true, ret_handover);
}

void ses_handover_done(struct ses_handover *handover)
{
    json_decref(handover->root);
    handover->root = NULL;
}

static void hash_of(struct ses_slice text, char ret_hex[SES_HEX_SIZE(SES_HASH_BYTES)])
{
    uint8_t hash[SES_HASH_BYTES];

    ses_hash(SES_SLICE_EMPTY, text, hash);
    (void)ses_hex_encode(ses_slice(hash, sizeof(hash)), ret_hex);
}

static enum ses_status write_text(struct ses_slice text, int *ret_fd)
{
    char hash[SES_HEX_SIZE(SES_HASH_BYTES)];
    char head[sizeof(HEAD) + 32 + sizeof(hash)];
    int fd;

    if (text.len > SES_HANDOVER_BYTES_MAX - sizeof(head))
        return SES_TOO_LARGE;
    hash_of(text, hash);
    (void)snprintf(head, sizeof(head), HEAD "%d %s\n", SES_HANDOVER_FORMAT, hash);
    if ((fd = memfd_create("sessiond-handover", MFD_CLOEXEC)) < 0)
        return SES_IO;
    if (!ses_file_write_all(fd, ses_slice_str(head)) || !ses_file_write_all(fd, text)) {
        (void)close(fd);
        return SES_IO;
    }
    *ret_fd = fd;
    return SES_OK;
}

enum ses_status ses_handover_write(const struct ses_handover *handover, int *ret_fd)
{
    enum ses_status status;
    char *text;

    if (handover->no_memory)
        return SES_NO_MEMORY;
    text = json_dumps(handover->root, JSON_COMPACT);
    if (text == NULL)
        return SES_NO_MEMORY;
    status = write_text(ses_slice_str(text), ret_fd);
    free(text);
    return status;
}

static enum ses_status read_all(int fd, struct ses_buf *text)
{
    ssize_t got = 1;

    while (got > 0) {
        SES_TRY(ses_buf_reserve(text, 4 * SES_KIB));
        got = pread(fd, text->data + text->len, 4 * SES_KIB, (off_t)text->len);
        if (got < 0)
            return SES_IO;
        text->len += (size_t)got;
    }
    return SES_OK;
}

static enum ses_status damaged(struct ses_fault *fault, const char *what)
{
    return ses_fault(fault, SES_MALFORMED, "what the program before handed over is damaged: %s", what);
}

/* ret_text is what the head's hash is of. */
static enum ses_status read_head(struct ses_slice whole, struct ses_slice *ret_text, struct ses_fault *fault)
{
    struct ses_slice head = ses_slice_cut(whole, 0, ses_slice_find(whole, '\n'));
    char hash[SES_HEX_SIZE(SES_HASH_BYTES)];
    char expected[sizeof(HEAD) + 32 + sizeof(hash)];
    struct ses_slice rest;
    struct ses_slice format;

    if (head.len == whole.len || head.len < sizeof(HEAD) || memcmp(head.data, HEAD, sizeof(HEAD) - 1) != 0)
        return damaged(fault, "its first line");
    rest = ses_slice_cut(head, sizeof(HEAD) - 1, head.len);
    format = ses_slice_cut(rest, 0, ses_slice_find(rest, ' '));
    (void)snprintf(expected, sizeof(expected), "%d", SES_HANDOVER_FORMAT);
    if (format.len != strlen(expected) || memcmp(format.data, expected, format.len) != 0)
        return ses_fault(fault, SES_FAILED_PRECONDITION,
                         "it hands over in format %.*s, this program takes %d: restart sessiond instead",
                         format.len > 20 ? 20 : (int)format.len, (const char *)format.data,
                         SES_HANDOVER_FORMAT);
    *ret_text = ses_slice_cut(whole, head.len + 1, whole.len);
    hash_of(*ret_text, hash);
    (void)snprintf(expected, sizeof(expected), HEAD "%d %s", SES_HANDOVER_FORMAT, hash);
    if (head.len != strlen(expected) || memcmp(head.data, expected, head.len) != 0)
        return damaged(fault, "its hash");
    return SES_OK;
}

static enum ses_status parse(struct ses_slice whole, struct ses_handover *ret_handover,
                             struct ses_fault *fault)
{
    struct ses_slice text = SES_SLICE_EMPTY;
    enum ses_status status;
    json_t *root = NULL;

    SES_TRY(read_head(whole, &text, fault));
    status = ses_json_load(text, JSON_REJECT_DUPLICATES, NULL, &root);
    if (status == SES_NO_MEMORY)
        return ses_fault(fault, status, "no memory to read what the program before handed over");
    if (status != SES_OK)
        return damaged(fault, "no JSON");
    if (!json_is_object(json_object_get(root, DESCRIPTORS)) ||
        !json_is_array(json_object_get(root, CHILDREN)) ||
        json_object_set_new(root, TAKEN, json_object()) != 0) {
        json_decref(root);
        return damaged(fault, "no descriptors");
    }
    return begin(root, false, ret_handover);
}

enum ses_status ses_handover_read(int fd, struct ses_handover *ret_handover, struct ses_fault *ret_fault)
{
    enum ses_status status;
    struct ses_buf text;

    ses_buf_init(&text, SES_HANDOVER_BYTES_MAX);
    status = read_all(fd, &text);
    if (status != SES_OK)
        status = ses_fault(ret_fault, status, "what the program before handed over cannot be read: %s",
                           ses_status_name(status));
    else
        status = parse(ses_buf_view(&text), ret_handover, ret_fault);
    ses_buf_done(&text);
    return status;
}

enum ses_status ses_handover_check(const struct ses_handover *handover, struct ses_fault *ret_fault)
{
    if (handover->no_memory)
        return ses_fault(ret_fault, SES_NO_MEMORY, "no memory to hand over");
    return handover->missing[0] == '\0' ? SES_OK : damaged(ret_fault, handover->missing);
}

/* ---- values ------------------------------------------------------------------------------------------- */

static void miss(struct ses_handover *handover, const char *key)
{
    if (handover->missing[0] == '\0')
        (void)snprintf(handover->missing, sizeof(handover->missing), "%s", key);
}

static void put(struct ses_handover *handover, const char *key, json_t *value)
{
    if (json_object_set_new(handover->here, key, value) != 0)
        handover->no_memory = true;
}

static json_t *get(struct ses_handover *handover, const char *key, json_type type)
{
    json_t *value = json_object_get(handover->here, key);

    if (value != NULL && json_typeof(value) == type)
        return value;
    miss(handover, key);
    return NULL;
}

/* All 64 bits: JSON's integers are signed ones to jansson. */
void ses_handover_u64(struct ses_handover *handover, const char *key, uint64_t *value)
{
    const json_t *found;

    if (handover->writes)
        put(handover, key, json_integer((json_int_t)*value));
    else if ((found = get(handover, key, JSON_INTEGER)) != NULL)
        *value = (uint64_t)json_integer_value(found);
}

void ses_handover_bool(struct ses_handover *handover, const char *key, bool *value)
{
    uint64_t number = *value ? 1 : 0;

    ses_handover_u64(handover, key, &number);
    *value = number != 0;
}

void ses_handover_str(struct ses_handover *handover, const char *key, char *text, size_t size)
{
    const json_t *found;

    if (handover->writes) {
        put(handover, key, json_string(text));
        return;
    }
    if ((found = get(handover, key, JSON_STRING)) == NULL)
        return;
    if (json_string_length(found) >= size)
        miss(handover, key);
    else
        (void)snprintf(text, size, "%s", json_string_value(found));
}

static void put_bytes(struct ses_handover *handover, const char *key, struct ses_slice bytes)
{
    char *hex = malloc(SES_HEX_SIZE(bytes.len));

    if (hex == NULL) {
        handover->no_memory = true;
        return;
    }
    (void)ses_hex_encode(bytes, hex);
    put(handover, key, json_string(hex));
    free(hex);
}

void ses_handover_bytes(struct ses_handover *handover, const char *key, struct ses_buf *bytes)
{
    const json_t *found;
    size_t len = 0;

    if (handover->writes) {
        put_bytes(handover, key, ses_buf_view(bytes));
        return;
    }
    if ((found = get(handover, key, JSON_STRING)) == NULL)
        return;
    len = json_string_length(found);
    ses_buf_clear(bytes);
    if (ses_buf_reserve(bytes, len / 2 + 1) != SES_OK ||
        ses_hex_decode(ses_slice(json_string_value(found), len), bytes->data, bytes->room, &bytes->len) !=
            SES_OK)
        miss(handover, key);
}

void ses_handover_list(struct ses_handover *handover, const char *key, uint64_t *values, size_t max,
                       size_t *count)
{
    json_t *list;

    if (handover->writes) {
        list = json_array();
        for (size_t i = 0; i < *count; i++) {
            if (json_array_append_new(list, json_integer((json_int_t)values[i])) != 0)
                handover->no_memory = true;
        }
        put(handover, key, list);
        return;
    }
    if ((list = get(handover, key, JSON_ARRAY)) == NULL)
        return;
    if (json_array_size(list) > max) {
        miss(handover, key);
        return;
    }
    *count = json_array_size(list);
    for (size_t i = 0; i < *count; i++)
        values[i] = (uint64_t)json_integer_value(json_array_get(list, i));
}

/* ---- children ----------------------------------------------------------------------------------------- */

bool ses_handover_enter_child(struct ses_handover *handover, size_t i)
{
    json_t *children = json_object_get(handover->root, CHILDREN);
    json_t *child;

    if (handover->writes && json_array_append_new(children, json_object()) != 0)
        handover->no_memory = true;
    child = json_array_get(children, i);
    if (!json_is_object(child))
        return false;
    handover->here = child;
    return true;
}

void ses_handover_leave_child(struct ses_handover *handover)
{
    handover->here = handover->root;
}

/* ---- descriptors -------------------------------------------------------------------------------------- */

bool ses_handover_has(const struct ses_handover *handover, const char *key)
{
    return handover->writes || json_object_get(handover->here, key) != NULL;
}

void ses_handover_fd(struct ses_handover *handover, const char *name, int *fd)
{
    json_t *descriptors = json_object_get(handover->root, DESCRIPTORS);
    json_t *found;
    json_int_t number;

    if (handover->writes) {
        if (*fd >= 0 && json_object_set_new(descriptors, name, json_integer(*fd)) != 0)
            handover->no_memory = true;
        return;
    }
    if ((found = json_object_get(descriptors, name)) == NULL)
        return;
    number = json_integer_value(found);
    if (!json_is_integer(found) || number <= STDERR_FILENO || number > INT_MAX ||
        fcntl((int)number, F_GETFD) < 0) {
        miss(handover, name);
        return;
    }
    if (json_object_set(json_object_get(handover->root, TAKEN), name, found) != 0)
        handover->no_memory = true;
    *fd = (int)number;
}

void ses_handover_keep(const struct ses_handover *handover, bool keep)
{
    const char *name;
    json_t *number;

    json_object_foreach(json_object_get(handover->root, DESCRIPTORS), name, number) {
        if (json_integer_value(number) > STDERR_FILENO)
            (void)fcntl((int)json_integer_value(number), F_SETFD, keep ? 0 : FD_CLOEXEC);
    }
}

void ses_handover_settle(struct ses_handover *handover)
{
    const json_t *taken = json_object_get(handover->root, TAKEN);
    const char *name;
    json_t *number;

    ses_handover_keep(handover, false);
    json_object_foreach(json_object_get(handover->root, DESCRIPTORS), name, number) {
        if (json_object_get(taken, name) == NULL && json_integer_value(number) > STDERR_FILENO)
            (void)close((int)json_integer_value(number));
    }
}
