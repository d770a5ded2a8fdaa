/* What docs/api makes, for src/runtime/api_files.c. */
    .include "embedded_file.inc"
    .section .rodata
    embedded_file ses_api_openapi, "openapi.json"
    embedded_file ses_api_openapi_gz, "openapi.json.gz"
    embedded_file ses_api_page, "api.html"
    embedded_file ses_api_page_gz, "api.html.gz"
    .section .note.GNU-stack, "", %progbits
