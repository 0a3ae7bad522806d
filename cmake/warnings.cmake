# Warnings are errors, with gcc and with clang.
set(SKY_WARNINGS
    -Wall -Wextra -Wpedantic -Werror
    -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith -Wwrite-strings
    -Wcast-align -Wnull-dereference -Wdouble-promotion -Wformat=2
    -Wno-gnu -Wno-unused-parameter)

add_compile_options(
    -ffp-contract=off         # the same doubles from every build: both engines must agree byte for byte
    -fno-strict-overflow
    -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE)
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-O3 -g)
  add_compile_definitions(_FORTIFY_SOURCE=2)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT sky_ipo OUTPUT sky_ipo_why LANGUAGES C)
  if(sky_ipo)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
  endif()
endif()
