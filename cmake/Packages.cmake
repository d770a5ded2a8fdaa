# Everything comes from Debian 12 packages; deploy/packages.sh installs them.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(NGHTTP2 REQUIRED IMPORTED_TARGET libnghttp2)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(CYAML REQUIRED IMPORTED_TARGET libcyaml)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)

# llhttp: Debian ships its C sources in node-llhttp. Strict mode is a compile-time choice, without it the
# parser accepts request-smuggling forms.
set(SES_LLHTTP_DIR /usr/share/llhttp)
set(SES_LLHTTP_INCLUDE /usr/share/include/llhttp)
if(NOT EXISTS ${SES_LLHTTP_DIR}/llhttp.c)
  message(FATAL_ERROR "llhttp sources not found in ${SES_LLHTTP_DIR}: install the package node-llhttp")
endif()
add_library(llhttp STATIC ${SES_LLHTTP_DIR}/llhttp.c ${SES_LLHTTP_DIR}/api.c ${SES_LLHTTP_DIR}/http.c)
target_include_directories(llhttp SYSTEM PUBLIC ${SES_LLHTTP_INCLUDE})
target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
