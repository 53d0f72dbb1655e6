# Language, warnings, hardening and sanitizers, the same for every target.
set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

# Assertions stay on: what they guard matters most where it runs for real.
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g")

if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

option(PDB_WERROR "Treat warnings as errors" ON)
set(PDB_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize=")
option(PDB_FUZZ "Build the fuzz targets with libFuzzer (clang)" OFF)
set(PDB_MALLOC "system" CACHE STRING "Allocator of the daemon: system or jemalloc")

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes
	-Wconversion -Wsign-conversion -Wcast-qual -Wformat=2 -Wundef -Wvla
	-fno-strict-aliasing -fno-omit-frame-pointer)
if(PDB_WERROR)
	add_compile_options(-Werror)
endif()

if(PDB_SANITIZE)
	add_compile_options(-fsanitize=${PDB_SANITIZE} -fno-sanitize-recover=all)
	add_link_options(-fsanitize=${PDB_SANITIZE})
	if(PDB_SANITIZE STREQUAL "thread")
		add_compile_definitions(PDB_THREAD_SANITIZED)
		# WiredTiger loads and unloads it; tests/tsan.supp can only name what stays.
		add_link_options(-Wl,--push-state,--no-as-needed,-l:libsnappy.so.1,--pop-state)
	endif()
else()
	add_compile_options(-fstack-protector-strong -fstack-clash-protection -fcf-protection)
	if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
		add_compile_options(-D_FORTIFY_SOURCE=2)
	endif()
	add_link_options(-Wl,-z,relro -Wl,-z,now)
endif()
if(PDB_FUZZ)
	add_compile_options(-fsanitize=fuzzer-no-link)
endif()
include(CheckPIESupported)
check_pie_supported()
