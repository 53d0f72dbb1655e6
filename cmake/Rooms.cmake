# A room is a folder of core/: one static library that sees only the rooms it links.
#
# `#include "store/keys.h"` works through a folder of links, <build>/rooms/store/store, that only
# those targets get which link the room. A wrong include therefore fails the build.
add_library(pdb_sdk INTERFACE)
target_include_directories(pdb_sdk INTERFACE
	$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/core/include>)

# pdb_room(<name> SOURCES <file>… LINKS <target>…)
function(pdb_room name)
	cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
	set(door ${PROJECT_BINARY_DIR}/rooms/${name})
	file(MAKE_DIRECTORY ${door})
	file(CREATE_LINK ${CMAKE_CURRENT_SOURCE_DIR} ${door}/${name} SYMBOLIC)
	add_library(pdb_${name} STATIC ${ARG_SOURCES})
	target_include_directories(pdb_${name} PUBLIC $<BUILD_INTERFACE:${door}>)
	target_link_libraries(pdb_${name} PUBLIC pdb_sdk ${ARG_LINKS} Threads::Threads)
endfunction()
