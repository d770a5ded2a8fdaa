/* version.h - what this driver keeps in the driver[] of a version, of an operation and of a lease. */
#ifndef SESSIOND_STORE_VERSION_H
#define SESSIOND_STORE_VERSION_H

#include "claim.h"

enum version_part {
    VERSION_SLOT,      /* the entry's in the table */
    VERSION_WORD,      /* of the record that was read; 0: none */
    VERSION_REVISION,  /* of that record */
    VERSION_OLD_INBOX, /* none was read, but the old inbox at this word (old_inbox.h); 0: none */
    VERSION_PARTS
};

/* Of a lease that is pending. */
enum op_part {
    OP_LEASE, /* the caller's */
    OP_STORE,
    OP_PARTS
};

/* A lease is a claim with an intent under it, in fewer words. */
enum lease_part {
    LEASE_CLAIM,                            /* its driver[] */
    LEASE_NEXT = LEASE_CLAIM + CLAIM_PARTS, /* revision, owner << 32, owner of the intent << 48 */
    LEASE_PARTS
};

_Static_assert(sizeof(((struct ses_store_version *)NULL)->driver) == VERSION_PARTS * sizeof(uint64_t),
               "a version's parts");
_Static_assert(sizeof(((struct ses_store_op *)NULL)->driver) >= OP_PARTS * sizeof(uint64_t),
               "an operation's parts");
_Static_assert(sizeof(((struct ses_store_lease *)NULL)->driver) >= LEASE_PARTS * sizeof(uint64_t),
               "a lease's parts");

static inline struct ses_store_version version_make(const struct ses_lmdb_ref *ref, uint32_t revision)
{
    return (struct ses_store_version){.driver = {[VERSION_SLOT] = ref->driver[REF_SLOT],
                                                 [VERSION_WORD] = ref->driver[REF_WORD],
                                                 [VERSION_REVISION] = revision}};
}

static inline bool version_is_absent(const struct ses_store_version *version)
{
    return version->driver[VERSION_WORD] == 0;
}

#endif
