/* descriptor.h - the embedded FileDescriptorSet, indexed by file name and by symbol, for reflection.
 *
 * Read straight from the wire format of google/protobuf/descriptor.proto; only the few fields needed are
 * named in descriptor.c. Files and names point into the embedded set, symbols into an arena of the index.
 */
#ifndef SESSIOND_SRC_EXCHANGE_DESCRIPTOR_H
#define SESSIOND_SRC_EXCHANGE_DESCRIPTOR_H

#include <sessiond/base/arena.h>

#define SES_DESCRIPTOR_FILES_MAX    64
#define SES_DESCRIPTOR_IMPORTS_MAX  16
#define SES_DESCRIPTOR_SERVICES_MAX 16

struct ses_descriptor_file {
    struct ses_slice name;
    struct ses_slice package;
    struct ses_slice bytes;                     /* the FileDescriptorProto */
    size_t imports[SES_DESCRIPTOR_IMPORTS_MAX]; /* indexes of files */
    size_t imports_count;
};

enum ses_symbol_kind { SES_SYMBOL_MESSAGE, SES_SYMBOL_SERVICE, SES_SYMBOL_OTHER };

struct ses_symbol {
    struct ses_slice name; /* "types.Money.currency" */
    uint32_t file;
    enum ses_symbol_kind kind;
};

struct ses_descriptors {
    struct ses_arena arena;
    struct ses_descriptor_file files[SES_DESCRIPTOR_FILES_MAX];
    size_t files_count;
    struct ses_symbol *symbols; /* sorted by name */
    size_t symbols_count;
    struct ses_slice services[SES_DESCRIPTOR_SERVICES_MAX];
    size_t services_count;
};

/* The bytes that the build embedded (proto/protoset.S). */
struct ses_slice ses_protoset(void);

/* [worker] set outlives the index. SES_MALFORMED, SES_TOO_LARGE (a maximum above), SES_NO_MEMORY. */
SES_MUST_CHECK enum ses_status ses_descriptors_new(struct ses_slice set,
                                                   struct ses_descriptors **ret_descriptors);
void ses_descriptors_free(struct ses_descriptors *descriptors);
/* NULL: unknown. */
const struct ses_descriptor_file *ses_descriptors_file(const struct ses_descriptors *descriptors,
                                                       struct ses_slice name);
const struct ses_symbol *ses_descriptors_symbol(const struct ses_descriptors *descriptors,
                                                struct ses_slice name);

#endif
