/* claim.h - what this driver keeps in the driver[] of a claim and of a ref. */
#ifndef SESSIOND_STORE_CLAIM_H
#define SESSIOND_STORE_CLAIM_H

#include <sessiond/store/store.h>

enum claim_part {
    CLAIM_SLOT,     /* the entry's in the table */
    CLAIM_WORD,     /* our claim word */
    CLAIM_PREVIOUS, /* the word before it, 0 if the key was absent */
    CLAIM_META,     /* the entry's meta before it */
    CLAIM_INTENT,   /* the meta of the intent that was put under it, 0: none */
    CLAIM_PARTS
};

enum ref_part {
    REF_SLOT, /* the entry's in the table */
    REF_WORD, /* of the record that was read */
    REF_PARTS
};

_Static_assert(sizeof(((struct ses_claim *)NULL)->driver) == CLAIM_PARTS * sizeof(uint64_t),
               "a claim's parts");
_Static_assert(sizeof(((struct ses_store_ref *)NULL)->driver) == REF_PARTS * sizeof(uint64_t),
               "a ref's parts");

#endif
