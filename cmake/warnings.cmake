# What every file is compiled with. Warnings are errors, with gcc and with clang.
set(SKY_WARNINGS
    -Wall -Wextra -Wpedantic -Werror
    -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef -Wpointer-arith -Wwrite-strings
    -Wcast-align -Wnull-dereference -Wdouble-promotion -Wformat=2
    -Wno-unused-parameter             # callbacks have the shape their library gives them
    -Wno-missing-field-initializers)  # a table's row names what it says; the rest is zero
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
  list(APPEND SKY_WARNINGS
       -Wimplicit-fallthrough -Wunreachable-code
       -Wno-gnu) # GNU extensions where they pay
else()
  list(APPEND SKY_WARNINGS -Wduplicated-cond -Wduplicated-branches -Wlogical-op)
endif()

add_compile_options(
    -ffp-contract=off         # the same doubles from every build: both engines must agree byte for byte
    -fno-strict-overflow
    -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE)

# Release programs are optimised as a whole at link time. The objects hold plain machine code beside it, so that the
# test programs, of which there are many, link in no time.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  add_compile_options(-g) # on top of CMake's -O3 -DNDEBUG
  add_compile_definitions(_FORTIFY_SOURCE=2)
  include(CheckIPOSupported)
  check_ipo_supported(RESULT sky_ipo OUTPUT sky_ipo_why LANGUAGES C)
  if(sky_ipo)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
    if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
      set(CMAKE_C_COMPILE_OPTIONS_IPO -flto=auto -ffat-lto-objects)
    endif()
  endif()
endif()

function(sky_link_without_ipo target)
  if(sky_ipo AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set_target_properties(${target} PROPERTIES INTERPROCEDURAL_OPTIMIZATION OFF)
    target_link_options(${target} PRIVATE -fno-lto)
  endif()
endfunction()
