/* The manifest, written and read. Reading is strict: what is not understood whole is not trusted with a data directory. */
#include "manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <sessiond/base/encode.h>
#include <sessiond/base/rfc3339.h>
#include <sessiond/base/version.h>
#include <sessiond/token/token.h>

#include "files.h"

#define MANIFEST_MAX (256 * SES_KIB)

uint64_t manifest_bytes(const struct manifest *manifest)
{
    uint64_t bytes = 0;

    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        bytes += manifest->shard[i].bytes;
    return bytes;
}

uint64_t manifest_records(const struct manifest *manifest)
{
    uint64_t records = 0;

    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++)
        records += manifest->shard[i].records;
    return records;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static json_t *hex_json(const uint8_t *bytes, size_t len)
{
    char text[SES_HEX_SIZE(SES_HASH_BYTES)];

    (void)ses_hex_encode(ses_slice(bytes, len), text);
    return json_string(text);
}

static json_t *shards_json(const struct manifest *manifest)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX; i++) {
        const struct manifest_shard *shard = &manifest->shard[i];

        if (shard->there)
            (void)json_array_append_new(list, json_pack("{s:i,s:I,s:I,s:o}", "shard", (int)i, "records",
                                                        (json_int_t)shard->records, "bytes",
                                                        (json_int_t)shard->bytes, "blake2b",
                                                        hex_json(shard->hash, sizeof(shard->hash))));
    }
    return list;
}

static json_t *seal_keys_json(const struct manifest *manifest)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < manifest->seal_keys_count; i++)
        (void)json_array_append_new(list, json_integer(manifest->seal_keys[i]));
    return list;
}

bool manifest_write(const char *dir, const struct manifest *manifest)
{
    char created[SES_RFC3339_SIZE];
    struct ses_fault fault = {.text = ""};
    bool written = false;

    ses_rfc3339_encode(manifest->created_ms, created);
    json_t *root = json_pack(
        "{s:i,s:s,s:s,s:I,s:o,s:o,s:b,s:b,s:o}", "format", MANIFEST_FORMAT, "server_version", ses_version(),
        "created", created, "now_ms", (json_int_t)manifest->now_ms, "natural",
        hex_json(manifest->natural, sizeof(manifest->natural)), "seal_keys", seal_keys_json(manifest), "keys",
        manifest->keys, "clock", manifest->clock, "shards", shards_json(manifest));
    char *text = root == NULL ? NULL : json_dumps(root, JSON_INDENT(2) | JSON_ENSURE_ASCII);

    if (text == NULL)
        (void)ctl_fail("out of memory");
    else if (ctl_file_write(dir, MANIFEST_NAME, ses_slice_str(text), &fault) != SES_OK)
        (void)ctl_fail_fault(&fault);
    else
        written = true;
    free(text);
    json_decref(root);
    return written;
}

/* ---- reading ------------------------------------------------------------------------------------------ */

/* What is wrong, or NULL. */
static const char *read_hex(const json_t *value, uint8_t *ret_bytes, size_t bytes)
{
    const char *text = json_string_value(value);
    size_t len = 0;

    if (text == NULL || ses_hex_decode(ses_slice_str(text), ret_bytes, bytes, &len) != SES_OK || len != bytes)
        return "a hash is not what it must be";
    return NULL;
}

static bool read_number(const json_t *value, uint64_t max, uint64_t *ret_number)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0 || (uint64_t)json_integer_value(value) > max)
        return false;
    *ret_number = (uint64_t)json_integer_value(value);
    return true;
}

static const char *read_shard(const json_t *value, struct manifest *manifest)
{
    struct manifest_shard *shard;
    uint64_t number;

    if (!read_number(json_object_get(value, "shard"), SES_STORE_SHARDS_MAX - 1, &number))
        return "a shard has no number";
    shard = &manifest->shard[number];
    if (shard->there)
        return "a shard occurs twice";
    shard->there = true;
    if (!read_number(json_object_get(value, "records"), INT64_MAX, &shard->records) ||
        !read_number(json_object_get(value, "bytes"), INT64_MAX, &shard->bytes))
        return "a shard has no size";
    return read_hex(json_object_get(value, "blake2b"), shard->hash, sizeof(shard->hash));
}

