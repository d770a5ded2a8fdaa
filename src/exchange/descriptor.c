/* Two walks over the embedded descriptors, the first to count the symbols and the second to write them,
 * so that they are one array in one allocation; sorted, they are found by bisection. */
#include "descriptor.h"

#include <stdlib.h>

#include <sessiond/base/units.h>
#include <sessiond/codec/wire.h>

/* Symbols of proto/protoset.S, which embeds protoc's descriptor set. */
extern const uint8_t ses_protoset_begin[];
extern const uint8_t ses_protoset_end[];

/* Field numbers of google/protobuf/descriptor.proto. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    ANY_NAME = 1, /* of every descriptor below */
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    MESSAGE_ONEOF = 8,
    ENUM_VALUE = 2,
    SERVICE_METHOD = 2
};

/* Our own schema nests twice. */
#define NESTING_MAX 8
/* Bytes for all full names; today's schema has about 900 of them, 40 bytes each. */
#define INDEX_BYTES_MAX SES_MIB

struct ses_slice ses_protoset(void)
{
    /* cppcheck-suppress comparePointers ; the linker's names for both ends of one object */
    return ses_slice(ses_protoset_begin, (size_t)(ses_protoset_end - ses_protoset_begin));
}

/* The first length-delimited field of that number; empty if there is none. Linear, as messages are read
 * here once at the start. */
static struct ses_slice take_field(struct ses_slice message, uint32_t number)
{
    struct ses_wire wire = ses_wire(message);
    struct ses_wire_item item;

    while (ses_wire_more(&wire) && ses_wire_next(&wire, &item) == SES_OK) {
        if (item.number == number && item.type == SES_WIRE_BYTES)
            return item.bytes;
    }
    return SES_SLICE_EMPTY;
}

/* What walks the descriptors: counts symbols first, then writes them. */
struct walk {
    struct ses_descriptors *descriptors;
    struct ses_symbol *symbols; /* NULL while counting */
    size_t count;
    uint32_t file;
};

/* While counting nothing is made, and the full name handed back is empty: scopes do not matter for a
 * number. */
SES_MUST_CHECK static enum ses_status add_symbol(struct walk *w, struct ses_slice scope,
                                                 struct ses_slice name, enum ses_symbol_kind kind,
                                                 struct ses_slice *ret_full)
{
    size_t at = w->count++;

    *ret_full = SES_SLICE_EMPTY;
    if (w->symbols == NULL)
        return SES_OK;
    char *full = ses_arena_printf(&w->descriptors->arena, scope.len > 0 ? "%.*s.%.*s" : "%.*s%.*s",
                                  SES_FMT(scope), SES_FMT(name));
    if (full == NULL)
        return SES_NO_MEMORY;
    *ret_full = ses_slice_str(full);
    w->symbols[at] = (struct ses_symbol){*ret_full, w->file, kind};
    return SES_OK;
}

/* Things that hold nothing further: fields, values, methods. */
SES_MUST_CHECK static enum ses_status add_leaves(struct walk *w, struct ses_slice scope,
                                                 struct ses_slice parent, uint32_t number)
{
    struct ses_wire wire = ses_wire(parent);
    struct ses_wire_item item;
    struct ses_slice full;

    while (ses_wire_more(&wire)) {
        SES_TRY(ses_wire_next(&wire, &item));
        if (item.number == number && item.type == SES_WIRE_BYTES)
            SES_TRY(add_symbol(w, scope, take_field(item.bytes, ANY_NAME), SES_SYMBOL_OTHER, &full));
    }
    return SES_OK;
}

/* Values of an enum are named in the scope that the enum stands in, as in C++. */
SES_MUST_CHECK static enum ses_status add_enum(struct walk *w, struct ses_slice scope,
                                               struct ses_slice descriptor)
{
    struct ses_slice full;

    SES_TRY(add_symbol(w, scope, take_field(descriptor, ANY_NAME), SES_SYMBOL_OTHER, &full));
    return add_leaves(w, scope, descriptor, ENUM_VALUE);
}

/* The bound on depth is for a set that is damaged; a schema that nests deeper fails at the start, not
 * at a client's question. */
SES_MUST_CHECK static enum ses_status add_message(struct walk *w, struct ses_slice scope,
                                                  struct ses_slice descriptor, unsigned depth)
{
    struct ses_wire wire = ses_wire(descriptor);
    struct ses_wire_item item;
    struct ses_slice full;

    if (depth == NESTING_MAX)
        return SES_TOO_LARGE;
    SES_TRY(add_symbol(w, scope, take_field(descriptor, ANY_NAME), SES_SYMBOL_MESSAGE, &full));
    SES_TRY(add_leaves(w, full, descriptor, MESSAGE_FIELD));
    SES_TRY(add_leaves(w, full, descriptor, MESSAGE_ONEOF));
    while (ses_wire_more(&wire)) {
        SES_TRY(ses_wire_next(&wire, &item));
        if (item.number == MESSAGE_NESTED)
            SES_TRY(add_message(w, full, item.bytes, depth + 1));
        else if (item.number == MESSAGE_ENUM)
            SES_TRY(add_enum(w, full, item.bytes));
    }
    return SES_OK;
}

/* Services are listed apart as well: reflection's list_services asks for them by kind. Only in the
 * writing walk, or each would be there twice. */
SES_MUST_CHECK static enum ses_status add_service(struct walk *w, struct ses_slice scope,
                                                  struct ses_slice descriptor)
{
    struct ses_descriptors *d = w->descriptors;
    struct ses_slice full;

