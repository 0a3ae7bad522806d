# fuzz/NAME_fuzz.c is one libFuzzer program; fuzz/corpus/NAME/ holds its seeds.
file(GLOB fuzz_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/*_fuzz.c)
foreach(source ${fuzz_sources})
  get_filename_component(name ${source} NAME_WE)
  add_executable(${name} ${source})
  target_compile_options(${name} PRIVATE ${SKY_WARNINGS} -Wno-missing-prototypes) # libFuzzer declares no header
  target_link_libraries(${name} PRIVATE sky_ops)
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endforeach()
