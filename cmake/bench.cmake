# build/bench: one program, a benchmark is an argument of it.
file(GLOB bench_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/bench/*.c)
if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/bench/main.c)
  add_executable(bench ${bench_sources})
  target_compile_options(bench PRIVATE ${SKY_WARNINGS})
  target_include_directories(bench PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
  target_link_libraries(bench PRIVATE sky_io sky_sim sky_engine)
  set_target_properties(bench PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()