    SES_TRY(add_symbol(w, scope, take_field(descriptor, ANY_NAME), SES_SYMBOL_SERVICE, &full));
    if (w->symbols != NULL) {
        if (d->services_count == SES_DESCRIPTOR_SERVICES_MAX)
            return SES_TOO_LARGE;
        d->services[d->services_count++] = full;
    }
    return add_leaves(w, full, descriptor, SERVICE_METHOD);
}

/* Extensions and options of a file are passed over: proto3 files of ours have none that reflection
 * needs. */
SES_MUST_CHECK static enum ses_status add_file_symbols(struct walk *w, const struct ses_descriptor_file *file)
{
    struct ses_wire wire = ses_wire(file->bytes);
    struct ses_wire_item item;

    while (ses_wire_more(&wire)) {
        SES_TRY(ses_wire_next(&wire, &item));
        if (item.number == FILE_MESSAGE)
            SES_TRY(add_message(w, file->package, item.bytes, 0));
        else if (item.number == FILE_ENUM)
            SES_TRY(add_enum(w, file->package, item.bytes));
        else if (item.number == FILE_SERVICE)
            SES_TRY(add_service(w, file->package, item.bytes));
    }
    return SES_OK;
}

SES_MUST_CHECK static enum ses_status walk_files(struct walk *w)
{
    for (w->file = 0; w->file < w->descriptors->files_count; w->file++)
        SES_TRY(add_file_symbols(w, &w->descriptors->files[w->file]));
    return SES_OK;
}

/* Bytewise, shorter first where one begins with the other; bsearch would do with any order. */
static int compare_names(struct ses_slice a, struct ses_slice b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare_symbols(const void *a, const void *b)
{
    return compare_names(((const struct ses_symbol *)a)->name, ((const struct ses_symbol *)b)->name);
}

/* The room is exact: both walks are the same code over the same bytes. */
SES_MUST_CHECK static enum ses_status index_symbols(struct ses_descriptors *d)
{
    struct walk counting = {.descriptors = d};
    SES_TRY(walk_files(&counting));

    struct walk writing = {.descriptors = d};
    writing.symbols = ses_arena_alloc(&d->arena, (counting.count + 1) * sizeof(struct ses_symbol));
    if (writing.symbols == NULL)
        return SES_NO_MEMORY;
    SES_TRY(walk_files(&writing));
    d->symbols = writing.symbols;
    d->symbols_count = writing.count;
    qsort(d->symbols, d->symbols_count, sizeof(struct ses_symbol), compare_symbols);
    return SES_OK;
}

/* protoc writes a file behind its imports, so each import is known already. */
SES_MUST_CHECK static enum ses_status add_imports(struct ses_descriptors *d, struct ses_descriptor_file *file)
{
    struct ses_wire wire = ses_wire(file->bytes);
    struct ses_wire_item item;

    while (ses_wire_more(&wire)) {
        SES_TRY(ses_wire_next(&wire, &item));
        if (item.number != FILE_DEPENDENCY || item.bytes.len == 0)
            continue;
        const struct ses_descriptor_file *import = ses_descriptors_file(d, item.bytes);
        if (import == NULL)
            return SES_MALFORMED;
        if (file->imports_count == SES_DESCRIPTOR_IMPORTS_MAX)
            return SES_TOO_LARGE;
        file->imports[file->imports_count++] = (size_t)(import - d->files);
    }
    return SES_OK;
}

/* The count is raised behind add_imports: a file is not its own import. */
SES_MUST_CHECK static enum ses_status index_files(struct ses_descriptors *d, struct ses_slice set)
{
    struct ses_wire wire = ses_wire(set);
    struct ses_wire_item item;

    while (ses_wire_more(&wire)) {
        SES_TRY(ses_wire_next(&wire, &item));
        if (item.number != SET_FILE || item.type != SES_WIRE_BYTES)
            return SES_MALFORMED;
        if (d->files_count == SES_DESCRIPTOR_FILES_MAX)
            return SES_TOO_LARGE;
        struct ses_descriptor_file *file = &d->files[d->files_count];
        file->name = take_field(item.bytes, FILE_NAME);
        file->package = take_field(item.bytes, FILE_PACKAGE);
        file->bytes = item.bytes;
        if (file->name.len == 0)
            return SES_MALFORMED;
        SES_TRY(add_imports(d, file));
        d->files_count++;
    }
    return SES_OK;
}

enum ses_status ses_descriptors_new(struct ses_slice set, struct ses_descriptors **ret_descriptors)
{
    struct ses_descriptors *d = calloc(1, sizeof(*d));

    if (d == NULL)
        return SES_NO_MEMORY;
    ses_arena_init(&d->arena, INDEX_BYTES_MAX);
    enum ses_status status = index_files(d, set);
    if (status == SES_OK)
        status = index_symbols(d);
    if (status != SES_OK) {
        ses_descriptors_free(d);
        return status;
    }
    *ret_descriptors = d;
    return SES_OK;
}

void ses_descriptors_free(struct ses_descriptors *descriptors)
{
    if (descriptors == NULL)
        return;
    ses_arena_done(&descriptors->arena);
    free(descriptors);
}

const struct ses_descriptor_file *ses_descriptors_file(const struct ses_descriptors *descriptors,
                                                       struct ses_slice name)
{
    for (size_t i = 0; i < descriptors->files_count; i++) {
        if (ses_slice_eq(descriptors->files[i].name, name))
            return &descriptors->files[i];
    }
    return NULL;
}

const struct ses_symbol *ses_descriptors_symbol(const struct ses_descriptors *descriptors,
                                                struct ses_slice name)
{
    const struct ses_symbol wanted = {.name = name};

    if (descriptors->symbols_count == 0)
        return NULL;
    return bsearch(&wanted, descriptors->symbols, descriptors->symbols_count, sizeof(wanted),
                   compare_symbols);
}