static const char *read_lists(const json_t *root, struct manifest *manifest)
{
    const json_t *shards = json_object_get(root, "shards");
    const json_t *ids = json_object_get(root, "seal_keys");

    if (!json_is_array(shards) || !json_is_array(ids) || json_array_size(ids) > SES_STORE_SEAL_KEYS_MAX)
        return "shards or seal_keys is not a list";
    for (size_t i = 0; i < json_array_size(shards); i++) {
        const char *wrong = read_shard(json_array_get(shards, i), manifest);

        if (wrong != NULL)
            return wrong;
    }
    for (size_t i = 0; i < json_array_size(ids); i++) {
        uint64_t id;

        if (!read_number(json_array_get(ids, i), UINT16_MAX, &id))
            return "the id of a seal key is no number";
        manifest->seal_keys[manifest->seal_keys_count++] = (uint16_t)id;
    }
    return NULL;
}

static const char *read_root(const json_t *root, struct manifest *manifest)
{
    const char *created = json_string_value(json_object_get(root, "created"));
    const json_t *keys = json_object_get(root, "keys");
    const json_t *clock = json_object_get(root, "clock");
    uint64_t seconds = 0;

    if (created == NULL || ses_rfc3339_decode(ses_slice_str(created), &seconds) != SES_OK)
        return "created is not a time";
    if (!read_number(json_object_get(root, "now_ms"), INT64_MAX, &manifest->now_ms))
        return "now_ms is not a time";
    if (!json_is_boolean(keys) || !json_is_boolean(clock))
        return "keys or clock is neither true nor false";
    manifest->created_ms = seconds * 1000;
    manifest->keys = json_is_true(keys);
    manifest->clock = json_is_true(clock);
    const char *wrong =
        read_hex(json_object_get(root, "natural"), manifest->natural, sizeof(manifest->natural));

    return wrong != NULL ? wrong : read_lists(root, manifest);
}

static enum ses_status parse(const char *dir, struct ses_slice text, struct manifest *manifest,
                             struct ses_fault *fault)
{
    json_t *root = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    uint64_t format = 0;
    enum ses_status status = SES_OK;

    if (!json_is_object(root) || !read_number(json_object_get(root, "format"), UINT32_MAX, &format))
        status = ses_fault(fault, SES_MALFORMED, "%s/" MANIFEST_NAME ": damaged: not a manifest", dir);
    else if (format != MANIFEST_FORMAT)
        status = ses_fault(
            fault, SES_UNIMPLEMENTED,
            "%s/" MANIFEST_NAME ": format %" PRIu64
            " is not known here, this is %s; use the sessiondctl of the version that made the backup, or a newer one",
            dir, format, ses_version());
    else {
        const char *wrong = read_root(root, manifest);

        if (wrong != NULL)
            status = ses_fault(fault, SES_MALFORMED, "%s/" MANIFEST_NAME ": damaged: %s", dir, wrong);
    }
    json_decref(root);
    return status;
}

enum ses_status manifest_read(const char *dir, struct manifest *ret_manifest, struct ses_fault *ret_fault)
{
    struct ses_buf text;
    enum ses_status status;

    memset(ret_manifest, 0, sizeof(*ret_manifest));
    ses_buf_init(&text, MANIFEST_MAX);
    status = ctl_file_read(dir, MANIFEST_NAME, &text, ret_fault);
    if (status == SES_OK)
        status = parse(dir, ses_buf_view(&text), ret_manifest, ret_fault);
    ses_buf_done(&text);
    return status;
}

/* ---- what it says against what is there --------------------------------------------------------------- */

