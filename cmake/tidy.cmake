# clang-tidy beside the compiler, so that ninja runs it again on just the files whose text, headers or flags changed.
# The hash of the configuration is among the flags, so that a change of .clang-tidy checks everything again.
find_program(SKY_CLANG_TIDY clang-tidy REQUIRED)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/.clang-tidy)
file(SHA256 ${CMAKE_CURRENT_SOURCE_DIR}/.clang-tidy tidy_hash)
string(SUBSTRING ${tidy_hash} 0 16 tidy_hash)
set(CMAKE_C_CLANG_TIDY ${SKY_CLANG_TIDY} --quiet --warnings-as-errors=* --extra-arg=-DSKY_TIDY_${tidy_hash})
