# Every library outside the project, found once. scripts/dependencies.txt names their Debian packages.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(ICU REQUIRED IMPORTED_TARGET icu-uc icu-i18n)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET libcrypto libssl)
pkg_check_modules(WEBSOCKETS REQUIRED IMPORTED_TARGET libwebsockets)
pkg_check_modules(MICROHTTPD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(EXPAT REQUIRED IMPORTED_TARGET expat)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
find_library(MECAB_LIBRARY mecab REQUIRED)
find_path(MECAB_INCLUDE_DIR mecab.h REQUIRED)

# DuckDB, where scripts/install-duckdb.sh puts it, for every build tree. SKY_HTTPFS is the path of its httpfs extension.
set(SKY_DUCKDB ${CMAKE_CURRENT_SOURCE_DIR}/build/third-party/duckdb)
file(GLOB httpfs ${SKY_DUCKDB}/extensions/*/*/httpfs.duckdb_extension)
if(NOT EXISTS ${SKY_DUCKDB}/lib/libduckdb.so OR NOT httpfs)
  message(FATAL_ERROR "DuckDB is not in ${SKY_DUCKDB}; run scripts/install-duckdb.sh")
endif()
add_library(SKY::DUCKDB SHARED IMPORTED GLOBAL)
set_target_properties(SKY::DUCKDB PROPERTIES IMPORTED_LOCATION ${SKY_DUCKDB}/lib/libduckdb.so
                      INTERFACE_INCLUDE_DIRECTORIES ${SKY_DUCKDB}/include
                      INTERFACE_COMPILE_DEFINITIONS SKY_HTTPFS="${httpfs}")