static void on_bytes(void *arg, uint64_t bytes)
{
    struct hashing *hashing = arg;

    hashing->done += bytes;
    progress_step(&hashing->progress, hashing->done, hashing->total, hashing->done);
}

static bool hash_shard(const char *dir, unsigned number, struct manifest_shard *shard, bool compare,
                       struct hashing *hashing)
{
    uint8_t hash[SES_HASH_BYTES];
    struct ses_fault fault = {.text = ""};
    char path[CTL_PATH_SIZE];
    uint64_t bytes;

    if (!ctl_shard_file(dir, number, path))
        return false;
    if (ctl_file_hash(path, on_bytes, hashing, hash, &bytes, &fault) != SES_OK) {
        (void)ctl_fail_fault(&fault);
        return false;
    }
    if (compare && (bytes != shard->bytes || memcmp(hash, shard->hash, sizeof(hash)) != 0)) {
        (void)ctl_fail("%s: is not what the manifest says (%s): the backup is damaged, use another one", path,
                       bytes != shard->bytes ? "its size" : "its BLAKE2b");
        return false;
    }
    shard->bytes = bytes;
    memcpy(shard->hash, hash, sizeof(shard->hash));
    return true;
}

bool manifest_hash_files(const char *dir, struct manifest *manifest, bool compare, const char *what)
{
    struct hashing hashing = {.total = manifest_bytes(manifest)};
    bool good = true;

    progress_begin(&hashing.progress, what);
    for (unsigned i = 0; i < SES_STORE_SHARDS_MAX && good; i++)
        if (manifest->shard[i].there)
            good = hash_shard(dir, i, &manifest->shard[i], compare, &hashing);
    progress_end(&hashing.progress);
    return good;
}

enum ses_status manifest_natural(const char *keys, uint8_t ret_natural[MANIFEST_NATURAL_BYTES],
                                 struct ses_fault *ret_fault)
{
    uint8_t hash[SES_HASH_BYTES];
    struct ses_secret secret;
    char path[CTL_PATH_SIZE];

    if (snprintf(path, sizeof(path), "%s/natural.key", keys) >= (int)sizeof(path))
        return ses_fault(ret_fault, SES_IO, "the path of the keys is too long");
    SES_TRY(ses_secret_file_open(path, false, &secret, ret_fault));
    ses_hash(ses_slice(secret.bytes, secret.len), SES_STR("sessiond backup"), hash);
    ses_secret_free(&secret);
    memcpy(ret_natural, hash, MANIFEST_NATURAL_BYTES);
    return SES_OK;
}

static bool has_key(const struct ses_seal_ring *ring, uint16_t id)
{
    for (size_t i = 0; i < ring->count; i++)
        if (ring->key[i].id == id)
            return true;
    return false;
}

bool manifest_keys_fit(const struct manifest *manifest, const char *keys)
{
    uint8_t natural[MANIFEST_NATURAL_BYTES];
    struct ses_fault fault = {.text = ""};
    struct ses_seal_ring ring;
    bool fit = true;

    if (manifest_natural(keys, natural, &fault) != SES_OK ||
        ses_seal_ring_load(keys, SES_KEY_SEAL, &ring, &fault) != SES_OK) {
        (void)ctl_fail_fault(&fault);
        return false;
    }
    if (memcmp(natural, manifest->natural, sizeof(natural)) != 0) {
        (void)ctl_fail(
            "%s/natural.key: is not the one under which these sessions are found: put back the keys that "
            "belong to the backup",
            keys);
        fit = false;
    }
    for (unsigned i = 0; i < manifest->seal_keys_count && fit; i++) {
        fit = has_key(&ring, manifest->seal_keys[i]);
        if (!fit)
            (void)ctl_fail(
                "%s: seal-%u is missing, and records of the backup are sealed with it: put back the keys "
                "of its time",
                keys, (unsigned)manifest->seal_keys[i]);
    }
    ses_seal_ring_free(&ring);
    return fit;
}
