/* What docs/api makes, for src/runtime/api_files.c; the assembler finds the files by its include path. */
    .section .rodata
    .macro file name, path
    .global ses_api_\name\()_begin
    .type ses_api_\name\()_begin, %object
ses_api_\name\()_begin:
    .incbin "\path"
    .global ses_api_\name\()_end
    .type ses_api_\name\()_end, %object
ses_api_\name\()_end:
    .byte 0
    .endm

    file openapi, "openapi.json"
    file openapi_gz, "openapi.json.gz"
    file page, "api.html"
    file page_gz, "api.html.gz"
    .section .note.GNU-stack, "", %progbits
