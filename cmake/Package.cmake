# `cpack -G DEB` in a Release build directory configured with -DCMAKE_INSTALL_PREFIX=/usr: one Debian 12 package of what Install.cmake
# installs.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sessiond)
set(CPACK_PACKAGE_VENDOR sessiond)
set(CPACK_PACKAGE_CONTACT "the sessiond developers <sessiond@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "stateful session layer of a payment platform")
set(CPACK_PACKAGE_DESCRIPTION "Keeps the context of payments that take more than one step and gives out signed tokens that prove
that the next step belongs to the same payment. gRPC over HTTP/2 and JSON, sharded over worker processes, every
acknowledged session on disk.")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "ca-certificates, systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PROJECT_SOURCE_DIR}/deploy/debian/conffiles;${PROJECT_SOURCE_DIR}/deploy/debian/postinst;${PROJECT_SOURCE_DIR}/deploy/debian/prerm;${PROJECT_SOURCE_DIR}/deploy/debian/postrm)
include(CPack)
