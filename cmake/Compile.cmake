# How our own code is compiled: warnings are errors, hardened in release builds.
file(RELATIVE_PATH holdfast_root_from_build ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
string(REGEX REPLACE "/$" "" holdfast_root_from_build "${holdfast_root_from_build}")
add_library(holdfast_compile INTERFACE)
target_compile_options(holdfast_compile INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Werror -fno-omit-frame-pointer
  # A broken invariant, a stack trace and a debugger name a file from the root of the sources, wherever
  # they were built: so a compiler cache may give the objects of one checkout to another. It shows the
  # compiler paths that begin at the folder of the build, hence the third.
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/= -ffile-prefix-map=${CMAKE_BINARY_DIR}=.
  -ffile-prefix-map=${holdfast_root_from_build}/=)
target_compile_definitions(holdfast_compile INTERFACE _GLIBCXX_ASSERTIONS
  SPDLOG_FMT_EXTERNAL HOLDFAST_VERSION="${PROJECT_VERSION}")

if(HOLDFAST_SANITIZE)
  # Fortify and automatic initialisation would hide from the sanitizers what they look for. Their
  # reports name lines; who wants to see variables builds the preset dev.
  target_compile_options(holdfast_compile INTERFACE
    -fsanitize=${HOLDFAST_SANITIZE} -fno-sanitize-recover=all -g1)
  target_link_options(holdfast_compile INTERFACE -fsanitize=${HOLDFAST_SANITIZE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 sees uninitialised members of its own std::function in instrumented code.
    target_compile_options(holdfast_compile INTERFACE -Wno-maybe-uninitialized)
  endif()
elseif(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(holdfast_compile INTERFACE
    -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection
    -fcf-protection=full
    -fno-strict-overflow -fno-delete-null-pointer-checks)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
    # Small structures are copied and cleared by a few moves. `rep movs` and `rep stos`, which GCC
    # prefers by default, take some 30 cycles to begin with; decoding a request took 9 % longer.
    set(holdfast_moves unrolled_loop:256:noalign,libcall:-1:noalign)
    target_compile_options(holdfast_compile INTERFACE
      -mmemcpy-strategy=${holdfast_moves} -mmemset-strategy=${holdfast_moves})
  endif()
  # Only beside the way of a request (src/CMakeLists.txt).
  set(HOLDFAST_ZEROED_VARIABLES -ftrivial-auto-var-init=zero)
  target_link_options(holdfast_compile INTERFACE
    -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code)
endif()
