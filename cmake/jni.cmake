# libskytrend.so: the core and its stages as native methods, for the Flink job (flink/). Its tree is built for a shared
# library; what it needs of the system (ICU, MeCab, xxHash, libcrypto) is found when it is loaded.
find_path(SKY_JNI_INCLUDE jni.h PATHS /usr/lib/jvm/java-17-openjdk-${CMAKE_SYSTEM_PROCESSOR}/include
          /usr/lib/jvm/java-17-openjdk-amd64/include /usr/lib/jvm/java-17-openjdk-arm64/include
          ENV JAVA_HOME PATH_SUFFIXES include REQUIRED)
add_library(skytrend_jni SHARED ${CMAKE_CURRENT_SOURCE_DIR}/flink/src/main/c/stages_jni.c)
target_include_directories(skytrend_jni SYSTEM PRIVATE ${SKY_JNI_INCLUDE} ${SKY_JNI_INCLUDE}/linux)
target_compile_options(skytrend_jni PRIVATE ${SKY_WARNINGS} -Wno-missing-prototypes) # the JVM's names
target_link_libraries(skytrend_jni PRIVATE sky_stage)
target_link_options(skytrend_jni PRIVATE -Wl,--no-undefined -Wl,--exclude-libs,ALL)
set_target_properties(skytrend_jni PROPERTIES OUTPUT_NAME skytrend LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
