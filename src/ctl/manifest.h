/* manifest.h - manifest.json, written last into a backup: its presence says that the backup is whole, and it says what is in
 * it, so that what was cut, lost or mixed with another is found before anything is restored.
 *
 *   {"format": 1, "server_version": "..", "created": "2026-..Z", "now_ms": N, "natural": "hex", "seal_keys": [1, ..],
 *    "keys": false, "clock": true, "shards": [{"shard": 0, "records": N, "bytes": N, "blake2b": "hex"}, ..]}
 *
 * now_ms is sessiond's own time then (base/clock.h), natural a hash of natural.key, which tells whether keys that lie
 * elsewhere are the right ones and nothing else. bytes and blake2b (256 bits) are of shards/NNN/data.mdb. */
#ifndef SESSIOND_SRC_CTL_MANIFEST_H
#define SESSIOND_SRC_CTL_MANIFEST_H

#include <sessiond/base/fault.h>
#include <sessiond/base/hash.h>
#include <sessiond/store/store_admin.h>

#include "ctl.h"
#include "progress.h"

#define MANIFEST_NAME          "manifest.json"
#define MANIFEST_FORMAT        1
#define MANIFEST_NATURAL_BYTES 16

struct manifest_shard {
    bool there;
    uint64_t records;
    uint64_t bytes;
    uint8_t hash[SES_HASH_BYTES];
};

struct manifest {
    uint64_t created_ms; /* the world's time */
    uint64_t now_ms;
    bool keys;  /* DIR/keys is in the backup */
    bool clock; /* DIR/clock is */
    uint8_t natural[MANIFEST_NATURAL_BYTES];
    uint16_t seal_keys[SES_STORE_SEAL_KEYS_MAX];
    unsigned seal_keys_count;
    struct manifest_shard shard[SES_STORE_SHARDS_MAX];
};

/* Written beside, synced, renamed. False after saying why not. */
bool manifest_write(const char *dir, const struct manifest *manifest);
/* SES_NOT_FOUND: there is none. SES_MALFORMED, SES_UNIMPLEMENTED (a newer format), SES_IO; the fault says it. */
SES_MUST_CHECK enum ses_status manifest_read(const char *dir, struct manifest *ret_manifest,
                                             struct ses_fault *ret_fault);
uint64_t manifest_bytes(const struct manifest *manifest);
uint64_t manifest_records(const struct manifest *manifest);
/* Hashes every file of the backup, and compares if expected; else fills the manifest in. False after saying which file
 * is not what it was. */
bool manifest_hash_files(const char *dir, struct manifest *manifest, bool compare, const char *what);
/* The hash that names the natural key of these keys. */
SES_MUST_CHECK enum ses_status manifest_natural(const char *keys, uint8_t ret_natural[MANIFEST_NATURAL_BYTES],
                                                struct ses_fault *ret_fault);
/* Whether these keys open what is in the backup, and find it. False after saying what is missing. */
bool manifest_keys_fit(const struct manifest *manifest, const char *keys);

#endif
